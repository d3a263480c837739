//! Node selectors and node affinity.
//!
//! Upstream: pkg/scheduler/framework/plugins/nodeaffinity/node_affinity.go, v1.36. The score is the
//! sum of the weights of the matching preferences, capped at 100; upstream scales over all nodes.

use crate::api::node_affinity;
use crate::scheduler::framework::{FilterPlugin, ScorePlugin};
use crate::scheduler::{NodeInfo, PodRequest};
use k8s_openapi::api::core::v1::{self as core, Pod};

/// Filters and scores by node labels.
pub struct NodeAffinity;

fn affinity(pod: &Pod) -> Option<&core::NodeAffinity> {
    pod.spec.as_ref()?.affinity.as_ref()?.node_affinity.as_ref()
}

impl FilterPlugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }

    fn filter(&self, pod: &Pod, _: &PodRequest, node: &NodeInfo) -> Vec<String> {
        let spec = pod.spec.as_ref();
        match spec.is_none_or(|spec| node_affinity::allows(spec, &node.node)) {
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
            .filter(|p| node_affinity::meets(&p.preference, &node.node));
        matching.map(|p| i64::from(p.weight)).sum::<i64>().min(100)
    }
}
