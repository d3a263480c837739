//! Values made to fit their schema: unknown fields go, missing ones get their defaults.
//!
//! Upstream: staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/schema/{pruning,defaulting}/
//! algorithm.go, v1.36.

use crate::api::decode::UNKNOWN_MAX;
use serde_json::{Map, Value};

/// Fields that every object has, whatever its schema says.
const IMPLICIT: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Whether the schema sets the switch `name`.
pub fn is_set(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool) == Some(true)
}

/// The schema of the field `name`; `None` where there is no such field. That of whatever may stand
/// beside the properties is `true`: it knows no fields itself.
fn below<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let own = schema.get("properties").and_then(|all| all.get(name));
    let others = || schema.get("additionalProperties");
    own.or_else(|| others().filter(|others| **others != Value::Bool(false)))
}

/// Takes away the fields that `schema` does not know, and notes their paths. `path` is that of
/// `value`; it is the same afterwards.
pub fn prune(value: &mut Value, schema: &Value, path: &mut String, unknown: &mut Vec<String>) {
    walk(value, schema, false, path, unknown);
}

/// The same; `keeps` says that the list that `value` is in keeps unknown fields.
fn walk(
    value: &mut Value,
    schema: &Value,
    keeps: bool,
    path: &mut String,
    unknown: &mut Vec<String>,
) {
    let length = path.len();
    let keeps = keeps || is_set(schema, "x-kubernetes-preserve-unknown-fields");
    match value {
        Value::Object(fields) => {
            let is_object = length == 0 || is_set(schema, "x-kubernetes-embedded-resource");
            let names: Vec<String> = fields.keys().cloned().collect();
            for name in names {
                if is_object && IMPLICIT.contains(&name.as_str()) {
                    continue;
                }
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&name);
                match (below(schema, &name), fields.get_mut(&name)) {
                    (Some(schema), Some(value)) => walk(value, schema, false, path, unknown),
                    (None, _) if !keeps => {
                        if unknown.len() < UNKNOWN_MAX {
                            unknown.push(path.clone());
                        }
                        fields.remove(&name);
                    }
                    _ => {}
                }
                path.truncate(length);
            }
        }
        Value::Array(items) => {
            let schema = match schema.get("items") {
                Some(schema) => schema,
                None if keeps => return,
                None => &Value::Null,
            };
            for (index, item) in items.iter_mut().enumerate() {
                path.push_str(&format!("[{index}]"));
                walk(item, schema, keeps, path, unknown);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// Whether `value` is null where there may be none.
fn is_wrong_null(value: &Value, schema: &Value) -> bool {
    value.is_null() && schema.is_object() && !is_set(schema, "nullable")
}

/// Fills in the defaults of `schema`, and takes away nulls where there may be none.
pub fn default(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                add_defaults(fields, properties);
            }
            fields.retain(|name, value| match below(schema, name) {
                Some(schema) => {
                    default_of(value, schema);
                    !is_wrong_null(value, schema)
                }
                None => true,
            });
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| default_of(item, schema));
            }
        }
        _ => {}
    }
}

/// The same for a value that may be null.
fn default_of(value: &mut Value, schema: &Value) {
    if is_wrong_null(value, schema)
        && let Some(default) = schema.get("default")
    {
        *value = default.clone();
    }
    default(value, schema);
}

fn add_defaults(fields: &mut Map<String, Value>, properties: &Map<String, Value>) {
    for (name, schema) in properties {
        if let Some(default) = schema.get("default")
            && !fields.contains_key(name)
        {
            fields.insert(name.clone(), default.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({"type": "object", "properties": {
            "spec": {"type": "object", "default": {}, "properties": {
                "size": {"type": "integer", "default": 3},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                         "properties": {"known": {"type": "object"}}},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "list": {"type": "array", "items": {"type": "object", "properties": {
                    "a": {"type": "string", "nullable": true, "default": "x"}}}},
            }},
        }})
    }

    #[test]
    fn unknown_fields_go_and_are_named() {
        let mut value = json!({
            "apiVersion": "g/v1", "kind": "K", "metadata": {"name": "x"}, "foo": 1,
            "spec": {
                "bar": 1, "free": {"x": {"y": 1}, "known": {"z": 1}}, "labels": {"q": "w"},
                "list": [{"a": "b"}, {"b": 1}],
            },
        });
        let (mut path, mut unknown) = (String::new(), Vec::new());
        prune(&mut value, &schema(), &mut path, &mut unknown);
        let wanted = ["foo", "spec.bar", "spec.free.known.z", "spec.list[1].b"];
        assert_eq!(unknown, wanted);
        assert_eq!(value["spec"]["free"], json!({"x": {"y": 1}, "known": {}}));
        assert_eq!(value["metadata"]["name"], "x");
    }

    #[test]
    fn a_list_keeps_what_its_items_do_not_know_and_true_keeps_no_more_than_values() {
        let schema = json!({"properties": {
            "list": {"type": "array", "x-kubernetes-preserve-unknown-fields": true, "items":
                {"type": "object", "properties": {"a": {"type": "object"}}}},
            "map": {"type": "object", "additionalProperties": true},
        }});
        let mut value = json!({
            "list": [{"a": {"x": 1}, "b": {"y": 1}}],
            "map": {"a": 1, "b": {"c": 1}, "d": [{"e": 1}], "f": null},
        });
        let (mut path, mut unknown) = (String::new(), Vec::new());
        prune(&mut value, &schema, &mut path, &mut unknown);
        default(&mut value, &schema);
        assert_eq!(unknown, ["list[0].a.x", "map.b.c", "map.d[0].e"]);
        let map = json!({"a": 1, "b": {}, "d": [{}], "f": null});
        let wanted = json!({"list": [{"a": {}, "b": {"y": 1}}], "map": map});
        assert_eq!(value, wanted);
    }

    #[test]
    fn defaults_fill_what_is_missing_or_null() {
        let mut value = json!({});
        default(&mut value, &schema());
        assert_eq!(value, json!({"spec": {"size": 3}}));
        let mut value = json!({"spec": {
            "size": null, "labels": null, "list": [{"a": null}, {}],
        }});
        default(&mut value, &schema());
        let wanted = json!({"spec": {"size": 3, "list": [{"a": null}, {"a": "x"}]}});
        assert_eq!(value, wanted);
        let schema = json!({"items": {"type": "string", "default": "x"}});
        let mut value = json!([null, "y"]);
        default(&mut value, &schema);
        assert_eq!(value, json!(["x", "y"]));
    }
}
