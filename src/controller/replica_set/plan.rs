//! What a ReplicaSet should do about its Pods, and what its status says.

use crate::api::meta;
use crate::api::{Status, condition};
use crate::controller::pods;
use crate::sim::SimTime;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;

/// The most Pods created or deleted in one go.
const BURST: u32 = 500;

/// The next thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// There are as many as asked for.
    Nothing,
    /// So many are missing.
    Create(u32),
    /// These are too many.
    Delete(Vec<Arc<Pod>>),
}

/// Compares the active Pods with the number asked for. `related` are the active Pods of all sets of
/// the same owner.
pub fn plan_step(active: &[Arc<Pod>], replicas: u32, related: &[Arc<Pod>], now: SimTime) -> Step {
    let count = u32::try_from(active.len()).unwrap_or(u32::MAX);
    if count < replicas {
        return Step::Create((replicas - count).min(BURST));
    }
    if count == replicas {
        return Step::Nothing;
    }
    let related = pods::per_node(related);
    let mut ranked = active.to_vec();
    ranked.sort_by(|a, b| pods::deletion_order(a, b, &related, now));
    ranked.truncate((count - replicas).min(BURST) as usize);
    Step::Delete(ranked)
}

/// Upstream: pkg/controller/replicaset/replica_set_utils.go (calculateStatus).
pub fn compute_status(
    set: &ReplicaSet,
    active: &[Arc<Pod>],
    terminating: i32,
    failure: Option<&Status>,
    now: SimTime,
) -> ReplicaSetStatus {
    let spec = set.spec.as_ref();
    let min_ready = spec.and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
    let (mut ready, mut available) = (0, 0);
    for at in active
        .iter()
        .filter_map(|pod| pods::available_at(pod, min_ready))
    {
        ready += 1;
        available += i32::from(at <= now);
    }
    let labelled = i32::try_from(fully_labelled(set, active)).unwrap_or(i32::MAX);
    let old = set.status.as_ref();
    let mut conditions = old
        .and_then(|status| status.conditions.clone())
        .unwrap_or_default();
    let wanted = spec.and_then(|spec| spec.replicas).unwrap_or(1);
    let missing = i64::try_from(active.len()).unwrap_or(i64::MAX) < i64::from(wanted);
    let reason = if missing {
        "FailedCreate"
    } else {
        "FailedDelete"
    };
    match failure {
        Some(status) => condition::set(
            &mut conditions,
            ReplicaSetCondition {
                type_: "ReplicaFailure".to_owned(),
                status: "True".to_owned(),
                reason: Some(reason.to_owned()),
                message: Some(status.to_string()),
                last_transition_time: None,
            },
            now,
        ),
        None => conditions.retain(|condition| condition.type_ != "ReplicaFailure"),
    }
    ReplicaSetStatus {
        replicas: i32::try_from(active.len()).unwrap_or(i32::MAX),
        fully_labeled_replicas: Some(labelled).filter(|n| *n != 0),
        ready_replicas: Some(ready).filter(|n| *n != 0),
        available_replicas: Some(available).filter(|n| *n != 0),
        observed_generation: set.metadata.generation,
        conditions: Some(conditions).filter(|conditions| !conditions.is_empty()),
        terminating_replicas: Some(terminating),
    }
}

/// How many Pods have all labels of the template: every one, where these are what the set selects by.
fn fully_labelled(set: &ReplicaSet, active: &[Arc<Pod>]) -> usize {
    let spec = set.spec.as_ref();
    let template = spec.and_then(|spec| spec.template.as_ref()?.metadata.as_ref()?.labels.as_ref());
    if template == spec.and_then(|spec| spec.selector.match_labels.as_ref()) {
        return active.len();
    }
    let has_all = |pod: &&Arc<Pod>| {
        let labels = meta::labels(&pod.metadata);
        let mut wanted = template.into_iter().flatten();
        wanted.all(|(key, value)| labels.get(key) == Some(value))
    };
    active.iter().filter(has_all).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::meta::MetaExt;
    use k8s_openapi::api::core::v1::{PodCondition, PodSpec, PodStatus};

    const NOW: SimTime = SimTime::from_secs(1_000);

    fn pod(name: &str, node: &str, phase: &str, ready: bool) -> Arc<Pod> {
        let mut pod = Pod::default();
        pod.metadata.name = Some(name.to_owned());
        pod.spec = Some(PodSpec {
            node_name: Some(node.to_owned()),
            ..PodSpec::default()
        });
        let status = if ready { "True" } else { "False" };
        pod.status = Some(PodStatus {
            phase: Some(phase.to_owned()),
            conditions: Some(vec![PodCondition {
                type_: "Ready".to_owned(),
                status: status.to_owned(),
                ..PodCondition::default()
            }]),
            ..PodStatus::default()
        });
        Arc::new(pod)
    }

    #[test]
    fn unassigned_then_pending_then_unready_then_crowded_go_first() {
        let active = [
            pod("ready-alone", "a", "Running", true),
            pod("ready-crowded", "b", "Running", true),
            pod("unready", "b", "Running", false),
            pod("pending", "b", "Pending", false),
            pod("unassigned", "", "Pending", false),
        ];
        for (replicas, want) in [
            (4, vec!["unassigned"]),
            (3, vec!["unassigned", "pending"]),
            (2, vec!["unassigned", "pending", "unready"]),
            (1, vec!["unassigned", "pending", "unready", "ready-crowded"]),
        ] {
            let Step::Delete(victims) = plan_step(&active, replicas, &active, NOW) else {
                panic!("{replicas}")
            };
            let names: Vec<&str> = victims.iter().map(|pod| pod.name()).collect();
            assert_eq!(names, want);
        }
        assert_eq!(plan_step(&active, 5, &active, NOW), Step::Nothing);
        assert_eq!(plan_step(&active, 900, &active, NOW), Step::Create(500));
    }

    #[test]
    fn pods_on_nodes_that_siblings_crowd_go_first_and_much_younger_ones_too() {
        let since = |name: &str, node: &str, seconds: u64| {
            let mut pod = Pod::clone(&pod(name, node, "Running", true));
            let conditions = pod.status.as_mut().and_then(|s| s.conditions.as_mut());
            conditions.expect("it has some")[0].last_transition_time =
                Some(meta::time(SimTime::from_secs(seconds)));
            Arc::new(pod)
        };
        let first = |active: &[Arc<Pod>], related: &[Arc<Pod>]| {
            let replicas = u32::try_from(active.len()).expect("few") - 1;
            match plan_step(active, replicas, related, NOW) {
                Step::Delete(victims) => victims[0].name().to_owned(),
                other => panic!("{other:?}"),
            }
        };
        let active = [since("old", "a", 100), since("young", "b", 990)];
        assert_eq!(first(&active, &active), "young");
        let sibling = since("sibling", "a", 100);
        let related = [active[0].clone(), active[1].clone(), sibling];
        assert_eq!(first(&active, &related), "old");
    }
}
