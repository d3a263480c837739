//! A text taken apart into documents, as kubectl does before it reads any of them.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/yaml/decoder.go, v1.36.

use super::ManifestError;
use serde_json::Value;

/// One document's text.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk<'a> {
    /// The text.
    pub text: &'a str,
    /// The line of the whole text at which it begins, from 1.
    pub first: u32,
    /// The value, where the document is JSON.
    pub json: Option<Value>,
}

/// The documents of `text`.
///
/// # Errors
/// A separator with something after it; the documents before it are lost.
pub fn chunks(text: &str) -> Result<Vec<Chunk<'_>>, ManifestError> {
    match json(text) {
        Some(chunks) => Ok(chunks),
        None => yaml(text),
    }
}

/// A text that begins with a brace is a series of JSON values, if it can be read so.
fn json(text: &str) -> Option<Vec<Chunk<'_>>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut chunks = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut start = 0;
    while let Some(value) = values.next() {
        let value = value.ok()?;
        let blank = text[start..].len() - text[start..].trim_start().len();
        start += blank;
        chunks.push(Chunk {
            text: &text[start..values.byte_offset()],
            first: line_at(text, start),
            json: Some(value),
        });
        start = values.byte_offset();
    }
    Some(chunks)
}

fn line_at(text: &str, offset: usize) -> u32 {
    u32::try_from(text[..offset].matches('\n').count() + 1).unwrap_or(u32::MAX)
}

/// Documents end at lines that begin with `---`, whatever stands around them.
fn yaml(text: &str) -> Result<Vec<Chunk<'_>>, ManifestError> {
    let mut chunks = Vec::new();
    // Where the document being gathered begins; a separator that begins one is part of it.
    let (mut start, mut first) = (0, 1);
    let (mut offset, mut line) = (0, 0);
    for whole in text.split_inclusive('\n') {
        line += 1;
        if let Some(rest) = whole.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                let message = format!("invalid Yaml document separator: {rest}");
                return Err(ManifestError::at(line, 1, message));
            }
            if offset > start {
                let text = &text[start..offset];
                chunks.push(Chunk {
                    text,
                    first,
                    json: None,
                });
                start = offset + whole.len();
                first = line + 1;
            }
        }
        offset += whole.len();
    }
    if start < text.len() {
        let text = &text[start..];
        chunks.push(Chunk {
            text,
            first,
            json: None,
        });
    }
    Ok(chunks)
}
