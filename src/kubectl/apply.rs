//! `kubectl apply -f`: each object in turn, and a report of what happened to it.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/apply/apply.go, v1.36 (client side).

use super::{get, merge, object, printed_name};
use crate::api::manifest::{self, Document};
use crate::api::{Kind, Object, ObjectKey, Reason, Status, codec};
use crate::apiserver::custom::Kinds;
use crate::apiserver::door::FieldValidation;
use crate::apiserver::{ApiHandle, Operation, inert, version};
use crate::sim::SimTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const FILE: &str = "manifest.yml";

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyLine {
    /// `deployment.apps/web created`
    pub text: String,
}

/// Why an object was not applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyError {
    /// The message, as kubectl prints it.
    pub message: String,
    /// The field it is about; empty where it is about none.
    pub field: String,
    /// The line in the text, from 1; 0 where that is not known.
    pub line: u32,
    /// The column, from 1; 0 where that is not known.
    pub column: u32,
}

/// What became of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyReport {
    /// What was applied.
    pub lines: Vec<ApplyLine>,
    /// What was not.
    pub errors: Vec<ApplyError>,
}

/// Applies every object of `text`. A text that cannot be read applies nothing; an object that is
/// refused does not keep the others from being applied.
pub fn apply(text: &str, api: &mut dyn ApiHandle, now: SimTime) -> ApplyReport {
    let mut report = ApplyReport::default();
    let documents = match manifest::parse(text) {
        Ok(documents) => documents,
        Err(error) => {
            report.errors.push(ApplyError {
                message: format!("error: error parsing {FILE}: {}", error.message),
                field: String::new(),
                line: error.line,
                column: error.column,
            });
            return report;
        }
    };
    if documents.is_empty() {
        let message = "error: no objects passed to apply".to_owned();
        report.errors.push(ApplyError {
            message,
            ..ApplyError::default()
        });
    }
    for document in &documents {
        match apply_one(document, api, now) {
            Ok(applied) => {
                let text = applied.text();
                report.lines.push(ApplyLine { text });
                let warning = inert::warning_of(&applied.object);
                let warning = warning.filter(|_| applied.outcome != "unchanged");
                let told = applied.warnings.iter().map(String::as_str);
                for warning in warning.into_iter().chain(told) {
                    let text = format!("Warning: {warning}");
                    report.lines.push(ApplyLine { text });
                }
            }
            Err((verb, status)) => report.errors.extend(errors_of(document, verb, &status)),
        }
    }
    report
}

/// One error for each field the status names, each at its line.
fn errors_of(document: &Document, verb: &str, status: &Status) -> Vec<ApplyError> {
    let head = match status.reason {
        Reason::NotFound if verb == "resource mapping" => {
            let text = format!(
                "error: resource mapping not found for name: \"{}\" namespace: \"{}\" from \"{FILE}\": {status}\nensure CRDs are installed first",
                text_at(&document.value, "/metadata/name"),
                text_at(&document.value, "/metadata/namespace"),
            );
            return vec![at(document, text, "kind")];
        }
        Reason::Invalid => String::new(),
        reason => format!("Error from server ({reason:?}): error when {verb} \"{FILE}\": "),
    };
    let causes = status
        .details
        .as_ref()
        .map(|d| d.causes.as_slice())
        .unwrap_or_default();
    let message = format!("{head}{status}");
    if causes.is_empty() {
        let field = quoted_field(&status.message).unwrap_or_default();
        return vec![at(document, message, &field)];
    }
    causes
        .iter()
        .map(|cause| {
            at(
                document,
                format!("{}: {}", cause.field, cause.message),
                &cause.field,
            )
        })
        .collect()
}

fn at(document: &Document, message: String, field: &str) -> ApplyError {
    let line = document.line_of(field);
    ApplyError {
        message,
        field: field.to_owned(),
        line,
        column: 1,
    }
}

/// The path in `unknown field "spec.foo"`.
fn quoted_field(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("field \"")?;
    rest.split_once('"').map(|(path, _)| path.to_owned())
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// What became of an object that the API server took.
pub(super) struct Applied {
    /// Which.
    pub key: ObjectKey,
    /// It as it was given.
    pub object: Object,
    /// `created`, `configured` or `unchanged`.
    pub outcome: &'static str,
    /// Whether it had been made without `kubectl apply`.
    pub adopted: bool,
    /// What admission says of the change.
    pub warnings: Vec<String>,
}

impl Applied {
    /// `deployment.apps/web created`
    pub fn text(&self) -> String {
        format!("{} {}", printed_name(&self.key), self.outcome)
    }
}

/// Applies one object.
///
/// # Errors
/// What was being done, and the API server's refusal.
pub(super) fn apply_one(
    document: &Document,
    api: &mut dyn ApiHandle,
    now: SimTime,
) -> Result<Applied, (&'static str, Status)> {
    // An older version is merged as the stored one.
    let document = version::as_stored(document.value.clone());
    let document = document.map_err(|status| ("creating", status))?;
    let modified = annotated(placed(&document, api.kinds()));
    let decoded = match api
        .kinds()
        .decode(modified.clone(), FieldValidation::Strict)
    {
        Ok(decoded) => decoded,
        Err(status) if status.reason == Reason::NotFound => {
            return Err(("resource mapping", status));
        }
        Err(status) => return Err(("creating", status)),
    };
    let key = target(&decoded);
    let live = match get(api, &key, now) {
        Ok(live) => live,
        Err(status) if status.reason == Reason::NotFound => {
            let create = Operation::Create(decoded.clone());
            object(api, create, now).map_err(|s| ("creating", s))?;
            return Ok(Applied {
                key,
                object: decoded,
                outcome: "created",
                adopted: false,
                warnings: Vec::new(),
            });
        }
        Err(status) => return Err(("retrieving current configuration of", status)),
    };
    let current = live.to_json();
    let before = live
        .meta()
        .annotations
        .as_ref()
        .and_then(|a| a.get(LAST_APPLIED));
    let original = before
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(Value::Null);
    let merged = merge::three_way(&original, &modified, &current, "");
    let merged = api
        .kinds()
        .decode(merged, FieldValidation::Ignore)
        .map_err(|s| ("applying patch to", s))?;
    let stored =
        object(api, Operation::Update(merged), now).map_err(|s| ("applying patch to", s))?;
    let changed = stored.meta().resource_version != live.meta().resource_version;
    Ok(Applied {
        key,
        object: decoded,
        outcome: if changed { "configured" } else { "unchanged" },
        adopted: before.is_none(),
        warnings: api.warnings(&stored, &live),
    })
}

/// Where the API server stores it.
fn target(decoded: &Object) -> ObjectKey {
    let mut key = decoded.key();
    if key.kind.is_namespaced() && key.namespace.is_empty() {
        key.namespace = "default".to_owned();
    }
    key
}

/// The object in the namespace where it goes: what says none goes to `default`.
fn placed(value: &Value, kinds: Kinds<'_>) -> Value {
    let mut value = value.clone();
    let (version, kind) = (text_at(&value, "/apiVersion"), text_at(&value, "/kind"));
    let namespaced = kinds
        .of_manifest(version, kind)
        .is_some_and(Kind::is_namespaced);
    if namespaced
        && text_at(&value, "/metadata/namespace").is_empty()
        && let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.insert("namespace".to_owned(), "default".into());
    }
    value
}

/// The object with itself, as text, in its annotation.
fn annotated(mut value: Value) -> Value {
    let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
        return value;
    };
    let annotations = metadata.entry("annotations").or_insert(Value::Null);
    if annotations.is_null() {
        *annotations = Value::Object(serde_json::Map::new());
    }
    let text = format!("{}\n", codec::to_value(&value));
    let annotations = value.pointer_mut("/metadata/annotations");
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.insert(LAST_APPLIED.to_owned(), Value::String(text));
    }
    value
}
