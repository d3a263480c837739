//! Whether a value is what its schema asks for.
//!
//! Upstream: vendor/k8s.io/kube-openapi/pkg/validation/validate (schema.go, object_validator.go,
//! values.go) and staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/{validation/{validation,
//! ratcheting},schema/listtype/validation}.go, v1.36. A value that did not change is not examined, so
//! that what a schema newly refuses may stay until somebody touches it. Left out: `format` (stored, nothing is checked by it) and
//! the rules in CEL of `x-kubernetes-validations`, of which their author is warned.

use super::fit::is_set;
use super::pattern::Pattern;
use crate::api::field::{ErrorType, FieldError};
use serde_json::{Map, Value};

/// How many errors are listed.
const ERRORS_MAX: usize = 100;

/// A value under examination: where it is, and what was found wrong.
struct Check<'a> {
    path: &'a mut String,
    errors: Vec<FieldError>,
}

/// Everything that is wrong with `value`, which stands at `path` and was `old` before.
pub fn errors(value: &Value, old: Option<&Value>, schema: &Value, path: &str) -> Vec<FieldError> {
    let mut path = path.to_owned();
    let mut check = Check {
        path: &mut path,
        errors: Vec::new(),
    };
    check.value(value, old, schema);
    check.errors
}

/// The item of a list as it was before the item `index` of the list became `item`.
fn item_before<'a>(
    old: Option<&'a Value>,
    index: usize,
    item: &Value,
    schema: &Value,
) -> Option<&'a Value> {
    let old = old?.as_array()?;
    match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("map") => {
            let keys = list(schema, "x-kubernetes-list-map-keys");
            let same = |old: &&Value| {
                let key = |key: &Value| key.as_str().map(|key| (old.get(key), item.get(key)));
                keys.iter().filter_map(key).all(|(old, new)| old == new)
            };
            old.iter().find(same)
        }
        Some("set" | "atomic") => None,
        _ => old.get(index),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if is_whole(number) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_whole(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|n| n.fract() == 0.0)
}

fn number(schema: &Value, name: &str) -> Option<f64> {
    schema.get(name).and_then(Value::as_f64)
}

fn count(schema: &Value, name: &str) -> Option<usize> {
    let count = schema.get(name)?.as_u64()?;
    usize::try_from(count).ok()
}

fn list<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    let found = schema.get(name).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

/// A text without quotes, anything else as JSON.
fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Check<'_> {
    fn push(&mut self, error_type: ErrorType, value: String, detail: String) {
        if self.errors.len() < ERRORS_MAX {
            let field = match self.path.is_empty() {
                true => "<nil>".to_owned(),
                false => self.path.clone(),
            };
            self.errors.push(FieldError {
                error_type,
                field,
                value,
                detail,
            });
        }
    }

    /// `spec.size in body should be …`
    fn refuse(&mut self, value: String, words: &str) {
        let detail = format!("{} in body {words}", self.path);
        self.push(ErrorType::Invalid, value, detail);
    }

    /// One of the errors that name no field of their own.
    fn refuse_whole(&mut self, words: &str) {
        let detail = format!("{:?} {words}", self.path);
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(FieldError {
                error_type: ErrorType::Invalid,
                field: "<nil>".to_owned(),
                value: "\"\"".to_owned(),
                detail,
            });
        }
    }

    fn value(&mut self, value: &Value, old: Option<&Value>, schema: &Value) {
        if old == Some(value) || (value.is_null() && is_set(schema, "nullable")) {
            return;
        }
        self.type_(value, schema);
        self.junctors(value, old, schema);
        match value {
            Value::String(text) => self.text(text, schema),
            Value::Number(found) => self.number(found, schema),
            Value::Array(items) => self.items(items, old, schema),
            _ => {}
        }
        let allowed = list(schema, "enum");
        if !allowed.is_empty() && !allowed.contains(value) {
            let texts: Vec<String> = allowed.iter().map(|v| format!("{:?}", bare(v))).collect();
            let detail = format!("supported values: {}", texts.join(", "));
            self.push(ErrorType::NotSupported, value.to_string(), detail);
        }
        if let Value::Object(fields) = value {
            self.fields(fields, old, schema);
        }
    }

    fn type_(&mut self, value: &Value, schema: &Value) {
        let wanted = match schema.get("type").and_then(Value::as_str) {
            _ if is_set(schema, "x-kubernetes-int-or-string") => "integer,string",
            Some(wanted) if !wanted.is_empty() => wanted,
            _ => return,
        };
        let found = type_of(value);
        let mut wanteds = wanted.split(',');
        let fits = wanteds.any(|w| w == found || (w == "number" && found == "integer"));
        if !fits {
            let words = format!("{} in body must be of type {wanted}: {found:?}", self.path);
            self.push(ErrorType::TypeInvalid, format!("{found:?}"), words);
        }
    }

    fn text(&mut self, text: &str, schema: &Value) {
        let length = text.chars().count();
        if let Some(max) = count(schema, "maxLength").filter(|max| length > *max) {
            let detail = format!("may not be more than {max} bytes");
            self.push(ErrorType::TooLong, String::new(), detail);
        }
        if let Some(min) = count(schema, "minLength").filter(|min| length < *min) {
            let words = format!("should be at least {min} chars long");
            self.refuse(format!("{text:?}"), &words);
        }
        let pattern = schema.get("pattern").and_then(Value::as_str);
        if let Some(pattern) = pattern
            && let Ok(read) = Pattern::read(pattern)
            && !read.is_match(text)
        {
            let words = format!("should match '{pattern}'");
            self.refuse(format!("{text:?}"), &words);
        }
    }

    fn number(&mut self, found: &serde_json::Number, schema: &Value) {
        let value = found.as_f64().unwrap_or_default();
        if let Some(of) = number(schema, "multipleOf").filter(|of| *of > 0.0)
            && (value / of).fract() != 0.0
        {
            self.refuse(found.to_string(), &format!("should be a multiple of {of}"));
        }
        if let Some(max) = number(schema, "maximum") {
            let exclusive = is_set(schema, "exclusiveMaximum");
            if value > max || (exclusive && value >= max) {
                let or = if exclusive { "" } else { " or equal to" };
                self.refuse(found.to_string(), &format!("should be less than{or} {max}"));
            }
        }
        if let Some(min) = number(schema, "minimum") {
            let exclusive = is_set(schema, "exclusiveMinimum");
            if value < min || (exclusive && value <= min) {
                let or = if exclusive { "" } else { " or equal to" };
                let words = format!("should be greater than{or} {min}");
                self.refuse(found.to_string(), &words);
            }
        }
    }

    fn items(&mut self, items: &[Value], old: Option<&Value>, schema: &Value) {
        let found = items.len();
        if let Some(of_item) = schema.get("items") {
            let length = self.path.len();
            for (index, item) in items.iter().enumerate() {
                self.path.push_str(&format!("[{index}]"));
                let old = item_before(old, index, item, schema);
                self.value(item, old, of_item);
                self.path.truncate(length);
            }
        }
        if let Some(min) = count(schema, "minItems").filter(|min| found < *min) {
            let words = format!("should have at least {min} items");
            self.refuse(found.to_string(), &words);
        }
        if let Some(max) = count(schema, "maxItems").filter(|max| found > *max) {
            let detail = format!("must have at most {max} items");
            self.push(ErrorType::TooMany, found.to_string(), detail);
        }
        self.unique(items, schema);
    }

    /// A list that is a set or a map holds nothing twice.
    fn unique(&mut self, items: &[Value], schema: &Value) {
        let keys = list(schema, "x-kubernetes-list-map-keys");
        let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
        let sort = schema.get("x-kubernetes-list-type").and_then(Value::as_str);
        let key_of = |item: &Value| match sort {
            Some("set") => Some(item.clone()),
            Some("map") => {
                let of = |key: &&str| Some(((*key).to_owned(), item.get(*key)?.clone()));
                let found: Map<String, Value> = keys.iter().filter_map(of).collect();
                Some(Value::Object(found))
            }
            _ => None,
        };
        let mut seen = crate::sim::SortedSet::new();
        for (index, item) in items.iter().enumerate() {
            let Some(key) = key_of(item).map(|key| key.to_string()) else {
                return;
            };
            if seen.insert(key.clone()) {
                continue;
            }
            let length = self.path.len();
            self.path.push_str(&format!("[{index}]"));
            self.push(ErrorType::Duplicate, key, String::new());
            self.path.truncate(length);
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>, old: Option<&Value>, schema: &Value) {
        let found = fields.len();
        if let Some(min) = count(schema, "minProperties").filter(|min| found < *min) {
            let words = format!("should have at least {min} properties");
            return self.refuse(found.to_string(), &words);
        }
        if let Some(max) = count(schema, "maxProperties").filter(|max| found > *max) {
            let detail = format!("must have at most {max} items");
            return self.push(ErrorType::TooMany, found.to_string(), detail);
        }
        let length = self.path.len();
        let enter = |path: &mut String, name: &str| {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(name);
        };
        for name in list(schema, "required").iter().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                enter(self.path, name);
                self.push(ErrorType::Required, String::new(), String::new());
                self.path.truncate(length);
            }
        }
        let properties = schema.get("properties");
        let others = schema.get("additionalProperties").filter(|o| o.is_object());
        for (name, value) in fields {
            let own = properties.and_then(|all| all.get(name));
            if let Some(schema) = own.or(others) {
                enter(self.path, name);
                self.value(value, old.and_then(|old| old.get(name)), schema);
                self.path.truncate(length);
            }
        }
    }

    /// The errors of `value` by another schema at the same place.
    fn aside(&mut self, value: &Value, old: Option<&Value>, schema: &Value) -> Vec<FieldError> {
        let before = std::mem::take(&mut self.errors);
        self.value(value, old, schema);
        std::mem::replace(&mut self.errors, before)
    }

    fn junctors(&mut self, value: &Value, old: Option<&Value>, schema: &Value) {
        let any = list(schema, "anyOf");
        if !any.is_empty() {
            let mut found: Vec<_> = any.iter().map(|s| self.aside(value, old, s)).collect();
            if found.iter().all(|errors| !errors.is_empty()) {
                self.refuse_whole("must validate at least one schema (anyOf)");
                let best = found.iter().map(Vec::len).min();
                let best = found.iter().position(|errors| Some(errors.len()) == best);
                self.errors.append(&mut found[best.unwrap_or(0)]);
            }
        }
        let one = list(schema, "oneOf");
        if !one.is_empty() {
            let found: Vec<_> = one.iter().map(|s| self.aside(value, old, s)).collect();
            let valid = found.iter().filter(|errors| errors.is_empty()).count();
            if valid != 1 {
                let which = match valid {
                    0 => "Found none valid".to_owned(),
                    valid => format!("Found {valid} valid alternatives"),
                };
                let words = format!("must validate one and only one schema (oneOf). {which}");
                self.refuse_whole(&words);
            }
        }
        let all = list(schema, "allOf");
        let mut failed = 0;
        for schema in all {
            let mut errors = self.aside(value, old, schema);
            failed += usize::from(!errors.is_empty());
            self.errors.append(&mut errors);
        }
        if failed > 0 {
            let none = if failed == all.len() {
                ". None validated"
            } else {
                ""
            };
            self.refuse_whole(&format!("must validate all the schemas (allOf){none}"));
        }
        if let Some(not) = schema.get("not")
            && self.aside(value, old, not).is_empty()
        {
            self.refuse_whole("must not validate the schema (not)");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mistakes_read_as_upstream_words_them() {
        for (schema, value, wanted) in [
            (
                json!({"type": "integer"}),
                json!("three"),
                &["Invalid value: \"string\": spec.x in body must be of type integer: \"string\""]
                    [..],
            ),
            (json!({"type": "number"}), json!(3), &[]),
            (
                json!({"type": "integer", "nullable": true}),
                json!(null),
                &[],
            ),
            (
                json!({"type": "string", "enum": ["a", "b"]}),
                json!("c"),
                &["Unsupported value: \"c\": supported values: \"a\", \"b\""],
            ),
            (
                json!({"type": "integer", "minimum": 1, "maximum": 10}),
                json!(0),
                &["Invalid value: 0: spec.x in body should be greater than or equal to 1"],
            ),
            (
                json!({"type": "integer", "maximum": 10, "exclusiveMaximum": true}),
                json!(10),
                &["Invalid value: 10: spec.x in body should be less than 10"],
            ),
            (
                json!({"type": "string", "pattern": "^a+$", "minLength": 2}),
                json!("b"),
                &[
                    "Invalid value: \"b\": spec.x in body should be at least 2 chars long",
                    "Invalid value: \"b\": spec.x in body should match '^a+$'",
                ],
            ),
            (
                json!({"type": "string", "maxLength": 1}),
                json!("ab"),
                &["Too long: may not be more than 1 bytes"],
            ),
            (
                json!({"x-kubernetes-int-or-string": true}),
                json!(true),
                &[
                    "Invalid value: \"boolean\": spec.x in body must be of type integer,string: \"boolean\"",
                ],
            ),
            (
                json!({"type": "array", "maxItems": 1, "items": {"type": "string"}}),
                json!(["a", "b"]),
                &["Too many: 2: must have at most 1 items"],
            ),
        ] {
            let found = errors(&value, None, &schema, "spec.x");
            let found: Vec<String> = found.iter().map(FieldError::body).collect();
            assert_eq!(found, wanted, "{schema} {value}");
        }
    }

    #[test]
    fn fields_and_items_are_named() {
        let schema = json!({"type": "object", "required": ["spec"], "properties": {
            "spec": {"type": "object", "required": ["size"], "properties": {
                "names": {"type": "array", "x-kubernetes-list-type": "set",
                          "items": {"type": "string"}},
                "ports": {"type": "array", "x-kubernetes-list-type": "map",
                          "x-kubernetes-list-map-keys": ["name"],
                          "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
                "map": {"type": "object", "additionalProperties": {"type": "integer"}},
            }},
        }});
        let texts = |value: Value| -> Vec<String> {
            let found = errors(&value, None, &schema, "");
            found.iter().map(ToString::to_string).collect()
        };
        assert_eq!(texts(json!({})), ["spec: Required value"]);
        let value = json!({"spec": {
            "names": ["a", 1, "a"], "map": {"k": "v"}, "ports": [{"name": "x"}, {"name": "x"}],
        }});
        assert_eq!(
            texts(value),
            [
                "spec.size: Required value",
                "spec.map.k: Invalid value: \"string\": spec.map.k in body must be of type integer: \"string\"",
                "spec.names[1]: Invalid value: \"integer\": spec.names[1] in body must be of type string: \"integer\"",
                "spec.names[2]: Duplicate value: \"a\"",
                "spec.ports[1]: Duplicate value: {\"name\":\"x\"}",
            ]
        );
    }

    #[test]
    fn schemas_can_be_joined() {
        let small = json!({"maximum": 3});
        let even = json!({"multipleOf": 2});
        for (schema, value, wanted) in [
            (json!({"anyOf": [small, even]}), 8, 0),
            (json!({"anyOf": [small, even]}), 7, 2),
            (json!({"oneOf": [small, even]}), 2, 1),
            (json!({"oneOf": [small, even]}), 1, 0),
            (json!({"allOf": [small, even]}), 2, 0),
            (json!({"allOf": [small, even]}), 7, 3),
            (json!({"not": small}), 2, 1),
        ] {
            let found = errors(&json!(value), None, &schema, "x");
            assert_eq!(found.len(), wanted, "{schema} {value} {found:?}");
        }
    }

    #[test]
    fn what_did_not_change_may_stay() {
        let short = json!({"type": "string", "maxLength": 1});
        let item = json!({"type": "object", "properties": {"k": {"type": "string"}, "v": short}});
        let schema = json!({"properties": {
            "a": short, "b": short,
            "list": {"items": item, "x-kubernetes-list-type": "map",
                     "x-kubernetes-list-map-keys": ["k"]},
            "set": {"items": short, "x-kubernetes-list-type": "set"},
        }});
        let old = json!({
            "a": "long", "b": "long", "set": ["long"],
            "list": [{"k": "1", "v": "long"}, {"k": "2", "v": "long"}],
        });
        let new = json!({
            "a": "long", "b": "longer", "set": ["long", "x"],
            "list": [{"k": "2", "v": "long"}, {"k": "1", "v": "longer"}],
        });
        let fields = |new: &Value| -> Vec<String> {
            let found = errors(new, Some(&old), &schema, "");
            found.into_iter().map(|error| error.field).collect()
        };
        assert_eq!(fields(&new), ["b", "list[1].v", "set[0]"]);
        assert_eq!(fields(&old), [""; 0]);
    }
}
