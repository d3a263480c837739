//! What a ReplicaSet should do about its Pods, and what its status says.

use super::tally::Tally;
use crate::api::{Status, condition};
use crate::controller::pods;
use crate::sim::{SimTime, order};
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use std::cmp::Ordering;
use std::sync::Arc;

/// The most Pods created or deleted in one go.
const BURST: u32 = 500;

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There are as many as asked for.
    Nothing,
    /// So many are missing.
    Create(u32),
    /// So many are too many.
    Delete(u32),
}

/// Compares the number of active Pods with the number asked for.
pub fn plan_step(active: u32, replicas: u32) -> Step {
    match active.cmp(&replicas) {
        Ordering::Less => Step::Create((replicas - active).min(BURST)),
        Ordering::Equal => Step::Nothing,
        Ordering::Greater => Step::Delete((active - replicas).min(BURST)),
    }
}

/// The `count` Pods of `active` that are to be deleted. `related` are the active Pods of all sets of
/// the same owner.
pub fn plan_victims(
    mut active: Vec<Arc<Pod>>,
    count: u32,
    related: &[Arc<Pod>],
    now: SimTime,
) -> Vec<Arc<Pod>> {
    let related = pods::per_node(related);
    order::sort_by(&mut active, |a, b| {
        pods::deletion_order(a, b, &related, now)
    });
    active.truncate(count as usize);
    active
}

/// Upstream: pkg/controller/replicaset/replica_set_utils.go (calculateStatus).
pub fn compute_status(
    set: &ReplicaSet,
    tally: &Tally<'_>,
    failure: Option<&Status>,
    now: SimTime,
) -> ReplicaSetStatus {
    let spec = set.spec.as_ref();
    let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let counted = |count: u32| Some(number(count)).filter(|count| *count != 0);
    let old = set.status.as_ref();
    let mut conditions = old
        .and_then(|status| status.conditions.clone())
        .unwrap_or_default();
    let wanted = spec.and_then(|spec| spec.replicas).unwrap_or(1);
    let missing = i64::from(tally.active) < i64::from(wanted);
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
        replicas: number(tally.active),
        fully_labeled_replicas: counted(tally.labelled),
        ready_replicas: counted(tally.ready),
        available_replicas: counted(tally.available),
        observed_generation: set.metadata.generation,
        conditions: Some(conditions).filter(|conditions| !conditions.is_empty()),
        terminating_replicas: Some(number(tally.ending)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::meta::{self, MetaExt};
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
        for (count, want) in [
            (1, vec!["unassigned"]),
            (2, vec!["unassigned", "pending"]),
            (3, vec!["unassigned", "pending", "unready"]),
            (4, vec!["unassigned", "pending", "unready", "ready-crowded"]),
        ] {
            let victims = plan_victims(active.to_vec(), count, &active, NOW);
            let names: Vec<&str> = victims.iter().map(|pod| pod.name()).collect();
            assert_eq!(names, want);
        }
        assert_eq!(plan_step(5, 5), Step::Nothing);
        assert_eq!(plan_step(5, 4), Step::Delete(1));
        assert_eq!(plan_step(5, 900), Step::Create(500));
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
            let victims = plan_victims(active.to_vec(), 1, related, NOW);
            victims[0].name().to_owned()
        };
        let active = [since("old", "a", 100), since("young", "b", 990)];
        assert_eq!(first(&active, &active), "young");
        let sibling = since("sibling", "a", 100);
        let related = [active[0].clone(), active[1].clone(), sibling];
        assert_eq!(first(&active, &related), "old");
    }
}
