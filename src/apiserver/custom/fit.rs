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

/// What a schema says of the field `name`.
enum Below<'a> {
    /// This.
    Schema(&'a Value),
    /// Anything may stand there.
    Anything,
    /// There is no such field.
    Nothing,
}

fn below<'a>(schema: &'a Value, name: &str) -> Below<'a> {
    if let Some(found) = schema.get("properties").and_then(|all| all.get(name)) {
        return Below::Schema(found);
    }
    match schema.get("additionalProperties") {
        Some(found @ Value::Object(_)) => Below::Schema(found),
        Some(Value::Bool(true)) => Below::Anything,
        _ if is_set(schema, "x-kubernetes-preserve-unknown-fields") => Below::Anything,
        _ => Below::Nothing,
    }
}

/// Takes away the fields that `schema` does not know, and notes their paths. `path` is that of
/// `value`; it is the same afterwards.
pub fn prune(value: &mut Value, schema: &Value, path: &mut String, unknown: &mut Vec<String>) {
    let length = path.len();
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
                    (Below::Schema(schema), Some(value)) => prune(value, schema, path, unknown),
                    (Below::Nothing, _) => {
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
            let Some(schema) = schema.get("items") else {
                return;
            };
            for (index, item) in items.iter_mut().enumerate() {
                path.push_str(&format!("[{index}]"));
                prune(item, schema, path, unknown);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// Fills in the defaults of `schema`, and takes away nulls where there may be none.
pub fn default(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                add_defaults(fields, properties);
            }
            let names: Vec<String> = fields.keys().cloned().collect();
            for name in names {
                let Below::Schema(schema) = below(schema, &name) else {
                    continue;
                };
                let may_be_null = is_set(schema, "nullable");
                match fields.get_mut(&name) {
                    Some(Value::Null) if !may_be_null => {
                        fields.remove(&name);
                    }
                    Some(value) => default(value, schema),
                    None => {}
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| default(item, schema));
            }
        }
        _ => {}
    }
}

fn add_defaults(fields: &mut Map<String, Value>, properties: &Map<String, Value>) {
    for (name, schema) in properties {
        let Some(default) = schema.get("default") else {
            continue;
        };
        let missing = match fields.get(name) {
            None => true,
            Some(value) => value.is_null() && !is_set(schema, "nullable"),
        };
        if missing {
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
    }
}
