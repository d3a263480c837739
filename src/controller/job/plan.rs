//! Which Pods a Job needs now, and which are too many.
//!
//! Upstream: pkg/controller/job/job_controller.go (manageJob, activePodsForRemoval), v1.36. Of Pods
//! that are too many those go first that a ReplicaSet would choose; upstream's order for Jobs knows no
//! deletion cost.

use super::backoff::{self, finished_at};
use super::indexes;
use super::view::{View, failures, replaces_failed_only};
use crate::controller::pods;
use crate::sim::{SimDuration, SortedMap, order};
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;

/// The most Pods created or deleted in one go.
const BURST: u32 = 500;

/// The next thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// There are as many as it takes.
    Nothing,
    /// Some are missing, but it is too early for them.
    Wait(SimDuration),
    /// So many are missing; in an indexed Job for these indexes.
    Create(Vec<Option<u32>>),
    /// These are too many.
    Delete(Vec<Arc<Pod>>),
}

/// Compares the Pods that there are with those that it takes.
pub fn plan_step(view: &View<'_>) -> Step {
    let active = u32::try_from(view.active.len()).unwrap_or(u32::MAX);
    if view.spec.suspend == Some(true) {
        return match active {
            0 => Step::Nothing,
            _ => Step::Delete(plan_victims(view, active)),
        };
    }
    let parallelism = super::view::count(view.spec.parallelism);
    let wanted = match view.spec.completions {
        // One success is enough, and whatever runs then may end.
        None if view.succeeded > 0 => active,
        None => parallelism,
        Some(_) => view
            .completions()
            .saturating_sub(view.succeeded)
            .min(parallelism),
    };
    let mut victims = plan_victims(view, active.saturating_sub(wanted));
    if !victims.is_empty() {
        victims.truncate(BURST as usize);
        return Step::Delete(victims);
    }
    let ending = match replaces_failed_only(view.spec) {
        true => view.terminating,
        false => 0,
    };
    let missing = wanted.saturating_sub(ending).saturating_sub(active);
    let missing_now = missing.min(BURST);
    let wait = match view.lost {
        None => view.backoff.remaining(view.now),
        Some(_) => SimDuration::ZERO,
    };
    match missing {
        0 => Step::Nothing,
        _ if wait > SimDuration::ZERO => Step::Wait(wait),
        _ if view.is_indexed() => plan_indexes(view, missing_now),
        _ => Step::Create(vec![None; missing_now as usize]),
    }
}

/// The first `count` indexes that nobody works on, without those that have to wait.
fn plan_indexes(view: &View<'_>, count: u32) -> Step {
    let mut taken = view.done.clone();
    if let Some(lost) = &view.lost {
        taken.merge(lost);
    }
    let ending = view.pods.iter().filter(|pod| pods::is_ending(pod));
    let ending = ending.filter(|_| replaces_failed_only(view.spec));
    for index in view
        .active
        .iter()
        .chain(ending)
        .filter_map(|pod| indexes::of(pod))
    {
        taken.add(index, index);
    }
    let pending = taken.first_missing(count, view.completions());
    let mut soonest = None;
    let mut ready = Vec::new();
    for index in pending {
        let wait = view.held(index).map_or(SimDuration::ZERO, |pod| {
            backoff::remaining(failures(pod) + 1, finished_at(pod), view.now)
        });
        if wait == SimDuration::ZERO {
            ready.push(Some(index));
        } else {
            soonest = Some(soonest.map_or(wait, |known: SimDuration| known.min(wait)));
        }
    }
    match soonest {
        Some(wait) if ready.is_empty() => Step::Wait(wait),
        _ => Step::Create(ready),
    }
}

/// The active Pods that have to go: those without an index or with one that another has, and then as
/// many as make `at_least`.
fn plan_victims(view: &View<'_>, at_least: u32) -> Vec<Arc<Pod>> {
    let none = SortedMap::new();
    let mut left = view.active.clone();
    let mut victims = Vec::new();
    if view.is_indexed() {
        let mut all = std::mem::take(&mut left);
        order::sort_by(&mut all, |a, b| {
            let by_index = view.index(a).cmp(&view.index(b));
            by_index.then_with(|| pods::deletion_order(a, b, &none, view.now))
        });
        for (at, pod) in all.iter().enumerate() {
            // Of several with one index the last stays.
            let index = view.index(pod);
            let next = all.get(at + 1).map(|pod| view.index(pod));
            match index.is_none() || next == Some(index) {
                true => victims.push(pod.clone()),
                false => left.push(pod.clone()),
            }
        }
    }
    let more = (at_least as usize).saturating_sub(victims.len());
    if more > 0 {
        order::sort_by(&mut left, |a, b| {
            pods::deletion_order(a, b, &none, view.now)
        });
        victims.extend(left.into_iter().take(more));
    }
    victims
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{job, pod, view};
    use super::*;
    use crate::api::meta::MetaExt;
    use serde_json::{Value, json};

    fn step(spec: Value, pods: &[Value]) -> String {
        let job = job(spec, json!({}));
        match plan_step(&view(&job, pods)) {
            Step::Nothing => "nothing".to_owned(),
            Step::Wait(time) => format!("wait {time}"),
            Step::Create(which) => match which.iter().flatten().next() {
                None => format!("create {}", which.len()),
                Some(_) => format!(
                    "create {:?}",
                    which.into_iter().flatten().collect::<Vec<_>>()
                ),
            },
            Step::Delete(pods) => {
                let names: Vec<&str> = pods.iter().map(|pod| pod.name()).collect();
                format!("delete {}", names.join(" "))
            }
        }
    }

    #[test]
    fn as_many_run_as_are_left_to_do() {
        let running = |name| pod(name, "Running", json!({}));
        let done = |name| pod(name, "Succeeded", json!({}));
        let ending = |name| {
            pod(
                name,
                "Running",
                json!({"deletionTimestamp": "1970-01-01T00:16:40Z"}),
            )
        };
        for (spec, pods, want) in [
            (
                json!({"completions": 5, "parallelism": 2}),
                vec![],
                "create 2",
            ),
            (
                json!({"completions": 5, "parallelism": 9}),
                vec![running("a")],
                "create 4",
            ),
            (
                json!({"completions": 2, "parallelism": 2}),
                vec![running("a"), done("b")],
                "nothing",
            ),
            (
                json!({"completions": 1, "parallelism": 2}),
                vec![running("a"), running("b")],
                "delete a",
            ),
            (json!({"parallelism": 3}), vec![running("a")], "create 2"),
            (
                json!({"parallelism": 3}),
                vec![running("a"), done("b")],
                "nothing",
            ),
            (json!({"parallelism": 700}), vec![], "create 500"),
            (
                json!({"parallelism": 0, "completions": 3}),
                vec![running("a")],
                "delete a",
            ),
            (
                json!({"parallelism": 1, "suspend": true}),
                vec![running("a")],
                "delete a",
            ),
            (
                json!({"parallelism": 1, "suspend": true}),
                vec![],
                "nothing",
            ),
            // A Pod that is about to end counts as failed, which delays the next one.
            (
                json!({"completions": 1, "parallelism": 1}),
                vec![ending("a")],
                "wait 10s",
            ),
            (
                json!({"completions": 1, "parallelism": 1, "podReplacementPolicy": "Failed"}),
                vec![ending("a")],
                "nothing",
            ),
        ] {
            assert_eq!(step(spec.clone(), &pods), want, "{spec}");
        }
    }

    #[test]
    fn each_index_has_one_pod() {
        let at = |name: &str, phase, index: &str| {
            pod(name, phase, json!({"annotations": {indexes::INDEX: index}}))
        };
        let spec = json!({"completions": 4, "parallelism": 3, "completionMode": "Indexed"});
        for (pods, want) in [
            (vec![], "create [0, 1, 2]"),
            (vec![at("a", "Running", "1")], "create [0, 2]"),
            (
                vec![at("a", "Succeeded", "0"), at("b", "Running", "2")],
                "create [1, 3]",
            ),
            (
                vec![at("a", "Running", "0"), at("b", "Pending", "0")],
                "delete b",
            ),
            (vec![at("a", "Running", "9")], "delete a"),
            (vec![at("a", "Running", "x")], "delete a"),
        ] {
            assert_eq!(step(spec.clone(), &pods), want, "{pods:?}");
        }
    }

    #[test]
    fn an_index_waits_for_itself_alone() {
        let failed = |name: &str, index: &str, failures: &str, second: u32| {
            let at = format!("1970-01-01T00:16:{second:02}Z");
            let mut failed = pod(
                name,
                "Failed",
                json!({"annotations": {
                    indexes::INDEX: index, super::super::view::FAILURES: failures
                }}),
            );
            failed["status"]["conditions"] =
                json!([{"type": "Ready", "status": "False", "lastTransitionTime": at}]);
            failed
        };
        let spec = |parallelism| {
            json!({"completions": 3, "parallelism": parallelism, "completionMode": "Indexed",
                "backoffLimit": 2_147_483_647, "backoffLimitPerIndex": 3})
        };
        // The present is 1000 s, which is 16:40.
        for (parallelism, pods, want) in [
            (1, vec![failed("a", "0", "0", 38)], "wait 8s"),
            (1, vec![failed("a", "0", "1", 38)], "wait 18s"),
            (1, vec![failed("a", "0", "0", 20)], "create [0]"),
            (2, vec![failed("a", "0", "0", 38)], "create [1]"),
            (3, vec![failed("a", "1", "3", 38)], "create [0, 2]"),
        ] {
            assert_eq!(step(spec(parallelism), &pods), want, "{pods:?}");
        }
    }
}
