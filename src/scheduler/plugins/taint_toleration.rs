//! A tainted node takes only Pods that tolerate it.
//!
//! Upstream: pkg/scheduler/framework/plugins/tainttoleration/taint_toleration.go, v1.36. The score
//! is 100 less 10 for each PreferNoSchedule taint not tolerated; upstream scales over all nodes.

use crate::scheduler::framework::{FilterPlugin, ScorePlugin};
use crate::scheduler::{NodeInfo, PodRequest};
use k8s_openapi::api::core::v1::{Pod, Taint, Toleration};

/// Filters and scores by taints.
pub struct TaintToleration;

fn matches(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let (key, effect) = (text(&toleration.key), text(&toleration.effect));
    let exists = toleration.operator.as_deref() == Some("Exists");
    (effect.is_empty() || effect == taint.effect)
        && ((key.is_empty() && exists) || key == taint.key)
        && (exists || toleration.value.clone().unwrap_or_default() == text(&taint.value))
}

/// Whether the Pod tolerates `taint`.
pub fn tolerates(pod: &Pod, taint: &Taint) -> bool {
    let tolerations = pod
        .spec
        .iter()
        .flat_map(|spec| spec.tolerations.iter().flatten());
    tolerations
        .into_iter()
        .any(|toleration| matches(toleration, taint))
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
