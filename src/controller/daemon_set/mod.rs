//! Keeps one Pod of a DaemonSet on every node that it is for.
//!
//! Upstream: pkg/controller/daemon/daemon_controller.go, v1.36. A node that is gone is a change too:
//! upstream waits for its Pods to go.

mod backoff;
mod place;
mod plan;
mod rolling;
#[cfg(test)]
mod testing;

use super::history::{self, HASH_LABEL};
use super::manager::Controller;
use super::templated::{Templated, TemplatedSets};
use super::{Change, Informers};
use crate::api::meta::{self, MetaExt};
use crate::api::{Kind, Object, Status};
use crate::client::{self, Ctx, EventType};
use crate::sim::SimTime;
use backoff::Backoff;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use place::{Rules, TEMPLATE_GENERATION};
use plan::{Place, Plan};
use serde::Serialize;
use std::sync::Arc;

/// The most Pods created or deleted in one go.
const BURST: usize = 250;

/// The DaemonSet controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DaemonSetController {
    sets: TemplatedSets,
    failed_pods: Backoff,
}

impl Default for DaemonSetController {
    fn default() -> Self {
        Self {
            sets: TemplatedSets::new(Kind::DaemonSet, "daemonset-controller"),
            failed_pods: Backoff::default(),
        }
    }
}

impl Controller for DaemonSetController {
    fn name(&self) -> &'static str {
        "daemonset-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        match change {
            Change::Node(delta) => {
                let (old, new) = (delta.old.as_deref(), delta.new.as_deref());
                if is_alike(old, new) {
                    return;
                }
                for object in informers.others.of_kind(Kind::DaemonSet) {
                    let Some(set) = object.get::<DaemonSet>() else {
                        continue;
                    };
                    let rules = Rules::of(set);
                    let runs = |node: Option<&Node>| node.map(|node| rules.runs_on(node));
                    if runs(old).unwrap_or_default() != runs(new).unwrap_or_default() {
                        let key = set.namespaced_name();
                        self.sets.queue.add(key, Some(delta.revision));
                    }
                }
            }
            Change::Other(other) if other.kind == Kind::ControllerRevision => {
                self.sets.handle_owned(change, informers);
            }
            change => self.sets.handle(change, informers),
        }
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        let failed_pods = &mut self.failed_pods;
        self.sets
            .reconcile_due(ctx, informers, &mut |sets, object, ctx| {
                reconcile(sets, failed_pods, object, ctx, informers)
            });
    }

    fn next_at(&self) -> Option<SimTime> {
        self.sets.queue.next_at()
    }
}

/// Whether two versions of a node are the same to every DaemonSet.
fn is_alike(old: Option<&Node>, new: Option<&Node>) -> bool {
    let taints = |node: &Node| node.spec.as_ref().and_then(|spec| spec.taints.clone());
    old.zip(new).is_some_and(|(old, new)| {
        old.metadata.labels == new.metadata.labels && taints(old) == taints(new)
    })
}

fn reconcile(
    sets: &mut TemplatedSets,
    failed_pods: &mut Backoff,
    object: &Object,
    ctx: &mut Ctx<'_>,
    informers: &Informers,
) -> Result<(), Status> {
    let (Some(set), Some(shape)) = (object.get::<DaemonSet>(), Templated::of(object)) else {
        return Ok(());
    };
    if shape.is_terminating() {
        return Ok(());
    }
    let mut revisions = history::revisions(&shape, informers, ctx)?;
    let collisions = history::present(&shape, &mut revisions, ctx)?;
    let hash = revisions.last().and_then(|newest| newest.label(HASH_LABEL));
    let hash = hash.unwrap_or_default().to_owned();
    let pods = sets.claim(&shape, &|_| true, ctx)?;
    let rules = Rules::of(set);
    let mut round = Round {
        set,
        shape: &shape,
        places: Place::all(&rules, informers, &pods),
        rules,
        hash,
    };
    let key = set.namespaced_name();
    let satisfied = sets.control.expectations.satisfied(&key, ctx.now);
    let mut outcome = Ok(());
    if satisfied {
        outcome = round.act(sets, failed_pods, ctx);
        if outcome.is_ok() {
            revisions.pop();
            let live = |revision: &str| {
                let mut labels = pods.iter().filter_map(|pod| pod.label(HASH_LABEL));
                labels.any(|label| label == revision)
            };
            let live = |one: &_| MetaExt::label(one, HASH_LABEL).is_some_and(live);
            outcome = history::truncate(&shape, &revisions, &live, ctx);
        }
    }
    round.write_status(sets, collisions, satisfied, ctx)?;
    outcome
}

/// What one reconcile of a DaemonSet knows.
struct Round<'a> {
    set: &'a Arc<DaemonSet>,
    shape: &'a Templated<'a>,
    rules: Rules,
    places: Vec<Place<'a>>,
    /// The label of Pods with the present template.
    hash: String,
}

impl Round<'_> {
    fn view(&self, now: SimTime) -> plan::View<'_> {
        let spec = self.set.spec.as_ref();
        plan::View {
            hash: &self.hash,
            generation: self.set.annotation(TEMPLATE_GENERATION),
            min_ready: spec.and_then(|spec| spec.min_ready_seconds).unwrap_or(0),
            surges: rolling::surges(self.set),
            now,
        }
    }

    /// One Pod on each node; where that is so, the next step of a rollout.
    fn act(
        &mut self,
        sets: &mut TemplatedSets,
        failed_pods: &mut Backoff,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let view = self.view(ctx.now);
        let mut plan = plan::plan_nodes(&self.places, &view);
        for (failed, node, pod) in std::mem::take(&mut plan.finished) {
            let mut words = ("succeeded", "delete", "SucceededDaemonPod");
            let mut event_type = EventType::Normal;
            if failed {
                let observed = self.set.status.as_ref().and_then(|s| s.observed_generation);
                let generation = observed.unwrap_or(0).to_string();
                let key = [self.shape.uid(), "/", &generation, "/", node].concat();
                if let Some(until) = failed_pods.holds(&key, ctx.now) {
                    sets.queue.add_at(self.set.namespaced_name(), until);
                    continue;
                }
                failed_pods.next(key, ctx.now);
                words = ("failed", "kill", "FailedDaemonPod");
                event_type = EventType::Warning;
            }
            let message = format!(
                "Found {} daemon pod {} on node {node}, will try to {} it",
                words.0,
                pod.namespaced_name(),
                words.1,
            );
            sets.event(self.shape, event_type, words.2, message, ctx);
            plan.delete.push(pod);
        }
        self.carry_out(plan, sets, ctx)?;
        let key = self.set.namespaced_name();
        if !rolling::rolls(self.set) || !sets.control.expectations.satisfied(&key, ctx.now) {
            return Ok(());
        }
        let plan = rolling::plan_update(self.set, &self.places, &self.view(ctx.now));
        self.carry_out(plan, sets, ctx)
    }

    fn carry_out(
        &self,
        mut plan: Plan<'_>,
        sets: &mut TemplatedSets,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        plan.create.truncate(BURST);
        plan.delete.truncate(BURST);
        let key = self.set.namespaced_name();
        let involved = client::reference_to(self.shape.kind, self.shape.metadata);
        let count = u32::try_from(plan.create.len()).unwrap_or(0);
        let mut make = |index: u32| -> Pod {
            let node = plan.create.get(index as usize).copied().unwrap_or_default();
            place::pod_for(self.shape, &self.rules, &self.hash, node)
        };
        let (_, created) = sets.control.create(&key, &involved, count, &mut make, ctx);
        sets.control.expect_deletions(&key, &plan.delete, ctx);
        let (_, deleted) = sets.control.delete(&key, &involved, &plan.delete, ctx);
        created.or(deleted).map_or(Ok(()), Err)
    }

    fn write_status(
        &mut self,
        sets: &mut TemplatedSets,
        collisions: Option<i32>,
        observed: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let (mut status, next) = plan::compute_status(&self.places, &self.view(ctx.now));
        if let Some(at) = next {
            sets.queue.add_at(self.set.namespaced_name(), at);
        }
        let old = self.set.status.clone().unwrap_or_default();
        status.collision_count = collisions.filter(|count| *count > 0);
        status.conditions.clone_from(&old.conditions);
        status.observed_generation = match observed {
            true => self.set.metadata.generation,
            false => old.observed_generation,
        };
        if status == old {
            return Ok(());
        }
        let metadata = meta::identity(&self.set.metadata);
        let written = ctx.update_status(DaemonSet {
            metadata,
            spec: None,
            status: Some(status),
        });
        Status::ignore_not_found(written)
    }
}
