//! Pods and nodes for the tests of the decisions.

use super::plan::{Place, View};
use crate::api::meta;
use crate::controller::history::HASH_LABEL;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use std::sync::Arc;

/// A Pod on `node` with the template `hash`, ready since that second.
pub fn pod(name: &str, node: &str, hash: &str, phase: &str, ready: Option<u64>) -> Arc<Pod> {
    let at = |second| meta::rfc3339(SimTime::from_secs(second));
    let ready: Vec<Value> = ready
        .map(|second| json!({"type": "Ready", "status": "True", "lastTransitionTime": at(second)}))
        .into_iter()
        .collect();
    let pod = serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": "default", "labels": {HASH_LABEL: hash}},
        "spec": {"nodeName": node, "containers": []},
        "status": {"phase": phase, "conditions": ready},
    }));
    Arc::new(pod.expect("a Pod"))
}

/// A node with these Pods, and whether one is to run there and may go on.
pub fn place<'a>(node: &'a str, (run, go_on): (bool, bool), pods: &'a [Arc<Pod>]) -> Place<'a> {
    Place {
        node,
        exists: true,
        run,
        go_on,
        pods: pods.iter().collect(),
    }
}

/// The hundredth second, where Pods with the template `hash` are new.
pub fn view(hash: &str, surges: bool) -> View<'_> {
    View {
        hash,
        generation: None,
        min_ready: 0,
        surges,
        now: SimTime::from_secs(100),
    }
}
