//! A Deployment's status: counts, whether it is available, whether it gets on.
//!
//! Upstream: pkg/controller/deployment/{progress,sync}.go, v1.36.

use super::plan::{self, Counts};
use super::{DeploymentController, Sets};
use crate::api::meta::{self, MetaExt};
use crate::api::{Status, condition};
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

/// Sets a condition unless it says the same already. One that changed moves to the end.
fn set(conditions: &mut Vec<DeploymentCondition>, mut new: DeploymentCondition) {
    let old = conditions.iter().find(|c| c.type_ == new.type_);
    if let Some(old) = old.filter(|old| old.status == new.status) {
        if old.reason == new.reason {
            return;
        }
        new.last_transition_time
            .clone_from(&old.last_transition_time);
    }
    replace(conditions, new);
}

fn replace(conditions: &mut Vec<DeploymentCondition>, new: DeploymentCondition) {
    conditions.retain(|c| c.type_ != new.type_);
    conditions.push(new);
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
    let reason = progressing.reason.as_deref();
    if matches!(
        reason,
        Some("NewReplicaSetAvailable" | "ProgressDeadlineExceeded")
    ) {
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
        terminating: status.terminating_replicas,
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
    let current = conditions
        .iter()
        .find(|c| c.type_ == "Progressing")
        .cloned();
    let reason = current.as_ref().and_then(|c| c.reason.as_deref());
    if counts.replicas == counts.updated && reason == Some("NewReplicaSetAvailable") {
        return;
    }
    if plan::is_complete(deployment, &counts) {
        let message = format!("{of} has successfully progressed.");
        set(
            conditions,
            progressing("True", "NewReplicaSetAvailable", message, now),
        );
    } else if has_progressed(old_counts(deployment), counts) {
        let message = format!("{of} is progressing.");
        let mut new = progressing("True", "ReplicaSetUpdated", message, now);
        // The update time moves with every bit of progress: the deadline counts from it.
        if let Some(current) = current.filter(|current| current.status == "True") {
            new.last_transition_time = current.last_transition_time;
        }
        replace(conditions, new);
    } else if times_out_at(deployment, conditions).is_some_and(|at| at < now) {
        let message = format!("{of} has timed out progressing.");
        set(
            conditions,
            progressing("False", "ProgressDeadlineExceeded", message, now),
        );
    }
}

/// Passes on what keeps a set, first of all the new one, from making Pods.
fn compute_failure(sets: &Sets, conditions: &mut Vec<DeploymentCondition>) {
    let failure = sets.all().find_map(|set| {
        let conditions = set.status.as_ref()?.conditions.as_ref();
        condition::find(conditions, "ReplicaFailure").cloned()
    });
    match failure {
        Some(failure) => set(
            conditions,
            DeploymentCondition {
                type_: failure.type_,
                status: failure.status,
                reason: failure.reason,
                message: failure.message,
                last_update_time: failure.last_transition_time.clone(),
                last_transition_time: failure.last_transition_time,
            },
        ),
        None => conditions.retain(|c| c.type_ != "ReplicaFailure"),
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
        set(status.conditions.get_or_insert_default(), new);
        ctx.update_status(noted)
    }

    /// Starts the clock of the progress deadline: the set with the present template was made
    /// (`reason` `NewReplicaSetCreated`) or found.
    pub(super) fn note_new_set(
        &mut self,
        deployment: &mut Arc<Deployment>,
        reason: &str,
        message: String,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        if deadline(deployment).is_none() {
            return Ok(());
        }
        let conditions = deployment
            .status
            .as_ref()
            .and_then(|s| s.conditions.as_ref());
        let known = condition::find(conditions, "Progressing").is_some();
        if known && reason == "FoundNewReplicaSet" {
            return Ok(());
        }
        let status = if reason == "ReplicaSetCreateError" {
            "False"
        } else {
            "True"
        };
        let new = progressing(status, reason, message, ctx.now);
        let mut noted = Deployment::clone(deployment);
        noted.metadata.resource_version = None;
        let status = noted.status.get_or_insert_default();
        set(status.conditions.get_or_insert_default(), new);
        *deployment = ctx.update_status(noted)?;
        Ok(())
    }

    /// Writes the status after a step of the rollout: counts, availability, progress, failures.
    pub(super) fn sync_rollout_status(
        &mut self,
        deployment: &Deployment,
        sets: &Sets,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let counts = plan::compute_counts(deployment, sets);
        let mut conditions = self.conditions(deployment, counts, ctx.now);
        match deadline(deployment) {
            Some(_) => compute_progress(deployment, sets, counts, &mut conditions, ctx.now),
            None => conditions.retain(|c| c.type_ != "Progressing"),
        }
        compute_failure(sets, &mut conditions);
        if let Some(at) = times_out_at(deployment, &conditions)
            && !plan::is_complete(deployment, &counts)
        {
            // A second more, so that the deadline has passed for certain.
            let at = at + SimDuration::secs(1);
            if at > ctx.now {
                self.queue.add_at(deployment.namespaced_name(), at);
            }
        }
        self.write_status(deployment, sets, counts, conditions, ctx)
    }

    fn conditions(
        &self,
        deployment: &Deployment,
        counts: Counts,
        now: SimTime,
    ) -> Vec<DeploymentCondition> {
        let old = deployment.status.as_ref();
        let mut conditions = old.and_then(|s| s.conditions.clone()).unwrap_or_default();
        compute_available(deployment, counts, &mut conditions, now);
        conditions
    }

    /// Writes the status while no rollout goes on: counts and availability.
    pub(super) fn sync_status(
        &mut self,
        deployment: &Deployment,
        sets: &Sets,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let counts = plan::compute_counts(deployment, sets);
        let conditions = self.conditions(deployment, counts, ctx.now);
        self.write_status(deployment, sets, counts, conditions, ctx)
    }

    fn write_status(
        &self,
        deployment: &Deployment,
        sets: &Sets,
        counts: Counts,
        conditions: Vec<DeploymentCondition>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let unavailable = (plan::wanted_total(sets) - counts.available).max(0);
        let some = |n: i32| Some(n).filter(|n| *n != 0);
        let status = DeploymentStatus {
            observed_generation: deployment.metadata.generation,
            replicas: some(counts.replicas),
            updated_replicas: some(counts.updated),
            ready_replicas: some(counts.ready),
            available_replicas: some(counts.available),
            unavailable_replicas: some(unavailable),
            terminating_replicas: counts.terminating,
            collision_count: deployment.status.as_ref().and_then(|s| s.collision_count),
            conditions: Some(conditions).filter(|conditions| !conditions.is_empty()),
        };
        if Some(&status) == deployment.status.as_ref() {
            return Ok(());
        }
        let mut metadata = meta::identity(&deployment.metadata);
        metadata.resource_version = None;
        let written = ctx.update_status(Deployment {
            metadata,
            spec: None,
            status: Some(status),
        });
        Status::ignore_not_found(written)
    }
}
