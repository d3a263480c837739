//! JSON encoding, in one place so that the code for it exists once in the binary; and YAML output.
//!
//! The types of the API are turned into a [`Value`] and read from one; whatever else is written as
//! text has one serializer, over `dyn Write`.

mod json;
mod yaml;

pub use json::{BODY_LIMIT, Parsed, parse_json};
pub use yaml::to_yaml;

use crate::value;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::Write;

/// `object` as JSON.
pub fn to_value<T: Serialize + ?Sized>(object: &T) -> Value {
    let written = value::to_value(object);
    written.expect("invariant: API types have only string keys")
}

/// `object` as JSON text, without spaces, fields in the order of the type. For a type of the API take
/// the text of [`to_value`]: a second serializer for all of them would weigh on the page.
pub fn to_json<T: Serialize + ?Sized>(object: &T) -> String {
    let mut text = Vec::new();
    let writer: &mut dyn Write = &mut text;
    let written = object.serialize(&mut serde_json::Serializer::new(writer));
    written.expect("invariant: API types have only string keys");
    String::from_utf8(text).expect("invariant: JSON is UTF-8")
}

/// An object from JSON.
///
/// # Errors
/// That a value does not fit its type.
pub fn from_value<T: DeserializeOwned>(json: Value) -> Result<T, String> {
    value::from_value(json).map_err(|misfit| misfit.to_string())
}

#[cfg(test)]
mod tests;
