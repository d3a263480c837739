//! Where JSON becomes objects: strict decoding.

use super::version::Version;
use crate::api::{Kind, Object, Reason, Status};
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

/// Decodes `json` into the object that its `apiVersion` and `kind` name, of the table of kinds; for
/// all kinds of a cluster see `custom::Kinds`.
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
    if let Some(version) = Version::of_manifest(&api_version, &kind) {
        let (object, sentences) = version.decode(json)?;
        return match decode::strict_error(&sentences) {
            Some(why) if validation == FieldValidation::Strict => Err(version.refuse(&why)),
            _ => Ok(object),
        };
    }
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
    let (object, sentences) = decode_noting(kind, json)?;
    judge(kind, object, &sentences, validation)
}

/// The object, unless `sentences` of unknown fields refuse it.
///
/// # Errors
/// `BadRequest` with the API server's text.
pub fn judge(
    kind: Kind,
    object: Object,
    sentences: &[String],
    validation: FieldValidation,
) -> Result<Object, Status> {
    match decode::strict_error(sentences) {
        Some(why) if validation == FieldValidation::Strict => Err(refuse(kind, &why)),
        _ => Ok(object),
    }
}

fn refuse(kind: Kind, why: &str) -> Status {
    let row = kind.row();
    Status::bad_request(decode::cannot_be_handled(row.version, row.kind, why))
}

/// Decodes `json` as an object of `kind`, which is of the table, with a sentence for every unknown field.
///
/// # Errors
/// `BadRequest` with the API server's text: a wrong type.
pub fn decode_noting(kind: Kind, json: Value) -> Result<(Object, Vec<String>), Status> {
    let row = kind.row();
    let definition = schema::schema()
        .root(row.group, row.version, row.kind)
        .expect("invariant: the field table has every kind of the table of kinds");
    let decoded = decode::decode(definition, json).map_err(|error| refuse(kind, &error.message))?;
    let sentences = decoded.warnings();
    let object = Object::from_json(kind, decoded.value).map_err(|why| refuse(kind, &why))?;
    Ok((object, sentences))
}
