//! From JSON to what the API server would have stored: unknown fields found, wrong types refused,
//! quantities, times and zero values written as Go writes them.
//!
//! Upstream: vendor/sigs.k8s.io/json/internal/golang/encoding/json/decode.go and
//! staging/src/k8s.io/apiserver/pkg/endpoints/handlers/rest.go, v1.36. Fields are visited in the
//! order in which the JSON holds them; what `codec::parse_json` returns is sorted, as kubectl's
//! requests are. Which fields Go leaves out when they are zero comes from the field table.

mod scalar;

use super::codec::BODY_LIMIT;
use super::schema::{Definition, FieldType, JSON_SCHEMA, schema};
use serde_json::{Map, Value};

/// How deeply a request may nest.
pub const DEPTH_MAX: usize = 100;
/// How many values a request may hold.
pub const VALUES_MAX: usize = 1_000_000;
/// How many unknown fields are listed.
pub const UNKNOWN_MAX: usize = 100;

/// What a required time is when it is missing: Go's zero time, which Go would write as null.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// JSON that fits its definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The object, without unknown fields and nulls.
    pub value: Value,
    /// Paths of the fields that the definition lacks, in the order of the JSON:
    /// `spec.template.spec.containers[0].foo`.
    pub unknown: Vec<String>,
}

impl Decoded {
    /// One sentence for every unknown field, as `Warning` headers carry them.
    pub fn warnings(&self) -> Vec<String> {
        let sentence = |path: &String| format!("unknown field {path:?}");
        self.unknown.iter().map(sentence).collect()
    }

    /// The error of strict validation, if there is cause for one.
    pub fn strict_error(&self) -> Option<String> {
        strict_error(&self.warnings())
    }
}

/// The error of strict validation for these sentences; `None` when there are none.
pub fn strict_error(sentences: &[String]) -> Option<String> {
    match sentences.is_empty() {
        true => None,
        false => Some(format!("strict decoding error: {}", sentences.join(", "))),
    }
}

/// The API server's message for a body that it cannot decode; a 400 `BadRequest`.
pub fn cannot_be_handled(version: &str, kind: &str, error: &str) -> String {
    format!("{kind} in version {version:?} cannot be handled as a {kind}: {error}")
}

/// Whether a value of which nothing is known is at most `depth` deep, and no larger than a body may
/// be.
pub fn is_bounded(value: &Value, depth: usize) -> bool {
    is_within(value, depth, &mut BODY_LIMIT.clone())
}

fn is_within(value: &Value, depth: usize, left: &mut usize) -> bool {
    let own = value.as_str().map_or(2, |text| text.len() + 2);
    *left = left.saturating_sub(own);
    depth > 0
        && *left > 0
        && match value {
            Value::Array(items) => items.iter().all(|item| is_within(item, depth - 1, left)),
            Value::Object(fields) => fields.iter().all(|(name, value)| {
                *left = left.saturating_sub(name.len());
                is_within(value, depth - 1, left)
            }),
            _ => true,
        }
}

/// A value that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The decoder's words, without the envelope of [`cannot_be_handled`].
    pub message: String,
    /// Where: `spec.template.spec.containers[0].image`; empty for the whole object.
    pub path: String,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// Decodes an object of `definition`.
///
/// # Errors
/// The first value that a special type refuses (a quantity, a time), else the first whose type is
/// wrong.
pub fn decode(definition: &Definition, value: Value) -> Result<Decoded, DecodeError> {
    let Value::Object(fields) = value else {
        let (message, path) = (not_an_object(&value), String::new());
        return Err(DecodeError { message, path });
    };
    let mut walk = Walk::default();
    let value = walk.object(definition, fields)?;
    match walk.saved {
        Some(error) => Err(error),
        None => Ok(Decoded {
            value,
            unknown: walk.unknown,
        }),
    }
}

/// The message for a body or a document that is no object at all.
pub fn not_an_object(value: &Value) -> String {
    format!(
        "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of \
         type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \
         \"json:\\\"kind,omitempty\\\"\" }}",
        go_type(value)
    )
}

/// What Go's decoder calls a JSON value.
pub const fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[derive(Default)]
struct Walk {
    /// The first wrong type. Decoding goes on, because a later refusal takes precedence.
    saved: Option<DecodeError>,
    unknown: Vec<String>,
    /// The fields down to here, without list indices and map keys, as Go's errors name them.
    stack: Vec<&'static str>,
    /// The type whose field is being decoded.
    owner: &'static str,
    /// The exact path.
    path: String,
    depth: usize,
    values: usize,
}

impl Walk {
    fn error(&self, message: String) -> DecodeError {
        let path = self.path.trim_start_matches('.').to_owned();
        DecodeError { message, path }
    }

    /// `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type
    /// int32`
    fn mismatch(&self, found: &str, wanted: &str) -> DecodeError {
        let field = self.stack.join(".");
        self.error(format!(
            "json: cannot unmarshal {found} into Go struct field {}.{field} of type {wanted}",
            self.owner
        ))
    }

    fn save(&mut self, error: DecodeError) {
        self.saved.get_or_insert(error);
    }

    fn object(
        &mut self,
        definition: &Definition,
        fields: Map<String, Value>,
    ) -> Result<Value, DecodeError> {
        let mut out = Map::new();
        for (name, value) in fields {
            let length = self.path.len();
            self.path.push('.');
            self.path.push_str(&name);
            match definition.field(&name) {
                None => {
                    if self.unknown.len() < UNKNOWN_MAX {
                        let path = self.path.trim_start_matches('.').to_owned();
                        self.unknown.push(path);
                    }
                }
                Some(field) => {
                    let owner = std::mem::replace(&mut self.owner, definition.type_name());
                    self.stack.push(field.name);
                    let value = self.value(&field.kind, value)?;
                    self.stack.pop();
                    self.owner = owner;
                    if let Some(value) = value
                        && !(field.drops_zero && is_zero(&value))
                    {
                        out.insert(name, value);
                    }
                }
            }
            self.path.truncate(length);
        }
        add_required_times(definition, &mut out);
        Ok(Value::Object(out))
    }

    /// The value as it is stored; `None` where it is null or of the wrong type (which is saved).
    fn value(&mut self, kind: &FieldType, value: Value) -> Result<Option<Value>, DecodeError> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(self.error(format!("more than {VALUES_MAX} values")));
        }
        if self.depth == DEPTH_MAX {
            return Err(self.error("exceeded max depth".to_owned()));
        }
        if value.is_null() {
            return Ok(None);
        }
        self.depth += 1;
        let done = match (kind, value) {
            (FieldType::Json, value) => Ok(Some(value)),
            (FieldType::SchemaOrBool, value @ Value::Bool(_)) => Ok(Some(value)),
            (FieldType::SchemaOrBool, value) => self.value(&FieldType::Object(JSON_SCHEMA), value),
            (FieldType::Object(name), Value::Object(fields)) => {
                let definition = schema().definition(name);
                let definition = definition.expect("invariant: the table is closed");
                self.object(definition, fields).map(Some)
            }
            (FieldType::Array(item), Value::Array(values)) => self.array(item, values).map(Some),
            (FieldType::Map(item), Value::Object(fields)) => self.map(item, fields).map(Some),
            (kind, value) => self.scalar(kind, value),
        };
        self.depth -= 1;
        done
    }

    fn array(&mut self, item: &FieldType, values: Vec<Value>) -> Result<Value, DecodeError> {
        let mut out = Vec::new();
        for (index, value) in values.into_iter().enumerate() {
            let length = self.path.len();
            self.path.push_str(&format!("[{index}]"));
            let value = self.value(item, value)?;
            out.push(value.unwrap_or_else(|| zero(item)));
            self.path.truncate(length);
        }
        Ok(Value::Array(out))
    }

    fn map(&mut self, item: &FieldType, fields: Map<String, Value>) -> Result<Value, DecodeError> {
        let mut out = Map::new();
        for (key, value) in fields {
            let length = self.path.len();
            self.path.push('.');
            self.path.push_str(&key);
            let value = self.value(item, value)?;
            out.insert(key, value.unwrap_or_else(|| zero(item)));
            self.path.truncate(length);
        }
        Ok(Value::Object(out))
    }

    fn scalar(&mut self, kind: &FieldType, value: Value) -> Result<Option<Value>, DecodeError> {
        let stored = match kind {
            FieldType::Quantity => scalar::quantity(&value),
            FieldType::IntOrString if value.is_string() => return Ok(Some(value)),
            FieldType::IntOrString => match scalar::integer(&value, FieldType::Int32.bounds()) {
                Ok(value) => Ok(value),
                Err(found) => return Err(self.mismatch(&found, "int32")),
            },
            FieldType::Time | FieldType::MicroTime => match value.as_str() {
                Some(text) => scalar::time(text, *kind == FieldType::MicroTime),
                None => return Err(self.mismatch(go_type(&value), "string")),
            },
            _ => return Ok(self.plain(kind, value)),
        };
        stored.map(Some).map_err(|message| self.error(message))
    }

    /// The types that Go's decoder knows itself: a mistake is saved, and decoding goes on.
    fn plain(&mut self, kind: &FieldType, value: Value) -> Option<Value> {
        let found = match (kind, &value) {
            (FieldType::String(_), Value::String(_))
            | (FieldType::Bool, Value::Bool(_))
            | (FieldType::Number, Value::Number(_)) => return Some(value),
            (FieldType::Int32 | FieldType::Int64, Value::Number(_)) => {
                match scalar::integer(&value, kind.bounds()) {
                    Ok(value) => return Some(value),
                    Err(found) => found,
                }
            }
            (FieldType::Bytes, Value::String(text)) => match scalar::bytes(text) {
                Ok(value) => return Some(value),
                Err(message) => {
                    self.save(self.error(message));
                    return None;
                }
            },
            _ => go_type(&value).to_owned(),
        };
        self.save(self.mismatch(&found, &kind.go_name()));
        None
    }
}

impl FieldType {
    fn bounds(&self) -> (i64, i64) {
        match self {
            FieldType::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        }
    }
}

fn add_required_times(definition: &Definition, out: &mut Map<String, Value>) {
    for field in definition.fields.iter().filter(|field| field.required) {
        if matches!(field.kind, FieldType::Time | FieldType::MicroTime) {
            out.entry(field.name).or_insert_with(|| ZERO_TIME.into());
        }
    }
}

/// What Go leaves in place of a null in a list or a map.
fn zero(kind: &FieldType) -> Value {
    match kind {
        FieldType::Object(name) => {
            let mut out = Map::new();
            if let Some(definition) = schema().definition(name) {
                add_required_times(definition, &mut out);
            }
            Value::Object(out)
        }
        FieldType::Map(_) => Value::Object(Map::new()),
        FieldType::Array(_) => Value::Array(Vec::new()),
        FieldType::Bool | FieldType::SchemaOrBool => Value::Bool(false),
        FieldType::Int32 | FieldType::Int64 | FieldType::Number | FieldType::IntOrString => {
            Value::from(0)
        }
        FieldType::Quantity => Value::from("0"),
        FieldType::Time | FieldType::MicroTime => Value::from(ZERO_TIME),
        FieldType::Json => Value::Null,
        FieldType::String(_) | FieldType::Bytes => Value::from(""),
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

#[cfg(test)]
mod tests;
