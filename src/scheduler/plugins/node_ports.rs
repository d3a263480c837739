//! Two Pods on a node cannot have the same host port.
//!
//! Upstream: pkg/scheduler/framework/plugins/nodeports/node_ports.go, v1.36. Left out: host IPs.

use crate::scheduler::framework::FilterPlugin;
use crate::scheduler::{NodeInfo, PodRequest};
use k8s_openapi::api::core::v1::Pod;

/// Filters by host ports.
pub struct NodePorts;

impl FilterPlugin for NodePorts {
    fn name(&self) -> &'static str {
        "NodePorts"
    }

    fn filter(&self, _: &Pod, request: &PodRequest, node: &NodeInfo) -> Vec<String> {
        match request.host_ports.is_disjoint(&node.requested.host_ports) {
            true => Vec::new(),
            false => {
                let reason = "node(s) didn't have free ports for the requested pod ports";
                vec![reason.to_owned()]
            }
        }
    }
}
