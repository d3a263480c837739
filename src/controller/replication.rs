//! Keeps as many Pods as a ReplicationController asks for: the ReplicaSet controller, which takes
//! ReplicationControllers for ReplicaSets.
//!
//! Upstream: pkg/controller/replication/replication_controller.go, v1.36.

use super::manager::Controller;
use super::replica_set::ReplicaSetController;
use super::{Change, Informers};
use crate::api::{Kind, owner};
use crate::client::{Ctx, Delta};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;

/// The ReplicationController controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplicationManager(ReplicaSetController);

impl Default for ReplicationManager {
    fn default() -> Self {
        Self(ReplicaSetController::of(
            Kind::ReplicationController,
            "replication-controller",
        ))
    }
}

impl Controller for ReplicationManager {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn handle(&mut self, change: &Change, informers: &Informers, now: SimTime) {
        match change {
            Change::Pod(delta) if !concerns(delta) => {}
            change => self.0.handle(change, informers, now),
        }
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        self.0.reconcile_due(ctx, informers);
    }

    fn next_at(&self) -> Option<SimTime> {
        self.0.next_at()
    }
}

/// Whether a ReplicationController controls the Pod, did so before, or may adopt it: the Pods of
/// ReplicaSets need not be noted a second time.
fn concerns(delta: &Delta<Pod>) -> bool {
    let one = |pod: &Pod| {
        let controller = owner::controller_of(&pod.metadata);
        controller.is_none_or(|owner| owner.kind == Kind::ReplicationController.row().kind)
    };
    [&delta.old, &delta.new]
        .into_iter()
        .flatten()
        .any(|pod| one(pod))
}
