//! A rolling update, one step at a time and never outside its budget.
//!
//! Upstream: pkg/controller/deployment/rolling.go, v1.36.

use super::{DeploymentController, Sets, plan};
use crate::api::Status;
use crate::client::Ctx;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use std::sync::Arc;

/// The size the new set may take now: what `spec.replicas + maxSurge` leaves over.
pub fn plan_new_size(deployment: &Deployment, sets: &Sets, present: i32) -> i32 {
    let wanted = plan::wanted(deployment);
    if plan::is_recreate(deployment) {
        return wanted;
    }
    let (surge, _) = plan::budget(deployment);
    let total: i32 = sets.all().map(|set| plan::replicas(set)).sum();
    let room = wanted + surge - total;
    if room <= 0 {
        return present;
    }
    present + room.min(wanted - present)
}

/// The sizes the old sets may shrink to now. Pods that are not available cost nothing and go first;
/// then as many available ones as `maxUnavailable` allows.
pub fn plan_old_sizes(deployment: &Deployment, sets: &Sets) -> Vec<(Arc<ReplicaSet>, i32)> {
    let (_, max_unavailable) = plan::budget(deployment);
    let minimum = plan::wanted(deployment) - max_unavailable;
    let total: i32 = sets.all().map(|set| plan::replicas(set)).sum();
    let new_unavailable = sets
        .new
        .as_ref()
        .map_or(0, |new| plan::replicas(new) - plan::available(new));
    let spare = total - minimum - new_unavailable;
    if spare <= 0 {
        return Vec::new();
    }
    let mut sizes: Vec<(Arc<ReplicaSet>, i32)> = sets
        .old
        .iter()
        .map(|set| (set.clone(), plan::replicas(set)))
        .collect();
    let mut cleaned = 0;
    for (set, size) in &mut sizes {
        let unhealthy = (*size - plan::available(set)).max(0);
        let drop = unhealthy.min(spare - cleaned).max(0);
        *size -= drop;
        cleaned += drop;
    }
    let available: i32 = sets.all().map(|set| plan::available(set)).sum();
    let mut allowed = (available - minimum).max(0);
    for (_, size) in &mut sizes {
        let drop = (*size).min(allowed);
        *size -= drop;
        allowed -= drop;
    }
    sizes.retain(|(set, size)| plan::replicas(set) != *size);
    sizes
}

impl DeploymentController {
    pub(super) fn roll(
        &mut self,
        mut deployment: Arc<Deployment>,
        mut sets: Sets,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        self.new_replica_set(&mut deployment, &mut sets, true, ctx)?;
        let deployment = deployment.as_ref();
        if let Some(new) = sets.new.clone() {
            let (present, wanted) = (plan::replicas(&new), plan::wanted(deployment));
            let size = match present > wanted {
                true => wanted,
                false => plan_new_size(deployment, &sets, present),
            };
            if self.scale_to(deployment, &new, size, ctx)? {
                return self.sync_rollout_status(deployment, &sets, ctx);
            }
        }
        let mut scaled = false;
        for (set, size) in plan_old_sizes(deployment, &sets) {
            scaled |= self.scale_to(deployment, &set, size, ctx)?;
        }
        if scaled {
            return self.sync_rollout_status(deployment, &sets, ctx);
        }
        if plan::is_complete(deployment, &plan::compute_counts(deployment, &sets)) {
            self.clean_up(deployment, &sets, ctx)?;
        }
        self.sync_rollout_status(deployment, &sets, ctx)
    }
}
