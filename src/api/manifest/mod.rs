//! Manifests: YAML or JSON text to JSON values, as kubectl reads them, with the line of every field.
//!
//! Upstream: sigs.k8s.io/yaml, go.yaml.in/yaml/v2 (YAML 1.1) and
//! staging/src/k8s.io/cli-runtime/pkg/resource/visitor.go, v1.36. `serde_yaml` judges the syntax and
//! words its errors; the events of `saphyr-parser` say what it cannot: which scalars were quoted,
//! which keys stand twice, and where everything is. One difference on purpose: a key that stands
//! twice is refused in the words of upstream's strict reader, where kubectl takes the last.

mod build;
mod scalar;
mod split;
mod syntax;

pub use build::{DEPTH_LIMIT, VALUE_LIMIT};
pub(super) use scalar::{go_float, is_plain_text};

use crate::sim::SortedMap;
use build::{Built, Fault};
use serde_json::Value;
use split::Chunk;

/// The longest text that is read, in bytes.
pub const TEXT_LIMIT: u32 = 1_024 * 1_024;
/// The most objects in one text.
pub const DOCUMENT_LIMIT: u32 = 1_000;

/// How many brackets may stand open, those in texts included.
const OPEN_LIMIT: u32 = 1_000;
/// How many lines of a document may stand too far left.
const INDENTED_LINES_LIMIT: u32 = 100;
/// How many columns such a line is moved.
const MOVE_BY: usize = 80;
/// What upstream's reader puts before an error.
const CONVERTING: &str = "error converting YAML to JSON: ";

/// One object of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The object.
    pub value: Value,
    /// The line it starts at, from 1.
    pub line: u32,
    /// The line of each field, by its path: `spec.containers[0].image`.
    pub lines: SortedMap<String, u32>,
}

impl Document {
    /// The line of the field at `path`, or of the closest field around it that is there. A map's
    /// key may be written `labels[app]`, as validation does, and list indices may be missing, as
    /// in the decoder's errors.
    pub fn line_of(&self, path: &str) -> u32 {
        let mut path = path;
        loop {
            if let Some(line) = self.line_at(path) {
                return line;
            }
            match path.rfind(['.', '[']) {
                Some(at) => path = &path[..at],
                None => return self.line,
            }
        }
    }

    fn line_at(&self, path: &str) -> Option<u32> {
        if let Some(line) = self.lines.get(path) {
            return Some(*line);
        }
        if let Some((map, key)) = path
            .strip_suffix(']')
            .and_then(|path| path.rsplit_once('['))
        {
            return self.lines.get(&format!("{map}.{key}")).copied();
        }
        let bare = |known: &str| {
            let mut inside = false;
            let kept = known.chars().filter(|c| {
                inside = (inside && *c != ']') || *c == '[';
                !inside && *c != ']'
            });
            kept.eq(path.chars())
        };
        // A map in a list: the first item that has the field.
        let field = path.rsplit('.').next().unwrap_or(path);
        let candidates = self
            .lines
            .iter()
            .filter(|(known, _)| known.ends_with(field));
        candidates
            .filter(|(known, _)| bare(known))
            .map(|(_, line)| *line)
            .min()
    }

    fn lines_below(&self, prefix: &str) -> SortedMap<String, u32> {
        let inside = |path: &String| {
            let rest = path.strip_prefix(prefix)?.strip_prefix('.')?;
            Some(rest.to_owned())
        };
        let lines = self.lines.iter();
        SortedMap::from_iter(lines.filter_map(|(path, line)| Some((inside(path)?, *line))))
    }
}

/// Why a text is no manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// What is wrong.
    pub message: String,
    /// Where, from 1; 0 where that is not known.
    pub line: u32,
    /// The column, from 1; 0 where that is not known.
    pub column: u32,
}

impl ManifestError {
    fn at(line: u32, column: u32, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            line,
            column,
        }
    }
}

/// Reads every object of `text`. Empty documents are skipped, a `List` is taken apart.
///
/// # Errors
/// The first mistake; nothing of a text with a mistake is used.
pub fn parse(text: &str) -> Result<Vec<Document>, ManifestError> {
    let text = whole(text)?;
    let mut documents = Vec::new();
    for chunk in split::chunks(&text)? {
        let document = read(&chunk)?;
        take_apart(document, &mut documents);
        if documents.len() > DOCUMENT_LIMIT as usize {
            let message = format!("the text holds over {DOCUMENT_LIMIT} objects");
            return Err(ManifestError::at(chunk.first, 1, message));
        }
    }
    Ok(documents)
}

/// Writes each document that `change` changes anew, sorted and without comments; the others stay as
/// they are. Nothing where none is changed.
///
/// # Errors
/// The first mistake.
pub fn rewrite(
    text: &str,
    change: &mut dyn FnMut(&mut Value) -> bool,
) -> Result<Option<String>, ManifestError> {
    let text = whole(text)?;
    let (mut new, mut rest, mut changed) = (String::new(), text.as_str(), false);
    for chunk in split::chunks(&text)? {
        let mut value = read(&chunk)?.value;
        let (before, after) = rest.split_once(chunk.text).unwrap_or((rest, ""));
        new.push_str(before);
        rest = after;
        if !change(&mut value) {
            new.push_str(chunk.text);
            continue;
        }
        changed = true;
        match chunk.json {
            Some(_) => new.push_str(&super::codec::to_json(&value)),
            None => {
                let separator = if chunk.text.starts_with("---") {
                    "---\n"
                } else {
                    ""
                };
                new.push_str(separator);
                new.push_str(&super::codec::to_yaml(&value));
            }
        }
    }
    new.push_str(rest);
    Ok(changed.then_some(new))
}

/// The text as it is taken apart: within its limit, its lines ended in one way.
fn whole(text: &str) -> Result<String, ManifestError> {
    if text.len() > TEXT_LIMIT as usize {
        let message = format!("the text is over {TEXT_LIMIT} bytes");
        return Err(ManifestError::at(0, 0, message));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut text = text.replace("\r\n", "\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn read(chunk: &Chunk<'_>) -> Result<Document, ManifestError> {
    let Built { value, line, lines } = built(chunk)?;
    match &value {
        Value::Object(_) | Value::Null => Ok(Document { value, line, lines }),
        other => {
            let message = super::decode::not_an_object(other);
            Err(ManifestError::at(line, 1, message))
        }
    }
}

fn built(chunk: &Chunk<'_>) -> Result<Built, ManifestError> {
    if is_hopelessly_nested(chunk.text) {
        let message = build::nested_too_deep();
        return Err(ManifestError::at(chunk.first, 1, message));
    }
    let built = build::document(chunk.text, chunk.first);
    match (built, &chunk.json) {
        (Err(Fault::Limit(error)), _) => Err(error),
        // The parser only tells where things are; JSON that it cannot read has no places.
        (built, Some(value)) => {
            let nowhere = Built {
                line: chunk.first,
                ..Built::default()
            };
            Ok(Built {
                value: value.clone(),
                ..built.unwrap_or(nowhere)
            })
        }
        (built, None) => {
            syntax::check(chunk.text, chunk.first)?;
            match built {
                Ok(built) => Ok(built),
                Err(Fault::Syntax(error)) => indented(chunk, error),
                Err(Fault::Content(error) | Fault::Limit(error)) => Err(error),
            }
        }
    }
}

/// Whether so many brackets stand open that the parsers would take long to say so.
fn is_hopelessly_nested(text: &str) -> bool {
    let mut open: u32 = 0;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > OPEN_LIMIT {
            return true;
        }
    }
    false
}

/// Reads a document that only the newer rules of YAML 1.2 forbid: the lines of a `[…]` or `{…}` may
/// stand further left than what is around them. Each such line is moved to the right, where it
/// means the same, and the document is read again; its lines keep their numbers.
fn indented(chunk: &Chunk<'_>, first_error: ManifestError) -> Result<Built, ManifestError> {
    let mut text = chunk.text.to_owned();
    let mut line = first_error.line;
    for _ in 0..INDENTED_LINES_LIMIT {
        let wrong = usize::try_from(line - chunk.first).unwrap_or(0);
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let Some(bad) = lines.get_mut(wrong) else {
            break;
        };
        let moved = format!("{:width$}{bad}", "", width = MOVE_BY);
        *bad = &moved;
        text = lines.concat();
        match build::document(&text, chunk.first) {
            Ok(built) => {
                syntax::check(&text, chunk.first)?;
                return Ok(built);
            }
            Err(Fault::Syntax(error)) if error.line > line => line = error.line,
            Err(Fault::Syntax(_)) => break,
            Err(Fault::Content(error) | Fault::Limit(error)) => return Err(error),
        }
    }
    Err(first_error)
}

/// Items of lists, and of lists in lists, are documents of their own.
fn take_apart(document: Document, documents: &mut Vec<Document>) {
    let kind = document.value.get("kind").and_then(Value::as_str);
    let is_list = kind.is_some_and(|kind| kind.ends_with("List"));
    let items = document.value.get("items").and_then(Value::as_array);
    let Some(items) = items.filter(|_| is_list) else {
        if !document.value.is_null() {
            documents.push(document);
        }
        return;
    };
    for (index, item) in items.iter().enumerate() {
        let prefix = format!("items[{index}]");
        let line = document.line_of(&prefix);
        let (value, lines) = (item.clone(), document.lines_below(&prefix));
        take_apart(Document { value, line, lines }, documents);
    }
}

#[cfg(test)]
mod tests;
