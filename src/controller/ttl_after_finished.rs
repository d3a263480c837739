//! Deletes a Job with its Pods when it has been finished for as long as it says.
//!
//! Upstream: pkg/controller/ttlafterfinished/ttlafterfinished_controller.go, v1.36.

use super::job::finished;
use super::manager::{Controller, one_queue};
use super::{Change, Informers};
use crate::api::meta::{self, MetaExt};
use crate::api::{Kind, NamespacedName, Reason, Status};
use crate::apiserver::{DeleteOptions, Propagation};
use crate::client::{Ctx, WorkQueue};
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::batch::v1::Job;
use serde::Serialize;

/// The controller of finished Jobs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TtlAfterFinishedController {
    queue: WorkQueue<NamespacedName>,
}

impl Controller for TtlAfterFinishedController {
    fn name(&self) -> &'static str {
        "ttl-after-finished-controller"
    }

    fn handle(&mut self, change: &Change, _: &Informers, _: SimTime) {
        if let Change::Job(delta) = change
            && delta
                .new
                .as_ref()
                .is_some_and(|job| expires_at(job).is_some())
        {
            self.queue.add(delta.name(), Some(delta.revision));
        }
    }

    one_queue!(|this, key, ctx, informers| this.reconcile(key, ctx, informers));
}

/// When a finished Job is to go, if it is and is not going already.
fn expires_at(job: &Job) -> Option<SimTime> {
    let seconds = job.spec.as_ref()?.ttl_seconds_after_finished?;
    let since = finished(job)?.last_transition_time.as_ref()?;
    let left = SimDuration::secs(u64::try_from(seconds).unwrap_or(0));
    (!job.is_terminating()).then(|| meta::to_sim(since) + left)
}

impl TtlAfterFinishedController {
    fn reconcile(
        &mut self,
        key: &NamespacedName,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let Some(job) = informers.jobs.get(key) else {
            return Ok(());
        };
        if self.waits(job, key, ctx) {
            return Ok(());
        }
        // What is known of it may be old.
        let fresh = match ctx.get::<Job>(key) {
            Err(status) if status.reason == Reason::NotFound => return Ok(()),
            fresh => fresh?,
        };
        if self.waits(&fresh, key, ctx) {
            return Ok(());
        }
        let options = DeleteOptions {
            propagation: Propagation::Foreground,
            uid: Some(fresh.uid().to_owned()),
            ..DeleteOptions::default()
        };
        Status::ignore_not_found(ctx.delete(key.clone().of(Kind::Job), options))
    }

    /// Whether it is too early for a Job, or it stays.
    fn waits(&mut self, job: &Job, key: &NamespacedName, ctx: &Ctx<'_>) -> bool {
        match expires_at(job) {
            Some(at) if at <= ctx.now => false,
            Some(at) => {
                self.queue.add_at(key.clone(), at);
                true
            }
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_finished_job_that_says_so_goes() {
        let job = |ttl: Value, type_: &str, deleted: Value| -> Job {
            serde_json::from_value(json!({
                "metadata": {"name": "j", "deletionTimestamp": deleted},
                "spec": {"ttlSecondsAfterFinished": ttl, "template": {}},
                "status": {"conditions": [
                    {"type": type_, "status": "True", "lastTransitionTime": "1970-01-01T00:01:00Z"}
                ]}
            }))
            .expect("a Job")
        };
        for (ttl, type_, deleted, want) in [
            (json!(30), "Complete", Value::Null, Some(90)),
            (json!(0), "Failed", Value::Null, Some(60)),
            (json!(30), "FailureTarget", Value::Null, None),
            (Value::Null, "Complete", Value::Null, None),
            (json!(30), "Complete", json!("1970-01-01T00:01:10Z"), None),
        ] {
            let at = expires_at(&job(ttl, type_, deleted));
            assert_eq!(at.map(SimTime::as_secs), want, "{type_}");
        }
    }
}
