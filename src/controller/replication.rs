//! Keeps as many Pods as a ReplicationController asks for: the ReplicaSet controller, which takes
//! ReplicationControllers for ReplicaSets.
//!
//! Upstream: pkg/controller/replication/replication_controller.go, v1.36.

use super::manager::Controller;
use super::owned_pods::concerns;
use super::replica_set::ReplicaSetController;
use super::{Change, Informers};
use crate::api::Kind;
use crate::client::Ctx;
use crate::sim::SimTime;
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
            Change::Pod(delta) if !concerns(Kind::ReplicationController, delta) => {}
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
