//! From the parser's events to values, remembering where everything stood.

use super::{Document, ManifestError, scalar};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const DEPTH_LIMIT: u32 = 64;
/// The most values that anchors and aliases may unfold to.
const VALUE_LIMIT: u32 = 200_000;

struct Builder<'a> {
    events: std::vec::IntoIter<(Event<'a>, Span)>,
    anchors: BTreeMap<usize, (Value, u32)>,
    lines: BTreeMap<String, u32>,
    values: u32,
}

fn place(span: &Span) -> (u32, u32) {
    let number = |n: usize| u32::try_from(n).unwrap_or(0);
    (number(span.start.line()), number(span.start.col()) + 1)
}

/// Every document of `text`, the empty ones as null.
///
/// # Errors
/// A key that stands twice, or a limit.
pub fn documents(text: &str) -> Result<Vec<Document>, ManifestError> {
    let mut events = Vec::new();
    for next in Parser::new_from_str(text) {
        let event = next.map_err(|error| {
            let line = u32::try_from(error.marker().line()).unwrap_or(0);
            let message = format!("error converting YAML to JSON: yaml: line {line}: {error}");
            ManifestError::at(line, 0, message)
        })?;
        events.push(event);
    }
    let mut builder = Builder {
        events: events.into_iter(),
        anchors: BTreeMap::new(),
        lines: BTreeMap::new(),
        values: 0,
    };
    let mut documents = Vec::new();
    while let Some((event, _)) = builder.events.next() {
        if !matches!(event, Event::DocumentStart(_)) {
            continue;
        }
        let Some((event, span)) = builder.events.next() else {
            break;
        };
        let (value, _) = builder.value(event, span, "", 0)?;
        let (line, _) = place(&span);
        documents.push(Document {
            value,
            line,
            lines: std::mem::take(&mut builder.lines),
        });
    }
    Ok(documents)
}

impl Builder<'_> {
    /// The value that `event` begins, and how many values it holds.
    fn value(
        &mut self,
        event: Event<'_>,
        span: Span,
        path: &str,
        depth: u32,
    ) -> Result<(Value, u32), ManifestError> {
        let (line, column) = place(&span);
        if depth > DEPTH_LIMIT {
            let message = format!("the document is nested over {DEPTH_LIMIT} levels deep");
            return Err(ManifestError::at(line, column, message));
        }
        if !path.is_empty() {
            self.lines.entry(path.to_owned()).or_insert(line);
        }
        let before = self.values;
        self.values += 1;
        let (value, anchor) = match event {
            Event::Scalar(text, ScalarStyle::Plain, anchor, _) => (scalar::plain(&text), anchor),
            Event::Scalar(text, _, anchor, _) => (Value::String(text.into_owned()), anchor),
            Event::SequenceStart(anchor, _) => (self.sequence(path, depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(path, depth)?, anchor),
            Event::Alias(id) => {
                let (value, size) = self.anchors.get(&id).cloned().unwrap_or((Value::Null, 1));
                self.values = self.values.saturating_add(size);
                (value, 0)
            }
            _ => (Value::Null, 0),
        };
        if self.values > VALUE_LIMIT {
            let message =
                "error converting YAML to JSON: yaml: document contains excessive aliasing";
            return Err(ManifestError::at(line, column, message));
        }
        let size = self.values - before;
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), size));
        }
        Ok((value, size))
    }

    fn sequence(&mut self, path: &str, depth: u32) -> Result<Value, ManifestError> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.events.next() {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            let path = format!("{path}[{}]", items.len());
            items.push(self.value(event, span, &path, depth + 1)?.0);
        }
        Ok(Value::Array(items))
    }

    fn mapping(&mut self, path: &str, depth: u32) -> Result<Value, ManifestError> {
        let mut fields = Map::new();
        while let Some((event, span)) = self.events.next() {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let (line, column) = place(&span);
            let key = match event {
                Event::Scalar(text, ..) => text.into_owned(),
                _ => {
                    let message = "error converting YAML to JSON: a map's key is not a text";
                    return Err(ManifestError::at(line, column, message));
                }
            };
            let path = match path {
                "" => key.clone(),
                path => format!("{path}.{key}"),
            };
            self.lines.insert(path.clone(), line);
            let Some((event, span)) = self.events.next() else {
                break;
            };
            let (value, _) = self.value(event, span, &path, depth + 1)?;
            if fields.contains_key(&key) {
                let message = format!(
                    "error converting YAML to JSON: yaml: unmarshal errors:\n  line {line}: key \"{key}\" already set in map"
                );
                return Err(ManifestError::at(line, column, message));
            }
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}
