//! Which nodes a Pod asks for: its node selector and its required node affinity.
//!
//! Upstream: staging/src/k8s.io/component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go,
//! v1.36.

use super::meta::{self, MetaExt};
use crate::sim::order::map_of;
use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec};
use std::collections::BTreeMap;

fn requirement(requirement: &NodeSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&requirement.key);
    let values = requirement.values.as_deref().unwrap_or_default();
    let number = |text: Option<&String>| text.and_then(|text| text.parse::<i64>().ok());
    match requirement.operator.as_str() {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => number(value) > number(values.first()) && value.is_some(),
        "Lt" => number(value) < number(values.first()) && value.is_some(),
        _ => false,
    }
}

/// Whether `node` meets all that `term` asks of its labels and its name; a term that asks for nothing
/// is met by none.
pub fn meets(term: &NodeSelectorTerm, node: &Node) -> bool {
    let labels = meta::labels(&node.metadata);
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    let name = match fields {
        [] => BTreeMap::new(),
        _ => map_of([("metadata.name".to_owned(), node.name().to_owned())]),
    };
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(|r| requirement(r, labels))
        && fields.iter().all(|r| requirement(r, &name))
}

/// The terms of a Pod's required node affinity; `None`: it has none.
pub fn required(spec: &PodSpec) -> Option<&[NodeSelectorTerm]> {
    let affinity = spec.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = &affinity.required_during_scheduling_ignored_during_execution;
    Some(&required.as_ref()?.node_selector_terms)
}

/// Whether a Pod may stand on `node` by its node selector and its required affinity.
pub fn allows(spec: &PodSpec, node: &Node) -> bool {
    let labels = meta::labels(&node.metadata);
    let mut selected = spec.node_selector.iter().flatten();
    selected.all(|(key, value)| labels.get(key) == Some(value))
        && required(spec).is_none_or(|terms| terms.iter().any(|term| meets(term, node)))
}
