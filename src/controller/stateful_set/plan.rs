//! What a StatefulSet is to do next, in order, and what its status says.
//!
//! Upstream: pkg/controller/statefulset/stateful_set_control.go (updateStatefulSet, processReplica,
//! processCondemned, updateStatefulSetAfterInvariantEstablished, computeReplicaStatus),
//! stateful_set_utils.go (completeRollingUpdate), v1.36.

use super::identity;
use crate::api::meta::MetaExt;
use crate::controller::history::HASH_LABEL;
use crate::controller::{int_or_percent, pods};
use crate::sim::{SimTime, order};
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;

/// The most Pods created in one go.
const BURST: usize = 500;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The first number.
    pub start: i32,
    /// The number after the last one.
    pub end: i32,
    /// Whether the order does not count.
    pub parallel: bool,
    /// Whether the set replaces its Pods by itself.
    pub rolls: bool,
    /// So many Pods, from the first on, keep the current revision; `None`: nothing is said of it.
    pub partition: Option<i32>,
    /// How many Pods keep the current revision where nothing is said of it.
    pub current: i32,
    /// How many Pods may be missing during a rollout.
    pub max_unavailable: i32,
    /// For how many seconds a Pod must be ready to be available.
    pub min_ready: i32,
}

impl Shape {
    /// What `set` asks for.
    pub fn of(set: &StatefulSet) -> Self {
        let spec = set.spec.clone().unwrap_or_default();
        let count = spec.replicas.unwrap_or(1).max(0);
        let start = spec.ordinals.and_then(|o| o.start).unwrap_or(0).max(0);
        let strategy = spec.update_strategy.unwrap_or_default();
        let rolling = strategy.rolling_update;
        let partition = rolling.as_ref().map(|r| r.partition.unwrap_or(0));
        let unavailable = rolling.and_then(|r| r.max_unavailable);
        Self {
            start,
            end: start.saturating_add(count),
            parallel: spec.pod_management_policy.as_deref() == Some("Parallel"),
            rolls: strategy.type_.as_deref() == Some("RollingUpdate"),
            partition,
            current: set
                .status
                .as_ref()
                .and_then(|s| s.current_replicas)
                .unwrap_or(0),
            max_unavailable: int_or_percent(unavailable.as_ref(), count, false).max(1),
            min_ready: spec.min_ready_seconds.unwrap_or(0),
        }
    }

    /// Whether there is to be a Pod with this number.
    pub const fn has(&self, ordinal: i32) -> bool {
        ordinal >= self.start && ordinal < self.end
    }

    /// Whether a new Pod with this number is of the current revision, not the newest.
    pub fn keeps_current(&self, ordinal: i32) -> bool {
        let kept = self.partition.unwrap_or(self.current);
        self.rolls && ordinal < self.start.saturating_add(kept)
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Makes the Pod with this number, and its claims.
    Create(i32),
    /// Makes claims that a waiting Pod lacks.
    Claims(Arc<Pod>),
    /// Corrects the Pod's labels and who owns its claims.
    Tend(Arc<Pod>),
    /// Corrects who owns the claims of a Pod that goes.
    Leave(Arc<Pod>),
    /// Deletes a Pod that is too many, or has ended.
    Delete(Arc<Pod>),
    /// Deletes a Pod of an older revision.
    Replace(Arc<Pod>),
}

fn is_ready(pod: &Pod) -> bool {
    pods::phase(pod) == "Running" && pods::is_ready(pod)
}

fn available_at(pod: &Pod, min_ready: i32) -> Option<SimTime> {
    pods::available_at(pod, min_ready).filter(|_| is_ready(pod))
}

fn revision(pod: &Pod) -> &str {
    pod.label(HASH_LABEL).unwrap_or_default()
}

/// The next steps of a set with these `pods`, whose newest revision is called `update`. What comes
/// after a step is to be done only if the step succeeds.
pub fn plan_steps(shape: &Shape, pods: &[Arc<Pod>], update: &str, now: SimTime) -> Vec<Step> {
    let is_available = |pod: &Pod| available_at(pod, shape.min_ready).is_some_and(|at| at <= now);
    let mut pods: Vec<(i32, &Arc<Pod>)> = pods
        .iter()
        .filter_map(|pod| Some((identity::ordinal(pod.name())?, pod)))
        .collect();
    order::sort_by_key(&mut pods, |(ordinal, _)| *ordinal);
    let (members, condemned): (Vec<_>, Vec<_>) = pods
        .into_iter()
        .partition(|(ordinal, _)| shape.has(*ordinal));
    let mut steps = Vec::new();
    if !keep_members(shape, &members, &is_available, &mut steps)
        || !end_condemned(shape, &condemned, &is_available, &mut steps)
    {
        return steps;
    }
    if shape.rolls {
        replace_old(shape, &members, update, &is_available, &mut steps);
    }
    steps
}

type Numbered<'p> = [(i32, &'p Arc<Pod>)];

/// Each number gets its Pod, in order; answers whether to go on with what comes after that.
fn keep_members(
    shape: &Shape,
    members: &Numbered<'_>,
    is_available: &dyn Fn(&Pod) -> bool,
    steps: &mut Vec<Step>,
) -> bool {
    let (mut known, mut created) = (members.iter().peekable(), 0);
    for ordinal in shape.start..shape.end {
        let Some((_, pod)) = known.next_if(|(number, _)| *number == ordinal) else {
            steps.push(Step::Create(ordinal));
            created += 1;
            if !shape.parallel || created >= BURST {
                return false;
            }
            continue;
        };
        if pods::is_finished(pod) {
            if !pod.is_terminating() {
                steps.push(Step::Delete(Arc::clone(pod)));
            }
            if !shape.parallel {
                return false;
            }
            continue;
        }
        if pods::phase(pod) == "Pending" {
            steps.push(Step::Claims(Arc::clone(pod)));
        }
        if !shape.parallel && (pod.is_terminating() || !is_available(pod)) {
            return false;
        }
        steps.push(Step::Tend(Arc::clone(pod)));
    }
    true
}

/// Pods with other numbers go, the highest first; answers whether to go on with what comes after
/// that.
fn end_condemned(
    shape: &Shape,
    condemned: &Numbered<'_>,
    is_available: &dyn Fn(&Pod) -> bool,
    steps: &mut Vec<Step>,
) -> bool {
    let all = condemned.iter().rev().map(|(_, pod)| Arc::clone(pod));
    steps.extend(all.map(Step::Leave));
    let mut ill = condemned.iter();
    let ill = ill.find(|(_, pod)| pod.is_terminating() || !is_available(pod));
    for (ordinal, pod) in condemned.iter().rev() {
        if pod.is_terminating() {
            if shape.parallel {
                continue;
            }
            return false;
        }
        let is_first_ill = ill.is_some_and(|(number, _)| number == ordinal);
        if !shape.parallel && !is_available(pod) && !is_first_ill {
            return false;
        }
        steps.push(Step::Delete(Arc::clone(pod)));
        if !shape.parallel {
            return false;
        }
    }
    true
}

/// Pods of older revisions go, the highest first, as many as may be missing. With `Parallel`, those
/// that are missing already go in any case.
fn replace_old(
    shape: &Shape,
    members: &Numbered<'_>,
    update: &str,
    is_available: &dyn Fn(&Pod) -> bool,
    steps: &mut Vec<Step>,
) {
    let there = |pod: &Pod| is_available(pod) && !pod.is_terminating();
    let available = members.iter().filter(|(_, pod)| there(pod)).count();
    let available = i32::try_from(available).unwrap_or(i32::MAX);
    let mut left = shape.max_unavailable - (shape.end - shape.start - available);
    let first = shape.start.saturating_add(shape.partition.unwrap_or(0));
    let old = members.iter().rev().filter(|(ordinal, pod)| {
        *ordinal >= first
            && revision(pod) != update
            && !pod.is_terminating()
            && !pods::is_finished(pod)
    });
    let old: Vec<&Arc<Pod>> = old.map(|(_, pod)| *pod).collect();
    let replace = |pod: &&Arc<Pod>| Step::Replace(Arc::clone(pod));
    if shape.parallel {
        let ill = old.iter().filter(|pod| !is_available(pod));
        steps.extend(ill.map(replace));
    }
    for pod in old
        .iter()
        .filter(|pod| !shape.parallel || is_available(pod))
    {
        if left <= 0 {
            return;
        }
        steps.push(replace(pod));
        left -= 1;
    }
}

/// The status of a set with these `pods`, whose current and newest revision have these names, when so
/// many Pods were just `replaced`; and when the next Pod becomes available.
pub fn compute_status(
    shape: &Shape,
    pods: &[Arc<Pod>],
    [current, update]: [&str; 2],
    replaced: i32,
    now: SimTime,
) -> (StatefulSetStatus, Option<SimTime>) {
    let (mut replicas, mut ready, mut available) = (0, 0, 0);
    let (mut on_current, mut updated, mut next) = (-replaced, 0, None::<SimTime>);
    for pod in pods
        .iter()
        .filter(|pod| identity::ordinal(pod.name()).is_some())
    {
        replicas += 1;
        if let Some(at) = available_at(pod, shape.min_ready) {
            ready += 1;
            if at <= now {
                available += 1;
            } else {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        if !pod.is_terminating() {
            on_current += i32::from(revision(pod) == current);
            updated += i32::from(revision(pod) == update);
        }
    }
    let counted = |count: i32| Some(count).filter(|count| *count > 0);
    let wanted = shape.end - shape.start;
    let done = shape.rolls && [replicas, ready, updated] == [wanted; 3];
    let (on_current, current) = match done {
        true => (updated, update),
        false => (on_current, current),
    };
    let status = StatefulSetStatus {
        replicas,
        ready_replicas: counted(ready),
        available_replicas: Some(available),
        current_replicas: counted(on_current),
        updated_replicas: counted(updated),
        current_revision: Some(current.to_owned()),
        update_revision: Some(update.to_owned()),
        ..StatefulSetStatus::default()
    };
    (status, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::meta;
    use serde_json::{Value, json};

    const NOW: SimTime = SimTime::from_secs(100);

    /// A Pod by number and letter: `n` of the newest revision, `o` of an older one, both available;
    /// `N` and `O` running but not ready, `p` pending, `f` failed, `t` ending.
    fn pod(ordinal: i32, sort: char) -> Arc<Pod> {
        let phase = match sort {
            'p' => "Pending",
            'f' => "Failed",
            _ => "Running",
        };
        let ready = matches!(sort, 'n' | 'o' | 't').then(|| {
            json!({"type": "Ready", "status": "True",
                "lastTransitionTime": meta::rfc3339(SimTime::from_secs(1))})
        });
        let hash = if matches!(sort, 'o' | 'O') {
            "old"
        } else {
            "new"
        };
        let deleted = (sort == 't').then_some("1970-01-01T00:00:50Z");
        let pod = serde_json::from_value(json!({
            "metadata": {"name": format!("web-{ordinal}"), "namespace": "default",
                "labels": {HASH_LABEL: hash}, "deletionTimestamp": deleted},
            "spec": {"containers": []},
            "status": {"phase": phase, "conditions": ready.into_iter().collect::<Vec<Value>>()},
        }));
        Arc::new(pod.expect("a Pod"))
    }

    fn shape(spec: Value) -> Shape {
        let set = serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": spec}));
        Shape::of(&set.expect("a StatefulSet"))
    }

    fn ordered(replicas: i32, rolling: Value) -> Shape {
        let strategy = json!({"type": "RollingUpdate", "rollingUpdate": rolling});
        shape(
            json!({"selector": {}, "template": {}, "replicas": replicas, "updateStrategy": strategy}),
        )
    }

    fn parallel(replicas: i32, rolling: Value) -> Shape {
        Shape {
            parallel: true,
            ..ordered(replicas, rolling)
        }
    }

    fn pods_of(sorts: &str) -> Vec<Arc<Pod>> {
        let numbered = sorts.chars().zip(0..).filter(|(sort, _)| *sort != '-');
        numbered.map(|(sort, ordinal)| pod(ordinal, sort)).collect()
    }

    /// The steps that change Pods: `+1` creates, `-1` deletes, `~1` replaces.
    fn steps(shape: &Shape, sorts: &str) -> String {
        let number = |pod: &Pod| identity::ordinal(pod.name()).expect("a number");
        let steps = plan_steps(shape, &pods_of(sorts), "new", NOW);
        let texts = steps.iter().filter_map(|step| match step {
            Step::Create(ordinal) => Some(format!("+{ordinal}")),
            Step::Delete(pod) => Some(format!("-{}", number(pod))),
            Step::Replace(pod) => Some(format!("~{}", number(pod))),
            _ => None,
        });
        texts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_pod_after_the_other_comes_and_goes() {
        let rolling = json!({"partition": 0});
        for (replicas, pods, want) in [
            (3, "", "+0"),
            (3, "p", ""),
            (3, "N", ""),
            (3, "n", "+1"),
            (3, "n-n", "+1"),
            (3, "nnn", ""),
            (3, "nfn", "-1"),
            (3, "ntn", ""),
            (1, "nnn", "-2"),
            (1, "nnt", ""),
            (1, "Nnn", ""),
            (1, "nNn", "-2"),
            (1, "nnN", "-2"),
            (1, "nNN", ""),
            (0, "", ""),
            (0, "n", "-0"),
        ] {
            let found = steps(&ordered(replicas, rolling.clone()), pods);
            assert_eq!(found, want, "{replicas} of {pods:?}");
        }
    }

    #[test]
    fn without_an_order_all_is_done_at_once() {
        let rolling = json!({"partition": 0});
        for (replicas, pods, want) in [
            (3, "", "+0 +1 +2"),
            (3, "pfp", "-1"),
            (1, "Nnn", "-2 -1"),
            (1, "ntn", "-2"),
            (3, "ooo", "~2"),
            (3, "oOo", "~1"),
            (3, "OOo", "~1 ~0"),
            (3, "ooN", ""),
        ] {
            let found = steps(&parallel(replicas, rolling.clone()), pods);
            assert_eq!(found, want, "{replicas} of {pods:?}");
        }
        let many = steps(&parallel(i32::MAX, rolling), "");
        assert_eq!(many.split(' ').count(), BURST);
    }

    #[test]
    fn a_rollout_goes_from_the_last_pod_down_to_the_partition() {
        for (rolling, pods, want) in [
            (json!({"partition": 0}), "ooo", "~2"),
            (json!({"partition": 0}), "ooN", ""),
            (json!({"partition": 0}), "oon", "~1"),
            (json!({"partition": 2}), "ooo", "~2"),
            (json!({"partition": 2}), "oon", ""),
            (json!({"partition": 5}), "ooo", ""),
            (json!({"partition": 0, "maxUnavailable": 2}), "ooo", "~2 ~1"),
            (
                json!({"partition": 0, "maxUnavailable": "40%"}),
                "ooo",
                "~2",
            ),
            (json!({"partition": 0, "maxUnavailable": "1%"}), "ooo", "~2"),
        ] {
            let found = steps(&ordered(3, rolling.clone()), pods);
            assert_eq!(found, want, "{rolling} of {pods:?}");
        }
        let on_delete = Shape {
            rolls: false,
            ..ordered(3, json!({}))
        };
        assert_eq!(steps(&on_delete, "ooo"), "");
    }

    #[test]
    fn numbers_begin_where_they_are_told_to() {
        let spec = json!({"selector": {}, "template": {}, "replicas": 2, "ordinals": {"start": 1},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}});
        let shape = shape(spec);
        assert_eq!(steps(&shape, ""), "+1");
        assert_eq!(steps(&shape, "nnn"), "-0");
        assert_eq!(steps(&shape, "-oo"), "~2");
        assert!(shape.keeps_current(1) && !shape.keeps_current(2));
    }

    #[test]
    fn the_status_counts_pods_by_revision() {
        let shape = ordered(3, json!({"partition": 0}));
        let status = |sorts: &str, replaced| {
            let (status, _) =
                compute_status(&shape, &pods_of(sorts), ["old", "new"], replaced, NOW);
            let counts = [
                Some(status.replicas),
                status.ready_replicas,
                status.available_replicas,
                status.current_replicas,
                status.updated_replicas,
            ];
            (counts, status.current_revision.expect("one"))
        };
        let counts = |all: [i32; 5]| all.map(|count| Some(count).filter(|count| *count != 0));
        assert_eq!(
            status("ooo", 1),
            (counts([3, 3, 3, 2, 0]), "old".to_owned())
        );
        assert_eq!(
            status("oot", 0),
            (counts([3, 3, 3, 2, 0]), "old".to_owned())
        );
        assert_eq!(
            status("onN", 0),
            (counts([3, 2, 2, 1, 2]), "old".to_owned())
        );
        assert_eq!(
            status("nnn", 0),
            (counts([3, 3, 3, 3, 3]), "new".to_owned())
        );
        assert_eq!(status("nn", 0), (counts([2, 2, 2, 0, 2]), "old".to_owned()));
        let slow = Shape {
            min_ready: 120,
            ..shape
        };
        let (status, next) = compute_status(&slow, &pods_of("nnn"), ["old", "new"], 0, NOW);
        assert_eq!(
            (status.ready_replicas, status.available_replicas),
            (Some(3), Some(0))
        );
        assert_eq!(next, Some(SimTime::from_secs(121)));
    }
}
