//! Who wrote what, and which write made them: from any write back to its first cause.

use super::time_of_day;
use crate::api::watch::WatchVerb;
use crate::api::{Kind, ObjectKey};
use crate::cluster::{Cluster, TraceEntry};
use crate::protocol::{Spot, TraceView};

/// How many writes are shown.
const LATEST_LIMIT: u32 = 80;
/// How long a chain of causes grows.
const CHAIN_LIMIT: u32 = 24;
/// How many writes of the object itself follow its chain.
const OWN_LIMIT: u32 = 12;

fn view(entry: &TraceEntry) -> TraceView {
    TraceView {
        at: time_of_day(entry.at),
        actor: entry.actor.to_string(),
        verb: format!("{:?}", entry.verb),
        object: entry.key.to_string(),
        revision: entry.revision,
        cause: entry.cause.unwrap_or(0),
    }
}

/// Where a writer stands on the stage.
pub fn writer(actor: &str) -> Option<Spot> {
    Some(match actor.split_once('/') {
        Some(("kubelet" | "kube-proxy", node)) => Spot::named("node", "", node),
        Some(("user", _)) => Spot::named("outside", "", "kubectl"),
        _ if actor == "user" => Spot::named("outside", "", "kubectl"),
        _ if actor.contains("scheduler") => Spot::named("part", "", "kube-scheduler"),
        _ if actor.contains("controller") || actor.contains("collector") => {
            Spot::named("part", "", "kube-controller-manager")
        }
        _ => return None,
    })
}

/// The latest writes of objects whose kind and name hold `filter`, the newest first.
pub fn latest(cluster: &Cluster, filter: &str) -> Vec<TraceView> {
    let shown = |entry: &&TraceEntry| {
        // Events and heartbeats would drown everything else; a filter brings them back.
        let noise = matches!(entry.key.kind, Kind::Event | Kind::Lease);
        match filter.is_empty() {
            true => !noise,
            false => entry.key.to_string().contains(filter) || entry.actor.contains(filter),
        }
    };
    let entries = cluster.trace().entries().rev().filter(shown);
    entries.take(LATEST_LIMIT as usize).map(view).collect()
}

/// The write that made `revision` and every write before it that caused it, the first cause first;
/// as far back as the trace goes.
pub fn causes(cluster: &Cluster, revision: u64) -> Vec<TraceView> {
    let mut chain = Vec::new();
    let mut next = Some(revision).filter(|revision| *revision > 0);
    while let Some(entry) = next.and_then(|revision| cluster.trace().by_revision(revision)) {
        chain.push(view(entry));
        // A cause is always older: a chain cannot turn in a circle.
        next = entry.cause.filter(|cause| *cause < entry.revision);
        if chain.len() >= CHAIN_LIMIT as usize {
            break;
        }
    }
    chain.reverse();
    chain
}

/// Why an object is there: the causes of its creation, then its own later writes.
pub fn of_object(cluster: &Cluster, key: &ObjectKey) -> Vec<TraceView> {
    let own: Vec<&TraceEntry> = cluster
        .trace()
        .entries()
        .filter(|entry| entry.key == *key)
        .collect();
    // An object of the same name may have been there before: its story ends with its deletion.
    let last = own.len().saturating_sub(1);
    let begun = own[..last]
        .iter()
        .rposition(|entry| entry.verb == WatchVerb::Deleted);
    let own = &own[begun.map_or(0, |at| at + 1)..];
    let Some(first) = own.first() else {
        return Vec::new();
    };
    let mut chain = causes(cluster, first.revision);
    chain.extend(
        own.iter()
            .skip(1)
            .take(OWN_LIMIT as usize)
            .map(|entry| view(entry)),
    );
    chain
}

#[cfg(test)]
mod tests {
    use super::super::testing::session;
    use super::*;

    #[test]
    fn a_pod_is_there_because_of_its_replica_set_because_of_its_deployment() {
        let session = session();
        let cluster = session.cluster();
        let newest = latest(cluster, "Pod default/hello");
        let pod = newest[0]
            .object
            .split('/')
            .nth(1)
            .expect("a name")
            .to_owned();
        let chain = of_object(cluster, &ObjectKey::new(Kind::Pod, "default", pod));
        let kinds: Vec<&str> = chain
            .iter()
            .filter(|entry| entry.verb == "Added")
            .filter_map(|entry| entry.object.split(' ').next())
            .collect();
        assert_eq!(kinds, ["Deployment", "ReplicaSet", "Pod"], "{chain:?}");
        let bound = chain.iter().any(|entry| entry.actor.contains("scheduler"));
        assert!(bound, "{chain:?}");
    }

    #[test]
    fn writers_stand_somewhere() {
        for entry in latest(session().cluster(), "") {
            let known = writer(&entry.actor).is_some() || entry.actor == "kubeadm";
            assert!(known, "{}", entry.actor);
        }
    }

    #[test]
    fn a_revision_that_is_not_kept_has_no_chain() {
        assert_eq!(causes(session().cluster(), u64::MAX), []);
        assert_eq!(causes(session().cluster(), 0), []);
        let nobody = ObjectKey::new(Kind::Pod, "default", "nobody");
        assert_eq!(of_object(session().cluster(), &nobody), []);
    }
}
