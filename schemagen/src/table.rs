//! The text form of the field table, documented in `src/api/schema.rs`.

use crate::go_types;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

const HEAD: &str = "\
# Fields of the Kubernetes v1.36 types. Written by `cargo run -p schemagen`; do not edit.
# The form is described in src/api/schema.rs.
";

/// `io.k8s.api.core.v1.Pod` → `core.v1.Pod`; the API machinery's types lose their folders too.
pub fn short_name(full: &str) -> String {
    let full = full.strip_prefix("io.k8s.").unwrap_or(full);
    for prefix in [
        "api.",
        "apimachinery.pkg.apis.",
        "apimachinery.pkg.",
        "apiextensions-apiserver.pkg.apis.",
    ] {
        if let Some(rest) = full.strip_prefix(prefix) {
            return rest.to_owned();
        }
    }
    full.to_owned()
}

/// The whole table: a line for every root, then a line for every definition.
pub fn render(roots: &[String], definitions: &BTreeMap<String, Value>) -> String {
    let mut text = HEAD.to_owned();
    let mut names: Vec<String> = roots.iter().map(|root| short_name(root)).collect();
    names.sort();
    writeln!(text, "roots {}", names.join(" ")).expect("invariant: strings take text");
    let mut lines = BTreeMap::new();
    for (full, schema) in definitions {
        if leaf(full).is_none() {
            let name = short_name(full);
            lines.insert(name.clone(), definition(&name, schema));
        }
    }
    for line in lines.values() {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn definition(name: &str, schema: &Value) -> String {
    let mut line = name.to_owned();
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let empty = serde_json::Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let mut sorted: Vec<_> = properties.iter().collect();
    sorted.sort_by_key(|(field, _)| field.as_str());
    for (field, schema) in sorted {
        let mark = match required.contains(&field.as_str()) {
            true => "!",
            false if go_types::drops_zero(name, field, &type_of(schema)) => "~",
            false => "",
        };
        let go = match go_types::named(name, field) {
            Some(go) => format!("/{go}"),
            None => String::new(),
        };
        write!(line, " {field}{mark}:{}{go}", type_of(schema))
            .expect("invariant: strings take text");
    }
    line
}

/// The scalar that a definition with its own JSON form stands for.
fn leaf(full: &str) -> Option<&'static str> {
    Some(match full.rsplit('.').next()? {
        "Quantity" => "quantity",
        "IntOrString" => "intOrString",
        "Time" => "time",
        "MicroTime" => "microTime",
        "FieldsV1" | "RawExtension" | "JSON" | "JSONSchemaPropsOrStringArray" => "json",
        // The API server refuses a list of schemas, which is the other form.
        "JSONSchemaPropsOrArray" => "@apiextensions.v1.JSONSchemaProps",
        "JSONSchemaPropsOrBool" => "schemaOrBool",
        _ => return None,
    })
}

fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let full = reference.rsplit('/').next().unwrap_or(reference);
        return match leaf(full) {
            Some(leaf) => leaf.to_owned(),
            None => format!("@{}", short_name(full)),
        };
    }
    let word = match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("array"), _) => return format!("[]{}", type_of(&schema["items"])),
        (Some("object"), _) if schema["additionalProperties"].is_object() => {
            return format!("{{}}{}", type_of(&schema["additionalProperties"]));
        }
        (Some("string"), Some("byte")) => "bytes",
        (Some("string"), _) => "string",
        (Some("boolean"), _) => "bool",
        (Some("integer"), Some("int32")) => "int32",
        (Some("integer"), _) => "int64",
        (Some("number"), _) => "number",
        _ => "json",
    };
    word.to_owned()
}
