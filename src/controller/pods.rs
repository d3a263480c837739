//! What controllers ask of a Pod: is it active, ready, available, and since when.
//!
//! Upstream: pkg/controller/controller_utils.go, pkg/api/v1/pod/util.go, v1.36.

pub use crate::api::pod::{is_finished, is_ready, node_name, phase};

use crate::api::meta::{self, MetaExt};
use crate::api::pod::readiness;
use crate::sim::{SimDuration, SimTime, SortedMap};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use std::cmp::Ordering;
use std::sync::Arc;

/// Neither finished nor terminating.
pub fn is_active(pod: &Pod) -> bool {
    !is_finished(pod) && !pod.is_terminating()
}

/// Whether it is being deleted and its containers have not finished.
pub fn is_ending(pod: &Pod) -> bool {
    !is_finished(pod) && pod.is_terminating()
}

/// When it became ready, if it is.
pub fn ready_since(pod: &Pod) -> Option<SimTime> {
    let since = readiness(pod)?.last_transition_time.as_ref();
    Some(since.map(meta::to_sim).unwrap_or_default())
}

/// Whether two versions of a Pod differ in anything that its controller acts on or counts. Upstream
/// reconciles at every version; the outcome is the same.
pub fn matters(old: &Pod, new: &Pod) -> bool {
    old.uid() != new.uid()
        || phase(old) != phase(new)
        || ready_since(old) != ready_since(new)
        || old.is_terminating() != new.is_terminating()
        || old.metadata.labels != new.metadata.labels
        || old.metadata.owner_references != new.metadata.owner_references
}

/// When a ready Pod counts as available.
pub fn available_at(pod: &Pod, min_ready_seconds: i32) -> Option<SimTime> {
    let seconds = u64::try_from(min_ready_seconds).unwrap_or(0);
    ready_since(pod).map(|since| since + SimDuration::secs(seconds))
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_ref());
    statuses
        .into_iter()
        .flatten()
        .map(|status| status.restart_count)
        .max()
        .unwrap_or(0)
}

fn deletion_cost(pod: &Pod) -> i32 {
    let cost = pod.annotation("controller.kubernetes.io/pod-deletion-cost");
    cost.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The age of something that happened at `at`, on a scale where each step doubles it; young things
/// of about one age are equals, so that chance decides which of them goes.
fn age_rank(at: SimTime, now: SimTime) -> i64 {
    let nanos = u128::from(now.since(at).as_micros()) * 1_000;
    nanos.checked_ilog2().map_or(-1, i64::from)
}

/// Orders Pods so that the ones to delete first come first: unassigned before assigned, pending
/// before running, not ready before ready, cheap before dear, those whose node has more of their
/// kind (`related`), ready for a much shorter time, restarted more often, much newer; then by uid.
/// Upstream lets the uid decide as soon as two Pods have been ready for about as long, which is no
/// order in the strict sense.
pub fn deletion_order(a: &Pod, b: &Pod, related: &SortedMap<&str, u32>, now: SimTime) -> Ordering {
    let phase_rank = |pod: &Pod| match phase(pod) {
        "Pending" => 0,
        "Running" => 2,
        _ => 1,
    };
    let crowd = |pod: &Pod| related.get(node_name(pod)).copied().unwrap_or(0);
    let unassigned = |pod: &Pod| node_name(pod).is_empty();
    let ready_rank = |pod: &Pod| ready_since(pod).map(|since| age_rank(since, now));
    let created_rank = |pod: &Pod| age_rank(pod.created_at(), now);
    unassigned(b)
        .cmp(&unassigned(a))
        .then_with(|| phase_rank(a).cmp(&phase_rank(b)))
        .then_with(|| is_ready(a).cmp(&is_ready(b)))
        .then_with(|| deletion_cost(a).cmp(&deletion_cost(b)))
        .then_with(|| crowd(b).cmp(&crowd(a)))
        .then_with(|| ready_rank(a).cmp(&ready_rank(b)))
        .then_with(|| restarts(b).cmp(&restarts(a)))
        .then_with(|| created_rank(a).cmp(&created_rank(b)))
        .then_with(|| a.uid().cmp(b.uid()))
}

/// A Pod made from `template` for `owner`, which is in `namespace`. It gets a generated name.
pub fn from_template(template: &PodTemplateSpec, namespace: &str, owner: OwnerReference) -> Pod {
    let given = template.metadata.as_ref();
    // A name longer than this leaves no room for the suffix.
    let prefix: String = format!("{}-", owner.name).chars().take(58).collect();
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(prefix),
            namespace: Some(namespace.to_owned()),
            labels: given.and_then(|m| m.labels.clone()),
            annotations: given.and_then(|m| m.annotations.clone()),
            finalizers: given.and_then(|m| m.finalizers.clone()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}

/// How many of `pods` each node holds.
pub fn per_node<'a>(pods: impl IntoIterator<Item = &'a Arc<Pod>>) -> SortedMap<&'a str, u32> {
    let mut count = SortedMap::new();
    for pod in pods {
        *count.entry(node_name(pod)).or_insert(0) += 1;
    }
    count
}
