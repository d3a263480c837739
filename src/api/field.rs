//! Where a mistake is and what it is: field paths and field errors.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/validation/field/{path,errors}.go, v1.36.

use std::fmt;

/// A field's path, such as `spec.template.spec.containers[0].ports[1].containerPort`: each step
/// borrows the one before it, so that a path costs nothing until a mistake prints it.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    /// The path of a top-level field. An empty name stands for the whole object.
    pub const fn new(name: &'a str) -> Self {
        Self {
            parent: None,
            step: Step::Field(name),
        }
    }

    /// The path of the field `name` below this one.
    pub const fn child(&'a self, name: &'a str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Field(name),
        }
    }

    /// The path of the list item `index` of this field.
    pub const fn index(&'a self, index: usize) -> Self {
        Self {
            parent: Some(self),
            step: Step::Index(index),
        }
    }

    /// The path of the map entry `key` of this field.
    pub const fn key(&'a self, key: &'a str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Key(key),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Field("") => f.write_str("[]"),
            Step::Field(name) if self.parent.is_some() => write!(f, ".{name}"),
            Step::Field(name) => f.write_str(name),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
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
    fn new(
        error_type: ErrorType,
        field: &Path<'_>,
        value: String,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            error_type,
            field: field.to_string(),
            value,
            detail: detail.into(),
        }
    }

    /// A value that must be given is missing.
    pub fn required(field: &Path<'_>, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::Required, field, String::new(), detail)
    }

    /// `value` (a text) is malformed.
    pub fn invalid(field: &Path<'_>, value: &str, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::Invalid, field, format!("{value:?}"), detail)
    }

    /// `value` (a number, or anything Go prints without quotes) is malformed.
    pub fn invalid_value(
        field: &Path<'_>,
        value: impl fmt::Display,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(ErrorType::Invalid, field, value.to_string(), detail)
    }

    /// `value` stands twice.
    pub fn duplicate(field: &Path<'_>, value: &str) -> Self {
        Self::new(ErrorType::Duplicate, field, format!("{value:?}"), "")
    }

    /// `value` (anything but a text) stands twice.
    pub fn duplicate_value(field: &Path<'_>, value: impl fmt::Display) -> Self {
        Self::new(ErrorType::Duplicate, field, value.to_string(), "")
    }

    /// The list has more than `max` items.
    pub fn too_many(field: &Path<'_>, count: usize, max: usize) -> Self {
        let detail = format!("must have at most {max} items");
        Self::new(ErrorType::TooMany, field, count.to_string(), detail)
    }

    /// Something is wrong with the field, and its value says nothing.
    pub fn invalid_without_value(field: &Path<'_>, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::Invalid, field, String::new(), detail)
    }

    /// `value` is not one of `supported`, which are listed in the order given.
    pub fn not_supported(field: &Path<'_>, value: &str, supported: &[&str]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        let detail = match quoted.is_empty() {
            true => String::new(),
            false => format!("supported values: {}", quoted.join(", ")),
        };
        Self::new(ErrorType::NotSupported, field, format!("{value:?}"), detail)
    }

    /// The field may not be set (so).
    pub fn forbidden(field: &Path<'_>, detail: impl Into<String>) -> Self {
        Self::new(ErrorType::Forbidden, field, String::new(), detail)
    }

    /// What `field` refers to is not there.
    pub fn not_found(field: &Path<'_>, value: &str) -> Self {
        Self::new(ErrorType::NotFound, field, format!("{value:?}"), "")
    }

    /// The text is longer than `max` bytes.
    pub fn too_long(field: &Path<'_>, max: u64) -> Self {
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
        let (spec, whole) = (Path::new("spec"), Path::new(""));
        let containers = spec.child("containers");
        let first = containers.index(0);
        let path = first.child("image");
        assert_eq!(
            spec.child("hard").key("pods").to_string(),
            "spec.hard[pods]"
        );
        assert_eq!(whole.to_string(), "[]");
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
