//! A Pod that names its node fits only there.
//!
//! Upstream: pkg/scheduler/framework/plugins/nodename/node_name.go, v1.36.

use crate::api::meta::MetaExt;
use crate::scheduler::framework::FilterPlugin;
use crate::scheduler::{NodeInfo, PodRequest, node_of};
use k8s_openapi::api::core::v1::Pod;

/// Filters by `spec.nodeName`.
pub struct NodeName;

impl FilterPlugin for NodeName {
    fn name(&self) -> &'static str {
        "NodeName"
    }

    fn filter(&self, pod: &Pod, _: &PodRequest, node: &NodeInfo) -> Vec<String> {
        let wanted = node_of(pod);
        match wanted.is_empty() || wanted == node.node.name() {
            true => Vec::new(),
            false => vec!["node(s) didn't match the requested node name".to_owned()],
        }
    }
}
