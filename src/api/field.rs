//! Where a mistake is and what it is: field paths and field errors.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/validation/field/{path,errors}.go, v1.36.

use std::fmt;

/// A field's path, such as `spec.template.spec.containers[0].ports[1].containerPort`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(String);

impl Path {
    /// The path of a top-level field.
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The path of the field `name` below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        match self.0.as_str() {
            "" => Self(name.to_owned()),
            path => Self(format!("{path}.{name}")),
        }
    }

    /// The path of the list item `index` of this field.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// The path of the map entry `key` of this field.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        Self(format!("{}[{key}]", self.0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// Something referred to is missing.
    NotFound,
    /// A value that must be given is missing.
    Required,
    /// A value that must be unique stands twice.
    Duplicate,
    /// A value is malformed.
    Invalid,
    /// A value is not one of those allowed.
    NotSupported,
    /// A value may not be given here.
    Forbidden,
    /// A text is too long.
    TooLong,
    /// A list has too many items.
    TooMany,
    /// A value has the wrong type.
    TypeInvalid,
}

impl ErrorType {
    /// The reason that a `Status` cause carries.
    pub const fn reason(self) -> &'static str {
        match self {
            ErrorType::NotFound => "FieldValueNotFound",
            ErrorType::Required => "FieldValueRequired",
            ErrorType::Duplicate => "FieldValueDuplicate",
            ErrorType::Invalid => "FieldValueInvalid",
            ErrorType::NotSupported => "FieldValueNotSupported",
            ErrorType::Forbidden => "FieldValueForbidden",
            ErrorType::TooLong => "FieldValueTooLong",
            ErrorType::TooMany => "FieldValueTooMany",
            ErrorType::TypeInvalid => "FieldValueTypeInvalid",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            ErrorType::NotFound => "Not found",
            ErrorType::Required => "Required value",
            ErrorType::Duplicate => "Duplicate value",
            ErrorType::Invalid | ErrorType::TypeInvalid => "Invalid value",
            ErrorType::NotSupported => "Unsupported value",
            ErrorType::Forbidden => "Forbidden",
            ErrorType::TooLong => "Too long",
            ErrorType::TooMany => "Too many",
        }
    }
}

/// One mistake in one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The kind of mistake.
    pub error_type: ErrorType,
    /// The field's path.
    pub field: String,
    /// The value as Go prints it, already quoted where it is a string; empty when not shown.
    pub value: String,
    /// What would be right.
    pub detail: String,
}

impl FieldError {
    fn new(error_type: ErrorType, field: &Path, value: String, detail: impl Into<String>) -> Self {
        Self {
            error_type,
            field: field.to_string(),
            value,
            detail: detail.into(),
        }
    }

    /// A value that must be given is missing.
    pub fn required(field: &Path, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::Required, field, String::new(), detail)
    }

    /// `value` (a text) is malformed.
    pub fn invalid(field: &Path, value: &str, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::Invalid, field, format!("{value:?}"), detail)
    }

    /// `value` (a number, or anything Go prints without quotes) is malformed.
    pub fn invalid_value(
        field: &Path,
        value: impl fmt::Display,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(ErrorType::Invalid, field, value.to_string(), detail)
    }

    /// `value` stands twice.
    pub fn duplicate(field: &Path, value: &str) -> Self {
        Self::new(ErrorType::Duplicate, field, format!("{value:?}"), "")
    }

    /// `value` is not one of `supported`, which are listed in the order given.
    pub fn not_supported(field: &Path, value: &str, supported: &[&str]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        let detail = match quoted.is_empty() {
            true => String::new(),
            false => format!("supported values: {}", quoted.join(", ")),
        };
        Self::new(ErrorType::NotSupported, field, format!("{value:?}"), detail)
    }

    /// The field may not be set (so).
    pub fn forbidden(field: &Path, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::Forbidden, field, String::new(), detail)
    }

    /// What `field` refers to is not there.
    pub fn not_found(field: &Path, value: &str) -> Self {
        Self::new(ErrorType::NotFound, field, format!("{value:?}"), "")
    }

    /// The text is longer than `max` bytes.
    pub fn too_long(field: &Path, max: u64) -> Self {
        let detail = format!("may not be more than {max} bytes");
        Self::new(ErrorType::TooLong, field, String::new(), detail)
    }

    /// The message without the field: `Invalid value: 0: must be greater than 0`.
    pub fn body(&self) -> String {
        let mut text = self.error_type.words().to_owned();
        if !self.value.is_empty() {
            text = format!("{text}: {}", self.value);
        }
        if !self.detail.is_empty() {
            text = format!("{text}: {}", self.detail);
        }
        text
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_as_upstream_words_them() {
        let path = Path::new("spec")
            .child("containers")
            .index(0)
            .child("image");
        for (error, want) in [
            (
                FieldError::required(&path, ""),
                "spec.containers[0].image: Required value",
            ),
            (
                FieldError::not_supported(&Path::new("spec").child("type"), "X", &["A", "B"]),
                r#"spec.type: Unsupported value: "X": supported values: "A", "B""#,
            ),
            (
                FieldError::invalid_value(
                    &Path::new("spec").child("replicas"),
                    -1,
                    "must be greater than or equal to 0",
                ),
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            ),
        ] {
            assert_eq!(error.to_string(), want);
        }
    }
}
