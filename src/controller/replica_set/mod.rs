//! Keeps as many Pods as a ReplicaSet asks for, and by `adapter` a ReplicationController.
//!
//! Upstream: pkg/controller/replicaset/replica_set.go, v1.36.

mod adapter;
mod plan;
mod tally;

use super::manager::{Controller, one_queue};
use super::owned_pods::{Owned, OwnedPods};
use super::pod_control::{PodControl, adopt, release};
use super::{Change, Informers, pods};
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Status, owner};
use crate::client::{Ctx, Delta, WorkQueue};
use crate::sim::SimTime;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use plan::{Step, plan_step, plan_victims};
use serde::Serialize;
use std::sync::Arc;
use tally::Tally;

/// The ReplicaSet controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplicaSetController {
    /// What the sets are: ReplicaSets or ReplicationControllers.
    kind: Kind,
    name: &'static str,
    queue: WorkQueue<NamespacedName>,
    control: PodControl,
    pods: OwnedPods,
}

impl Default for ReplicaSetController {
    fn default() -> Self {
        Self::of(Kind::ReplicaSet, "replicaset-controller")
    }
}

impl Controller for ReplicaSetController {
    fn name(&self) -> &'static str {
        self.name
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        match change {
            Change::ReplicaSet(delta) if self.kind == Kind::ReplicaSet => {
                self.handle_set(delta.name(), delta.new.is_none(), delta.revision);
            }
            Change::ReplicationController(delta) if self.kind != Kind::ReplicaSet => {
                self.handle_set(delta.name(), delta.new.is_none(), delta.revision);
            }
            Change::Pod(delta) => self.handle_pod(delta, informers),
            _ => {}
        }
    }

    one_queue!(|this, key, ctx, informers| this.reconcile(key, ctx, informers));
}

impl ReplicaSetController {
    /// The controller that keeps the sets of `kind` under `name`.
    pub fn of(kind: Kind, name: &'static str) -> Self {
        Self {
            kind,
            name,
            queue: WorkQueue::default(),
            control: PodControl::new(name),
            pods: OwnedPods::new(kind),
        }
    }

    fn owner_key(&self, pod: &Pod) -> Option<NamespacedName> {
        let name = owner::controller_name(&pod.metadata, self.kind)?;
        Some(NamespacedName::new(pod.namespace(), name))
    }

    fn handle_set(&mut self, name: NamespacedName, gone: bool, revision: u64) {
        if gone {
            self.control.expectations.forget(&name);
        }
        self.queue.add(name, Some(revision));
    }

    fn handle_pod(&mut self, delta: &Delta<Pod>, informers: &Informers) {
        let revision = Some(delta.revision);
        self.pods.observe(delta);
        let pod = delta.latest();
        let Some(key) = self.owner_key(pod) else {
            if let Some(old) = delta.old.as_ref().and_then(|old| self.owner_key(old)) {
                self.queue.add(old, revision);
            }
            if owner::controller_of(&pod.metadata).is_some() {
                return;
            }
            for set in adapter::sets(self.kind, pod.namespace(), informers) {
                if selector(&set).matches(meta::labels(&pod.metadata)) {
                    self.queue.add(set.namespaced_name(), revision);
                }
            }
            return;
        };
        if !self.control.observe(&key, delta) {
            return;
        }
        self.queue.add(key, revision);
    }

    fn reconcile(
        &mut self,
        key: &NamespacedName,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let Some(set) = adapter::set(self.kind, key, informers) else {
            return Ok(());
        };
        let (tally, adopted) = self.claim(&set, ctx)?;
        let mut failure = None;
        if self.control.expectations.satisfied(key, ctx.now) && !set.is_terminating() {
            let involved = adapter::reference(self.kind, &set);
            failure = match plan_step(tally.active, replicas(&set)) {
                Step::Nothing => None,
                Step::Create(count) => {
                    let owner = adapter::controller_ref(self.kind, &set);
                    let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
                    let pod = template.map(|one| pods::from_template(one, set.namespace(), owner));
                    let mut make = |_| pod.clone().unwrap_or_default();
                    let control = &mut self.control;
                    control.create(key, &involved, count, &mut make, ctx).1
                }
                Step::Delete(count) => {
                    let mut active = self.active(&set);
                    active.extend(adopted);
                    let related = self.related(&set, informers);
                    let victims = plan_victims(active, count, &related, ctx.now);
                    self.control.expect_deletions(key, &victims, ctx);
                    self.control.delete(key, &involved, &victims, ctx).1
                }
            };
        }
        self.update_status(&set, &tally, failure.as_ref(), ctx)?;
        failure.map_or(Ok(()), Err)
    }

    /// Counts the Pods that are this set's: those it owns and that still match, after letting go of
    /// those that do not and adopting matching Pods without an owner, which are returned.
    fn claim<'s>(
        &mut self,
        set: &'s ReplicaSet,
        ctx: &mut Ctx<'_>,
    ) -> Result<(Tally<'s>, Vec<Arc<Pod>>), Status> {
        let selector = selector(set);
        let same_selector = self.kind == Kind::ReplicaSet;
        let mut tally = Tally::new(set, ctx.now);
        let mut adopted = Vec::new();
        for owned in self.pods.of_mut(set.uid()) {
            owned.matches = (owned.matches && same_selector)
                || selector.matches(meta::labels(&owned.pod.metadata));
            if owned.matches {
                tally.count(owned);
            } else if !set.is_terminating() {
                release(&owned.pod, set.uid(), "", ctx)?;
            }
        }
        if set.is_terminating() {
            return Ok((tally, adopted));
        }
        let orphans = self.pods.orphans_in(set.namespace());
        for pod in orphans.filter(|pod| pods::is_active(pod)) {
            if selector.matches(meta::labels(&pod.metadata)) {
                let owner = adapter::controller_ref(self.kind, set);
                let own = adopt(pod, owner, "", ctx)?;
                tally.count(&Owned::new(own.clone()));
                adopted.push(own);
            }
        }
        Ok((tally, adopted))
    }

    /// The set's active Pods, by name.
    fn active(&self, set: &ReplicaSet) -> Vec<Arc<Pod>> {
        let own = self.pods.of(set.uid());
        let active = own.filter(|owned| owned.matches && owned.active);
        active.map(|owned| owned.pod.clone()).collect()
    }

    /// The active Pods of all sets that have the same controller as `set`.
    fn related(&self, set: &ReplicaSet, informers: &Informers) -> Vec<Arc<Pod>> {
        let controller = owner::controller_of(&set.metadata).map(|r| r.uid.as_str());
        let is_sibling = |other: &ReplicaSet| {
            other.uid() == set.uid()
                || controller.is_some_and(|uid| owner::is_controlled_by(&other.metadata, uid))
        };
        let sets = adapter::sets(self.kind, set.namespace(), informers);
        sets.iter()
            .filter(|other| is_sibling(other))
            .flat_map(|other| self.pods.of(other.uid()))
            .filter(|owned| owned.active)
            .map(|owned| owned.pod.clone())
            .collect()
    }

    fn update_status(
        &mut self,
        set: &ReplicaSet,
        tally: &Tally<'_>,
        failure: Option<&Status>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let mut status = plan::compute_status(set, tally, failure, ctx.now);
        if self.kind != Kind::ReplicaSet {
            status.terminating_replicas = None;
        }
        if let Some(at) = tally.next_available {
            self.queue.add_at(set.namespaced_name(), at);
        }
        if set.status.as_ref() == Some(&status) {
            return Ok(());
        }
        Status::ignore_not_found(adapter::write_status(self.kind, set, status, ctx))
    }
}

fn selector(set: &ReplicaSet) -> Selector {
    let selector = set.spec.as_ref().map(|spec| &spec.selector);
    Selector::from_label_selector(selector).unwrap_or(Selector::nothing())
}

fn replicas(set: &ReplicaSet) -> u32 {
    let replicas = set
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    u32::try_from(replicas).unwrap_or(0)
}
