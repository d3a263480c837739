//! Keeps the Pods of StatefulSets, each with its name, its place in the order and its volume claims.
//!
//! Upstream: pkg/controller/statefulset/{stateful_set,stateful_set_control}.go, v1.36. Left out:
//! correcting the volumes of adopted Pods (the API server refuses it) and numbers with leading zeros.
//! With `Parallel`, at most 500 Pods are created in one go.

mod act;
mod claims;
mod identity;
mod plan;

use super::history::{self, HASH_LABEL, Revision};
use super::manager::Controller;
use super::templated::{Templated, TemplatedSets};
use super::{Change, Informers};
use crate::api::meta::{self, MetaExt};
use crate::api::{Kind, Object, Status};
use crate::client::Ctx;
use crate::sim::SimTime;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use plan::{Shape, Step};
use serde::Serialize;
use std::sync::Arc;

/// The StatefulSet controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatefulSetController(TemplatedSets);

impl Default for StatefulSetController {
    fn default() -> Self {
        Self(TemplatedSets::new(
            Kind::StatefulSet,
            "statefulset-controller",
        ))
    }
}

impl Controller for StatefulSetController {
    fn name(&self) -> &'static str {
        "statefulset-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        self.0.handle(change, informers);
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        self.0
            .reconcile_due(ctx, informers, &mut |sets, object, ctx| {
                reconcile(sets, object, ctx, informers)
            });
    }

    fn next_at(&self) -> Option<SimTime> {
        self.0.queue.next_at()
    }
}

/// What one reconcile of a StatefulSet knows.
struct Round<'a> {
    set: &'a Arc<StatefulSet>,
    templated: &'a Templated<'a>,
    shape: Shape,
    informers: &'a Informers,
    /// What Pods below the partition are made of.
    current: Revision,
    /// What all others are made of.
    update: Revision,
}

fn reconcile(
    sets: &mut TemplatedSets,
    object: &Object,
    ctx: &mut Ctx<'_>,
    informers: &Informers,
) -> Result<(), Status> {
    let (Some(set), Some(templated)) = (object.get::<StatefulSet>(), Templated::of(object)) else {
        return Ok(());
    };
    let mut revisions = history::revisions(&templated, informers, ctx)?;
    let of_set = |pod: &Pod| identity::parent(pod.name()) == Some(set.name());
    let pods = sets.claim(&templated, &of_set, ctx)?;
    let collisions = history::present(&templated, &mut revisions, ctx)?;
    let (Some(collisions), Some(update)) = (collisions, revisions.last().cloned()) else {
        return Ok(());
    };
    let known = set.status.as_ref();
    let known = known.and_then(|status| status.current_revision.as_deref());
    let current = revisions.iter().find(|one| Some(one.name()) == known);
    let round = Round {
        set,
        templated: &templated,
        shape: Shape::of(set),
        informers,
        current: current.unwrap_or(&update).clone(),
        update,
    };
    let mut outcome = round.write(sets, &pods, collisions, ctx);
    let live = |one: &_| {
        let name = MetaExt::name(one);
        let mut labels = pods.iter().filter_map(|pod| pod.label(HASH_LABEL));
        name == round.current.name() || name == round.update.name() || labels.any(|l| l == name)
    };
    let truncated = history::truncate(&templated, &revisions, &live, ctx);
    if outcome.is_ok() {
        outcome = truncated;
    }
    outcome
}

impl Round<'_> {
    /// Takes the steps that are due, and says in the status how things stood before.
    fn write(
        &self,
        sets: &mut TemplatedSets,
        pods: &[Arc<Pod>],
        collisions: i32,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let (mut outcome, mut replaced) = (Ok(()), 0);
        if !self.templated.is_terminating() {
            for step in plan::plan_steps(&self.shape, pods, self.update.name(), ctx.now) {
                outcome = act::take(self, &step, sets, ctx);
                if outcome.is_err() {
                    break;
                }
                replaced += i32::from(matches!(step, Step::Replace(_)));
            }
        }
        let names = [self.current.name(), self.update.name()];
        let (mut status, next) = plan::compute_status(&self.shape, pods, names, replaced, ctx.now);
        if let Some(at) = next {
            sets.queue.add_at(self.set.namespaced_name(), at);
        }
        status.observed_generation = self.set.metadata.generation;
        status.collision_count = Some(collisions);
        let old = self.set.status.as_ref();
        status.conditions = old.and_then(|old| old.conditions.clone());
        if old == Some(&status) {
            return outcome;
        }
        let metadata = meta::identity(&self.set.metadata);
        let written = ctx.update_status(StatefulSet {
            metadata,
            spec: None,
            status: Some(status),
        });
        outcome.and(Status::ignore_not_found(written))
    }
}
