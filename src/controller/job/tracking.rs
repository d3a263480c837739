//! Counts each Pod of a Job once: it is noted in the status, loses its finalizer, and only then
//! becomes a number, so that it does not matter where the controller stops and begins again.
//!
//! Upstream: pkg/controller/job/job_controller.go (trackJobStatusAndRemoveFinalizers,
//! cleanUncountedPodsWithoutFinalizers, enactJobFinished), v1.36.

use super::conditions;
use super::view::{View, count, is_failed};
use crate::api::meta::MetaExt;
use crate::controller::pods;
use crate::sim::SortedSet;
use k8s_openapi::api::batch::v1::{JobCondition, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;

/// The most Pods that a status notes at a time.
const NOTED_MAX: usize = 500;

/// What is to be done about the Pods that have ended.
#[derive(Debug, PartialEq)]
pub struct Tracking {
    /// Those that lose their finalizer.
    pub remove: Vec<Arc<Pod>>,
    /// Those that still have it, by uid.
    pub tracked: SortedSet<String>,
    /// Whether the status has to be written before.
    pub flush: bool,
    /// Whether the rest has to wait for another time.
    pub is_full: bool,
}

fn number(count: u32) -> Option<i32> {
    (count > 0).then(|| i32::try_from(count).unwrap_or(i32::MAX))
}

/// Notes in `status` which Pods have ended, and what is announced by `end`: that becomes what is to be
/// said in the end.
pub fn plan_tracking(
    view: &View<'_>,
    status: &mut JobStatus,
    end: &mut Option<JobCondition>,
) -> Tracking {
    let left = view.pods.iter().filter(|pod| view.is_uncounted(pod));
    let tracked = left.map(|pod| pod.uid().to_owned()).collect();
    let mut plan = Tracking {
        flush: settle(status, &tracked),
        remove: Vec::new(),
        tracked,
        is_full: false,
    };
    let mut known = view.known.clone();
    let mut fresh = 0;
    for pod in view.pods.iter().filter(|pod| view.is_uncounted(pod)) {
        let failed = is_failed(view.spec, pod);
        let over = view.deleted || end.is_some() || pods::phase(pod) == "Succeeded";
        let is_held = view.held.iter().any(|(_, held)| held.uid() == pod.uid());
        if !over && (!failed || is_held) {
            continue;
        }
        plan.remove.push(pod.clone());
        let success = end.as_ref().map(|end| end.type_ == "SuccessCriteriaMet");
        let fails = failed || success == Some(false);
        match note(view, status, pod, fails) {
            Noted::Index(index) if !known.has(index) => {
                known.add(index, index);
                fresh += 1;
                plan.flush = true;
            }
            Noted::Pod => plan.flush = true,
            _ => {}
        }
        let noted = status.uncounted_terminated_pods.get_or_insert_default();
        let lists = [&noted.succeeded, &noted.failed];
        let noted = lists.map(|list| list.as_ref().map_or(0, Vec::len));
        if fresh + noted[0] + noted[1] >= NOTED_MAX {
            plan.is_full = true;
            break;
        }
    }
    if view.is_indexed() {
        // What succeeded and has not found room counts all the same: its index is known.
        known.merge(&view.done);
        note_indexes(view, status, &known.text(), known.total(), &mut plan.flush);
    }
    plan.flush |= announce(view, status, end);
    plan
}

/// What a status says of a Pod.
enum Noted {
    Nothing,
    /// Its uid is new there.
    Pod,
    /// Its index is to be.
    Index(u32),
}

/// Notes in `status` how a Pod has ended; one that has not succeeded failed where it `fails`.
fn note(view: &View<'_>, status: &mut JobStatus, pod: &Pod, fails: bool) -> Noted {
    let noted = status.uncounted_terminated_pods.get_or_insert_default();
    let has = |list: &Option<Vec<String>>| list.iter().flatten().any(|uid| uid == pod.uid());
    if has(&noted.failed) {
        return Noted::Nothing;
    }
    let index = view.index(pod);
    let list = if pods::phase(pod) == "Succeeded" {
        if view.is_indexed() {
            return index.map_or(Noted::Nothing, Noted::Index);
        }
        if has(&noted.succeeded) {
            return Noted::Nothing;
        }
        &mut noted.succeeded
    } else {
        let has_place = !view.is_indexed() || index.is_some();
        if !fails || !has_place || !view.verdict(pod).counts {
            return Noted::Nothing;
        }
        &mut noted.failed
    };
    list.get_or_insert_default().push(pod.uid().to_owned());
    Noted::Pod
}

fn note_indexes(view: &View<'_>, status: &mut JobStatus, done: &str, total: u32, flush: &mut bool) {
    *flush |= status.completed_indexes.as_deref().unwrap_or_default() != done;
    status.succeeded = number(total);
    status.completed_indexes = (!done.is_empty()).then(|| done.to_owned());
    let lost = view.lost.as_ref().map(super::indexes::Indexes::text);
    *flush |= status.failed_indexes != lost;
    status.failed_indexes = lost;
}

/// Says in `status` that the Job is about to end; `end` becomes the end itself.
fn announce(view: &View<'_>, status: &mut JobStatus, end: &mut Option<JobCondition>) -> bool {
    let Some(given) = end else {
        return false;
    };
    let last = match given.type_.as_str() {
        "FailureTarget" => "Failed",
        "SuccessCriteriaMet" => "Complete",
        _ => return false,
    };
    let announced = conditions::holding(status, &given.type_).is_some();
    if !announced {
        let conditions = status.conditions.get_or_insert_default();
        conditions.push(given.clone());
    }
    *end = Some(conditions::as_type(last, given, view.now));
    !announced
}

/// Counts the noted Pods that have lost their finalizer; answers whether there were any.
pub fn settle(status: &mut JobStatus, tracked: &SortedSet<String>) -> bool {
    let noted = status.uncounted_terminated_pods.get_or_insert_default();
    let mut settled = false;
    for (list, counter) in [
        (&mut noted.succeeded, &mut status.succeeded),
        (&mut noted.failed, &mut status.failed),
    ] {
        let Some(uids) = list else {
            continue;
        };
        let before = uids.len();
        uids.retain(|uid| tracked.contains(uid));
        let counted = u32::try_from(before - uids.len()).unwrap_or(0);
        if counted > 0 {
            *counter = number(count(*counter) + counted);
            settled = true;
        }
        list.take_if(|uids| uids.is_empty());
    }
    settled
}

/// Sets the condition `end`, once every Pod is counted and none is left to end; answers whether it
/// did.
pub fn finish(view: &View<'_>, status: &mut JobStatus, end: &JobCondition) -> bool {
    let noted = status.uncounted_terminated_pods.as_ref();
    let is_open = noted.is_some_and(|noted| noted.succeeded.is_some() || noted.failed.is_some());
    if is_open || view.terminating > 0 {
        return false;
    }
    if end.type_ == "Complete" {
        status.completion_time.clone_from(&end.last_transition_time);
    }
    conditions::ensure(status, end.clone());
    true
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{job, pod, view};
    use super::*;
    use serde_json::{Value, json};

    fn noted(status: &JobStatus) -> [Vec<String>; 2] {
        let noted = status.uncounted_terminated_pods.clone().unwrap_or_default();
        [noted.succeeded, noted.failed].map(Option::unwrap_or_default)
    }

    fn plan(spec: Value, pods: &[Value], end: Option<&str>) -> (Tracking, JobStatus) {
        let job = job(spec, json!({}));
        let view = view(&job, pods);
        let mut status = JobStatus::default();
        let mut end = end.map(|end| conditions::new(end, true, ["Why", "text"], view.now));
        (plan_tracking(&view, &mut status, &mut end), status)
    }

    #[test]
    fn a_pod_is_noted_then_freed_then_counted() {
        let pods = [
            pod("s", "Succeeded", json!({})),
            pod("f", "Failed", json!({})),
            pod("r", "Running", json!({})),
        ];
        let (first, mut status) = plan(json!({"completions": 3}), &pods, None);
        assert_eq!(noted(&status), [["s"], ["f"]]);
        assert_eq!(
            (first.flush, first.remove.len(), first.tracked.len()),
            (true, 2, 3)
        );
        assert_eq!((status.succeeded, status.failed), (None, None));
        // The finalizer of one is off, that of the other is not.
        let mut tracked = first.tracked;
        tracked.remove("s");
        assert!(settle(&mut status, &tracked));
        assert_eq!((status.succeeded, status.failed), (Some(1), None));
        assert!(!settle(&mut status, &tracked));
        tracked.remove("f");
        assert!(settle(&mut status, &tracked));
        assert_eq!((status.succeeded, status.failed), (Some(1), Some(1)));
    }

    #[test]
    fn at_the_end_everything_is_let_go() {
        let running = [pod("r", "Running", json!({}))];
        let spec = json!({"completions": 3});
        for (end, uncounted, conditions) in [
            (None, 0, 0),
            (Some("FailureTarget"), 1, 1),
            (Some("SuccessCriteriaMet"), 0, 1),
        ] {
            let (plan, status) = plan(spec.clone(), &running, end);
            assert_eq!(plan.remove.len(), usize::from(end.is_some()), "{end:?}");
            assert_eq!(noted(&status)[1].len(), uncounted, "{end:?}");
            assert_eq!(
                status.conditions.map_or(0, |all| all.len()),
                conditions,
                "{end:?}"
            );
        }
    }

    #[test]
    fn an_index_needs_no_note_and_a_status_has_room_for_500() {
        let index = super::super::indexes::INDEX;
        let pods: Vec<Value> = (0..3)
            .map(|at| {
                pod(
                    &format!("p{at}"),
                    "Succeeded",
                    json!({"annotations": {index: at.to_string()}}),
                )
            })
            .collect();
        let (_, status) = plan(
            json!({"completions": 9, "completionMode": "Indexed"}),
            &pods,
            None,
        );
        assert_eq!(noted(&status), [[""; 0]; 2]);
        assert_eq!(
            (status.completed_indexes.as_deref(), status.succeeded),
            (Some("0-2"), Some(3))
        );
        let many: Vec<Value> = (0..600)
            .map(|at| pod(&format!("p{at}"), "Failed", json!({})))
            .collect();
        let (plan, status) = plan(json!({"completions": 9, "backoffLimit": 1000}), &many, None);
        assert_eq!(
            (plan.is_full, plan.remove.len(), noted(&status)[1].len()),
            (true, 500, 500)
        );
    }

    #[test]
    fn the_last_word_waits_for_every_pod() {
        let ending = pod(
            "e",
            "Running",
            json!({"deletionTimestamp": "1970-01-01T00:17:00Z"}),
        );
        for (pods, noted, want) in [
            (vec![], json!({}), true),
            (vec![ending], json!({}), false),
            (vec![], json!({"failed": ["x"]}), false),
        ] {
            let job = job(json!({}), json!({}));
            let view = view(&job, &pods);
            let status = json!({"uncountedTerminatedPods": noted});
            let mut status: JobStatus = serde_json::from_value(status).expect("a status");
            let end = conditions::new("Complete", true, ["Why", "text"], view.now);
            assert_eq!(finish(&view, &mut status, &end), want);
            assert_eq!(status.completion_time.is_some(), want);
        }
    }
}
