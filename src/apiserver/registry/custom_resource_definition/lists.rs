//! What lists and maps of a schema merge by: `x-kubernetes-list-type`, `x-kubernetes-list-map-keys` and
//! `x-kubernetes-map-type`.
//!
//! Upstream: staging/src/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go
//! (ValidateCustomResourceDefinitionOpenAPISchema, validateMapListKeysMapSet), v1.36.

use super::{Errors, list_at, text_at};
use crate::api::field::{FieldError, Path};
use crate::apiserver::custom::fit::is_set;
use serde_json::Value;

const LIST_TYPE: &str = "x-kubernetes-list-type";
const MAP_TYPE: &str = "x-kubernetes-map-type";
const KEYS: &str = "x-kubernetes-list-map-keys";
const LIST_TYPES: [&str; 3] = ["atomic", "set", "map"];
const MAP_TYPES: [&str; 2] = ["atomic", "granular"];

/// Checks what `schema` says of its own merging.
pub fn check(schema: &Value, at: &Path<'_>, errors: &mut Errors) {
    let said = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or_default();
    let (list, map) = (said(LIST_TYPE), said(MAP_TYPE));
    if !map.is_empty() {
        has_type(schema, "object", MAP_TYPE, at, errors);
        one_of(map, &MAP_TYPES, &at.child(MAP_TYPE), errors);
    }
    let keys = list_at(schema, &format!("/{KEYS}"));
    if !list.is_empty() {
        has_type(schema, "array", LIST_TYPE, at, errors);
        one_of(list, &LIST_TYPES, &at.child(LIST_TYPE), errors);
    }
    if !keys.is_empty() && list != "map" {
        let (at, detail) = (
            at.child(LIST_TYPE),
            "must be map if x-kubernetes-list-map-keys is non-empty",
        );
        errors.push(match list {
            "" => FieldError::required(&at, detail),
            list => FieldError::invalid(&at, list, detail),
        });
    }
    let in_items = at.child("items");
    let Some(items) = schema.get("items") else {
        return;
    };
    match list {
        "set" => set(items, &in_items, errors),
        "map" => {
            let in_keys = at.child(KEYS);
            if keys.is_empty() {
                let detail = "must not be empty if x-kubernetes-list-type is map";
                errors.push(FieldError::required(&in_keys, detail));
            }
            by_keys(items, keys, &in_items, &in_keys, errors);
        }
        _ => return,
    }
    if is_set(items, "nullable") {
        let detail = format!("cannot be nullable when x-kubernetes-list-type is {list}");
        errors.push(FieldError::forbidden(&in_items.child("nullable"), detail));
    }
}

fn has_type(schema: &Value, wanted: &str, for_: &str, at: &Path<'_>, errors: &mut Errors) {
    let at = at.child("type");
    let detail = format!("must be {wanted} if {for_} is specified");
    match text_at(schema, "/type") {
        "" => errors.push(FieldError::required(&at, detail)),
        found if found != wanted => errors.push(FieldError::invalid(&at, found, detail)),
        _ => {}
    }
}

fn one_of(found: &str, known: &[&str], at: &Path<'_>, errors: &mut Errors) {
    if !known.contains(&found) {
        errors.push(FieldError::not_supported(at, found, known));
    }
}

/// The items of a set are compared as a whole.
fn set(items: &Value, at: &Path<'_>, errors: &mut Errors) {
    let said = |name: &str| items.get(name).and_then(Value::as_str);
    let wrong = match text_at(items, "/type") {
        "array" => said(LIST_TYPE)
            .is_some_and(|list| list != "atomic")
            .then_some(LIST_TYPE),
        "object" => (said(MAP_TYPE) != Some("atomic")).then_some(MAP_TYPE),
        _ => None,
    };
    if let Some(name) = wrong {
        // Upstream prints the type of the list in both cases.
        let value = items.get(LIST_TYPE).unwrap_or(&Value::Null);
        let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
        errors.push(FieldError::invalid_value(&at.child(name), value, detail));
    }
}

/// The items of a map are known by `keys`.
fn by_keys(items: &Value, keys: &[Value], at: &Path<'_>, in_keys: &Path<'_>, errors: &mut Errors) {
    let type_ = text_at(items, "/type");
    if type_ != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        return errors.push(FieldError::invalid(&at.child("type"), type_, detail));
    }
    let in_properties = at.child("properties");
    let required = list_at(items, "/required");
    for (index, key) in keys.iter().enumerate() {
        let name = key.as_str().unwrap_or_default();
        let at = in_properties.key(name);
        let all = Value::from(keys);
        match items.get("properties").and_then(|all| all.get(name)) {
            None => {
                let detail = "entries must all be names of item properties";
                errors.push(FieldError::invalid_value(in_keys, all.clone(), detail));
            }
            Some(found) => {
                if matches!(text_at(found, "/type"), "array" | "object") {
                    let detail =
                        "must be a scalar type if parent array's x-kubernetes-list-type is map";
                    errors.push(FieldError::invalid(&at.child("type"), type_, detail));
                }
                if !required.contains(key) && found.get("default").is_none() {
                    let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                    errors.push(FieldError::required(&at.child("default"), detail));
                }
                if is_set(found, "nullable") {
                    let detail =
                        "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                    errors.push(FieldError::forbidden(&at.child("nullable"), detail));
                }
            }
        }
        if keys[..index].contains(key) {
            let detail = "must not contain duplicate entries";
            errors.push(FieldError::invalid_value(in_keys, all, detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_merge_is_refused() {
        let item = |more: &str| {
            let mut item = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "object"}}});
            item["required"] = json!([more]);
            item
        };
        for (schema, wanted) in [
            (
                json!({"type": "array", "items": {"type": "string"}, LIST_TYPE: "set"}),
                "",
            ),
            (
                json!({"type": "array", "items": item("a"), LIST_TYPE: "map", KEYS: ["a"]}),
                "",
            ),
            (
                json!({"type": "string", LIST_TYPE: "atomic"}),
                "x.type: Invalid value: \"string\": must be array if x-kubernetes-list-type is specified",
            ),
            (
                json!({MAP_TYPE: "atomic"}),
                "x.type: Required value: must be object if x-kubernetes-map-type is specified",
            ),
            (
                json!({"type": "array", "items": {"type": "string"}, LIST_TYPE: "bag"}),
                "x.x-kubernetes-list-type: Unsupported value: \"bag\": supported values: \"atomic\", \"set\", \"map\"",
            ),
            (
                json!({"type": "array", "items": item("a"), KEYS: ["a"]}),
                "x.x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty",
            ),
            (
                json!({"type": "array", "items": item("a"), LIST_TYPE: "map"}),
                "x.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map",
            ),
            (
                json!({"type": "array", "items": item(""), LIST_TYPE: "map", KEYS: ["a"]}),
                "x.items.properties[a].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
            ),
            (
                json!({"type": "array", "items": item("a"), LIST_TYPE: "map", KEYS: ["c"]}),
                "x.x-kubernetes-list-map-keys: Invalid value: [\"c\"]: entries must all be names of item properties",
            ),
            (
                json!({"type": "array", "items": item("b"), LIST_TYPE: "map", KEYS: ["b"]}),
                "x.items.properties[b].type: Invalid value: \"object\": must be a scalar type if parent array's x-kubernetes-list-type is map",
            ),
            (
                json!({"type": "array", "items": item("a"), LIST_TYPE: "map", KEYS: ["a", "a"]}),
                "x.x-kubernetes-list-map-keys: Invalid value: [\"a\",\"a\"]: must not contain duplicate entries",
            ),
            (
                json!({"type": "array", "items": item("a"), LIST_TYPE: "set"}),
                "x.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set",
            ),
        ] {
            let mut errors = Errors::new();
            check(&schema, &Path::new("x"), &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts.join("; "), wanted, "{schema}");
        }
    }
}
