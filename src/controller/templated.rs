//! What DaemonSets and StatefulSets have in common: Pods of one template, found by labels, adopted
//! and let go, and keys that wait for a reconcile.
//!
//! Upstream: pkg/controller/controller_ref_manager.go (PodControllerRefManager), v1.36. Left out:
//! reading the set again before it adopts; a set that is gone meanwhile owns a Pod for the garbage
//! collector. Both kinds are read from the informer of shared objects.

use super::owned_pods::{OwnedPods, concerns};
use super::pod_control::{PodControl, adopt, release};
use super::{Change, Informers};
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Object, Status, owner};
use crate::client::{self, Ctx, EventType, WorkQueue, work_off};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use serde::Serialize;
use std::sync::Arc;

/// A DaemonSet or a StatefulSet, as far as they are alike.
#[derive(Clone, Copy, Debug)]
pub struct Templated<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its metadata.
    pub metadata: &'a ObjectMeta,
    selector: &'a LabelSelector,
    /// What its Pods are made of.
    pub template: &'a PodTemplateSpec,
    /// How many old revisions it keeps.
    pub history_limit: Option<i32>,
    /// How often the name of a revision was taken.
    pub collisions: i32,
}

impl<'a> Templated<'a> {
    /// `object` as one; `None` where it is of another kind or asks for nothing.
    pub fn of(object: &'a Object) -> Option<Self> {
        let (selector, template, history_limit, collisions) = match object {
            Object::DaemonSet(set) => {
                let spec = set.spec.as_ref()?;
                let collisions = set.status.as_ref().and_then(|s| s.collision_count);
                let limit = spec.revision_history_limit;
                (&spec.selector, &spec.template, limit, collisions)
            }
            Object::StatefulSet(set) => {
                let spec = set.spec.as_ref()?;
                let collisions = set.status.as_ref().and_then(|s| s.collision_count);
                let limit = spec.revision_history_limit;
                (&spec.selector, &spec.template, limit, collisions)
            }
            _ => return None,
        };
        Some(Self {
            kind: object.kind(),
            metadata: object.meta(),
            selector,
            template,
            history_limit,
            collisions: collisions.unwrap_or(0),
        })
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// The namespace that it and its Pods are in.
    pub fn namespace(&self) -> &'a str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Its uid.
    pub fn uid(&self) -> &'a str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// Whether it is being deleted.
    pub fn is_terminating(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// The reference that makes it the controller of an object.
    pub fn owner(&self) -> OwnerReference {
        owner::reference(self.kind, self.metadata)
    }

    /// Whether it selects the object with `meta`.
    pub fn selects(&self, meta: &ObjectMeta) -> bool {
        let selector = Selector::from_label_selector(Some(self.selector));
        selector.is_ok_and(|selector| selector.matches(meta::labels(meta)))
    }
}

/// The sets of one kind: which of them wait, their Pods, and how those are made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TemplatedSets {
    kind: Kind,
    /// Keys that wait for a reconcile.
    pub queue: WorkQueue<NamespacedName>,
    /// Requests for Pods, and events.
    pub control: PodControl,
    pods: OwnedPods,
}

/// How one set is reconciled.
pub type Reconcile<'r> =
    dyn FnMut(&mut TemplatedSets, &Object, &mut Ctx<'_>) -> Result<(), Status> + 'r;

impl TemplatedSets {
    /// Those of `kind`, of which events come from `name`.
    pub fn new(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            queue: WorkQueue::default(),
            control: PodControl::new(name),
            pods: OwnedPods::new(kind),
        }
    }

    /// Queues the sets that a change of a set or of a Pod concerns.
    pub fn handle(&mut self, change: &Change, informers: &Informers) {
        match change {
            Change::Pod(delta) if concerns(self.kind, delta) => {
                self.pods.observe(delta);
                let pod = delta.latest();
                match owner::controller_name(&pod.metadata, self.kind) {
                    Some(name) => {
                        let key = NamespacedName::new(pod.namespace(), name);
                        if self.control.observe(&key, delta) {
                            self.queue.add(key, Some(delta.revision));
                        }
                    }
                    None => self.handle_owned(change, informers),
                }
            }
            Change::Other(other) if other.kind == self.kind => {
                let versions = other.new.as_ref().or(other.old.as_ref());
                let Some(key) = versions.map(MetaExt::namespaced_name) else {
                    return;
                };
                if other.new.is_none() {
                    self.control.expectations.forget(&key);
                }
                self.queue.add(key, Some(other.revision));
            }
            _ => {}
        }
    }

    /// Queues the set that controlled the changed object before, and where nothing controls it now,
    /// those that could adopt it.
    pub fn handle_owned(&mut self, change: &Change, informers: &Informers) {
        let change = change.meta();
        let revision = Some(change.revision);
        if let Some(old) = change.old
            && let Some(name) = owner::controller_name(old, self.kind)
        {
            let namespace = old.namespace.clone().unwrap_or_default();
            self.queue
                .add(NamespacedName::new(namespace, name), revision);
        }
        let Some(new) = change.new.filter(|new| owner::controller_of(new).is_none()) else {
            return;
        };
        let namespace = new.namespace.as_deref().unwrap_or_default();
        for object in informers.others.in_namespace(self.kind, namespace) {
            if Templated::of(object).is_some_and(|set| set.selects(new)) {
                self.queue.add(object.namespaced_name(), revision);
            }
        }
    }

    /// Reconciles every set that is due.
    pub fn reconcile_due(
        &mut self,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
        reconcile: &mut Reconcile<'_>,
    ) {
        let kind = self.kind;
        work_off(
            self,
            ctx,
            |this| &mut this.queue,
            |this, key, ctx| match informers.others.get(&key.of(kind)) {
                Some(object) => reconcile(this, object, ctx),
                None => Ok(()),
            },
        );
    }

    /// The Pods that are the set's, by name, after letting go of those that it does not select any
    /// more and adopting those that it does and nothing controls. `may` says of a Pod whether it can
    /// be the set's at all.
    ///
    /// # Errors
    /// The API server's refusal.
    pub fn claim(
        &mut self,
        set: &Templated<'_>,
        may: &dyn Fn(&Pod) -> bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<Vec<Arc<Pod>>, Status> {
        let mut claimed = Vec::new();
        for owned in self.pods.of(set.uid()) {
            if may(&owned.pod) && set.selects(&owned.pod.metadata) {
                claimed.push(owned.pod.clone());
            } else if !set.is_terminating() {
                release(&owned.pod, set.uid(), "", ctx)?;
            }
        }
        if set.is_terminating() {
            return Ok(claimed);
        }
        for pod in self.pods.orphans_in(set.namespace()) {
            if !pod.is_terminating() && may(pod) && set.selects(&pod.metadata) {
                claimed.push(adopt(pod, set.owner(), "", ctx)?);
            }
        }
        Ok(claimed)
    }

    /// Records an event about a set.
    pub fn event(
        &mut self,
        set: &Templated<'_>,
        event_type: EventType,
        reason: &str,
        message: String,
        ctx: &mut Ctx<'_>,
    ) {
        let involved = client::reference_to(set.kind, set.metadata);
        self.control
            .event(ctx, &involved, event_type, reason, message);
    }
}
