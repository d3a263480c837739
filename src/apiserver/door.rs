//! Where JSON becomes objects: strict decoding, and patches.

use super::Patch;
use crate::api::{Kind, Object, ObjectKey, Reason, Status};
use crate::api::{decode, schema};
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
    let refuse = |why: &str| Status::bad_request(decode::cannot_be_handled(version, name, why));
    let row = kind.row();
    let definition = schema::schema()
        .root(row.group, row.version, row.kind)
        .expect("invariant: the field table has every kind of the table of kinds");
    let decoded = decode::decode(definition, json).map_err(|error| refuse(&error.message))?;
    if validation == FieldValidation::Strict
        && let Some(why) = decoded.strict_error()
    {
        return Err(refuse(&why));
    }
    Object::from_json(kind, decoded.value).map_err(|why| refuse(&why))
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
