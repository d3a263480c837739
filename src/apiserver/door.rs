//! Where JSON becomes objects: strict decoding, and patches.

use super::Patch;
use crate::api::{Kind, Object, ObjectKey, Reason, Status};
use serde_json::Value;

/// What becomes of unknown and duplicate fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValidation {
    /// They refuse the request.
    Strict,
    /// They are dropped silently.
    Ignore,
}

/// Decodes `json` into the object that its `apiVersion` and `kind` name.
///
/// # Errors
/// `BadRequest` with the API server's text: an unknown kind, a wrong type, an unknown field.
pub fn decode(json: Value, validation: FieldValidation) -> Result<Object, Status> {
    let text = |field: &str| {
        json.get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let Some(kind) = Kind::of_manifest(&api_version, &kind) else {
        let message = format!("no matches for kind \"{kind}\" in version \"{api_version}\"");
        return Err(Status::plain(Reason::NotFound, message));
    };
    decode_as(kind, json, validation)
}

/// Decodes `json` as an object of `kind`.
///
/// # Errors
/// `BadRequest` with the API server's text: a wrong type, an unknown field.
pub fn decode_as(kind: Kind, json: Value, validation: FieldValidation) -> Result<Object, Status> {
    let (name, version) = (kind.row().kind, kind.row().version);
    let refuse = |why: String| {
        let message =
            format!("{name} in version \"{version}\" cannot be handled as a {name}: {why}");
        Status::bad_request(message)
    };
    let object = Object::from_json(kind, json.clone()).map_err(&refuse)?;
    if validation == FieldValidation::Strict {
        let mut unknown = Vec::new();
        find_unknown(&json, &object.to_json(), "", &mut unknown);
        if !unknown.is_empty() {
            let list: Vec<String> = unknown
                .iter()
                .map(|path| format!("unknown field \"{path}\""))
                .collect();
            return Err(refuse(format!(
                "strict decoding error: {}",
                list.join(", ")
            )));
        }
    }
    Ok(object)
}

/// The fields of `given` that decoding lost, and so does not know. A field set to null or to an
/// empty value is lost without a trace and not reported.
fn find_unknown(given: &Value, kept: &Value, path: &str, unknown: &mut Vec<String>) {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            for (name, value) in given {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                match kept.get(name) {
                    Some(kept) => find_unknown(value, kept, &path, unknown),
                    None if value.is_null() => {}
                    None => unknown.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(kept)) => {
            for (index, (given, kept)) in given.iter().zip(kept).enumerate() {
                find_unknown(given, kept, &format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}

/// `object` with `patch` applied.
///
/// # Errors
/// `Invalid` or `BadRequest` where the patch does not fit the object.
pub fn apply_patch(object: &Object, patch: &Patch) -> Result<Object, Status> {
    let key: ObjectKey = object.key();
    let mut json = object.to_json();
    match patch {
        Patch::Merge(change) => merge(&mut json, change),
        Patch::StrategicMerge(_) | Patch::Json(_) => {
            return Err(Status::bad_request(format!("unsupported patch of {key}")));
        }
    }
    decode_as(key.kind, json, FieldValidation::Ignore)
}

/// RFC 7386: objects merge, null removes, anything else replaces.
fn merge(target: &mut Value, change: &Value) {
    let Value::Object(change) = change else {
        *target = change.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(fields) = target else {
        return;
    };
    for (name, value) in change {
        match value {
            Value::Null => {
                fields.remove(name);
            }
            _ => merge(fields.entry(name.clone()).or_insert(Value::Null), value),
        }
    }
}
