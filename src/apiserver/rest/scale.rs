//! The `scale` subresource: one small object for everything that has replicas.
//!
//! Upstream: pkg/registry/apps/deployment/storage/storage.go (ScaleREST), v1.36. Goes by the JSON
//! fields `spec.replicas`, `spec.selector` and `status.replicas`, which all scalable kinds share.

use super::body::{self, Directive};
use super::{Answer, Asked, Door, not_allowed, patch, read};
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::api::selector::Selector;
use crate::api::{Object, Status, codec};
use crate::apiserver::Operation;
use crate::apiserver::custom::scale as custom_scale;
use serde_json::{Value, json};

pub fn answer<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    let object = read::current(door, asked)?;
    let scale = scale_of(&object);
    let (new, options) = match asked.request.method.as_str() {
        "GET" => return Ok(Answer::json(200, scale)),
        "PUT" => (body::read(asked.request)?.value, "UpdateOptions"),
        "PATCH" => (patch::patched_scale(asked, &scale)?, "PatchOptions"),
        _ => return Err(not_allowed()),
    };
    Directive::read(&asked.query, options)?;
    let stored = door_write(door, asked, &object, &new, options)?;
    Ok(Answer::json(200, scale_of(&stored)))
}

fn door_write<D: Door>(
    door: &mut D,
    asked: &Asked<'_>,
    object: &Object,
    scale: &Value,
    options: &str,
) -> Result<Object, Status> {
    let replicas = scale.pointer("/spec/replicas").cloned().unwrap_or(json!(0));
    let Some(count) = replicas.as_i64() else {
        return Err(Status::bad_request(format!(
            "Scale in version \"v1\" cannot be handled as a Scale: json: cannot unmarshal {} into Go struct field ScaleSpec.spec.replicas of type int32",
            if replicas.is_string() {
                "string"
            } else {
                "value"
            }
        )));
    };
    if count < 0 {
        let spec = Path::new("spec");
        let path = spec.child("replicas");
        let detail = "must be greater than or equal to 0";
        let error = FieldError::invalid_value(&path, count, detail);
        let name = asked.path.name.as_str();
        return Err(Status::invalid_as("autoscaling", "Scale", name, &[error]));
    }
    let mut json = object.to_json();
    let place = custom_scale::pointers(object.kind());
    custom_scale::put(&mut json, &place.spec, replicas);
    let version = scale.pointer("/metadata/resourceVersion");
    if let Some(version) = version.and_then(Value::as_str).filter(|v| !v.is_empty()) {
        json["metadata"]["resourceVersion"] = version.into();
    }
    let (new, _) = door.kinds().decode_noting(asked.path.kind, json)?;
    asked.write(door, Operation::Update(new), options)
}

/// The scale of an object that has replicas.
pub fn scale_of(object: &Object) -> Value {
    let json = object.to_json();
    let number = |pointer: &str| json.pointer(pointer).cloned().unwrap_or(json!(0));
    let place = custom_scale::pointers(object.kind());
    let selector = json.pointer(&place.selector).cloned().unwrap_or_default();
    let structured =
        selector.get("matchLabels").is_some() || selector.get("matchExpressions").is_some();
    // A custom object has its selector as text.
    let text = selector.as_str().filter(|_| !place.selector.is_empty());
    let text = text.map(str::to_owned);
    let compiled = match structured {
        true => codec::from_value(selector)
            .ok()
            .and_then(|selector| Selector::from_label_selector(Some(&selector)).ok()),
        false => codec::from_value(selector)
            .ok()
            .map(|map| Selector::from_map(&map)),
    };
    let meta = object.meta();
    let mut metadata = json!({
        "name": object.name(),
        "namespace": object.namespace(),
        "uid": object.uid(),
        "resourceVersion": meta.resource_version,
    });
    if let Some(created) = json.pointer("/metadata/creationTimestamp") {
        metadata["creationTimestamp"] = created.clone();
    }
    let mut status = json!({"replicas": number(&place.status)});
    let compiled = compiled.map(|selector| selector.to_string());
    if let Some(selector) = text.or(compiled) {
        status["selector"] = selector.into();
    }
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": number(&place.spec)},
        "status": status,
    })
}
