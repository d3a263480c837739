//! Creates and deletes the Pods of one owner, and says so in the owner's events.
//!
//! Upstream: pkg/controller/controller_utils.go (RealPodControl), controller_ref_manager.go, v1.36.

use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Reason, Status};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, EventType, Expectations, Recorder};
use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use std::sync::Arc;

/// What it takes to act for one owner.
pub struct PodControl<'a> {
    /// The owner's name, under which its expectations are.
    pub key: NamespacedName,
    /// What events refer to.
    pub involved: ObjectReference,
    /// What its controller waits to see.
    pub expectations: &'a mut Expectations,
    /// Who tells.
    pub recorder: &'a mut Recorder,
}

impl PodControl<'_> {
    /// Creates `count` Pods, each of which `next` gives, in batches of 1, 2, 4, …: a refusal stops it
    /// before many requests are wasted. Answers how many there are, and a refusal.
    pub fn create(
        &mut self,
        count: u32,
        next: &mut dyn FnMut() -> Pod,
        ctx: &mut Ctx<'_>,
    ) -> (u32, Option<Status>) {
        self.expectations
            .expect_creations(&self.key, count, ctx.now);
        let (mut created, mut left, mut batch) = (0, count, 1);
        while left > 0 {
            let mut refusal = None;
            let size = batch.min(left);
            for _ in 0..size {
                match ctx.create(next()) {
                    Ok(pod) => {
                        created += 1;
                        let message = format!("Created pod: {}", pod.name());
                        self.event(ctx, EventType::Normal, "SuccessfulCreate", message);
                    }
                    // Any creation will be refused from now on: there is nothing to do or to say.
                    Err(status) if status.is_namespace_terminating() => {
                        self.expectations.creation_observed(&self.key);
                    }
                    Err(status) => {
                        self.expectations.creation_observed(&self.key);
                        let message = format!("Error creating: {status}");
                        self.event(ctx, EventType::Warning, "FailedCreate", message);
                        refusal = Some(status);
                    }
                }
            }
            left -= size;
            if refusal.is_some() {
                (0..left).for_each(|_| self.expectations.creation_observed(&self.key));
                return (created, refusal);
            }
            batch *= 2;
        }
        (created, None)
    }

    /// Deletes `pods`; answers how many are gone or going, and a refusal.
    pub fn delete(&mut self, pods: &[Arc<Pod>], ctx: &mut Ctx<'_>) -> (u32, Option<Status>) {
        let (mut deleted, mut refusal) = (0, None);
        for pod in pods {
            let key = pod.namespaced_name().of(Kind::Pod);
            match ctx.delete(key, DeleteOptions::default()) {
                Ok(()) => {
                    deleted += 1;
                    let message = format!("Deleted pod: {}", pod.name());
                    self.event(ctx, EventType::Normal, "SuccessfulDelete", message);
                }
                Err(status) => {
                    self.expectations.deletion_observed(&self.key, pod.uid());
                    if status.reason == Reason::NotFound {
                        deleted += 1;
                        continue;
                    }
                    let message = format!("Error deleting: {status}");
                    self.event(ctx, EventType::Warning, "FailedDelete", message);
                    refusal = Some(status);
                }
            }
        }
        (deleted, refusal)
    }

    /// Waits to see the deletion of `pods`.
    pub fn expect_deletions(&mut self, pods: &[Arc<Pod>], ctx: &Ctx<'_>) {
        let uids = pods.iter().map(|pod| pod.uid().to_owned());
        self.expectations.expect_deletions(&self.key, uids, ctx.now);
    }

    /// Tells something about the owner.
    pub fn event(
        &mut self,
        ctx: &mut Ctx<'_>,
        event_type: EventType,
        reason: &str,
        message: String,
    ) {
        let involved = self.involved.clone();
        self.recorder
            .event_at(ctx, involved, event_type, reason, message);
    }
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
