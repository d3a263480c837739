//! How each field of the API merges: as one value, as a set, or item by item under a key.
//!
//! Upstream: the `patchStrategy` and `patchMergeKey` tags and the `+listType`, `+listMapKey`,
//! `+mapType`, `+structType` markers of staging/src/k8s.io/api, v1.36, by way of
//! staging/src/k8s.io/client-go/applyconfigurations/internal/internal.go. The table is
//! `static/merge.txt`; it covers every stable type, whether it is served or not.
//!
//! Its form, one line a definition: `core.v1.PodSpec volumes:map=name:merge,retainKeys=name …`.
//! After a field's name comes how server-side apply sees it (`atomic`, `set`, `map=` and the keys,
//! `-` for what the type says), then how strategic merge does (`merge`, `retainKeys`, and the key),
//! then `?` and the default that the field has as a key. The field `*` is the definition itself.
use crate::sim::SortedMap;
use std::sync::LazyLock;

/// How server-side apply sees a list or a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Topology {
    /// As its type says: objects and maps field by field, lists as one value.
    #[default]
    Plain,
    /// As one value.
    Atomic,
    /// A list of values that are there or not.
    Set,
    /// A list of objects with keys.
    Keyed(Vec<&'static str>),
}

/// How one field merges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldRule {
    /// For server-side apply.
    pub topology: Topology,
    /// For strategic merge: a list merges instead of being replaced.
    pub merges: bool,
    /// For strategic merge: by this key, where its items are objects.
    pub merge_key: Option<&'static str>,
    /// What the field is as a key where it is left out.
    pub default: Option<&'static str>,
}

type Rules = SortedMap<&'static str, SortedMap<&'static str, FieldRule>>;

static TABLE: LazyLock<Rules> = LazyLock::new(|| parse(include_str!("../../../static/merge.txt")));

static PLAIN: FieldRule = FieldRule {
    topology: Topology::Plain,
    merges: false,
    merge_key: None,
    default: None,
};

/// The rule of a definition's field; the field `*` is the definition itself.
pub fn rule(definition: &str, field: &str) -> &'static FieldRule {
    let found = TABLE.get(definition).and_then(|fields| fields.get(field));
    found.unwrap_or(&PLAIN)
}

fn parse(text: &'static str) -> Rules {
    let mut rules = Rules::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let Some(name) = words.next() else {
            continue;
        };
        rules.insert(name, words.filter_map(parse_field).collect());
    }
    rules
}

fn parse_field(word: &'static str) -> Option<(&'static str, FieldRule)> {
    let (word, default) = match word.split_once('?') {
        Some((word, default)) => (word, Some(default)),
        None => (word, None),
    };
    let (field, rest) = word.split_once(':')?;
    let (topology, patch) = rest.split_once(':').unwrap_or((rest, ""));
    let topology = match topology.split_once('=') {
        Some(("map", keys)) => Topology::Keyed(keys.split(',').collect()),
        _ => match topology {
            "atomic" => Topology::Atomic,
            "set" => Topology::Set,
            _ => Topology::Plain,
        },
    };
    let (strategies, merge_key) = match patch.split_once('=') {
        Some((strategies, key)) => (strategies, Some(key)),
        None => (patch, None),
    };
    let merges = strategies.split(',').any(|strategy| strategy == "merge");
    let rule = FieldRule {
        topology,
        merges,
        merge_key,
        default,
    };
    Some((field, rule))
}

/// The `x-kubernetes-…` extensions that tell a client of OpenAPI how a field merges: patch
/// strategy, patch merge key, list type, list map keys.
pub fn extensions(definition: &str, field: &str) -> Vec<(&'static str, serde_json::Value)> {
    let rule = rule(definition, field);
    let mut found = Vec::new();
    match &rule.topology {
        Topology::Plain => {}
        Topology::Atomic => found.push(("x-kubernetes-list-type", "atomic".into())),
        Topology::Set => found.push(("x-kubernetes-list-type", "set".into())),
        Topology::Keyed(keys) => {
            found.push(("x-kubernetes-list-type", "map".into()));
            found.push(("x-kubernetes-list-map-keys", keys.clone().into()));
        }
    }
    let strategies = strategies(definition, field);
    if !strategies.is_empty() {
        found.push(("x-kubernetes-patch-strategy", strategies.into()));
    }
    if let Some(key) = rule.merge_key {
        found.push(("x-kubernetes-patch-merge-key", key.into()));
    }
    found
}

/// The text of a field's `patchStrategy` tag.
fn strategies(definition: &str, field: &str) -> &'static str {
    let head = format!("{definition} ");
    let line = include_str!("../../../static/merge.txt")
        .lines()
        .find(|line| line.starts_with(&head))
        .unwrap_or_default();
    let start = format!("{field}:");
    let word = line.split(' ').find(|word| word.starts_with(&start));
    let word = word
        .unwrap_or_default()
        .split('?')
        .next()
        .unwrap_or_default();
    let patch = word.split(':').nth(2).unwrap_or_default();
    patch.split('=').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::schema::schema;

    #[test]
    fn rules_are_those_of_the_tags() {
        let ports = rule("core.v1.Container", "ports");
        assert_eq!(
            ports.topology,
            Topology::Keyed(vec!["containerPort", "protocol"])
        );
        assert_eq!(
            (ports.merges, ports.merge_key),
            (true, Some("containerPort"))
        );
        assert_eq!(
            rule("core.v1.PodSpec", "tolerations").topology,
            Topology::Atomic
        );
        assert!(!rule("core.v1.PodSpec", "tolerations").merges);
        assert_eq!(
            rule("core.v1.ContainerPort", "protocol").default,
            Some("TCP")
        );
        assert_eq!(
            rule("meta.v1.LabelSelector", "*").topology,
            Topology::Atomic
        );
        assert!(!rule("apps.v1.DeploymentSpec", "strategy").merges);
        let volumes = extensions("core.v1.PodSpec", "volumes");
        assert!(volumes.contains(&("x-kubernetes-patch-strategy", "merge,retainKeys".into())));
    }

    #[test]
    fn every_rule_of_a_served_type_names_a_field() {
        for (definition, fields) in &*TABLE {
            let Some(known) = schema().definition(definition) else {
                continue;
            };
            for field in fields.keys().filter(|field| **field != "*") {
                assert!(known.field(field).is_some(), "{definition}.{field}");
            }
        }
    }
}
