//! A Deployment's status: counts, whether it is available, whether it gets on.
//!
//! Upstream: pkg/controller/deployment/{progress,sync}.go, v1.36.

use super::plan::{self, Counts};
use super::{DeploymentController, Sets};
use crate::api::meta::{self, MetaExt};
use crate::api::{Reason, Status, condition};
use crate::client::Ctx;
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus};
use std::sync::Arc;

fn progressing(status: &str, reason: &str, message: String, now: SimTime) -> DeploymentCondition {
    condition_of("Progressing", status, reason, message, now)
}

fn condition_of(
    type_: &str,
    status: &str,
    reason: &str,
    message: String,
    now: SimTime,
) -> DeploymentCondition {
    DeploymentCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_update_time: Some(meta::time(now)),
        last_transition_time: Some(meta::time(now)),
    }
}

/// Sets a condition unless it says the same already.
fn set(conditions: &mut Vec<DeploymentCondition>, new: DeploymentCondition, now: SimTime) {
    let same = conditions
        .iter()
        .any(|c| c.type_ == new.type_ && c.status == new.status && c.reason == new.reason);
    if !same {
        condition::set(conditions, new, now);
    }
}

fn deadline(deployment: &Deployment) -> Option<SimDuration> {
    let seconds = deployment.spec.as_ref()?.progress_deadline_seconds?;
    u64::try_from(seconds)
        .ok()
        .filter(|_| seconds != i32::MAX)
        .map(SimDuration::secs)
}

/// When the rollout last got on and when that will have been too long ago.
fn times_out_at(deployment: &Deployment, conditions: &[DeploymentCondition]) -> Option<SimTime> {
    let deadline = deadline(deployment)?;
    let progressing = conditions.iter().find(|c| c.type_ == "Progressing")?;
    if progressing.reason.as_deref() == Some("NewReplicaSetAvailable") {
        return None;
    }
    Some(meta::to_sim(progressing.last_update_time.as_ref()?) + deadline)
}

fn old_counts(deployment: &Deployment) -> Counts {
    let Some(status) = &deployment.status else {
        return Counts::default();
    };
    Counts {
        replicas: status.replicas.unwrap_or(0),
        updated: status.updated_replicas.unwrap_or(0),
        ready: status.ready_replicas.unwrap_or(0),
        available: status.available_replicas.unwrap_or(0),
    }
}

fn has_progressed(old: Counts, new: Counts) -> bool {
    let left = |counts: Counts| counts.replicas - counts.updated;
    new.updated > old.updated
        || left(new) < left(old)
        || new.ready > old.ready
        || new.available > old.available
}

/// The Progressing condition after this look at the sets.
fn compute_progress(
    deployment: &Deployment,
    sets: &Sets,
    counts: Counts,
    conditions: &mut Vec<DeploymentCondition>,
    now: SimTime,
) {
    let of = match &sets.new {
        Some(new) => format!("ReplicaSet \"{}\"", new.name()),
        None => format!("Deployment \"{}\"", deployment.name()),
    };
    let before = old_counts(deployment);
    let at = conditions.iter().position(|c| c.type_ == "Progressing");
    let reason = at
        .and_then(|at| conditions[at].reason.clone())
        .unwrap_or_default();
    if counts.replicas == counts.updated && reason == "NewReplicaSetAvailable" {
        return;
    }
    if plan::is_complete(deployment, &counts) {
        let message = format!("{of} has successfully progressed.");
        set(
            conditions,
            progressing("True", "NewReplicaSetAvailable", message, now),
            now,
        );
    } else if at.is_none() && sets.new.is_some() {
        let name = sets.new.as_ref().map_or("", |new| new.name());
        let message = format!("Created new replica set \"{name}\"");
        conditions.push(progressing("True", "NewReplicaSetCreated", message, now));
    } else if has_progressed(before, counts) {
        let message = format!("{of} is progressing.");
        let mut new = progressing("True", "ReplicaSetUpdated", message, now);
        if let Some(at) = at {
            if conditions[at].status == "True" {
                new.last_transition_time
                    .clone_from(&conditions[at].last_transition_time);
            }
            conditions[at] = new;
        } else {
            conditions.push(new);
        }
    } else if times_out_at(deployment, conditions).is_some_and(|at| at <= now) {
        let message = format!("{of} has timed out progressing.");
        set(
            conditions,
            progressing("False", "ProgressDeadlineExceeded", message, now),
            now,
        );
    }
}

fn compute_available(
    deployment: &Deployment,
    counts: Counts,
    conditions: &mut Vec<DeploymentCondition>,
    now: SimTime,
) {
    let (_, max_unavailable) = plan::budget(deployment);
    let enough = counts.available >= plan::wanted(deployment) - max_unavailable;
    let (status, reason, message) = match enough {
        true => (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        ),
        false => {
            let message = "Deployment does not have minimum availability.";
            ("False", "MinimumReplicasUnavailable", message)
        }
    };
    set(
        conditions,
        condition_of("Available", status, reason, message.to_owned(), now),
        now,
    );
}

impl DeploymentController {
    /// Marks a pause or its end in the Progressing condition, so that the time paused does not
    /// count against the deadline.
    pub(super) fn note_pause(
        &mut self,
        deployment: Arc<Deployment>,
        ctx: &mut Ctx<'_>,
    ) -> Result<Arc<Deployment>, Status> {
        if deadline(&deployment).is_none() {
            return Ok(deployment);
        }
        let conditions = deployment
            .status
            .as_ref()
            .and_then(|s| s.conditions.as_ref());
        let reason = condition::find(conditions, "Progressing").and_then(|c| c.reason.as_deref());
        let (reason, message) = match (plan::is_paused(&deployment), reason) {
            (_, Some("ProgressDeadlineExceeded")) => return Ok(deployment),
            (true, Some("DeploymentPaused")) => return Ok(deployment),
            (true, _) => ("DeploymentPaused", "Deployment is paused"),
            (false, Some("DeploymentPaused")) => ("DeploymentResumed", "Deployment is resumed"),
            (false, _) => return Ok(deployment),
        };
        let mut noted = Deployment::clone(&deployment);
        let status = noted.status.get_or_insert_default();
        let new = progressing("Unknown", reason, message.to_owned(), ctx.now);
        set(status.conditions.get_or_insert_default(), new, ctx.now);
        ctx.update_status(noted)
    }

    pub(super) fn sync_status(
        &mut self,
        deployment: &Deployment,
        sets: &Sets,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let counts = plan::compute_counts(deployment, sets);
        let old = deployment.status.clone().unwrap_or_default();
        let mut conditions = old.conditions.clone().unwrap_or_default();
        compute_available(deployment, counts, &mut conditions, ctx.now);
        if deadline(deployment).is_some() && !plan::is_paused(deployment) {
            compute_progress(deployment, sets, counts, &mut conditions, ctx.now);
            if let Some(at) = times_out_at(deployment, &conditions).filter(|at| *at > ctx.now) {
                self.queue.add_at(deployment.namespaced_name(), at);
            }
        }
        let unavailable = (plan::wanted_total(sets) - counts.available).max(0);
        let some = |n: i32| Some(n).filter(|n| *n != 0);
        let status = DeploymentStatus {
            observed_generation: deployment.metadata.generation,
            replicas: some(counts.replicas),
            updated_replicas: some(counts.updated),
            ready_replicas: some(counts.ready),
            available_replicas: some(counts.available),
            unavailable_replicas: some(unavailable),
            conditions: Some(conditions).filter(|conditions| !conditions.is_empty()),
            ..old.clone()
        };
        if Some(&status) == deployment.status.as_ref() {
            return Ok(());
        }
        let mut deployment = deployment.clone();
        deployment.status = Some(status);
        deployment.metadata.resource_version = None;
        match ctx.update_status(deployment) {
            Err(status) if status.reason != Reason::NotFound => Err(status),
            _ => Ok(()),
        }
    }
}
