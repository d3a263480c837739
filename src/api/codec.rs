//! JSON encoding, in one place so that the code for it exists once in the binary.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// `object` as JSON.
pub fn to_value<T: Serialize>(object: &T) -> Value {
    serde_json::to_value(object).expect("invariant: API types have only string keys")
}

/// An object from JSON.
///
/// # Errors
/// The decoder's words.
pub fn from_value<T: DeserializeOwned>(json: Value) -> Result<T, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}
