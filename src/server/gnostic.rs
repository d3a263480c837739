//! The OpenAPI document of version 2 in the protobuf form that kubectl reads it in.
//!
//! Upstream: github.com/google/gnostic-models/openapiv2/OpenAPIv2.proto, as v1.36 vendors it. Only
//! what `openapi` puts into the document is written.

use serde_json::{Map, Value};

/// The media type of the answer. Clients ask for it with an `@`, which no media type may hold.
pub const MEDIA: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// A message that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u64, message: &Message) {
        self.bytes(field, &message.0);
    }

    fn text(&mut self, field: u64, value: Option<&Value>) {
        if let Some(text) = value.and_then(Value::as_str) {
            self.bytes(field, text.as_bytes());
        }
    }

    fn texts(&mut self, field: u64, value: Option<&Value>) {
        for text in value.and_then(Value::as_array).into_iter().flatten() {
            self.text(field, Some(text));
        }
    }

    fn truth(&mut self, field: u64, value: Option<&Value>) {
        if value.and_then(Value::as_bool) == Some(true) {
            self.varint(field << 3);
            self.varint(1);
        }
    }
}

/// A message of named others, all in `field`.
fn named(field: u64, values: &Map<String, Value>, write: fn(&Value) -> Message) -> Message {
    let mut all = Message::default();
    for (name, value) in values {
        let mut one = Message::default();
        one.bytes(1, name.as_bytes());
        one.message(2, &write(value));
        all.message(field, &one);
    }
    all
}

/// The extensions of `value`, as JSON, which is YAML too.
fn extensions(message: &mut Message, field: u64, value: &Value) {
    for (name, value) in value.as_object().into_iter().flatten() {
        if name.starts_with("x-") {
            let mut any = Message::default();
            any.bytes(2, value.to_string().as_bytes());
            let mut one = Message::default();
            one.bytes(1, name.as_bytes());
            one.message(2, &any);
            message.message(field, &one);
        }
    }
}

/// A whole document.
pub fn encode(document: &Value) -> Vec<u8> {
    let mut message = Message::default();
    message.text(1, document.get("swagger"));
    let mut info = Message::default();
    info.text(1, document.pointer("/info/title"));
    info.text(2, document.pointer("/info/version"));
    message.message(2, &info);
    if let Some(paths) = document["paths"].as_object() {
        message.message(8, &named(2, paths, path));
    }
    if let Some(definitions) = document["definitions"].as_object() {
        message.message(9, &named(1, definitions, schema));
    }
    message.0
}

fn schema(schema: &Value) -> Message {
    let mut message = Message::default();
    message.text(1, schema.get("$ref"));
    message.text(2, schema.get("format"));
    message.text(4, schema.get("description"));
    message.texts(19, schema.get("required"));
    if let Some(item @ Value::Object(_)) = schema.get("additionalProperties") {
        let mut one = Message::default();
        one.message(1, &self::schema(item));
        message.message(21, &one);
    }
    if let Some(text) = schema.get("type") {
        let mut sort = Message::default();
        sort.text(1, Some(text));
        message.message(22, &sort);
    }
    if let Some(items) = schema.get("items") {
        let mut list = Message::default();
        list.message(1, &self::schema(items));
        message.message(23, &list);
    }
    if let Some(fields) = schema.get("properties").and_then(Value::as_object) {
        message.message(25, &named(1, fields, self::schema));
    }
    extensions(&mut message, 31, schema);
    message
}

fn path(path: &Value) -> Message {
    let mut message = Message::default();
    for (field, verb) in [
        (2, "get"),
        (3, "put"),
        (4, "post"),
        (5, "delete"),
        (8, "patch"),
    ] {
        if let Some(found) = path.get(verb) {
            message.message(field, &operation(found));
        }
    }
    for found in path["parameters"].as_array().into_iter().flatten() {
        message.message(9, &parameter(found));
    }
    message
}

fn operation(operation: &Value) -> Message {
    let mut message = Message::default();
    message.texts(1, operation.get("tags"));
    message.text(3, operation.get("description"));
    message.text(5, operation.get("operationId"));
    for found in operation["parameters"].as_array().into_iter().flatten() {
        message.message(8, &parameter(found));
    }
    extensions(&mut message, 13, operation);
    message
}

/// A parameter in its three wrappers.
fn parameter(found: &Value) -> Message {
    let mut inner = Message::default();
    let place = found["in"].as_str().unwrap_or_default();
    let wrap = |field: u64, message: &Message| {
        let mut outer = Message::default();
        outer.message(field, message);
        outer
    };
    let parameter = match place {
        "body" => {
            inner.text(2, found.get("name"));
            inner.text(3, found.get("in"));
            inner.truth(4, found.get("required"));
            wrap(1, &inner)
        }
        _ => {
            inner.truth(1, found.get("required"));
            inner.text(2, found.get("in"));
            inner.text(4, found.get("name"));
            let sort = if place == "path" { 5 } else { 6 };
            inner.text(sort, found.get("type"));
            let field = if place == "path" { 4 } else { 3 };
            wrap(2, &wrap(field, &inner))
        }
    };
    wrap(1, &parameter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_written_field_by_field() {
        let document = json!({
            "swagger": "2.0",
            "definitions": {"A": {"type": "object", "x-a": true}},
        });
        let bytes = encode(&document);
        let length = |count: usize| u8::try_from(count).unwrap();
        let sort = b"\xb2\x01\x08\x0a\x06object".as_slice();
        let extension = b"\xfa\x01\x0d\x0a\x03x-a\x12\x06\x12\x04true".as_slice();
        let schema = [sort, extension].concat();
        let named = [b"\x0a\x01A\x12", &[length(schema.len())][..], &schema].concat();
        let definitions = [b"\x0a", &[length(named.len())][..], &named].concat();
        // The version, an empty info, the definitions.
        let head = b"\x0a\x032.0\x12\x00\x4a".as_slice();
        let want = [head, &[length(definitions.len())], &definitions].concat();
        assert_eq!(bytes, want);
    }
}
