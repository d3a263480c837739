//! Manifests: YAML or JSON text to JSON values, as kubectl reads them, with the line of every field.
//!
//! Upstream: sigs.k8s.io/yaml, go.yaml.in/yaml/v2 (YAML 1.1). `serde_yaml` judges the syntax and
//! words its errors; the events of `saphyr-parser` say what it cannot: which scalars were quoted,
//! which keys stand twice, and where everything is. Left out: merge keys (`<<`), tags, binary.

mod build;
mod scalar;

use serde_json::Value;
use std::collections::BTreeMap;

/// The longest text that is read, in bytes.
pub const TEXT_LIMIT: u32 = 1_024 * 1_024;
/// The most objects in one text.
pub const DOCUMENT_LIMIT: u32 = 1_000;

/// One object of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The object.
    pub value: Value,
    /// The line it starts at, from 1.
    pub line: u32,
    /// The line of each field, by its path: `spec.containers[0].image`.
    pub lines: BTreeMap<String, u32>,
}

impl Document {
    /// The line of the field at `path`, or of the closest field around it that is there.
    pub fn line_of(&self, path: &str) -> u32 {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return *line;
            }
            match path.rfind(['.', '[']) {
                Some(at) => path = &path[..at],
                None => return self.line,
            }
        }
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
    if text.len() > TEXT_LIMIT as usize {
        return Err(ManifestError::at(
            0,
            0,
            format!("the text is over {TEXT_LIMIT} bytes"),
        ));
    }
    check_syntax(text)?;
    let mut documents = Vec::new();
    for document in build::documents(text)? {
        take_apart(document, &mut documents);
    }
    match documents.len() > DOCUMENT_LIMIT as usize {
        true => {
            let message = format!("the text holds over {DOCUMENT_LIMIT} objects");
            Err(ManifestError::at(0, 0, message))
        }
        false => Ok(documents),
    }
}

fn check_syntax(text: &str) -> Result<(), ManifestError> {
    use serde::Deserialize;
    for document in serde_yaml::Deserializer::from_str(text) {
        if let Err(error) = serde::de::IgnoredAny::deserialize(document) {
            let place = error.location();
            let line = place
                .as_ref()
                .map_or(0, |at| u32::try_from(at.line()).unwrap_or(0));
            let column = place
                .as_ref()
                .map_or(0, |at| u32::try_from(at.column()).unwrap_or(0));
            let message = format!("error converting YAML to JSON: yaml: line {line}: {error}");
            return Err(ManifestError::at(line, column, message));
        }
    }
    Ok(())
}

fn take_apart(document: Document, documents: &mut Vec<Document>) {
    let is_list = document.value.get("kind").and_then(Value::as_str) == Some("List");
    let Some(items) = document
        .value
        .get("items")
        .and_then(Value::as_array)
        .filter(|_| is_list)
    else {
        if !document.value.is_null() {
            documents.push(document);
        }
        return;
    };
    for (index, item) in items.iter().enumerate() {
        let prefix = format!("items[{index}]");
        let inside = |path: &String| {
            path.strip_prefix(&prefix)?
                .strip_prefix('.')
                .map(str::to_owned)
        };
        let lines = document
            .lines
            .iter()
            .filter_map(|(p, l)| Some((inside(p)?, *l)))
            .collect();
        let line = document.line_of(&prefix);
        documents.push(Document {
            value: item.clone(),
            line,
            lines,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_is_read_as_kubectl_reads_it() {
        let text = "a: yes\nb: \"yes\"\nc: 0644\nd: 1.5\ne: ~\nf: 010\ng: 'x'\nh: off\ni: 1e3\nj: 2026-01-01\n";
        let document = parse(text).expect("valid").remove(0);
        let want = json!({
            "a": true, "b": "yes", "c": 420, "d": 1.5, "e": null, "f": 8, "g": "x", "h": false,
            "i": 1000.0, "j": "2026-01-01"
        });
        assert_eq!(document.value, want);
    }

    #[test]
    fn documents_lists_and_json_are_taken_apart() {
        let text = "a: 1\n---\n# nothing\n---\nkind: List\nitems:\n- b: 2\n- c: 3\n";
        let documents = parse(text).expect("valid");
        let values: Vec<_> = documents.iter().map(|d| d.value.clone()).collect();
        assert_eq!(values, [json!({"a": 1}), json!({"b": 2}), json!({"c": 3})]);
        assert_eq!(documents[2].line_of("c"), 8);
        assert_eq!(
            parse("{\"a\": [1, 2]}").expect("valid")[0].value,
            json!({"a": [1, 2]})
        );
    }

    #[test]
    fn mistakes_have_a_place() {
        assert_eq!(parse("a: b: c").expect_err("wrong").line, 1);
        let twice = parse("a: 1\nb:\n  c: 1\n  c: 2\n").expect_err("wrong");
        assert_eq!(twice.line, 4);
        assert!(
            twice.message.contains("key \"c\" already set in map"),
            "{}",
            twice.message
        );
        let document = parse("spec:\n  list:\n  - x: 1\n    y: 2\n")
            .expect("valid")
            .remove(0);
        assert_eq!(document.line_of("spec.list[0].y"), 4);
        assert_eq!(document.line_of("spec.list[0].z"), 3);
    }
}
