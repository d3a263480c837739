//! A Pod's view: the one word that says how it is.
//!
//! Upstream: pkg/printers/internalversion/printers.go (printPod), v1.36. Left out: init containers.

use super::place;
use crate::api::meta::MetaExt;
use crate::api::{condition, owner};
use crate::protocol::PodView;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// The node it is on; empty where it has none.
pub fn node(pod: &Pod) -> &str {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.node_name.as_deref())
        .unwrap_or_default()
}

fn statuses(pod: &Pod) -> &[ContainerStatus] {
    let status = pod.status.as_ref();
    status
        .and_then(|status| status.container_statuses.as_deref())
        .unwrap_or_default()
}

/// The word in kubectl's STATUS column.
fn status(pod: &Pod) -> String {
    if pod.is_terminating() {
        return "Terminating".to_owned();
    }
    for container in statuses(pod).iter().rev() {
        let Some(state) = &container.state else {
            continue;
        };
        let waiting = state
            .waiting
            .as_ref()
            .and_then(|waiting| waiting.reason.clone());
        let ended = state
            .terminated
            .as_ref()
            .and_then(|ended| ended.reason.clone());
        if let Some(reason) = waiting.or(ended) {
            return reason;
        }
    }
    pod.status
        .as_ref()
        .and_then(|status| status.phase.clone())
        .unwrap_or_default()
}

/// Everything the screen shows of a Pod.
pub fn view(pod: &Pod) -> PodView {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let ready = condition::is_true(conditions, "Ready");
    let status = status(pod);
    let mood = match status.as_str() {
        "Terminating" => "ending",
        "Running" if ready => "ready",
        "Completed" => "ready",
        "Running" | "Pending" | "ContainerCreating" => "busy",
        _ => "failing",
    };
    let image = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.containers.first()?.image.clone());
    PodView {
        at: place(pod),
        mood: mood.to_owned(),
        restarts: statuses(pod).iter().map(|c| c.restart_count).sum(),
        ip: pod
            .status
            .as_ref()
            .and_then(|status| status.pod_ip.clone())
            .unwrap_or_default(),
        image: image.unwrap_or_default(),
        owner: owner::controller_of(&pod.metadata)
            .map(|r| r.name.clone())
            .unwrap_or_default(),
        ready,
        status,
    }
}
