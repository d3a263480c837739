//! The definitions as OpenAPI 3 knows them, one a line.
//!
//! What a definition refers to is written as upstream writes it (`#/components/schemas/…`);
//! descriptions stay, the JSON Schema dialect's own words go.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The whole file.
pub fn render(definitions: BTreeMap<String, Value>) -> String {
    let lines: Vec<String> = definitions
        .into_iter()
        .map(|(name, mut schema)| {
            clean(&mut schema);
            format!("{}:{schema}", Value::String(name))
        })
        .collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn clean(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(fields) => {
            fields.remove("$schema");
            refer(fields);
            fields.values_mut().for_each(clean);
        }
        _ => {}
    }
}

/// A reference with anything beside it becomes an `allOf`, as OpenAPI 3.0 demands.
fn refer(fields: &mut Map<String, Value>) {
    let Some(Value::String(reference)) = fields.remove("$ref") else {
        return;
    };
    let name = reference.rsplit('/').next().unwrap_or(&reference);
    let mut target = Map::new();
    target.insert(
        "$ref".to_owned(),
        format!("#/components/schemas/{name}").into(),
    );
    if fields.is_empty() {
        *fields = target;
    } else {
        fields.insert(
            "allOf".to_owned(),
            Value::Array(vec![Value::Object(target)]),
        );
    }
}
