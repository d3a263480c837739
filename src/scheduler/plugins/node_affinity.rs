//! Node selectors and node affinity.
//!
//! Upstream: pkg/scheduler/framework/plugins/nodeaffinity/node_affinity.go, v1.36. The score is the
//! sum of the weights of the matching preferences, capped at 100; upstream scales over all nodes.

use crate::api::meta::MetaExt;
use crate::scheduler::framework::{FilterPlugin, ScorePlugin};
use crate::scheduler::{NodeInfo, PodRequest, node_labels};
use crate::sim::order::map_of;
use k8s_openapi::api::core::v1::{self as core, NodeSelectorRequirement, NodeSelectorTerm, Pod};
use std::collections::BTreeMap;

/// Filters and scores by node labels.
pub struct NodeAffinity;

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

fn term(term: &NodeSelectorTerm, node: &NodeInfo) -> bool {
    let labels = node_labels(&node.node);
    let name = map_of([("metadata.name".to_owned(), node.node.name().to_owned())]);
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(|r| requirement(r, labels))
        && fields.iter().all(|r| requirement(r, &name))
}

/// Whether `selector` selects the node.
pub fn selects(selector: &core::NodeSelector, node: &NodeInfo) -> bool {
    selector.node_selector_terms.iter().any(|t| term(t, node))
}

fn affinity(pod: &Pod) -> Option<&core::NodeAffinity> {
    pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()
}

impl FilterPlugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }

    fn filter(&self, pod: &Pod, _: &PodRequest, node: &NodeInfo) -> Vec<String> {
        let labels = node_labels(&node.node);
        let selector = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.node_selector.as_ref());
        let selected = selector
            .into_iter()
            .flatten()
            .all(|(k, v)| labels.get(k) == Some(v));
        let required = affinity(pod).and_then(|a| {
            a.required_during_scheduling_ignored_during_execution
                .as_ref()
        });
        let fits = required.is_none_or(|selector| selects(selector, node));
        match selected && fits {
            true => Vec::new(),
            false => vec!["node(s) didn't match Pod's node affinity/selector".to_owned()],
        }
    }
}

impl ScorePlugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }

    fn weight(&self) -> i64 {
        2
    }

    fn score(&self, pod: &Pod, _: &PodRequest, node: &NodeInfo) -> i64 {
        let preferred = affinity(pod).and_then(|a| {
            a.preferred_during_scheduling_ignored_during_execution
                .as_ref()
        });
        let matching = preferred
            .into_iter()
            .flatten()
            .filter(|p| term(&p.preference, node));
        matching.map(|p| i64::from(p.weight)).sum::<i64>().min(100)
    }
}
