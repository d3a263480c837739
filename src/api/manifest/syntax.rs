//! Faulty YAML in kubectl's words, judged by `serde_yaml`, whose scanner is the same as kubectl's.
//!
//! Upstream: go.yaml.in/yaml/v2 decode.go. Its line numbers are kept as they are: they count from 1
//! for what the scanner finds and from 0 for what the parser finds, and line 0 is not printed. The
//! place that is marked in the editor is the true one.

use super::ManifestError;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What the parser finds, rather than the scanner.
const PARSER_PROBLEMS: [&str; 11] = [
    "did not find expected <stream-start>",
    "did not find expected <document start>",
    "did not find expected node content",
    "did not find expected '-' indicator",
    "did not find expected key",
    "did not find expected ',' or ']'",
    "did not find expected ',' or '}'",
    "found duplicate %YAML directive",
    "found incompatible YAML document",
    "found duplicate %TAG directive",
    "found undefined tag handle",
];

/// Checks the first document of `text`, whose first line is line `first` of the whole.
///
/// # Errors
/// The first mistake.
pub fn check(text: &str, first: u32) -> Result<(), ManifestError> {
    let Some(document) = serde_yaml::Deserializer::from_str(text).next() else {
        return Ok(());
    };
    match IgnoredAny::deserialize(document) {
        Ok(_) => Ok(()),
        // Nothing but comments, which is no mistake.
        Err(error) if error.to_string() == "EOF while parsing a value" => Ok(()),
        Err(error) => Err(explain(text, first, &error)),
    }
}

fn explain(text: &str, first: u32, error: &serde_yaml::Error) -> ManifestError {
    let number = |n: usize| u32::try_from(n).unwrap_or(0);
    let words = error.to_string();
    let (problem, offset) = match words.split_once(" at position ") {
        Some((problem, rest)) => (problem, rest.split(',').next().and_then(|n| n.parse().ok())),
        None => (words.split(" at line ").next().unwrap_or(&words), None),
    };
    let problem = problem.split(", while ").next().unwrap_or(problem);
    let (line, column) = match (offset, error.location()) {
        (Some(offset), _) => place_of(text, offset),
        (None, Some(at)) => (number(at.line()), number(at.column())),
        (None, None) => (1, 1),
    };
    let shown = match (line, context_line(&words)) {
        _ if offset.is_some() => 0,
        (1, context) => context.saturating_sub(1),
        (line, _) if PARSER_PROBLEMS.contains(&problem) => line - 1,
        (line, _) => line,
    };
    let message = match problem {
        "unknown anchor" => format!(
            "unknown anchor '{}' referenced",
            super::build::anchor_name(text, line, column)
        ),
        _ if shown > 0 => format!("line {shown}: {problem}"),
        _ => problem.to_owned(),
    };
    ManifestError::at(
        first + line - 1,
        column,
        format!("{}yaml: {message}", super::CONVERTING),
    )
}

/// The line in `…, while parsing a block mapping at line 2 column 3`; 0 without one.
fn context_line(words: &str) -> u32 {
    let context = words.split_once(", ").map_or("", |(_, context)| context);
    let number = context
        .split_once(" at line ")
        .and_then(|(_, rest)| rest.split(' ').next());
    number.and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn place_of(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (
        u32::try_from(line).unwrap_or(0),
        u32::try_from(column).unwrap_or(0),
    )
}
