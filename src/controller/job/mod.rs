//! Runs the Pods of a Job until as many have succeeded as it asks for, or it has failed.
//!
//! Upstream: pkg/controller/job/job_controller.go, v1.36. Left out: metrics, and Jobs of gangs
//! (`job_scheduling_manager.go`, behind a feature gate).

mod backoff;
mod conditions;
mod indexes;
mod plan;
mod policy;
mod template;
mod tracking;
mod view;

pub use conditions::finished;

use super::manager::Controller;
use super::owned_pods::OwnedPods;
use super::pod_control::{PodControl, adopt, release, remove_finalizer};
use super::{Change, Informers, pods};
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Status, owner};
use crate::client::{self, Ctx, Delta, EventType, WorkQueue, work_off};
use crate::sim::{SimDuration, SimTime, SortedMap, SortedSet};
use backoff::Backoff;
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobStatus};
use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use plan::{Step, plan_step};
use serde::Serialize;
use std::sync::Arc;
use tracking::plan_tracking;
use view::{View, is_tracked, plan_end};

/// The finalizer that a Pod has until its Job has counted it.
pub const TRACKING: &str = "batch.kubernetes.io/job-tracking";
/// For so long changes of Pods are gathered before a Job is looked at.
const BATCH: SimDuration = SimDuration::secs(1);
const OURS: &str = "kubernetes.io/job-controller";

/// The Job controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobController {
    queue: WorkQueue<NamespacedName>,
    /// Pods that nothing controls any more and that still have the finalizer.
    orphans: WorkQueue<NamespacedName>,
    /// Pods whose finalizer was taken off, which the informer may not know yet, by Job.
    #[serde(serialize_with = "crate::sim::as_pairs")]
    untracked: SortedMap<NamespacedName, SortedSet<String>>,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    backoffs: SortedMap<NamespacedName, Backoff>,
    control: PodControl,
    pods: OwnedPods,
}

impl Default for JobController {
    fn default() -> Self {
        Self {
            queue: WorkQueue::backing_off(1_000, 60),
            orphans: WorkQueue::backing_off(1_000, 60),
            untracked: SortedMap::new(),
            backoffs: SortedMap::new(),
            control: PodControl::new("job-controller"),
            pods: OwnedPods::new(Kind::Job),
        }
    }
}

impl Controller for JobController {
    fn name(&self) -> &'static str {
        "job-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, now: SimTime) {
        match change {
            Change::Job(delta) => self.handle_job(delta, now),
            Change::Pod(delta) => self.handle_pod(delta, informers, now),
            _ => {}
        }
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        work_off(
            self,
            ctx,
            |this| &mut this.queue,
            |this, key, ctx| this.reconcile(key, ctx, informers),
        );
        work_off(
            self,
            ctx,
            |this| &mut this.orphans,
            |_, key, ctx| free_orphan(key, ctx, informers),
        );
    }

    fn next_at(&self) -> Option<SimTime> {
        let both = [self.queue.next_at(), self.orphans.next_at()];
        both.into_iter().flatten().min()
    }
}

/// Takes the finalizer off a Pod that no Job is going to count.
fn free_orphan(
    key: &NamespacedName,
    ctx: &mut Ctx<'_>,
    informers: &Informers,
) -> Result<(), Status> {
    let Some(pod) = informers.pods.get(key).filter(|pod| is_tracked(pod)) else {
        return Ok(());
    };
    if let Some(reference) = owner::controller_of(&pod.metadata) {
        let job = job_of(pod, informers);
        let ours = job.is_none_or(|job| conditions::finished(job).is_some() && is_ours(job));
        if reference.kind != Kind::Job.row().kind || !ours {
            return Ok(());
        }
    }
    untrack(pod, ctx)
}

/// Takes the finalizer off whatever the Pod has become meanwhile, as upstream's patch does.
fn untrack(pod: &Pod, ctx: &mut Ctx<'_>) -> Result<(), Status> {
    let newest = ctx.get::<Pod>(&pod.namespaced_name());
    let mut free = match newest {
        Ok(newest) if newest.uid() == pod.uid() => Pod::clone(&newest),
        Ok(_) => return Ok(()),
        Err(status) => return Status::ignore_not_found(Err::<(), _>(status)),
    };
    match remove_finalizer(&mut free, TRACKING) {
        true => Status::ignore_not_found(ctx.update(free)),
        false => Ok(()),
    }
}

/// What a Job's expectations stand under, and what its events refer to.
fn named(job: &Job) -> (NamespacedName, ObjectReference) {
    (job.namespaced_name(), client::reference(job))
}

/// The Job that controls a Pod.
fn job_of<'a>(pod: &Pod, informers: &'a Informers) -> Option<&'a Arc<Job>> {
    let name = owner::controller_name(&pod.metadata, Kind::Job)?;
    let job = informers
        .jobs
        .get(&NamespacedName::new(pod.namespace(), name))?;
    owner::is_controlled_by(&pod.metadata, job.uid()).then_some(job)
}

/// Whether a Job is left to this controller.
fn is_ours(job: &Job) -> bool {
    let manager = job
        .spec
        .as_ref()
        .and_then(|spec| spec.managed_by.as_deref());
    manager.is_none_or(|manager| manager == OURS)
}

/// What a reconcile has done so far.
struct Outcome {
    active: u32,
    end: Option<JobCondition>,
    refusal: Option<Status>,
    /// Whether the status has to be written.
    flush: bool,
}

impl JobController {
    fn handle_job(&mut self, delta: &Delta<Job>, now: SimTime) {
        let key = delta.name();
        if delta.new.is_none() {
            // Another of its name may be there before the next reconcile.
            self.control.expectations.forget(&key);
            self.untracked.remove(&key);
            self.backoffs.remove(&key);
        }
        let generation = |job: &Option<Arc<Job>>| job.as_ref().map(|job| job.metadata.generation);
        match generation(&delta.old) == generation(&delta.new) {
            true => self.queue.add_at(key, now + BATCH),
            false => self.queue.add(key, Some(delta.revision)),
        }
        let job = delta.latest();
        if delta.new.is_none() || conditions::finished(job).is_some() {
            let pods = self.pods.of(job.uid()).map(|owned| &owned.pod);
            for pod in pods.filter(|pod| is_tracked(pod)) {
                self.orphans
                    .add(pod.namespaced_name(), Some(delta.revision));
            }
        }
    }

    fn handle_pod(&mut self, delta: &Delta<Pod>, informers: &Informers, now: SimTime) {
        self.pods.observe(delta);
        let pod = delta.latest();
        let tracked = delta.new.is_some() && is_tracked(pod);
        let at = now + BATCH;
        if let Some(old) = delta.old.as_ref().and_then(|old| job_of(old, informers)) {
            let key = old.namespaced_name();
            if !tracked && let Some(uids) = self.untracked.get_mut(&key) {
                uids.remove(pod.uid());
            }
            self.queue.add_at(key, at);
        }
        let job = job_of(pod, informers);
        let ending = delta.new.is_none() || pod.is_terminating();
        if let Some(job) = job {
            let key = job.namespaced_name();
            match (&delta.old, ending) {
                (_, true) => self.control.expectations.deletion_observed(&key, pod.uid()),
                (None, false) => self.control.expectations.creation_observed(&key),
                (Some(_), false) => {}
            }
            self.queue.add_at(key, at);
        }
        let controlled = owner::controller_of(&pod.metadata).is_some();
        let over = job.is_none_or(|job| conditions::finished(job).is_some());
        if tracked && (!controlled || (ending && over)) {
            self.orphans
                .add(pod.namespaced_name(), Some(delta.revision));
        }
        if !controlled && delta.new.is_some() {
            for job in informers.jobs.in_namespace(pod.namespace()) {
                if selector(job).matches(meta::labels(&pod.metadata)) {
                    self.queue.add_at(job.namespaced_name(), at);
                }
            }
        }
    }

    fn reconcile(
        &mut self,
        key: &NamespacedName,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let Some(job) = informers.jobs.get(key).cloned() else {
            return Ok(());
        };
        let Some(spec) = job.spec.as_ref().filter(|_| is_ours(&job)) else {
            return Ok(());
        };
        if conditions::finished(&job).is_some() {
            self.backoffs.remove(key);
            return Ok(());
        }
        let satisfied = self.control.expectations.satisfied(key, ctx.now);
        let pods = self.claim(&job, ctx)?;
        let mut status = job.status.clone().unwrap_or_default();
        status.uncounted_terminated_pods.get_or_insert_default();
        let untracked = self.untracked.get(key).cloned().unwrap_or_default();
        let backoff = self.backoffs.get(key).copied().unwrap_or_default();
        let mut view = View::new(&job, spec, &status, pods, untracked, backoff, ctx.now);
        if status.start_time.is_none() && spec.suspend != Some(true) {
            status.start_time = Some(meta::time(ctx.now));
        }
        let mut outcome = Outcome {
            active: u32::try_from(view.active.len()).unwrap_or(u32::MAX),
            end: plan_end(&view, &status),
            refusal: None,
            flush: false,
        };
        if outcome.end.is_some() {
            let active = view.active.clone();
            let deleted = self.delete(&job, &mut view, &active, &mut outcome, ctx);
            if deleted as usize != active.len() || !satisfied {
                // Some Pods may not be known yet.
                outcome.end = None;
            }
        } else {
            if let Some(at) = view::deadline(spec, &status) {
                self.queue.add_at(key.clone(), at);
            }
            self.manage(&job, &mut view, &mut status, &mut outcome, satisfied, ctx);
        }
        self.track(&job, &view, status, &mut outcome, ctx)?;
        outcome.refusal.map_or(Ok(()), Err)
    }

    /// All Pods of the Job, after letting go of those that it does not select and adopting those that
    /// nothing controls.
    fn claim(&mut self, job: &Job, ctx: &mut Ctx<'_>) -> Result<Vec<Arc<Pod>>, Status> {
        let selector = selector(job);
        let mut claimed = Vec::new();
        for owned in self.pods.of_mut(job.uid()) {
            owned.matches = owned.matches || selector.matches(meta::labels(&owned.pod.metadata));
            if owned.matches {
                claimed.push(owned.pod.clone());
            } else if !job.is_terminating() {
                release(&owned.pod, job.uid(), TRACKING, ctx)?;
            }
        }
        if job.is_terminating() {
            return Ok(claimed);
        }
        for pod in self.pods.orphans_in(job.namespace()) {
            if !pod.is_terminating() && selector.matches(meta::labels(&pod.metadata)) {
                let owner = owner::controller_ref(job);
                claimed.push(adopt(pod, owner, TRACKING, ctx)?);
            }
        }
        Ok(claimed)
    }

    /// Deletes Pods, and counts them as ending.
    fn delete(
        &mut self,
        job: &Job,
        view: &mut View<'_>,
        victims: &[Arc<Pod>],
        outcome: &mut Outcome,
        ctx: &mut Ctx<'_>,
    ) -> u32 {
        let (key, involved) = named(job);
        let (deleted, refusal) = self.control.delete(&key, &involved, victims, ctx);
        let ready = victims.iter().filter(|pod| pods::is_ready(pod)).count();
        view.ready = view.ready.saturating_sub(u32::try_from(ready).unwrap_or(0));
        view.terminating += deleted;
        outcome.active = outcome.active.saturating_sub(deleted);
        outcome.refusal = refusal;
        deleted
    }

    /// Creates and deletes Pods, and says whether the Job is complete, suspended or resumed.
    fn manage(
        &mut self,
        job: &Job,
        view: &mut View<'_>,
        status: &mut JobStatus,
        outcome: &mut Outcome,
        satisfied: bool,
        ctx: &mut Ctx<'_>,
    ) {
        let managed = satisfied && !job.is_terminating();
        if managed {
            self.step(job, view, outcome, ctx);
        }
        let enough = match view.spec.completions {
            Some(_) => view.succeeded >= view.completions(),
            None => view.succeeded > 0,
        };
        if enough && outcome.active == 0 {
            let why = [
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            ];
            outcome.end = Some(conditions::new("SuccessCriteriaMet", true, why, ctx.now));
        } else if managed {
            let suspended = view.spec.suspend == Some(true);
            let (reason, event, message) = match suspended {
                true => ("JobSuspended", "Suspended", "Job suspended"),
                false => ("JobResumed", "Resumed", "Job resumed"),
            };
            let now = ctx.now;
            let condition = conditions::new("Suspended", suspended, [reason, message], now);
            if conditions::ensure(status, condition) {
                outcome.flush = true;
                let (_, involved) = named(job);
                let normal = EventType::Normal;
                self.control
                    .event(ctx, &involved, normal, event, message.to_owned());
                if !suspended {
                    status.start_time = Some(meta::time(now));
                }
            }
        }
    }

    fn step(&mut self, job: &Job, view: &mut View<'_>, outcome: &mut Outcome, ctx: &mut Ctx<'_>) {
        match plan_step(view) {
            Step::Nothing => {}
            Step::Wait(time) => {
                let at = ctx.now + time.max(BATCH);
                self.queue.add_at(job.namespaced_name(), at);
                // As upstream: while it waits, no Pod is said to be active.
                outcome.active = 0;
            }
            Step::Delete(mut victims) => {
                let mut refusal = None;
                // What is too many has not failed: it is not counted.
                victims.retain(|pod| match untrack(pod, ctx) {
                    Ok(()) => true,
                    Err(status) => {
                        refusal = Some(status);
                        false
                    }
                });
                let key = job.namespaced_name();
                self.control.expect_deletions(&key, &victims, ctx);
                self.delete(job, view, &victims, outcome, ctx);
                outcome.refusal = refusal.or(outcome.refusal.take());
            }
            Step::Create(indexes) => {
                let count = u32::try_from(indexes.len()).unwrap_or(u32::MAX);
                let mut indexes = indexes.into_iter().flatten();
                let mut next = |_| template::new_pod(job, view, indexes.next());
                let (key, involved) = named(job);
                let control = &mut self.control;
                let (created, refusal) = control.create(&key, &involved, count, &mut next, ctx);
                outcome.active += created;
                outcome.refusal = refusal;
            }
        }
    }

    /// Counts the Pods that have ended, and ends the Job.
    fn track(
        &mut self,
        job: &Job,
        view: &View<'_>,
        mut status: JobStatus,
        outcome: &mut Outcome,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let before = [status.active, status.ready, status.terminating];
        status.active = Some(number(outcome.active)).filter(|count| *count != 0);
        status.ready = Some(number(view.ready));
        status.terminating = Some(number(view.terminating));
        let changed = before != [status.active, status.ready, status.terminating];
        let mut plan = plan_tracking(view, &mut status, &mut outcome.end);
        let key = job.namespaced_name();
        let mut newest = meta::identity(&job.metadata);
        let mut write = |status: &JobStatus, ctx: &mut Ctx<'_>| {
            let stored = ctx.update_status(Job {
                metadata: newest.clone(),
                spec: None,
                status: Some(status.clone()),
            })?;
            newest = meta::identity(&stored.metadata);
            Ok::<(), Status>(())
        };
        if plan.flush || changed || outcome.flush {
            write(&status, ctx)?;
            self.backoffs.insert(key.clone(), view.backoff);
        }
        let mut refusal = None;
        for pod in &plan.remove {
            let uids = self.untracked.entry(key.clone()).or_default();
            match untrack(pod, ctx) {
                Ok(()) => {
                    uids.insert(pod.uid().to_owned());
                    plan.tracked.remove(pod.uid());
                }
                Err(status) => refusal = Some(status),
            }
        }
        let mut flush = tracking::settle(&mut status, &plan.tracked);
        if let Some(refusal) = refusal {
            if flush {
                write(&status, ctx)?;
            }
            return Err(refusal);
        }
        let end = outcome.end.take().filter(|_| !plan.is_full);
        let end = end.filter(|end| tracking::finish(view, &mut status, end));
        flush |= end.is_some();
        if flush {
            write(&status, ctx)?;
        }
        if let Some(end) = end {
            self.tell_end(job, view, &status, &end, ctx);
        }
        Ok(())
    }

    fn tell_end(
        &mut self,
        job: &Job,
        view: &View<'_>,
        status: &JobStatus,
        end: &JobCondition,
        ctx: &mut Ctx<'_>,
    ) {
        let mut tell = |event_type, reason: &str, message: &str| {
            let (_, involved) = named(job);
            self.control
                .event(ctx, &involved, event_type, reason, message.to_owned());
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        if end.type_ != "Complete" {
            tell(EventType::Warning, &text(&end.reason), &text(&end.message));
            return;
        }
        if view.spec.completions.is_some() && view::count(status.succeeded) > view.completions() {
            let message = "Too many succeeded pods running after completion count reached";
            tell(EventType::Warning, "TooManySucceededPods", message);
        }
        tell(EventType::Normal, "Completed", "Job completed");
    }
}

fn selector(job: &Job) -> Selector {
    let selector = job.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    match selector {
        Some(selector) => {
            Selector::from_label_selector(Some(selector)).unwrap_or(Selector::nothing())
        }
        None => Selector::nothing(),
    }
}
