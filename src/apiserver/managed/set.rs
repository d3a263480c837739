//! Sets of fields, as `metadata.managedFields` holds them.
//!
//! Upstream: vendor/sigs.k8s.io/structured-merge-diff/v6/fieldpath, v1.36. A path's steps keep their
//! written form: `f:name` for a field, `k:{…}` for an item by its keys, `v:…` for a value in a set.

use crate::sim::SortedMap;
use serde_json::{Map, Value};

/// How deeply a set may nest.
const DEPTH_MAX: u32 = 100;

/// A set of paths: whether this one is in it, and the sets below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Whether the path of this set itself is in it.
    pub member: bool,
    /// The next steps.
    pub children: SortedMap<String, FieldSet>,
}

impl FieldSet {
    /// The set of a single value.
    pub const fn leaf() -> Self {
        Self {
            member: true,
            children: SortedMap::new(),
        }
    }

    /// Whether it holds no path.
    pub fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }

    /// Puts `set` below `step`, where it is not empty.
    pub fn put(&mut self, step: String, set: FieldSet) {
        if !set.is_empty() {
            self.children.insert(step, set);
        }
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.member |= other.member;
        for (step, set) in &other.children {
            let joined = match all.children.get(step) {
                Some(own) => own.union(set),
                None => set.clone(),
            };
            all.children.insert(step.clone(), joined);
        }
        all
    }

    /// What is in this and, as `keep` says, in the other.
    fn filter(&self, other: &Self, keep_common: bool) -> Self {
        let mut kept = Self {
            member: self.member && (other.member == keep_common),
            children: SortedMap::new(),
        };
        for (step, set) in &self.children {
            match other.children.get(step) {
                Some(theirs) => kept.put(step.clone(), set.filter(theirs, keep_common)),
                None if !keep_common => kept.put(step.clone(), set.clone()),
                None => {}
            }
        }
        kept
    }

    /// What is in this and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.filter(other, false)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.filter(other, true)
    }

    /// Every path as upstream's messages write it: `.spec.template.spec.containers[name="a"].image`.
    pub fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect("", &mut found);
        found
    }

    fn collect(&self, path: &str, found: &mut Vec<String>) {
        if self.member {
            found.push(path.to_owned());
        }
        for (step, set) in &self.children {
            set.collect(&format!("{path}{}", written(step)), found);
        }
    }

    /// As `fieldsV1` holds it.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        for (step, set) in &self.children {
            let below = match set.children.is_empty() {
                true => Value::Object(Map::new()),
                false => {
                    let mut below = set.to_json();
                    if set.member {
                        below["."] = Value::Object(Map::new());
                    }
                    below
                }
            };
            fields.insert(step.clone(), below);
        }
        Value::Object(fields)
    }

    /// Reads what `fieldsV1` holds; what is no step is left out.
    pub fn from_json(value: &Value) -> Self {
        Self::read(value, 0)
    }

    fn read(value: &Value, depth: u32) -> Self {
        let mut set = Self::default();
        let Some(fields) = value.as_object().filter(|_| depth < DEPTH_MAX) else {
            return set;
        };
        for (step, below) in fields {
            if step == "." {
                set.member = true;
                continue;
            }
            let mut inner = Self::read(below, depth + 1);
            if inner.is_empty() {
                inner.member = true;
            }
            if matches!(step.split(':').next(), Some("f" | "k" | "v" | "i")) {
                set.children.insert(step.clone(), inner);
            }
        }
        set
    }
}

/// A step as messages write it.
fn written(step: &str) -> String {
    let Some((sort, rest)) = step.split_once(':') else {
        return step.to_owned();
    };
    match sort {
        "f" => format!(".{rest}"),
        "v" => format!("[={rest}]"),
        "i" => format!("[{rest}]"),
        _ => {
            let keys: Map<String, Value> = serde_json::from_str(rest).unwrap_or_default();
            let keys: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("[{}]", keys.join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sets_read_write_and_combine() {
        let json = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:image": {}}}},
        });
        let set = FieldSet::from_json(&json);
        assert_eq!(set.to_json(), json);
        assert_eq!(
            set.paths(),
            [
                ".metadata.labels",
                ".metadata.labels.app",
                ".spec.containers[name=\"a\"]",
                ".spec.containers[name=\"a\"].image",
            ]
        );
        let part = FieldSet::from_json(&json!({"f:metadata": {"f:labels": {"f:app": {}}}}));
        assert_eq!(set.intersection(&part), part);
        let rest = set.difference(&part);
        assert_eq!(rest.paths().len(), 3);
        assert_eq!(rest.union(&part), set);
        assert!(part.difference(&set).is_empty());
    }
}
