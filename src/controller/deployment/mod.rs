//! Rolls a Deployment's Pods from one template to the next through ReplicaSets.
//!
//! Upstream: pkg/controller/deployment/deployment_controller.go, v1.36. A revision is undone by
//! writing its template back, which kubectl does.

mod adopt;
mod history;
mod plan;
mod progress;
mod rolling;

pub use history::template_hash;
pub use plan::budget;

use super::manager::{Controller, one_queue};
use super::{Change, Informers};
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Reason, Status, owner};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, EventType, Recorder, WorkQueue};
use crate::sim::SimTime;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use serde::Serialize;
use std::sync::Arc;

/// The Deployment controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeploymentController {
    queue: WorkQueue<NamespacedName>,
    recorder: Recorder,
}

impl Default for DeploymentController {
    fn default() -> Self {
        Self {
            queue: WorkQueue::default(),
            recorder: Recorder::new("deployment-controller", ""),
        }
    }
}

impl Controller for DeploymentController {
    fn name(&self) -> &'static str {
        "deployment-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        match change {
            Change::Deployment(delta) => self.queue.add(delta.name(), Some(delta.revision)),
            Change::ReplicaSet(delta) => self.handle_set(delta, informers),
            // A Recreate Deployment waits for the last old Pod to be gone.
            Change::Pod(delta) if delta.new.is_none() => {
                let pod = delta.latest();
                let set = owner::controller_name(&pod.metadata, Kind::ReplicaSet)
                    .map(|name| NamespacedName::new(pod.namespace(), name))
                    .and_then(|key| informers.replica_sets.get(&key));
                let name = set.and_then(|s| owner::controller_name(&s.metadata, Kind::Deployment));
                if let Some(name) = name {
                    let key = NamespacedName::new(pod.namespace(), name);
                    self.queue.add(key, Some(delta.revision));
                }
            }
            _ => {}
        }
    }

    one_queue!(|this, key, ctx, informers| this.reconcile(key, ctx, informers));
}

/// A Deployment's ReplicaSets: the one with its present template, and the others, oldest first.
#[derive(Clone, Debug, PartialEq)]
struct Sets {
    new: Option<Arc<ReplicaSet>>,
    old: Vec<Arc<ReplicaSet>>,
}

impl Sets {
    fn all(&self) -> impl Iterator<Item = &Arc<ReplicaSet>> {
        self.new.iter().chain(&self.old)
    }
}

impl DeploymentController {
    fn reconcile(
        &mut self,
        key: &NamespacedName,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let Some(deployment) = informers.deployments.get(key).cloned() else {
            return Ok(());
        };
        let owned = adopt::claim(&deployment, ctx, informers)?;
        let mut sets = plan::sort_sets(&deployment, owned);
        if deployment.is_terminating() {
            return self.sync_status(&deployment, &sets, ctx);
        }
        let mut deployment = self.note_pause(deployment, ctx)?;
        if plan::is_paused(&deployment) {
            self.new_replica_set(&mut deployment, &mut sets, false, ctx)?;
            self.scale(&deployment, &mut sets, ctx)?;
            self.clean_up(&deployment, &sets, ctx)?;
            return self.sync_status(&deployment, &sets, ctx);
        }
        if plan::is_scaling(&deployment, &sets) {
            self.new_replica_set(&mut deployment, &mut sets, false, ctx)?;
            self.scale(&deployment, &mut sets, ctx)?;
            return self.sync_status(&deployment, &sets, ctx);
        }
        if plan::is_recreate(&deployment) {
            return self.recreate(deployment, sets, ctx, informers);
        }
        self.roll(deployment, sets, ctx)
    }

    fn recreate(
        &mut self,
        mut deployment: Arc<Deployment>,
        mut sets: Sets,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        self.new_replica_set(&mut deployment, &mut sets, false, ctx)?;
        let mut scaled = false;
        for old in sets.old.iter().filter(|old| plan::replicas(old) > 0) {
            scaled |= self.scale_to(&deployment, old, 0, ctx)?;
        }
        if scaled {
            return self.sync_rollout_status(&deployment, &sets, ctx);
        }
        let uids: Vec<&str> = sets.old.iter().map(|set| set.uid()).collect();
        let running = informers
            .pods
            .in_namespace(deployment.namespace())
            .any(|pod| {
                owner::controller_of(&pod.metadata).is_some_and(|r| uids.contains(&r.uid.as_str()))
                    && !super::pods::is_finished(pod)
            });
        if running {
            return self.sync_rollout_status(&deployment, &sets, ctx);
        }
        self.new_replica_set(&mut deployment, &mut sets, true, ctx)?;
        if let Some(new) = sets.new.clone() {
            self.scale_to(&deployment, &new, plan::wanted(&deployment), ctx)?;
        }
        if plan::is_complete(&deployment, &plan::compute_counts(&deployment, &sets)) {
            self.clean_up(&deployment, &sets, ctx)?;
        }
        self.sync_rollout_status(&deployment, &sets, ctx)
    }

    /// Sets a ReplicaSet's size and says so; answers whether anything changed.
    fn scale_to(
        &mut self,
        deployment: &Deployment,
        set: &Arc<ReplicaSet>,
        size: i32,
        ctx: &mut Ctx<'_>,
    ) -> Result<bool, Status> {
        let before = plan::replicas(set);
        let mut metadata = set.metadata.clone();
        if !plan::annotate_size(&mut metadata, deployment) && before == size {
            return Ok(false);
        }
        let mut scaled = ReplicaSet::clone(set);
        scaled.metadata = metadata;
        scaled.spec.get_or_insert_default().replicas = Some(size);
        ctx.update(scaled)?;
        if before != size {
            let direction = if size > before { "up" } else { "down" };
            let message = format!(
                "Scaled {direction} replica set {} from {before} to {size}",
                set.name()
            );
            let normal = EventType::Normal;
            self.recorder
                .event(ctx, deployment, normal, "ScalingReplicaSet", message);
        }
        Ok(before != size)
    }

    /// Follows a change of `spec.replicas`: the only active set takes it all; in the middle of a
    /// rollout each takes its share.
    fn scale(
        &mut self,
        deployment: &Deployment,
        sets: &mut Sets,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        for (set, size) in plan::plan_scale(deployment, sets) {
            self.scale_to(deployment, &set, size, ctx)?;
        }
        Ok(())
    }

    /// Deletes the oldest unused ReplicaSets beyond the history limit.
    fn clean_up(
        &mut self,
        deployment: &Deployment,
        sets: &Sets,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        for set in plan::plan_clean_up(deployment, sets) {
            let key = set.namespaced_name().of(Kind::ReplicaSet);
            match ctx.delete(key, DeleteOptions::default()) {
                Err(status) if status.reason != Reason::NotFound => return Err(status),
                _ => {}
            }
        }
        Ok(())
    }
}
