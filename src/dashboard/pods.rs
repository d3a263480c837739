//! A Pod's view: the one word that says how it is.
//!
//! Upstream: pkg/printers/internalversion/printers.go (printPod), v1.36. Left out: init containers.

use super::{objects, place};
use crate::api::meta::MetaExt;
use crate::api::{condition, owner};
use crate::cluster::Cluster;
use crate::protocol::{Place, PodView};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every Pod.
pub fn views(cluster: &Cluster) -> BTreeMap<Place, Arc<PodView>> {
    let sets =
        BTreeMap::from_iter(objects::<ReplicaSet>(cluster).map(|set| (set.uid(), revision(set))));
    let views = objects::<Pod>(cluster).map(|pod| view(pod, &sets));
    BTreeMap::from_iter(views.map(|view| (view.at.clone(), Arc::new(view))))
}

/// The revision of its Deployment that a ReplicaSet stands for; 0 for none.
pub fn revision(set: &ReplicaSet) -> i64 {
    let number = set.annotation("deployment.kubernetes.io/revision");
    number.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The node it is on; empty where it has none.
pub fn node(pod: &Pod) -> &str {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.node_name.as_deref())
        .unwrap_or_default()
}

/// The statuses of its containers.
pub fn statuses(pod: &Pod) -> &[ContainerStatus] {
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

/// What the shape of a Pod with this word says: `ready`, `busy`, `failing` or `ending`.
fn mood(status: &str, ready: bool) -> &'static str {
    match status {
        "Terminating" => "ending",
        "Running" if ready => "ready",
        "Completed" => "ready",
        "Running" | "Pending" | "ContainerCreating" => "busy",
        _ => "failing",
    }
}

/// Everything the stage shows of a Pod. `sets` are the revisions of ReplicaSets by their ids.
fn view(pod: &Pod, sets: &BTreeMap<&str, i64>) -> PodView {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let ready = condition::is_true(conditions, "Ready");
    let status = status(pod);
    let image = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.containers.first()?.image.clone());
    let controller = owner::controller_of(&pod.metadata);
    let owner = controller.map(|r| r.name.clone()).unwrap_or_default();
    PodView {
        at: place(pod),
        node: node(pod).to_owned(),
        short: short(pod.name(), &owner, node(pod)),
        mood: mood(&status, ready).to_owned(),
        restarts: statuses(pod).iter().map(|c| c.restart_count).sum(),
        ip: pod
            .status
            .as_ref()
            .and_then(|status| status.pod_ip.clone())
            .unwrap_or_default(),
        image: image.unwrap_or_default(),
        revision: controller
            .and_then(|r| sets.get(r.uid.as_str()).copied())
            .unwrap_or(0),
        owner,
        ready,
        status,
    }
}

/// A name that fits: without the template's hash, and without the node behind a static Pod's.
fn short(name: &str, owner: &str, node: &str) -> String {
    let rest = name.strip_prefix(owner).filter(|_| !owner.is_empty());
    match (rest, owner.rsplit_once('-')) {
        (Some(suffix), Some((base, _))) => format!("{base}{suffix}"),
        _ => {
            let own = name
                .strip_suffix(node)
                .and_then(|rest| rest.strip_suffix('-'));
            own.unwrap_or(name).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_what_its_neighbours_share() {
        assert_eq!(short("web-5d9f-x7k2p", "web-5d9f", "worker-1"), "web-x7k2p");
        assert_eq!(
            short("etcd-control-plane", "control-plane", "control-plane"),
            "etcd"
        );
        assert_eq!(short("typo", "", "worker-1"), "typo");
        assert_eq!(short("typo", "", ""), "typo");
    }

    #[test]
    fn a_pod_that_runs_without_being_ready_is_busy() {
        assert_eq!(mood("Running", true), "ready");
        assert_eq!(mood("Running", false), "busy");
        assert_eq!(mood("ImagePullBackOff", false), "failing");
        assert_eq!(mood("Terminating", true), "ending");
    }
}
