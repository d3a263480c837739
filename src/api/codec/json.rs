//! JSON text to values, noting the fields that stand twice.
//!
//! Upstream: vendor/sigs.k8s.io/json, v1.36. A syntax error is worded by `serde_json`, not by Go.

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The longest body that the API server reads, in bytes.
pub const BODY_LIMIT: usize = 3 * 1_024 * 1_024;
/// How many repeated fields are listed.
const TWICE_LIMIT: usize = 100;

/// A JSON text that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The value; of fields that stand twice, the last.
    pub value: Value,
    /// Paths of the fields that stand twice: `spec.containers[0].name`.
    pub twice: Vec<String>,
}

impl Parsed {
    /// One sentence for every field that stands twice, as strict validation words it.
    pub fn warnings(&self) -> Vec<String> {
        let sentence = |path: &String| format!("duplicate field {path:?}");
        self.twice.iter().map(sentence).collect()
    }
}

/// Reads one JSON value.
///
/// # Errors
/// A syntax error with its place, or a text over [`BODY_LIMIT`] bytes or nested too deeply.
pub fn parse_json(text: &str) -> Result<Parsed, String> {
    if text.len() > BODY_LIMIT {
        return Err(format!("Request entity too large: limit is {BODY_LIMIT}"));
    }
    let mut twice = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seed = Place {
        path: String::new(),
        twice: &mut twice,
    };
    let value = seed.deserialize(&mut deserializer);
    let value = value.and_then(|value| deserializer.end().map(|()| value));
    let value = value.map_err(|error| error.to_string())?;
    Ok(Parsed { value, twice })
}

struct Place<'a> {
    path: String,
    twice: &'a mut Vec<String>,
}

impl Place<'_> {
    fn note(&mut self, path: &str) {
        if self.twice.len() < TWICE_LIMIT && !self.twice.iter().any(|known| known == path) {
            self.twice.push(path.to_owned());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        loop {
            let seed = Place {
                path: format!("{}[{}]", self.path, out.len()),
                twice: &mut *self.twice,
            };
            match items.next_element_seed(seed)? {
                Some(item) => out.push(item),
                None => return Ok(Value::Array(out)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let path = match self.path.as_str() {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            if out.contains_key(&name) {
                self.note(&path);
            }
            let twice = &mut *self.twice;
            let value = fields.next_value_seed(Place { path, twice })?;
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }
}
