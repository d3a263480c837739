//! Creates the Jobs of CronJobs when their time comes, and deletes the oldest that have finished.
//!
//! Upstream: pkg/controller/cronjob/{cronjob_controllerv2,utils,injection}.go, v1.36. There is no data
//! on time zones here: where one is said that is not UTC, nothing runs, as upstream where it does not
//! know a zone. Left out: a zone within the schedule, which is refused when a CronJob is made, and the
//! event `MissSchedule`: as upstream looks only for starts within the deadline, none is ever too late.

mod plan;

use super::job::finished;
use super::manager::{Controller, one_queue};
use super::{Change, Informers};
use crate::api::meta::{self, MetaExt};
use crate::api::schedule::Schedule;
use crate::api::{Kind, NamespacedName, Reason, Status, owner};
use crate::apiserver::DeleteOptions;
use crate::client::{self, Ctx, Delta, EventType, Recorder, WorkQueue};
use crate::sim::{SimTime, order};
use k8s_openapi::api::batch::v1::{CronJob, CronJobStatus, Job};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use plan::{plan_next, plan_starts};
use serde::Serialize;
use std::sync::Arc;

const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// The CronJob controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CronJobController {
    queue: WorkQueue<NamespacedName>,
    recorder: Recorder,
}

impl Default for CronJobController {
    fn default() -> Self {
        Self {
            queue: WorkQueue::default(),
            recorder: Recorder::new("cronjob-controller", ""),
        }
    }
}

impl Controller for CronJobController {
    fn name(&self) -> &'static str {
        "cronjob-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, now: SimTime) {
        match change {
            Change::CronJob(delta) => self.handle_cron_job(delta, now),
            Change::Job(delta) => {
                for job in [&delta.old, &delta.new].into_iter().flatten() {
                    if let Some(name) = owner::controller_name(&job.metadata, Kind::CronJob) {
                        let key = NamespacedName::new(job.namespace(), name);
                        if informers.cron_jobs.get(&key).is_some() {
                            self.queue.add(key, Some(delta.revision));
                        }
                    }
                }
            }
            _ => {}
        }
    }

    one_queue!(|this, key, ctx, informers| this.reconcile(key, ctx, informers));
}

/// A CronJob that is being reconciled.
struct Work<'a> {
    job: &'a CronJob,
    status: CronJobStatus,
    recorder: &'a mut Recorder,
}

impl Work<'_> {
    fn tell(&mut self, ctx: &mut Ctx<'_>, event_type: EventType, reason: &str, message: String) {
        self.recorder
            .event(ctx, self.job, event_type, reason, message);
    }

    fn warn(&mut self, ctx: &mut Ctx<'_>, reason: &str, message: String) {
        self.tell(ctx, EventType::Warning, reason, message);
    }

    fn is_active(&self, uid: &str) -> bool {
        let mut active = self.status.active.iter().flatten();
        active.any(|job| job.uid.as_deref() == Some(uid))
    }

    fn forget(&mut self, uid: &str) {
        if let Some(active) = &mut self.status.active {
            active.retain(|job| job.uid.as_deref() != Some(uid));
        }
        self.status.active.take_if(|active| active.is_empty());
    }

    /// Deletes a Job with what it owns; answers whether it is gone or going.
    fn delete(&mut self, job: &Job, ctx: &mut Ctx<'_>) -> bool {
        let key = job.namespaced_name().of(Kind::Job);
        if let Err(status) = ctx.delete(key, DeleteOptions::default()) {
            self.warn(ctx, "FailedDelete", format!("Deleted job: {status}"));
            return false;
        }
        self.forget(job.uid());
        let message = format!("Deleted job {}", job.name());
        self.tell(ctx, EventType::Normal, "SuccessfulDelete", message);
        true
    }

    /// Deletes the oldest finished Jobs beyond the limits.
    fn clean_up(&mut self, jobs: &[Arc<Job>], ctx: &mut Ctx<'_>) {
        let limits = [
            ("Complete", self.job.spec.successful_jobs_history_limit),
            ("Failed", self.job.spec.failed_jobs_history_limit),
        ];
        for (end, limit) in limits {
            let Some(limit) = limit else { continue };
            let ended = jobs
                .iter()
                .filter(|job| finished(job).is_some_and(|c| c.type_ == end));
            let mut ended: Vec<&Arc<Job>> = ended.collect();
            let start = |job: &Job| job.status.as_ref().and_then(|s| s.start_time.clone());
            // Those that have not started come last; they are by name already.
            order::sort_by(&mut ended, |a, b| {
                let (a, b) = (start(a), start(b));
                a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(&b))
            });
            let more = ended
                .len()
                .saturating_sub(usize::try_from(limit).unwrap_or(0));
            for job in &ended[..more] {
                self.delete(job, ctx);
            }
        }
    }

    /// Compares the Jobs that there are with those that the status calls active.
    fn look_at_jobs(&mut self, jobs: &[Arc<Job>], ctx: &mut Ctx<'_>) -> Result<(), Status> {
        for job in jobs {
            let (found, end) = (self.is_active(job.uid()), finished(job));
            let name = job.name();
            let Some(end) = end else {
                if !found {
                    let fresh = ctx.get::<CronJob>(&self.job.namespaced_name())?;
                    let status = fresh.status.clone().unwrap_or_default();
                    let mut active = status.active.iter().flatten();
                    if active.any(|known| known.uid.as_deref() == Some(job.uid())) {
                        // It is only not known here yet.
                        self.status = status;
                        continue;
                    }
                    let message =
                        format!("Saw a job that the controller did not create or forgot: {name}");
                    self.warn(ctx, "UnexpectedJob", message);
                }
                continue;
            };
            if found {
                self.forget(job.uid());
                let message = format!("Saw completed job: {name}, condition: {}", end.type_);
                self.tell(ctx, EventType::Normal, "SawCompletedJob", message);
            }
            let done = job.status.as_ref().and_then(|s| s.completion_time.clone());
            if end.type_ == "Complete" && done > self.status.last_successful_time {
                self.status.last_successful_time = done;
            }
        }
        for active in self.status.active.clone().into_iter().flatten() {
            let uid = active.uid.unwrap_or_default();
            if jobs.iter().any(|job| job.uid() == uid) {
                continue;
            }
            let name = active.name.unwrap_or_default();
            let key = NamespacedName::new(self.job.namespace(), name.as_str());
            match ctx.get::<Job>(&key) {
                Ok(_) => {}
                Err(status) if status.reason == Reason::NotFound => {
                    let message = format!("Active job went missing: {name}");
                    self.tell(ctx, EventType::Normal, "MissingJob", message);
                    self.forget(&uid);
                }
                Err(status) => return Err(status),
            }
        }
        Ok(())
    }

    /// Creates the Job whose time has come; answers when to look again.
    fn run(&mut self, ctx: &mut Ctx<'_>) -> Result<Option<SimTime>, Status> {
        let spec = &self.job.spec;
        if self.job.is_terminating() {
            return Ok(None);
        }
        if let Some(zone) = spec.time_zone.as_ref().filter(|zone| !is_utc(zone)) {
            let message = format!("invalid timeZone: {zone:?}: unknown time zone {zone}");
            self.warn(ctx, "UnknownTimeZone", message);
            return Ok(None);
        }
        if spec.suspend == Some(true) {
            return Ok(None);
        }
        let text = &spec.schedule;
        let schedule = match Schedule::parse(text) {
            Ok(schedule) => schedule,
            Err(why) => {
                let message = format!("unparseable schedule: {text:?} : {why}");
                self.warn(ctx, "UnparseableSchedule", message);
                return Ok(None);
            }
        };
        let starts = match plan_starts(self.job, &schedule, ctx.now, true) {
            Ok(starts) => starts,
            Err(why) => {
                let message = format!("invalid schedule: {text} : {why}");
                self.warn(ctx, "InvalidSchedule", message);
                return Ok(None);
            }
        };
        let next = plan_next(self.job, &schedule, ctx.now);
        let Some(at) = starts.last else {
            return Ok(next);
        };
        if starts.are_too_many() {
            let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
            self.warn(ctx, "TooManyMissedTimes", message.to_owned());
        }
        let job = self.new_job(at);
        let name = job.metadata.name.clone();
        let mut active = self.status.active.iter().flatten();
        let last = self.status.last_schedule_time.as_ref();
        if active.any(|known| known.name == name) || last == Some(&meta::time(at)) {
            return Ok(next);
        }
        let policy = spec.concurrency_policy.as_deref().unwrap_or_default();
        if policy == "Forbid" && self.status.active.is_some() {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            let normal = EventType::Normal;
            self.tell(ctx, normal, "JobAlreadyActive", message.to_owned());
            return Ok(next);
        }
        if policy == "Replace" {
            self.replace(ctx)?;
        }
        match self.create(job, ctx)? {
            true => {
                self.status.last_schedule_time = Some(meta::time(at));
                // By the status that is about to be written.
                Ok(schedule.next(at).map(|at| at + plan::DELTA))
            }
            false => Ok(None),
        }
    }

    /// Deletes the Jobs that still run.
    fn replace(&mut self, ctx: &mut Ctx<'_>) -> Result<(), Status> {
        for active in self.status.active.clone().into_iter().flatten() {
            let name = active.name.unwrap_or_default();
            let key = NamespacedName::new(self.job.namespace(), name.as_str());
            let job = match ctx.get::<Job>(&key) {
                Ok(job) => job,
                Err(status) => {
                    self.warn(ctx, "FailedGet", format!("Get job: {status}"));
                    return Err(status);
                }
            };
            if !self.delete(&job, ctx) {
                let message = format!("could not replace job {key}");
                return Err(Status::plain(Reason::InternalError, message));
            }
        }
        Ok(())
    }

    /// The Job for the start at `at`: its name says the minute, so that there is never a second one.
    fn new_job(&self, at: SimTime) -> Job {
        let template = &self.job.spec.job_template;
        let given = template.metadata.clone().unwrap_or_default();
        let mut annotations = given.annotations.unwrap_or_default();
        annotations.insert(SCHEDULED.to_owned(), meta::rfc3339(at));
        let minute = at.as_secs() / 60;
        Job {
            metadata: ObjectMeta {
                name: Some(format!("{}-{minute}", self.job.name())),
                namespace: Some(self.job.namespace().to_owned()),
                labels: given.labels,
                annotations: Some(annotations),
                owner_references: Some(vec![owner::controller_ref(self.job)]),
                ..ObjectMeta::default()
            },
            spec: template.spec.clone(),
            status: None,
        }
    }

    /// Creates the Job and calls it active; answers whether it does.
    fn create(&mut self, job: Job, ctx: &mut Ctx<'_>) -> Result<bool, Status> {
        let key = job.namespaced_name();
        let stored = match ctx.create(job) {
            Ok(stored) => {
                let message = format!("Created job {}", stored.name());
                self.tell(ctx, EventType::Normal, "SuccessfulCreate", message);
                stored
            }
            Err(status) if status.is_namespace_terminating() => return Err(status),
            Err(status) if status.reason == Reason::AlreadyExists => {
                // Another's, or ours, of which the status could not be told.
                let known = ctx.get::<Job>(&key)?;
                let ours = owner::is_controlled_by(&known.metadata, self.job.uid());
                if !ours || self.is_active(known.uid()) {
                    return Ok(false);
                }
                known
            }
            Err(status) => {
                self.warn(ctx, "FailedCreate", format!("Error creating job: {status}"));
                return Err(status);
            }
        };
        let active = self.status.active.get_or_insert_default();
        active.push(client::reference(&*stored));
        Ok(true)
    }
}

/// Whether a time zone is UTC.
fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Etc/UTC")
}

impl CronJobController {
    fn handle_cron_job(&mut self, delta: &Delta<CronJob>, now: SimTime) {
        let key = delta.name();
        if let (Some(old), Some(new)) = (&delta.old, &delta.new)
            && (&old.spec.schedule, &old.spec.time_zone)
                != (&new.spec.schedule, &new.spec.time_zone)
        {
            let next = Schedule::parse(&new.spec.schedule).ok();
            if let Some(at) = next.and_then(|schedule| plan_next(new, &schedule, now)) {
                self.queue.add_at(key, at);
                return;
            }
        }
        self.queue.add(key, Some(delta.revision));
    }

    fn reconcile(
        &mut self,
        key: &NamespacedName,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let Some(job) = informers.cron_jobs.get(key) else {
            return Ok(());
        };
        let all = informers.jobs.in_namespace(&key.namespace);
        let own = all.filter(|one| {
            owner::controller_of(&one.metadata).is_some_and(|owner| owner.name == key.name)
        });
        let jobs: Vec<Arc<Job>> = own.cloned().collect();
        let before = job.status.clone().unwrap_or_default();
        let mut work = Work {
            job,
            status: before.clone(),
            recorder: &mut self.recorder,
        };
        work.clean_up(&jobs, ctx);
        let next = match work.look_at_jobs(&jobs, ctx) {
            Ok(()) => work.run(ctx),
            Err(status) => Err(status),
        };
        if work.status != before {
            ctx.update_status(CronJob {
                metadata: meta::identity(&job.metadata),
                spec: Default::default(),
                status: Some(work.status),
            })?;
        }
        if let Some(at) = next? {
            self.queue.add_at(key.clone(), at);
        }
        Ok(())
    }
}
