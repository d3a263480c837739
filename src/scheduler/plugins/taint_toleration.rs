//! A tainted node takes only Pods that tolerate it.
//!
//! Upstream: pkg/scheduler/framework/plugins/tainttoleration/taint_toleration.go, v1.36. The score
//! is 100 less 10 for each PreferNoSchedule taint not tolerated; upstream scales over all nodes.

use crate::api::toleration;
use crate::scheduler::framework::{FilterPlugin, ScorePlugin};
use crate::scheduler::{NodeInfo, PodRequest};
use k8s_openapi::api::core::v1::{Pod, Taint};

/// Filters and scores by taints.
pub struct TaintToleration;

/// Whether the Pod tolerates `taint`.
pub fn tolerates(pod: &Pod, taint: &Taint) -> bool {
    toleration::of(pod, taint).is_some()
}

fn taints(node: &NodeInfo) -> impl Iterator<Item = &Taint> {
    node.node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten())
}

impl FilterPlugin for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn filter(&self, pod: &Pod, _: &PodRequest, node: &NodeInfo) -> Vec<String> {
        let refuses = |taint: &&Taint| {
            matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute") && !tolerates(pod, taint)
        };
        match taints(node).any(|taint| refuses(&taint)) {
            true => vec!["node(s) had untolerated taint(s)".to_owned()],
            false => Vec::new(),
        }
    }
}

impl ScorePlugin for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn weight(&self) -> i64 {
        3
    }

    fn score(&self, pod: &Pod, _: &PodRequest, node: &NodeInfo) -> i64 {
        let unwanted = taints(node)
            .filter(|taint| taint.effect == "PreferNoSchedule" && !tolerates(pod, taint))
            .count();
        (100 - 10 * i64::try_from(unwanted).unwrap_or(10)).max(0)
    }
}
