//! Types to JSON values and back, with little code for each type: page and engine have hundreds.

mod read;
mod write;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;

/// A value does not fit the type that it is read into, or a type cannot be a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Misfit;

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value does not fit its type")
    }
}

impl std::error::Error for Misfit {}

/// What `value` is as a `T`.
///
/// # Errors
/// It does not fit.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Misfit> {
    T::deserialize(read::Reader(value))
}

/// `object` as a value.
///
/// # Errors
/// It has a map whose keys are neither texts nor numbers nor truths.
pub fn to_value<T: Serialize + ?Sized>(object: &T) -> Result<Value, Misfit> {
    object.serialize(write::Writer)
}
