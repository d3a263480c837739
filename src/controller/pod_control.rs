//! How controllers create and delete their Pods: each request is expected to be seen, and told of.
//!
//! Upstream: pkg/controller/controller_utils.go (RealPodControl, slowStartBatch), v1.36.

use super::pods;
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Reason, Status};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, Delta, EventType, Expectations, Recorder};
use k8s_openapi::api::core::v1::{ObjectReference, Pod};
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

    /// Creates `count` Pods, which `make` gives, for the set at `key`, in batches of 1, 2, 4, …: a
    /// refusal stops it before many requests are wasted.
    ///
    /// # Errors
    /// The last refusal.
    pub fn create(
        &mut self,
        key: &NamespacedName,
        involved: &ObjectReference,
        count: u32,
        make: &dyn Fn(u32) -> Pod,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let (_, refusal) = self.create_some(key, involved, count, make, ctx);
        refusal.map_or(Ok(()), Err)
    }

    /// The same; answers how many were created, and a refusal.
    pub fn create_some(
        &mut self,
        key: &NamespacedName,
        involved: &ObjectReference,
        count: u32,
        make: &dyn Fn(u32) -> Pod,
        ctx: &mut Ctx<'_>,
    ) -> (u32, Option<Status>) {
        let mut created = 0;
        self.expectations.expect_creations(key, count, ctx.now);
        let (mut done, mut batch) = (0, 1);
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

    /// Deletes Pods of the set at `key`.
    ///
    /// # Errors
    /// The last refusal; that one is gone already is none.
    pub fn delete(
        &mut self,
        key: &NamespacedName,
        involved: &ObjectReference,
        victims: &[Arc<Pod>],
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let (_, refusal) = self.delete_some(key, involved, victims, ctx);
        refusal.map_or(Ok(()), Err)
    }

    /// The same; answers how many are gone or going, and a refusal.
    pub fn delete_some(
        &mut self,
        key: &NamespacedName,
        involved: &ObjectReference,
        victims: &[Arc<Pod>],
        ctx: &mut Ctx<'_>,
    ) -> (u32, Option<Status>) {
        let mut deleted = 0;
        let uids = victims.iter().map(|pod| pod.uid().to_owned());
        self.expectations.expect_deletions(key, uids, ctx.now);
        let mut refusal = None;
        for pod in victims {
            match ctx.delete(
                pod.namespaced_name().of(Kind::Pod),
                DeleteOptions::default(),
            ) {
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
