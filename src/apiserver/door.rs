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
pub fn decode_as(kind: Kind, json: Value, _validation: FieldValidation) -> Result<Object, Status> {
    Object::from_json(kind, json).map_err(Status::bad_request)
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
