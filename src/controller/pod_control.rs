//! How controllers create and delete their Pods: each request is expected to be seen, and told of.
//!
//! Upstream: pkg/controller/controller_utils.go (RealPodControl, slowStartBatch),
//! controller_ref_manager.go, v1.36.

use super::pods;
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Reason, Status};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, Delta, EventType, Expectations, Recorder};
use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Serialize;
use std::sync::Arc;

/// A controller's hands for Pods.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PodControl {
    /// What it has asked for and not yet seen.
    pub expectations: Expectations,
    recorder: Recorder,
}

impl PodControl {
    /// Those of the controller whose events come from `name`.
    pub fn new(name: &str) -> Self {
        Self {
            expectations: Expectations::default(),
            recorder: Recorder::new(name, ""),
        }
    }

    /// Records an event about the object that `involved` refers to.
    pub fn event(
        &mut self,
        ctx: &mut Ctx<'_>,
        involved: &ObjectReference,
        event_type: EventType,
        reason: &str,
        message: String,
    ) {
        self.recorder
            .event_at(ctx, involved.clone(), event_type, reason, message);
    }

    /// Notes what a changed Pod of the set at `key` says about what is expected; answers whether the
    /// set has to be looked at.
    pub fn observe(&mut self, key: &NamespacedName, delta: &Delta<Pod>) -> bool {
        let uid = delta.latest().uid();
        match (&delta.old, &delta.new) {
            (None, Some(new)) if !new.is_terminating() => self.expectations.creation_observed(key),
            (Some(old), Some(new)) if old.is_terminating() || !new.is_terminating() => {
                return pods::matters(old, new);
            }
            _ => self.expectations.deletion_observed(key, uid),
        }
        true
    }

    /// Creates `count` Pods, which `make` gives, for the owner at `key`, in batches of 1, 2, 4, …: a
    /// refusal stops it before many requests are wasted. Answers how many there are, and a refusal.
    pub fn create(
        &mut self,
        key: &NamespacedName,
        involved: &ObjectReference,
        count: u32,
        make: &mut dyn FnMut(u32) -> Pod,
        ctx: &mut Ctx<'_>,
    ) -> (u32, Option<Status>) {
        self.expectations.expect_creations(key, count, ctx.now);
        let (mut created, mut done, mut batch) = (0, 0, 1);
        while done < count {
            let mut refusal = None;
            let end = count.min(done + batch);
            for index in done..end {
                match ctx.create(make(index)) {
                    Ok(pod) => {
                        created += 1;
                        let message = format!("Created pod: {}", pod.name());
                        let normal = EventType::Normal;
                        self.event(ctx, involved, normal, "SuccessfulCreate", message);
                    }
                    // Any creation will be refused from now on: there is nothing to do or to say.
                    Err(status) if status.is_namespace_terminating() => {
                        self.expectations.creation_observed(key);
                    }
                    Err(status) => {
                        self.expectations.creation_observed(key);
                        let message = format!("Error creating: {status}");
                        let warning = EventType::Warning;
                        self.event(ctx, involved, warning, "FailedCreate", message);
                        refusal = Some(status);
                    }
                }
            }
            done = end;
            if refusal.is_some() {
                (done..count).for_each(|_| self.expectations.creation_observed(key));
                return (created, refusal);
            }
            batch *= 2;
        }
        (created, None)
    }

    /// Waits to see the deletion of `pods`, which are the owner's at `key`.
    pub fn expect_deletions(&mut self, key: &NamespacedName, pods: &[Arc<Pod>], ctx: &Ctx<'_>) {
        let uids = pods.iter().map(|pod| pod.uid().to_owned());
        self.expectations.expect_deletions(key, uids, ctx.now);
    }

    /// Deletes Pods of the owner at `key`; answers how many are gone or going, and a refusal.
    pub fn delete(
        &mut self,
        key: &NamespacedName,
        involved: &ObjectReference,
        victims: &[Arc<Pod>],
        ctx: &mut Ctx<'_>,
    ) -> (u32, Option<Status>) {
        let (mut deleted, mut refusal) = (0, None);
        for pod in victims {
            let pod_key = pod.namespaced_name().of(Kind::Pod);
            match ctx.delete(pod_key, DeleteOptions::default()) {
                Ok(()) => {
                    deleted += 1;
                    let message = format!("Deleted pod: {}", pod.name());
                    let normal = EventType::Normal;
                    self.event(ctx, involved, normal, "SuccessfulDelete", message);
                }
                Err(status) => {
                    self.expectations.deletion_observed(key, pod.uid());
                    if status.reason == Reason::NotFound {
                        deleted += 1;
                        continue;
                    }
                    let message = format!("Error deleting: {status}");
                    let warning = EventType::Warning;
                    self.event(ctx, involved, warning, "FailedDelete", message);
                    refusal = Some(status);
                }
            }
        }
        (deleted, refusal)
    }
}

/// Makes a Pod that nothing controls the one of `owner`, and puts `finalizer` on it, where that is one.
///
/// # Errors
/// The API server's refusal.
pub fn adopt(
    pod: &Pod,
    owner: OwnerReference,
    finalizer: &str,
    ctx: &mut Ctx<'_>,
) -> Result<Arc<Pod>, Status> {
    let mut own = pod.clone();
    let metadata = &mut own.metadata;
    metadata
        .owner_references
        .get_or_insert_default()
        .push(owner);
    let mut finalizers = metadata.finalizers.iter().flatten();
    if !finalizer.is_empty() && !finalizers.any(|one| one == finalizer) {
        let finalizers = metadata.finalizers.get_or_insert_default();
        finalizers.push(finalizer.to_owned());
    }
    ctx.update(own)
}

/// Lets go of a Pod that the owner with `uid` controls no longer, and takes `finalizer` off it.
///
/// # Errors
/// The API server's refusal.
pub fn release(pod: &Pod, uid: &str, finalizer: &str, ctx: &mut Ctx<'_>) -> Result<(), Status> {
    let mut released = pod.clone();
    let owners = &mut released.metadata.owner_references;
    if let Some(owners) = owners {
        owners.retain(|reference| reference.uid != uid);
    }
    owners.take_if(|owners| owners.is_empty());
    remove_finalizer(&mut released, finalizer);
    Status::ignore_not_found(ctx.update(released))
}

/// Takes `finalizer` off; answers whether it was there.
pub fn remove_finalizer(pod: &mut Pod, finalizer: &str) -> bool {
    let finalizers = &mut pod.metadata.finalizers;
    let Some(list) = finalizers else {
        return false;
    };
    let before = list.len();
    list.retain(|one| one != finalizer);
    let removed = list.len() < before;
    finalizers.take_if(|list| list.is_empty());
    removed
}
