//! The error that users see, in the API server's exact words.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go, v1.36.

use super::field::FieldError;
use super::{Kind, ObjectKey};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a request failed, as `Status.reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// 404
    NotFound,
    /// 409: the name is taken.
    AlreadyExists,
    /// 409: the object changed since it was read, or a precondition failed.
    Conflict,
    /// 422: validation failed.
    Invalid,
    /// 400
    BadRequest,
    /// 401: nobody is known by these credentials.
    Unauthorized,
    /// 403
    Forbidden,
    /// 405
    MethodNotAllowed,
    /// 406
    NotAcceptable,
    /// 413
    RequestEntityTooLarge,
    /// 415
    UnsupportedMediaType,
    /// 410: the revision asked for is compacted.
    Expired,
    /// 429
    TooManyRequests,
    /// 500
    InternalError,
    /// 503
    ServiceUnavailable,
    /// 504
    Timeout,
    /// 500: upstream gives no reason.
    Unknown,
}

impl Reason {
    /// The HTTP status code.
    pub const fn code(self) -> u16 {
        match self {
            Reason::NotFound => 404,
            Reason::AlreadyExists | Reason::Conflict => 409,
            Reason::Invalid => 422,
            Reason::BadRequest => 400,
            Reason::Unauthorized => 401,
            Reason::Forbidden => 403,
            Reason::MethodNotAllowed => 405,
            Reason::NotAcceptable => 406,
            Reason::RequestEntityTooLarge => 413,
            Reason::UnsupportedMediaType => 415,
            Reason::Expired => 410,
            Reason::TooManyRequests => 429,
            Reason::InternalError | Reason::Unknown => 500,
            Reason::ServiceUnavailable => 503,
            Reason::Timeout => 504,
        }
    }
}

/// One cause of an `Invalid` status: a field and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The kind of mistake: `FieldValueRequired`, …
    pub reason: String,
    /// What is wrong, without the field.
    pub message: String,
    /// The field's path.
    pub field: String,
}

/// Which object a status is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The object's name.
    pub name: String,
    /// Its API group.
    pub group: String,
    /// Its resource (plural), or its kind for validation errors.
    pub kind: String,
    /// The single mistakes.
    pub causes: Vec<Cause>,
}

/// The API server's error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Why.
    pub reason: Reason,
    /// The whole message.
    pub message: String,
    /// Which object, and the single mistakes.
    pub details: Option<Details>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}

impl Status {
    /// Whether a creation was refused because its namespace is going away: every later one will be
    /// refused as well. Upstream's cause `NamespaceTerminating`.
    pub fn is_namespace_terminating(&self) -> bool {
        self.reason == Reason::Forbidden && self.message.ends_with("because it is being terminated")
    }

    /// `result` without its value, and without the error that the object is not there.
    ///
    /// # Errors
    /// Any other.
    pub fn ignore_not_found<T>(result: Result<T, Self>) -> Result<(), Self> {
        match result {
            Err(status) if status.reason != Reason::NotFound => Err(status),
            _ => Ok(()),
        }
    }

    fn about(reason: Reason, kind: Kind, name: &str, message: String) -> Self {
        let row = kind.row();
        let details = Details {
            name: name.to_owned(),
            group: row.group.to_owned(),
            kind: row.plural.to_owned(),
            causes: Vec::new(),
        };
        Self {
            reason,
            message,
            details: Some(details),
        }
    }

    /// A status without an object.
    pub fn plain(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            details: None,
        }
    }

    /// The object is not there.
    pub fn not_found(key: &ObjectKey) -> Self {
        let message = format!(
            "{} \"{}\" not found",
            key.kind.qualified_resource(),
            key.name
        );
        Self::about(Reason::NotFound, key.kind, &key.name, message)
    }

    /// The name is taken.
    pub fn already_exists(key: &ObjectKey) -> Self {
        let message = format!(
            "{} \"{}\" already exists",
            key.kind.qualified_resource(),
            key.name
        );
        Self::about(Reason::AlreadyExists, key.kind, &key.name, message)
    }

    /// The object changed, or a precondition failed; `why` completes the sentence.
    pub fn conflict(key: &ObjectKey, why: &str) -> Self {
        let resource = key.kind.qualified_resource();
        let message = format!(
            "Operation cannot be fulfilled on {resource} \"{}\": {why}",
            key.name
        );
        Self::about(Reason::Conflict, key.kind, &key.name, message)
    }

    /// The object was changed by somebody else since it was read.
    pub fn stale(key: &ObjectKey) -> Self {
        Self::conflict(
            key,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// The write is not allowed; `why` completes the sentence.
    pub fn forbidden(key: &ObjectKey, why: &str) -> Self {
        let message = format!(
            "{} \"{}\" is forbidden: {why}",
            key.kind.qualified_resource(),
            key.name
        );
        Self::about(Reason::Forbidden, key.kind, &key.name, message)
    }

    /// Validation failed: one sentence, the single errors in brackets where there are several.
    pub fn invalid(kind: Kind, name: &str, errors: &[FieldError]) -> Self {
        let row = kind.row();
        Self::invalid_as(row.group, row.kind, name, errors)
    }

    /// As [`Status::invalid`], for what is no kind of the table (`ListOptions`, a patch).
    pub fn invalid_as(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let qualified = match group {
            "" => kind.to_owned(),
            group => format!("{kind}.{group}"),
        };
        let mut texts: Vec<String> = Vec::new();
        for text in errors.iter().map(ToString::to_string) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let what = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let causes = errors
            .iter()
            .map(|e| Cause {
                reason: e.error_type.reason().to_owned(),
                message: e.body(),
                field: e.field.clone(),
            })
            .collect();
        Self {
            reason: Reason::Invalid,
            message: format!("{qualified} \"{name}\" is invalid: {what}"),
            details: Some(Details {
                name: name.to_owned(),
                group: group.to_owned(),
                kind: kind.to_owned(),
                causes,
            }),
        }
    }

    /// The request itself is wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::plain(Reason::BadRequest, message)
    }
}
