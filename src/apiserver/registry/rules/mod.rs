//! The rules that many kinds share: names, metadata, selectors, numbers, addresses, resources.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/{api/validation,util/validation,apis/meta/v1/validation},
//! v1.36.

pub mod address;
pub mod meta;
pub mod number;
pub mod resource;

use crate::api::codec;
use crate::api::field::{FieldError, Path};
pub use crate::api::name;
use serde::Serialize;

/// What a validation found.
pub type Errors = Vec<FieldError>;

/// Adds one error for every sentence in `wrong` about the text `value`.
pub fn refuse<W: Into<String>>(
    wrong: impl IntoIterator<Item = W>,
    value: &str,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    for sentence in wrong {
        errors.push(FieldError::invalid(at, value, sentence));
    }
}

/// `value` as an API server's message shows what is neither text nor number: as JSON.
pub fn shown<T: Serialize + ?Sized>(value: &T) -> String {
    codec::to_value(value).to_string()
}

/// The text of an optional field.
pub fn text(field: Option<&String>) -> &str {
    field.map_or("", String::as_str)
}

/// Refuses an empty text.
pub fn required(value: &str, at: &Path<'_>, errors: &mut Errors) {
    if value.is_empty() {
        errors.push(FieldError::required(at, ""));
    }
}

/// Refuses a text that is none of `allowed`; they are listed as given.
pub fn one_of(value: &str, allowed: &[&str], at: &Path<'_>, errors: &mut Errors) {
    if !allowed.contains(&value) {
        errors.push(FieldError::not_supported(at, value, allowed));
    }
}

/// As [`one_of`], for a text that must be given.
pub fn required_one_of(value: &str, allowed: &[&str], at: &Path<'_>, errors: &mut Errors) {
    match value {
        "" => errors.push(FieldError::required(at, "")),
        value => one_of(value, allowed, at, errors),
    }
}

/// Refuses a change of a field that may not change.
pub fn immutable<T: PartialEq + Serialize + ?Sized>(
    new: &T,
    old: &T,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    if new != old {
        errors.push(FieldError::invalid_value(
            at,
            shown(new),
            "field is immutable",
        ));
    }
}
