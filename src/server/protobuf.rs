//! Request bodies in Kubernetes' protobuf form, which kubectl's own clients send: read as JSON.
//!
//! The field numbers are `static/protobuf.txt`. Its form, one line a message:
//! `core.v1.Volume 1=name:s 2=volumeSource:^core.v1.VolumeSource …`. Codes: `s` a text, `b` a truth
//! value, `i` a whole number, `d` a number, `y` bytes, `q` a quantity, `o` a number or a text, `t` a
//! time, `u` one with microseconds, `j` any JSON, `@` a message, `^` a message whose fields stand in
//! this one's place; `*` before a code is a list, `m` a map from texts, `l` a list in a message.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/runtime/serializer/protobuf/protobuf.go, v1.36.
//! Answers are never written in this form: clients take JSON as well.

use base64::Engine;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The media type.
pub const MEDIA: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";
const DEPTH_MAX: u32 = 64;
/// How many values a message may hold.
const VALUES_MAX: u32 = 1_000_000;

type Message = BTreeMap<u64, (&'static str, &'static str)>;

static TABLE: LazyLock<BTreeMap<&'static str, Message>> = LazyLock::new(|| {
    let text = include_str!("../../static/protobuf.txt");
    let field = |word: &'static str| {
        let (number, rest) = word.split_once('=')?;
        Some((number.parse().ok()?, rest.split_once(':')?))
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.filter_map(field).collect()))
        })
        .collect()
});

/// What a field's bytes are on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Wire<'a> {
    fn bytes(&self) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err("proto: wrong wireType".to_owned()),
        }
    }

    fn text(&self) -> Result<String, String> {
        let text = String::from_utf8(self.bytes()?.to_vec());
        text.map_err(|_| "proto: invalid UTF-8 string".to_owned())
    }

    fn number(&self) -> Result<u64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Bytes(_) => Err("proto: wrong wireType".to_owned()),
        }
    }

    #[allow(clippy::cast_possible_wrap)]
    fn signed(&self) -> Result<i64, String> {
        // Negative numbers travel as their two's complement.
        self.number().map(|number| number as i64)
    }
}

/// The fields of a message, in their order.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Result<u64, String> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first().ok_or("unexpected EOF")?;
            self.0 = rest;
            number |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("proto: integer overflow".to_owned())
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], String> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > self.0.len() {
            return Err("unexpected EOF".to_owned());
        }
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(taken)
    }

    fn next(&mut self) -> Result<Option<(u64, Wire<'a>)>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let fixed = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b));
        let wire = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => Wire::Number(fixed(self.take(8)?)),
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Number(fixed(self.take(4)?)),
            other => return Err(format!("proto: illegal wireType {other}")),
        };
        Ok(Some((tag >> 3, wire)))
    }

    /// All fields by their numbers; of one that comes again, the last.
    fn by_number(bytes: &'a [u8]) -> Result<BTreeMap<u64, Wire<'a>>, String> {
        let (mut fields, mut found) = (Fields(bytes), BTreeMap::new());
        while let Some((number, wire)) = fields.next()? {
            found.insert(number, wire);
        }
        Ok(found)
    }
}

/// Reads a body.
///
/// # Errors
/// What is wrong with it.
pub fn to_json(body: &[u8]) -> Result<Value, String> {
    let rest = body.strip_prefix(MAGIC).ok_or(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
    )?;
    let envelope = Fields::by_number(rest)?;
    let types = match envelope.get(&1) {
        Some(types) => Fields::by_number(types.bytes()?)?,
        None => BTreeMap::new(),
    };
    let text = |number: u64| types.get(&number).map_or(Ok(String::new()), Wire::text);
    let (api_version, kind) = (text(1)?, text(2)?);
    let raw = envelope.get(&2).map_or(Ok(&[][..]), Wire::bytes)?;
    let definition = definition(&api_version, &kind);
    let message = definition.ok_or_else(|| {
        format!("no kind {kind:?} is registered for version {api_version:?} in protobuf")
    })?;
    let mut reader = Reader { values: 0 };
    let mut object = Map::new();
    reader.message(message, raw, 0, &mut object)?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

fn definition(api_version: &str, kind: &str) -> Option<&'static str> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let group = match group.split('.').next() {
        None | Some("") => "core",
        Some(group) => group,
    };
    let own = format!("{group}.{version}.{kind}");
    let meta = format!("meta.v1.{kind}");
    let found = TABLE
        .get_key_value(own.as_str())
        .or_else(|| TABLE.get_key_value(meta.as_str()));
    found.map(|(name, _)| *name)
}

struct Reader {
    values: u32,
}

impl Reader {
    fn message(
        &mut self,
        name: &str,
        bytes: &[u8],
        depth: u32,
        object: &mut Map<String, Value>,
    ) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err("exceeded max depth".to_owned());
        }
        let message = TABLE
            .get(name)
            .ok_or_else(|| format!("unknown message {name}"))?;
        let mut fields = Fields(bytes);
        while let Some((number, wire)) = fields.next()? {
            self.values += 1;
            if self.values > VALUES_MAX {
                return Err(format!("more than {VALUES_MAX} values"));
            }
            let Some((field, code)) = message.get(&number) else {
                continue;
            };
            self.field(field, code, &wire, depth, object)?;
        }
        Ok(())
    }

    fn field(
        &mut self,
        name: &str,
        code: &str,
        wire: &Wire<'_>,
        depth: u32,
        object: &mut Map<String, Value>,
    ) -> Result<(), String> {
        if let Some(inline) = code.strip_prefix('^') {
            return self.message(inline, wire.bytes()?, depth + 1, object);
        }
        if let Some(item) = code.strip_prefix('*') {
            let value = self.value(item, wire, depth)?;
            let list = object
                .entry(name)
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Some(list) = list.as_array_mut() {
                list.push(value);
            }
            return Ok(());
        }
        if let Some(item) = code.strip_prefix('m') {
            let entry = Fields::by_number(wire.bytes()?)?;
            let key = entry.get(&1).map_or(Ok(String::new()), Wire::text)?;
            let value = match entry.get(&2) {
                Some(wire) => self.value(item, wire, depth + 1)?,
                None => self.value(item, &Wire::Bytes(&[]), depth + 1)?,
            };
            let map = object
                .entry(name)
                .or_insert_with(|| Value::Object(Map::new()));
            map[key] = value;
            return Ok(());
        }
        let value = self.value(code, wire, depth)?;
        object.insert(name.to_owned(), value);
        Ok(())
    }

    fn value(&mut self, code: &str, wire: &Wire<'_>, depth: u32) -> Result<Value, String> {
        let (sort, rest) = code.split_at(1.min(code.len()));
        Ok(match sort {
            "s" => wire.text()?.into(),
            "b" => (wire.number()? != 0).into(),
            "i" => wire.signed()?.into(),
            "d" => f64::from_bits(wire.number()?).into(),
            "y" => base64::engine::general_purpose::STANDARD
                .encode(wire.bytes()?)
                .into(),
            "q" => match Fields::by_number(wire.bytes()?)?.get(&1) {
                Some(text) => text.text()?.into(),
                None => "0".into(),
            },
            "o" => int_or_string(wire.bytes()?)?,
            "t" => time(wire.bytes()?, false)?,
            "u" => time(wire.bytes()?, true)?,
            "j" => raw(wire.bytes()?)?,
            "l" => {
                let (mut fields, mut items) = (Fields(wire.bytes()?), Vec::new());
                while let Some((_, wire)) = fields.next()? {
                    items.push(self.value(rest, &wire, depth + 1)?);
                }
                Value::Array(items)
            }
            "@" => {
                let mut object = Map::new();
                self.message(rest, wire.bytes()?, depth + 1, &mut object)?;
                Value::Object(object)
            }
            _ => return Err(format!("unknown code {code:?}")),
        })
    }
}

fn int_or_string(bytes: &[u8]) -> Result<Value, String> {
    let fields = Fields::by_number(bytes)?;
    let is_text = fields.get(&1).map_or(Ok(0), Wire::number)? == 1;
    Ok(match is_text {
        true => fields.get(&3).map_or(Ok(String::new()), Wire::text)?.into(),
        false => fields.get(&2).map_or(Ok(0), Wire::signed)?.into(),
    })
}

/// A time; null where it is Go's zero time, which has no fields.
fn time(bytes: &[u8], micro: bool) -> Result<Value, String> {
    let fields = Fields::by_number(bytes)?;
    if fields.is_empty() {
        return Ok(Value::Null);
    }
    let seconds = fields.get(&1).map_or(Ok(0), Wire::signed)?;
    let nanos = fields.get(&2).map_or(Ok(0), Wire::signed)?;
    let nanos = i32::try_from(nanos).unwrap_or(0).clamp(0, 999_999_999);
    let at = Timestamp::new(seconds, nanos).map_err(|error| error.to_string())?;
    Ok(match micro {
        true => format!("{at:.6}").into(),
        false => format!("{at:.0}").into(),
    })
}

fn raw(bytes: &[u8]) -> Result<Value, String> {
    let fields = Fields::by_number(bytes)?;
    match fields.get(&1) {
        Some(raw) => serde_json::from_slice(raw.bytes()?).map_err(|error| error.to_string()),
        None => Ok(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).unwrap();
        [&[number << 3 | 2, length], bytes].concat()
    }

    fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
        let types = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &types), field(2, raw)].concat()
    }

    #[test]
    fn a_message_becomes_the_json_that_it_stands_for() {
        let entry = [field(1, b"a"), field(2, b"1")].concat();
        let metadata = [field(1, b"x"), field(8, &[]), field(11, &entry)].concat();
        let key = [field(1, &field(1, b"map")), field(2, b"k")].concat();
        let source = field(3, &key);
        let environment = [field(1, b"E"), field(3, &source)].concat();
        let port = vec![3 << 3, 80];
        let container = [field(1, b"c"), field(6, &port), field(7, &environment)].concat();
        let raw = [field(1, &metadata), field(2, &field(2, &container))].concat();
        assert_eq!(
            to_json(&body("Pod", &raw)).unwrap(),
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "x", "creationTimestamp": null, "labels": {"a": "1"}},
                "spec": {"containers": [{
                    "name": "c", "ports": [{"containerPort": 80}],
                    "env": [{"name": "E", "valueFrom": {"configMapKeyRef": {"name": "map", "key": "k"}}}],
                }]},
            })
        );
    }

    #[test]
    fn damage_is_told_and_never_panics() {
        let whole = body("Pod", &field(1, &field(1, b"x")));
        for end in 0..whole.len() {
            let _ = to_json(&whole[..end]);
        }
        assert_eq!(
            to_json(&whole[..whole.len() - 1]).unwrap_err(),
            "unexpected EOF"
        );
        assert!(
            to_json(b"{}")
                .unwrap_err()
                .contains("does not appear to be a protobuf")
        );
        assert!(
            to_json(&body("Nothing", &[]))
                .unwrap_err()
                .starts_with("no kind \"Nothing\"")
        );
    }
}
