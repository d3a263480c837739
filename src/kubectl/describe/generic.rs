//! Any object, field by field: names apart, capitals first.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/describe/describe.go (printUnstructuredContent,
//! smartLabelFor), v1.36.

use super::writer::Writer;
use crate::api::Object;
use crate::api::meta::MetaExt;
use serde_json::{Map, Value};

/// Fields that are shown at the top, or not at all.
const SKIPPED: &[&str] = &[
    ".metadata.managedFields",
    ".metadata.name",
    ".metadata.namespace",
    ".metadata.labels",
    ".metadata.annotations",
];
/// Words that are written in capitals.
const ACRONYMS: &[&str] = &["API", "URL", "UID", "OSB", "GUID"];

pub fn write(w: &mut Writer, object: &Object) {
    w.field(0, "Name", object.name());
    w.field(0, "Namespace", object.namespace());
    w.labels("Labels", object.meta().labels.as_ref());
    w.annotations("Annotations", object.meta().annotations.as_ref());
    if let Value::Object(fields) = object.to_json() {
        write_fields(w, 0, &fields, "");
    }
}

fn write_fields(w: &mut Writer, level: usize, fields: &Map<String, Value>, path: &str) {
    for (name, value) in fields {
        let path = format!("{path}.{name}");
        if SKIPPED.contains(&path.as_str()) || value.is_null() {
            continue;
        }
        let label = label(name);
        match value {
            Value::Object(inner) => {
                w.line(level, &format!("{label}:"));
                write_fields(w, level + 1, inner, &path);
            }
            Value::Array(items) => {
                w.line(level, &format!("{label}:"));
                for item in items {
                    match item {
                        Value::Object(inner) => write_fields(w, level + 1, inner, &path),
                        item => w.line(level + 1, &plain(item)),
                    }
                }
            }
            value => w.field(level, &label, plain(value)),
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `lastTransitionTime` is `Last Transition Time`.
fn label(name: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for sign in name.chars() {
        match parts.last_mut() {
            Some(part) if !sign.is_uppercase() || part.chars().all(char::is_uppercase) => {
                part.push(sign);
            }
            _ => parts.push(sign.to_string()),
        }
    }
    let word = |part: &String| {
        let upper = part.to_uppercase();
        let mut signs = part.chars();
        match signs.next() {
            _ if ACRONYMS.contains(&upper.as_str()) => upper,
            Some(first) => format!("{}{}", first.to_uppercase(), signs.as_str()),
            None => String::new(),
        }
    };
    parts.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (name, want) in [
            ("apiVersion", "API Version"),
            ("lastTransitionTime", "Last Transition Time"),
            ("uid", "UID"),
            ("name", "Name"),
        ] {
            assert_eq!(label(name), want);
        }
    }
}
