//! Label selectors, compiled once and matched often.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/labels/selector.go, v1.36.

mod parse;

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
    /// The label is a number greater than the value.
    GreaterThan,
    /// The label is a number less than the value.
    LessThan,
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
            Operator::GreaterThan => self.numbers(value).is_some_and(|(own, limit)| own > limit),
            Operator::LessThan => self.numbers(value).is_some_and(|(own, limit)| own < limit),
        }
    }

    /// A label and what it is compared with, as numbers.
    fn numbers(&self, value: Option<&String>) -> Option<(i64, i64)> {
        let limit = self.values.first()?.parse().ok()?;
        Some((value?.parse().ok()?, limit))
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
        let mut requirements = parse::parse(text)?;
        sort_by(&mut requirements, |a, b| a.key.cmp(&b.key));
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
                (Operator::GreaterThan, values) => write!(f, "{}>{}", r.key, values.join(","))?,
                (Operator::LessThan, values) => write!(f, "{}<{}", r.key, values.join(","))?,
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
        let labels: BTreeMap<String, String> = [("app", "web"), ("size", "5"), ("tier", "a")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        for (text, matches) in [
            ("app=web", true),
            ("app!=web", false),
            ("app=web,tier in (a,b)", true),
            ("tier notin (a,b)", false),
            ("!old", true),
            ("old", false),
            ("size>3", true),
            ("size<5", false),
            ("app>3", false),
        ] {
            let selector = Selector::parse(text).expect(text);
            assert_eq!(selector.matches(&labels), matches, "{text}");
            assert_eq!(selector.to_string(), text);
        }
        assert!(!Selector::nothing().matches(&labels));
    }
}
