//! From the parser's events to values, remembering where everything stood.
//!
//! Upstream: go.yaml.in/yaml/v2 decode.go and sigs.k8s.io/yaml yaml.go, as Kubernetes v1.36 uses
//! them. Left out: `!!binary` that is not UTF-8, and Go's notation of lists and maps as keys.

use super::scalar::{self, Meaning};
use super::{CONVERTING, ManifestError};
use crate::sim::{SortedMap, SortedSet};
use saphyr_parser::{Event, Input, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// How deeply a document may nest.
pub const DEPTH_LIMIT: u32 = 64;
/// The most values that a document may hold, those that aliases repeat included.
pub const VALUE_LIMIT: u32 = 1_000_000;

/// Why a document could not be built.
pub enum Fault {
    /// The parser did not accept it; `serde_yaml` words this better.
    Syntax(ManifestError),
    /// A limit was passed; nothing else should read the text.
    Limit(ManifestError),
    /// The YAML is right, what it says is not.
    Content(ManifestError),
}

/// A value and where its parts stood.
#[derive(Default)]
pub struct Built {
    /// The value; null for an empty document.
    pub value: Value,
    /// Its line, from 1.
    pub line: u32,
    /// The line of each field, by its path.
    pub lines: SortedMap<String, u32>,
}

struct Builder<'a, T: Input> {
    parser: Parser<'a, T>,
    text: &'a str,
    /// The line of the whole text that is line 1 here.
    first: u32,
    anchors: SortedMap<usize, (Value, u32)>,
    lines: SortedMap<String, u32>,
    values: u32,
    aliased: bool,
    /// Keys that stand twice: what go-yaml says, and the place of the first.
    twice: Vec<String>,
    twice_at: (u32, u32),
}

fn place(span: &Span) -> (u32, u32) {
    let number = |n: usize| u32::try_from(n).unwrap_or(0);
    (number(span.start.line()), number(span.start.col()) + 1)
}

/// The name after the `*` or `&` at this place of `text`.
pub fn anchor_name(text: &str, line: u32, column: u32) -> String {
    let at = |n: u32| usize::try_from(n.saturating_sub(1)).unwrap_or(0);
    let line = text.lines().nth(at(line)).unwrap_or_default();
    let name = line
        .chars()
        .skip(at(column))
        .skip_while(|c| !matches!(c, '*' | '&'))
        .skip(1);
    name.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        .collect()
}

/// The message for a document that is nested too deeply.
pub fn nested_too_deep() -> String {
    format!("the document is nested over {DEPTH_LIMIT} levels deep")
}

/// Builds the first document of `text`, which begins at line `first` of the whole.
///
/// # Errors
/// The first mistake; keys that stand twice come last, all of them.
pub fn document(text: &str, first: u32) -> Result<Built, Fault> {
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        text,
        first,
        anchors: SortedMap::new(),
        lines: SortedMap::new(),
        values: 0,
        aliased: false,
        twice: Vec::new(),
        twice_at: (0, 0),
    };
    while let Some((event, _)) = builder.next()? {
        if !matches!(event, Event::DocumentStart(_)) {
            continue;
        }
        let Some((event, span)) = builder.next()? else {
            break;
        };
        let (line, _) = place(&span);
        let value = builder.value(event, span, "", 0)?;
        if let Some(list) = (!builder.twice.is_empty()).then(|| builder.twice.join("\n  ")) {
            let message = format!("yaml: unmarshal errors:\n  {list}");
            return Err(builder.content(builder.twice_at, &message));
        }
        let line = first + line - 1;
        let lines = builder.lines;
        return Ok(Built { value, line, lines });
    }
    Ok(Built {
        line: first,
        ..Built::default()
    })
}

impl<'a, T: Input> Builder<'a, T> {
    fn error(&self, (line, column): (u32, u32), message: String) -> ManifestError {
        ManifestError::at(self.first + line.max(1) - 1, column, message)
    }

    fn content(&self, at: (u32, u32), message: &str) -> Fault {
        Fault::Content(self.error(at, format!("{CONVERTING}{message}")))
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Fault> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => {
                let mark = error.marker();
                let at = place(&Span::empty(*mark));
                let message = format!("{CONVERTING}yaml: line {}: {}", at.0, error.info());
                Err(Fault::Syntax(self.error(at, message)))
            }
        }
    }

    /// The value that `event` begins.
    fn value(
        &mut self,
        event: Event<'a>,
        span: Span,
        path: &str,
        depth: u32,
    ) -> Result<Value, Fault> {
        let at = place(&span);
        if depth > DEPTH_LIMIT {
            return Err(Fault::Limit(self.error(at, nested_too_deep())));
        }
        if !path.is_empty() {
            self.lines
                .entry(path.to_owned())
                .or_insert(self.first + at.0 - 1);
        }
        let before = self.values;
        self.count(1, at)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (self.scalar(&text, style, tag.as_ref(), at)?, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.sequence(path, depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(path, depth)?, anchor),
            Event::Alias(id) => {
                self.aliased = true;
                let Some((_, size)) = self.anchors.get(&id) else {
                    let name = anchor_name(self.text, at.0, at.1);
                    let message = format!("yaml: anchor '{name}' value contains itself");
                    return Err(self.content(at, &message));
                };
                let size = *size;
                self.count(size, at)?;
                (self.anchors[&id].0.clone(), 0)
            }
            _ => (Value::Null, 0),
        };
        if anchor > 0 {
            let size = self.values - before;
            self.count(size, at)?;
            self.anchors.insert(anchor, (value.clone(), size));
        }
        Ok(value)
    }

    fn count(&mut self, size: u32, at: (u32, u32)) -> Result<(), Fault> {
        self.values = self.values.saturating_add(size);
        if self.values <= VALUE_LIMIT {
            return Ok(());
        }
        let message = match self.aliased {
            true => format!("{CONVERTING}yaml: document contains excessive aliasing"),
            false => format!("the document holds over {VALUE_LIMIT} values"),
        };
        Err(Fault::Limit(self.error(at, message)))
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Cow<'_, Tag>>,
        at: (u32, u32),
    ) -> Result<Value, Fault> {
        let meaning = self.meaning(text, style, tag, at)?;
        if tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "binary") {
            return self.binary(text, at);
        }
        let value = meaning.to_json(text);
        value.map_err(|message| self.content(at, &message))
    }

    fn meaning(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Cow<'_, Tag>>,
        at: (u32, u32),
    ) -> Result<Meaning, Fault> {
        let Some(tag) = tag else {
            return Ok(match style {
                ScalarStyle::Plain => scalar::resolve(text),
                _ => Meaning::Text,
            });
        };
        let wanted = match tag.suffix.as_str() {
            "bool" | "int" | "float" | "null" | "timestamp" if tag.is_yaml_core_schema() => {
                format!("!!{}", tag.suffix)
            }
            _ => return Ok(Meaning::Text),
        };
        match scalar::resolve(text) {
            Meaning::Timestamp if wanted != "!!timestamp" => {}
            found if found.tag() == wanted => return Ok(found),
            Meaning::Int(value) if wanted == "!!float" => return Ok(Meaning::Int(value)),
            _ => {}
        }
        let found = match scalar::resolve(text) {
            Meaning::Timestamp => "!!str",
            found => found.tag(),
        };
        let message = format!("yaml: cannot decode {found} `{text}` as a {wanted}");
        Err(self.content(at, &message))
    }

    fn binary(&self, text: &str, at: (u32, u32)) -> Result<Value, Fault> {
        use base64::Engine;
        let joined: String = text.split_whitespace().collect();
        match base64::engine::general_purpose::STANDARD.decode(joined) {
            Ok(bytes) => Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned())),
            Err(_) => {
                let message = "yaml: !!binary value contains invalid base64 data";
                Err(self.content(at, message))
            }
        }
    }

    fn sequence(&mut self, path: &str, depth: u32) -> Result<Value, Fault> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            let path = format!("{path}[{}]", items.len());
            items.push(self.value(event, span, &path, depth + 1)?);
        }
        Ok(Value::Array(items))
    }

    fn mapping(&mut self, path: &str, depth: u32) -> Result<Value, Fault> {
        let mut fields = Map::new();
        let mut seen = SortedSet::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let at = place(&span);
            if is_merge(&event) {
                self.merge(&mut fields, path, depth)?;
                continue;
            }
            let key = self.key(event, span, depth)?;
            let path = match path {
                "" => key.name.clone(),
                path => format!("{path}.{}", key.name),
            };
            self.lines.insert(path.clone(), self.first + at.0 - 1);
            let Some((event, span)) = self.next()? else {
                break;
            };
            let value_at = place(&span);
            let value = self.value(event, span, &path, depth + 1)?;
            if !seen.insert(key.shown.clone()) {
                let line = value_at.0;
                self.twice
                    .push(format!("line {line}: key {} already set in map", key.shown));
                if self.twice.len() == 1 {
                    self.twice_at = at;
                }
                continue;
            }
            fields.insert(key.name, value);
        }
        Ok(Value::Object(fields))
    }

    fn null_key(&self, at: (u32, u32)) -> Fault {
        self.content(at, "unsupported map key of type: %!s(<nil>), key: <nil>")
    }

    /// `<<: *defaults`: what the other map says counts over what stood here before it.
    fn merge(
        &mut self,
        fields: &mut Map<String, Value>,
        path: &str,
        depth: u32,
    ) -> Result<(), Fault> {
        let Some((event, span)) = self.next()? else {
            return Ok(());
        };
        let at = place(&span);
        let path = match path {
            "" => "<<".to_owned(),
            path => format!("{path}.<<"),
        };
        let maps = match self.value(event, span, &path, depth + 1)? {
            Value::Array(items) => items,
            other => vec![other],
        };
        // Earlier maps of a list take precedence.
        for map in maps.into_iter().rev() {
            let Value::Object(map) = map else {
                let message = "yaml: map merge requires map or sequence of maps as the value";
                return Err(self.content(at, message));
            };
            fields.extend(map);
        }
        Ok(())
    }

    fn key(&mut self, event: Event<'a>, span: Span, depth: u32) -> Result<Key, Fault> {
        let at = place(&span);
        if let Event::Scalar(text, style, 0, tag) = &event
            && let Meaning::Float(value) = self.meaning(text, *style, tag.as_ref(), at)?
        {
            #[expect(clippy::cast_possible_truncation, reason = "upstream does the same")]
            let name = scalar::go_float(&format!("{:e}", value as f32));
            let shown = name.clone();
            return Ok(Key { name, shown });
        }
        let name = match self.value(event, span, "", depth + 1)? {
            Value::String(name) => {
                let shown = format!("{name:?}");
                return Ok(Key { name, shown });
            }
            Value::Null => return Err(self.null_key(at)),
            key @ (Value::Array(_) | Value::Object(_)) => {
                return Err(self.content(at, &format!("yaml: invalid map key: {key}")));
            }
            key => key.to_string(),
        };
        let shown = name.clone();
        Ok(Key { name, shown })
    }
}

/// A key's text, and the key as Go prints it: a text is quoted.
struct Key {
    name: String,
    shown: String,
}

fn is_merge(event: &Event<'_>) -> bool {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, _, None) => text == "<<",
        Event::Scalar(text, ScalarStyle::Plain, _, Some(tag)) => {
            text == "<<" && tag.is_yaml_core_schema() && tag.suffix == "merge"
        }
        _ => false,
    }
}
