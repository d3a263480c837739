//! One custom object: decoded by its schema, prepared, validated.

use super::{check, definition, fit};
use crate::api::custom::{CustomKind, CustomObject};
use crate::api::custom_resource_definition::CustomResourceDefinition;
use crate::api::field::{ErrorType, FieldError};
use crate::api::name::NameRule;
use crate::api::schema::schema;
use crate::api::{Object, Status, decode};
use crate::apiserver::registry;
use crate::etcd::Etcd;
use serde_json::{Value, json};
use std::sync::Arc;

/// The definition of the metadata that every object has.
const METADATA: &str = "meta.v1.ObjectMeta";

/// Decodes `json` as an object of `kind`: its metadata by the table of fields, the rest by the
/// schema in `definition`. Unknown fields go, with a sentence for each, and defaults are filled in.
///
/// # Errors
/// `BadRequest` in the decoder's words.
pub fn decode_noting(
    kind: CustomKind,
    definition: Option<&CustomResourceDefinition>,
    mut json: Value,
) -> Result<(Object, Vec<String>), Status> {
    let row = kind.row();
    let refuse =
        |why: &str| Status::bad_request(decode::cannot_be_handled(row.version, row.kind, why));
    if !json.is_object() {
        return Err(Status::bad_request(decode::not_an_object(&json)));
    }
    if !decode::is_bounded(&json, decode::DEPTH_MAX) {
        return Err(refuse("it is nested too deeply or has too many bytes"));
    }
    let metadata = json.get_mut("metadata").map(Value::take);
    let mut unknown = Vec::new();
    let metadata = match metadata.unwrap_or(Value::Null) {
        Value::Null => json!({}),
        metadata => {
            let meta = schema().definition(METADATA);
            let meta = meta.expect("invariant: the field table has the metadata");
            let decoded = decode::decode(meta, metadata).map_err(|error| refuse(&error.message))?;
            unknown.extend(
                decoded
                    .unknown
                    .iter()
                    .map(|path| format!("metadata.{path}")),
            );
            decoded.value
        }
    };
    if let Some(definition) = definition
        && let Some(schema) = definition.schema(row.version)
    {
        if !definition.preserves_unknown() {
            fit::prune(&mut json, schema, &mut String::new(), &mut unknown);
        }
        fit::default(&mut json, schema);
    }
    json["metadata"] = metadata;
    let object = CustomObject::from_json(json).map_err(|why| refuse(&why))?;
    let sentence = |path: &String| format!("unknown field {path:?}");
    let sentences = unknown.iter().map(sentence).collect();
    Ok((Object::Custom(kind, Arc::new(object)), sentences))
}

/// Sets what a new object may not choose itself.
pub fn prepare_for_create(kind: CustomKind, object: &mut CustomObject) {
    if kind.shape().status {
        object.fields.remove("status");
    }
    object.metadata.generation = Some(1);
}

/// Keeps the status where it is written apart, and counts a change of anything but the metadata.
pub fn prepare_for_update(kind: CustomKind, object: &mut CustomObject, old: &CustomObject) {
    if kind.shape().status {
        match old.fields.get("status") {
            Some(status) => object.fields.insert("status".to_owned(), status.clone()),
            None => object.fields.remove("status"),
        };
    }
    let generation = old.metadata.generation;
    object.metadata.generation = match object.fields == old.fields {
        true => generation,
        false => Some(generation.unwrap_or(0) + 1),
    };
}

/// Keeps everything but the status as it was.
pub fn prepare_for_status_update(object: &mut CustomObject, old: &CustomObject) {
    let status = object.fields.remove("status");
    let version = object.metadata.resource_version.take();
    *object = old.clone();
    object.metadata.resource_version = version;
    match status {
        Some(status) => object.fields.insert("status".to_owned(), status),
        None => object.fields.remove("status"),
    };
}

/// What is wrong with a new object.
pub fn validate(kind: CustomKind, object: &CustomObject, etcd: &Etcd) -> Vec<FieldError> {
    let namespaced = crate::api::Kind::Custom(kind).is_namespaced();
    let rule = NameRule::Subdomain;
    let mut errors = registry::metadata_errors(&object.metadata, namespaced, rule);
    errors.extend(by_schema(kind, object, None, etcd));
    errors
}

/// What is wrong with a change, besides the metadata that every object has.
pub fn validate_update(
    kind: CustomKind,
    object: &CustomObject,
    old: &CustomObject,
    etcd: &Etcd,
) -> Vec<FieldError> {
    by_schema(kind, object, Some(old), etcd)
}

fn by_schema(
    kind: CustomKind,
    object: &CustomObject,
    old: Option<&CustomObject>,
    etcd: &Etcd,
) -> Vec<FieldError> {
    let found = definition(etcd, kind);
    let schema = found.and_then(|definition| definition.schema(kind.row().version));
    let Some(schema) = schema else {
        return Vec::new();
    };
    let json = object.to_json(kind);
    let old = old.map(|old| old.to_json(kind));
    let mut errors = check::errors(&json, old.as_ref(), schema, "");
    if let Some(old) = &old {
        let doubled = |error: &FieldError| error.error_type == ErrorType::Duplicate;
        // Where something stood twice before, it may.
        if errors.iter().any(doubled) && check::errors(old, None, schema, "").iter().any(doubled) {
            errors.retain(|error| !doubled(error));
        }
    }
    if let Some(scale) = &kind.shape().scale {
        errors.extend(scaled(&json, &scale.spec, "int64"));
        errors.extend(scaled(&json, &scale.status, "int64"));
        errors.extend(scaled(&json, &scale.selector, "string"));
    }
    errors
}

/// What is wrong with the number, or the text, that `path` of a `scale` subresource leads to.
fn scaled(json: &Value, path: &str, wanted: &str) -> Option<FieldError> {
    if path.is_empty() {
        return None;
    }
    let found = json.pointer(&path.replace('.', "/"))?;
    let at = crate::api::field::Path::new(path);
    let type_ = match found {
        Value::Null => return None,
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    if type_ != wanted {
        let shown = found
            .as_str()
            .map_or_else(|| found.to_string(), str::to_owned);
        let detail =
            format!("{path} accessor error: {shown} is of the type {type_}, expected {wanted}");
        let value = if wanted == "string" { "\"\"" } else { "0" };
        return Some(FieldError::invalid_value(&at, value, detail));
    }
    let detail = match found.as_i64()? {
        0..=0x7fff_ffff => return None,
        ..0 => "should be a non-negative integer",
        _ => "should be less than or equal to 2147483647",
    };
    Some(FieldError::invalid_value(&at, found, detail))
}
