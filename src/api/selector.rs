//! Label selectors, compiled once and matched often.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/labels/selector.go, v1.36.

use crate::sim::order::sort_by;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// How a requirement compares the label with its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Operator {
    /// The label has one of the values.
    In,
    /// The label is missing or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is missing.
    DoesNotExist,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// The comparison.
    pub operator: Operator,
    /// What it is compared with.
    pub values: Vec<String>,
}

impl Requirement {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            Operator::In => value.is_some_and(|v| self.values.contains(v)),
            Operator::NotIn => value.is_none_or(|v| !self.values.contains(v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

/// All of its requirements must hold. [`Selector::nothing`] matches no object at all,
/// the default matches every one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Selector {
    requirements: Vec<Requirement>,
    nothing: bool,
}

impl Selector {
    /// Matches every object.
    pub const fn everything() -> Self {
        Self {
            requirements: Vec::new(),
            nothing: false,
        }
    }

    /// Matches no object.
    pub const fn nothing() -> Self {
        Self {
            requirements: Vec::new(),
            nothing: true,
        }
    }

    /// Matches objects that have all these labels, as a Service's selector does.
    pub fn from_map(labels: &BTreeMap<String, String>) -> Self {
        let requirements = labels
            .iter()
            .map(|(key, value)| Requirement {
                key: key.clone(),
                operator: Operator::In,
                values: vec![value.clone()],
            })
            .collect();
        Self {
            requirements,
            nothing: false,
        }
    }

    /// Compiles a `LabelSelector`. An absent selector matches nothing, an empty one everything.
    ///
    /// # Errors
    /// The offending operator, in upstream's words.
    pub fn from_label_selector(selector: Option<&LabelSelector>) -> Result<Self, String> {
        let Some(selector) = selector else {
            return Ok(Self::nothing());
        };
        let mut compiled =
            Self::from_map(selector.match_labels.as_ref().unwrap_or(&BTreeMap::new()));
        for expression in selector.match_expressions.iter().flatten() {
            let operator = match expression.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => return Err(format!("{other:?} is not a valid label selector operator")),
            };
            compiled.requirements.push(Requirement {
                key: expression.key.clone(),
                operator,
                values: expression.values.clone().unwrap_or_default(),
            });
        }
        sort_by(&mut compiled.requirements, |a, b| a.key.cmp(&b.key));
        Ok(compiled)
    }

    /// Parses the text form that `kubectl -l` takes: `app=web,tier in (a, b),!old`.
    ///
    /// # Errors
    /// What could not be understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            requirements.push(parse_requirement(part)?);
        }
        Ok(Self {
            requirements,
            nothing: false,
        })
    }

    /// Whether an object with `labels` is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.nothing && self.requirements.iter().all(|r| r.matches(labels))
    }

    /// Whether it has no requirement.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The requirements.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_requirement(part: &str) -> Result<Requirement, String> {
    let requirement = |key: &str, operator, values: Vec<String>| {
        let key = key.trim().to_owned();
        match key.is_empty() || key.contains(char::is_whitespace) {
            true => Err(format!("unable to parse requirement: {part:?}")),
            false => Ok(Requirement {
                key,
                operator,
                values,
            }),
        }
    };
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some(key) = part.strip_prefix('!') {
        return requirement(key, Operator::DoesNotExist, Vec::new());
    }
    if let Some((key, value)) = part.split_once("!=") {
        return requirement(key, Operator::NotIn, one(value));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return requirement(key, Operator::In, one(value));
    }
    if let Some((head, list)) = part.split_once('(') {
        let values = list
            .trim_end()
            .strip_suffix(')')
            .ok_or("found '', expected: ',' or ')'")?;
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        let head = head.trim_end();
        if let Some(key) = head.strip_suffix(" notin") {
            return requirement(key, Operator::NotIn, values);
        }
        if let Some(key) = head.strip_suffix(" in") {
            return requirement(key, Operator::In, values);
        }
        return Err(format!("unable to parse requirement: {part:?}"));
    }
    requirement(part, Operator::Exists, Vec::new())
}

impl fmt::Display for Selector {
    /// As kubectl prints a selector: `app=web,tier in (a,b),!old`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nothing {
            return f.write_str("<none>");
        }
        for (index, r) in self.requirements.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match (r.operator, r.values.as_slice()) {
                (Operator::In, [one]) => write!(f, "{}={one}", r.key)?,
                (Operator::NotIn, [one]) => write!(f, "{}!={one}", r.key)?,
                (Operator::In, many) => write!(f, "{} in ({})", r.key, many.join(","))?,
                (Operator::NotIn, many) => write!(f, "{} notin ({})", r.key, many.join(","))?,
                (Operator::Exists, _) => f.write_str(&r.key)?,
                (Operator::DoesNotExist, _) => write!(f, "!{}", r.key)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_parses_matches_and_prints() {
        let labels: BTreeMap<String, String> = [("app", "web"), ("tier", "a")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        for (text, matches) in [
            ("app=web", true),
            ("app!=web", false),
            ("app=web,tier in (a,b)", true),
            ("tier notin (a,b)", false),
            ("!old", true),
            ("old", false),
        ] {
            let selector = Selector::parse(text).expect(text);
            assert_eq!(selector.matches(&labels), matches, "{text}");
            assert_eq!(selector.to_string(), text);
        }
        assert!(Selector::parse("a in (b").is_err());
        assert!(!Selector::nothing().matches(&labels));
    }
}
