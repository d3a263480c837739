//! What everybody asks of a Pod: its phase, its node, whether it is ready or has finished.
//!
//! Upstream: pkg/api/v1/pod/util.go, v1.36.

use super::condition;
use k8s_openapi::api::core::v1::{Pod, PodCondition};

/// The condition that says that something is about to end a Pod, and what.
pub const DISRUPTION_TARGET: &str = "DisruptionTarget";

/// The Pod's phase; empty before it has one.
pub fn phase(pod: &Pod) -> &str {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    phase.unwrap_or_default()
}

/// The node it is assigned to; empty before it is.
pub fn node_name(pod: &Pod) -> &str {
    let spec = pod.spec.as_ref();
    let name = spec.and_then(|spec| spec.node_name.as_deref());
    name.unwrap_or_default()
}

/// Whether its containers have ended for good.
pub fn is_finished(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Its condition `Ready`, if that holds.
pub fn readiness(pod: &Pod) -> Option<&PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref();
    condition::find(conditions, "Ready").filter(|ready| ready.status == "True")
}

/// Whether it is ready.
pub fn is_ready(pod: &Pod) -> bool {
    readiness(pod).is_some()
}

/// The condition of a Pod that is about to be ended for this reason.
pub fn disruption_target(pod: &Pod, reason: &str, message: &str) -> PodCondition {
    PodCondition {
        type_: DISRUPTION_TARGET.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        observed_generation: pod.metadata.generation,
        ..PodCondition::default()
    }
}
