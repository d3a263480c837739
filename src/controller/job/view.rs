//! How a Job stands: its Pods counted, its indexes, and whether it has come to an end.
//!
//! Upstream: pkg/controller/job/job_controller.go (syncJob, getNewFinishedPods,
//! pastBackoffLimitOnFailure), indexed_job_utils.go, v1.36.

use super::backoff::{Backoff, finished_at};
use super::indexes::{self, Indexes};
use super::{TRACKING, conditions, policy};
use crate::api::meta::{self, MetaExt};
use crate::controller::pods;
use crate::sim::{SimDuration, SimTime, SortedSet};
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobSpec, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;

/// Says in a replacement how often its index has failed, and how often that did not count.
pub const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
/// See [`FAILURES`].
pub const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// What one reconcile goes by.
pub struct View<'a> {
    /// What the Job asks for.
    pub spec: &'a JobSpec,
    /// Whether the Job is being deleted.
    pub deleted: bool,
    /// The present.
    pub now: SimTime,
    /// All its Pods, by name.
    pub pods: Vec<Arc<Pod>>,
    /// Those that run or will.
    pub active: Vec<Arc<Pod>>,
    /// Pods whose finalizer is off already, by uid.
    pub untracked: SortedSet<String>,
    /// How many active Pods are ready.
    pub ready: u32,
    /// How many Pods are being deleted and have not finished.
    pub terminating: u32,
    /// How many Pods, or indexes, have succeeded.
    pub succeeded: u32,
    /// How many Pods have failed.
    pub failed: u32,
    /// The failures that delay the next Pods.
    pub backoff: Backoff,
    /// Indexes that the status says have succeeded.
    pub known: Indexes,
    /// Those and what has succeeded since.
    pub done: Indexes,
    /// Indexes that have failed for good; `None` where only the whole Job fails.
    pub lost: Option<Indexes>,
    /// For each index that waits for another try the Pod that failed last, which stays until then.
    pub held: Vec<(u32, Arc<Pod>)>,
}

/// A count of the API, where nothing is none.
pub fn count(number: Option<i32>) -> u32 {
    number.map_or(0, |number| u32::try_from(number).unwrap_or(0))
}

/// Whether the Job's end still has to be counted for a Pod.
pub fn is_tracked(pod: &Pod) -> bool {
    let finalizers = pod.metadata.finalizers.iter().flatten();
    finalizers
        .into_iter()
        .any(|finalizer| finalizer == TRACKING)
}

/// Whether only Pods that have ended are replaced, not those that are about to.
pub fn replaces_failed_only(spec: &JobSpec) -> bool {
    spec.pod_replacement_policy.as_deref() == Some("Failed") || spec.pod_failure_policy.is_some()
}

/// Whether a Pod counts as failed.
pub fn is_failed(spec: &JobSpec, pod: &Pod) -> bool {
    match pods::phase(pod) {
        "Failed" => true,
        "Succeeded" => false,
        _ => pod.is_terminating() && !replaces_failed_only(spec),
    }
}

/// The number in an annotation, 0 where there is none that can be read.
pub fn noted(pod: &Pod, annotation: &str) -> u32 {
    let text = pod.annotation(annotation).unwrap_or_default();
    count(text.parse().ok())
}

/// How often the Pod's index has failed before it, counted or not.
pub fn failures(pod: &Pod) -> u32 {
    noted(pod, FAILURES).saturating_add(noted(pod, IGNORED))
}

impl<'a> View<'a> {
    /// Looks at a Job and its Pods.
    pub fn new(
        job: &'a Job,
        spec: &'a JobSpec,
        status: &JobStatus,
        pods: Vec<Arc<Pod>>,
        untracked: SortedSet<String>,
        backoff: Backoff,
        now: SimTime,
    ) -> Self {
        let active: Vec<Arc<Pod>> = pods
            .iter()
            .filter(|p| pods::is_active(p))
            .cloned()
            .collect();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut view = Self {
            spec,
            deleted: job.is_terminating(),
            now,
            ready: number(active.iter().filter(|pod| pods::is_ready(pod)).count()),
            terminating: number(pods.iter().filter(|pod| pods::is_ending(pod)).count()),
            pods,
            active,
            untracked,
            succeeded: 0,
            failed: 0,
            backoff,
            known: Indexes::default(),
            done: Indexes::default(),
            lost: None,
            held: Vec::new(),
        };
        let uncounted = status.uncounted_terminated_pods.as_ref();
        let none = Vec::new();
        let waiting = uncounted
            .and_then(|all| all.succeeded.as_ref())
            .unwrap_or(&none);
        let succeeded = view.fresh(waiting, &|pod| pods::phase(pod) == "Succeeded");
        view.succeeded = count(status.succeeded) + number(succeeded.len() + waiting.len());
        let waiting = uncounted
            .and_then(|all| all.failed.as_ref())
            .unwrap_or(&none);
        let failed = view.fresh(waiting, &|pod| is_failed(spec, pod));
        let counted = failed.iter().filter(|pod| view.verdict(pod).counts).count();
        view.failed = count(status.failed) + number(counted + waiting.len());
        view.backoff = backoff.and(&succeeded, &failed);
        if view.is_indexed() {
            view.look_at_indexes(status);
        }
        view
    }

    /// Whether each Pod works on an index of its own.
    pub fn is_indexed(&self) -> bool {
        self.spec.completion_mode.as_deref() == Some("Indexed")
    }

    /// How many have to succeed.
    pub fn completions(&self) -> u32 {
        count(self.spec.completions)
    }

    /// The index of a Pod, where the Job has it.
    pub fn index(&self, pod: &Pod) -> Option<u32> {
        indexes::of(pod).filter(|index| *index < self.completions())
    }

    /// What the failure policy says of a Pod.
    pub fn verdict(&self, pod: &Pod) -> policy::Verdict {
        policy::of_failure(self.spec.pod_failure_policy.as_ref(), pod)
    }

    /// Whether a Pod's finalizer is still on, as far as is known.
    pub fn is_uncounted(&self, pod: &Pod) -> bool {
        is_tracked(pod) && !self.untracked.contains(pod.uid())
    }

    /// The Pods that are not counted, not among `waiting`, and pass `test`.
    fn fresh(&self, waiting: &[String], test: &dyn Fn(&Pod) -> bool) -> Vec<Arc<Pod>> {
        let fits = |pod: &&Arc<Pod>| {
            self.is_uncounted(pod)
                && !waiting.iter().any(|uid| uid == pod.uid())
                && (!self.is_indexed() || self.index(pod).is_some())
                && test(pod)
        };
        self.pods.iter().filter(fits).cloned().collect()
    }

    fn look_at_indexes(&mut self, status: &JobStatus) {
        let completions = self.completions();
        let parse =
            |text: Option<&String>| Indexes::parse(text.map_or("", String::as_str), completions);
        self.known = parse(status.completed_indexes.as_ref());
        let mut done = self.known.clone();
        let mut lost = parse(status.failed_indexes.as_ref());
        let limit = self.spec.backoff_limit_per_index;
        for pod in self.pods.iter().filter(|pod| is_tracked(pod)) {
            let Some(index) = self.index(pod) else {
                continue;
            };
            if pods::phase(pod) == "Succeeded" {
                done.add(index, index);
            } else if is_failed(self.spec, pod) {
                let verdict = self.verdict(pod);
                let last = verdict.counts && noted(pod, FAILURES) >= count(limit);
                if verdict.fails_index || last {
                    lost.add(index, index);
                }
            }
        }
        self.done = done;
        self.succeeded = self.done.total();
        if limit.is_some() {
            self.lost = Some(lost);
            self.hold();
        }
    }

    fn hold(&mut self) {
        let running: Vec<Option<u32>> = self.active.iter().map(|pod| indexes::of(pod)).collect();
        let lost = self.lost.clone().unwrap_or_default();
        let mut held: Vec<(u32, Arc<Pod>)> = Vec::new();
        for pod in self.fresh(&[], &|pod| is_failed(self.spec, pod)) {
            let Some(index) = self.index(&pod) else {
                continue;
            };
            if self.done.has(index) || lost.has(index) || running.contains(&Some(index)) {
                continue;
            }
            match held.iter_mut().find(|(of, _)| *of == index) {
                Some((_, last)) => {
                    if failures(last) <= failures(&pod) && finished_at(&pod) >= finished_at(last) {
                        *last = pod;
                    }
                }
                None => held.push((index, pod)),
            }
        }
        self.held = held;
    }

    /// The Pod that failed last in `index`, where another is to follow it.
    pub fn held(&self, index: u32) -> Option<&Arc<Pod>> {
        let found = self.held.iter().find(|(of, _)| *of == index);
        found.map(|(_, pod)| pod)
    }
}

/// Until when a Job may run.
pub fn deadline(spec: &JobSpec, status: &JobStatus) -> Option<SimTime> {
    let seconds = u64::try_from(spec.active_deadline_seconds?).unwrap_or(0);
    let start = meta::to_sim(status.start_time.as_ref()?);
    (spec.suspend != Some(true)).then(|| start + SimDuration::secs(seconds))
}

/// Why the Job is over, if it is before all that was asked for is done.
pub fn plan_end(view: &View<'_>, status: &JobStatus) -> Option<JobCondition> {
    let (spec, now) = (view.spec, view.now);
    if let Some(met) = conditions::holding(status, "SuccessCriteriaMet") {
        return Some(met.clone());
    }
    if let Some(target) = conditions::holding(status, "FailureTarget") {
        return Some(conditions::as_type("Failed", target, now));
    }
    let fails = |reason: &str, message: &str| {
        Some(conditions::new(
            "FailureTarget",
            true,
            [reason, message],
            now,
        ))
    };
    let failed = view.pods.iter().filter(|pod| is_failed(spec, pod));
    if let Some(message) = failed.into_iter().find_map(|pod| view.verdict(pod).message) {
        return fails("PodFailurePolicy", &message);
    }
    let limit = count(spec.backoff_limit);
    if view.failed > limit || is_past_limit(view, limit) {
        return fails(
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        );
    }
    if deadline(spec, status).is_some_and(|at| at <= now) {
        return fails(
            "DeadlineExceeded",
            "Job was active longer than specified deadline",
        );
    }
    if let Some(lost) = view.lost.as_ref().map(Indexes::total) {
        let most = spec.max_failed_indexes.map(|most| count(Some(most)));
        if most.is_some_and(|most| lost > most) {
            return fails(
                "MaxFailedIndexesExceeded",
                "Job has exceeded the specified maximal number of failed indexes",
            );
        }
        if lost > 0 && lost + view.done.total() >= view.completions() {
            return fails("FailedIndexes", "Job has failed indexes");
        }
    }
    let success = spec.success_policy.as_ref();
    let met = policy::met(success, view.completions(), &view.done)?;
    let why = ["SuccessPolicy", &met];
    Some(conditions::new("SuccessCriteriaMet", true, why, now))
}

/// Whether containers that are started again and again have been so too often.
fn is_past_limit(view: &View<'_>, limit: u32) -> bool {
    let template = view.spec.template.spec.as_ref();
    if template.and_then(|spec| spec.restart_policy.as_deref()) != Some("OnFailure") {
        return false;
    }
    let mut restarts = 0_u32;
    for pod in &view.pods {
        let Some(status) = pod.status.as_ref().filter(|_| !pods::is_finished(pod)) else {
            continue;
        };
        let main = status.container_statuses.iter().flatten();
        for container in main.chain(status.init_container_statuses.iter().flatten()) {
            restarts = restarts.saturating_add(count(Some(container.restart_count)));
        }
    }
    restarts >= limit.max(1)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A Job of which only what matters is said.
    pub fn job(mut spec: Value, status: Value) -> Job {
        if spec["backoffLimit"].is_null() {
            spec["backoffLimit"] = json!(6);
        }
        if spec["template"].is_null() {
            spec["template"] = json!({});
        }
        serde_json::from_value(json!({"metadata": {"name": "j"}, "spec": spec, "status": status}))
            .expect("a Job")
    }

    /// A Pod that the Job still has to count.
    pub fn pod(name: &str, phase: &str, mut metadata: Value) -> Value {
        metadata["name"] = json!(name);
        metadata["uid"] = json!(name);
        metadata["creationTimestamp"] = json!("1970-01-01T00:16:40Z");
        metadata["finalizers"] = json!([TRACKING]);
        json!({"metadata": metadata, "status": {"phase": phase}})
    }

    /// What is seen of `job` and `pods` at 1000 s.
    pub fn view<'a>(job: &'a Job, pods: &[Value]) -> View<'a> {
        let pods = pods.iter().map(|pod| {
            let pod = serde_json::from_value(pod.clone());
            Arc::new(pod.expect("a Pod"))
        });
        let spec = job.spec.as_ref().expect("a spec");
        let status = job.status.as_ref().expect("a status");
        let now = SimTime::from_secs(1_000);
        let (untracked, backoff) = (SortedSet::new(), Backoff::default());
        View::new(job, spec, status, pods.collect(), untracked, backoff, now)
    }

    #[test]
    fn what_is_counted_is_counted_once() {
        let job = job(
            json!({"completions": 9, "parallelism": 9}),
            json!({"succeeded": 2, "failed": 1,
                "uncountedTerminatedPods": {"succeeded": ["s1"], "failed": ["gone"]}}),
        );
        let mut counted = pod("s3", "Succeeded", json!({}));
        counted["metadata"]["finalizers"] = json!([]);
        let pods = [
            pod("s1", "Succeeded", json!({})),
            pod("s2", "Succeeded", json!({})),
            counted,
            pod("f1", "Failed", json!({})),
            pod("r1", "Running", json!({})),
        ];
        let view = view(&job, &pods);
        assert_eq!((view.succeeded, view.failed, view.active.len()), (4, 3, 1));
    }

    fn end(spec: Value, status: Value, pods: &[Value]) -> String {
        let job = job(spec, status.clone());
        let status: JobStatus = serde_json::from_value(status).expect("a status");
        let end = plan_end(&view(&job, pods), &status);
        end.map_or("runs".to_owned(), |end| {
            let reason = end.reason.unwrap_or_default();
            format!("{} {reason}", end.type_)
        })
    }

    #[test]
    fn a_job_ends_for_the_first_reason_that_holds() {
        let failed = || pod("f", "Failed", json!({}));
        let indexed = |index: &str, phase: &str| {
            pod(
                index,
                phase,
                json!({"annotations": {indexes::INDEX: index, FAILURES: "1"}}),
            )
        };
        let mut restarted = pod("r", "Running", json!({}));
        restarted["status"]["containerStatuses"] = json!([{
            "name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 2
        }]);
        let on_failure = |limit| json!({"backoffLimit": limit, "template": {"spec": {"containers": [], "restartPolicy": "OnFailure"}}});
        let per_index = |most: Value| {
            json!({"completions": 2, "completionMode": "Indexed", "backoffLimit": 99,
                "backoffLimitPerIndex": 1, "maxFailedIndexes": most})
        };
        let condition = |type_: &str| json!({"conditions": [{"type": type_, "status": "True", "reason": "Why"}]});
        let started = json!({"startTime": "1970-01-01T00:16:30Z"});
        for (spec, status, pods, want) in [
            (json!({"backoffLimit": 0}), json!({}), vec![], "runs"),
            (
                json!({"backoffLimit": 0}),
                json!({}),
                vec![failed()],
                "FailureTarget BackoffLimitExceeded",
            ),
            (
                json!({"backoffLimit": 1}),
                json!({"failed": 1}),
                vec![failed()],
                "FailureTarget BackoffLimitExceeded",
            ),
            (json!({}), condition("FailureTarget"), vec![], "Failed Why"),
            (
                json!({"backoffLimit": 0}),
                condition("SuccessCriteriaMet"),
                vec![failed()],
                "SuccessCriteriaMet Why",
            ),
            (
                on_failure(2),
                json!({}),
                vec![restarted.clone()],
                "FailureTarget BackoffLimitExceeded",
            ),
            (
                on_failure(0),
                json!({}),
                vec![restarted.clone()],
                "FailureTarget BackoffLimitExceeded",
            ),
            (on_failure(3), json!({}), vec![restarted.clone()], "runs"),
            (
                json!({"activeDeadlineSeconds": 10}),
                started.clone(),
                vec![],
                "FailureTarget DeadlineExceeded",
            ),
            (
                json!({"activeDeadlineSeconds": 11}),
                started.clone(),
                vec![],
                "runs",
            ),
            (
                json!({"activeDeadlineSeconds": 1, "suspend": true}),
                started,
                vec![],
                "runs",
            ),
            (
                per_index(Value::Null),
                json!({}),
                vec![indexed("0", "Failed")],
                "runs",
            ),
            (
                per_index(Value::Null),
                json!({}),
                vec![indexed("0", "Failed"), indexed("1", "Succeeded")],
                "FailureTarget FailedIndexes",
            ),
            (
                per_index(json!(0)),
                json!({}),
                vec![indexed("0", "Failed")],
                "FailureTarget MaxFailedIndexesExceeded",
            ),
            (
                json!({"completions": 3, "completionMode": "Indexed", "successPolicy": {"rules": [{"succeededCount": 1}]}}),
                json!({}),
                vec![indexed("2", "Succeeded")],
                "SuccessCriteriaMet SuccessPolicy",
            ),
            (
                json!({"podFailurePolicy": {"rules": [{"action": "FailJob",
                    "onPodConditions": [{"type": "Lost", "status": "True"}]}]}}),
                json!({}),
                vec![{
                    let mut lost = failed();
                    lost["status"]["conditions"] = json!([{"type": "Lost", "status": "True"}]);
                    lost
                }],
                "FailureTarget PodFailurePolicy",
            ),
        ] {
            assert_eq!(end(spec.clone(), status, &pods), want, "{spec}");
        }
    }
}
