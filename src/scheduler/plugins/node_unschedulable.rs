//! A cordoned node takes no new Pods.
//!
//! Upstream: pkg/scheduler/framework/plugins/nodeunschedulable/node_unschedulable.go, v1.36.

use super::taint_toleration::tolerates;
use crate::scheduler::framework::FilterPlugin;
use crate::scheduler::{NodeInfo, PodRequest};
use k8s_openapi::api::core::v1::{Pod, Taint};

/// Filters by `spec.unschedulable`.
pub struct NodeUnschedulable;

impl FilterPlugin for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }

    fn filter(&self, pod: &Pod, _: &PodRequest, node: &NodeInfo) -> Vec<String> {
        if node.node.spec.as_ref().and_then(|spec| spec.unschedulable) != Some(true) {
            return Vec::new();
        }
        let taint = Taint {
            key: "node.kubernetes.io/unschedulable".to_owned(),
            effect: "NoSchedule".to_owned(),
            ..Taint::default()
        };
        match tolerates(pod, &taint) {
            true => Vec::new(),
            false => vec!["node(s) were unschedulable".to_owned()],
        }
    }
}
