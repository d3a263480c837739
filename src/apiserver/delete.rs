//! Deletion: grace periods, finalizers and propagation.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/registry/rest/delete.go and
//! pkg/registry/core/pod/strategy.go (CheckGracefulDelete), v1.36.

use super::write::refused;
use super::{ApiServer, DeleteOptions, Propagation};
use crate::api::custom_resource_definition::{
    CLEANUP_FINALIZER, CustomResourceDefinition, TERMINATING,
};
use crate::api::meta::{self, MetaExt};
use crate::api::pod::{is_finished, node_name};
use crate::api::watch::Origin;
use crate::api::{Object, ObjectKey, Status};
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

impl ApiServer {
    pub(super) fn delete(
        &mut self,
        key: &ObjectKey,
        options: &DeleteOptions,
        dry_run: bool,
        origin: Origin,
    ) -> Result<Object, Status> {
        let old = self.get(key)?;
        check_preconditions(key, &old, options)?;
        super::admission::validate_delete(&old)?;
        let mut new = old.clone();
        add_propagation_finalizer(&mut new, options.propagation);
        if let Object::CustomResourceDefinition(definition) = &mut new
            && old.meta().deletion_timestamp.is_none()
        {
            mark_for_cleanup(Arc::make_mut(definition), origin.at);
        }
        let grace = grace_seconds(&old, options.grace_period_seconds);
        let waits = grace > 0 || has_finalizers(&new);
        if dry_run {
            return Ok(new);
        }
        if !waits {
            return self
                .etcd
                .delete(key, old.revision(), origin)
                .map_err(|e| refused(key, e));
        }
        let metadata = new.meta_mut();
        let shorter = metadata
            .deletion_grace_period_seconds
            .is_none_or(|left| grace < left);
        if metadata.deletion_timestamp.is_none() || shorter {
            let seconds = u64::try_from(grace).unwrap_or(0);
            metadata.deletion_timestamp = Some(meta::time(origin.at + SimDuration::secs(seconds)));
            metadata.deletion_grace_period_seconds = Some(grace);
            metadata.generation = metadata.generation.map(|generation| generation + 1);
        }
        if let Object::Namespace(namespace) = &mut new {
            let namespace = Arc::make_mut(namespace);
            namespace.status.get_or_insert_default().phase = Some("Terminating".to_owned());
        }
        self.replace(new, &old, false, origin)
    }

    /// Whether a deleted object has nothing left to wait for.
    pub(super) fn is_finished(&self, object: &Object) -> bool {
        let metadata = object.meta();
        metadata.deletion_timestamp.is_some()
            && metadata.deletion_grace_period_seconds.unwrap_or(0) == 0
            && !has_finalizers(object)
    }
}

fn check_preconditions(
    key: &ObjectKey,
    old: &Object,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let metadata = old.meta();
    if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != old.uid()) {
        let stored = old.uid();
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {stored}"
        );
        return Err(Status::conflict(key, &why));
    }
    match (&options.resource_version, &metadata.resource_version) {
        (Some(wanted), Some(stored)) if wanted != stored => {
            let why = format!(
                "Precondition failed: ResourceVersion in precondition: {wanted}, ResourceVersion in object meta: {stored}"
            );
            Err(Status::conflict(key, &why))
        }
        _ => Ok(()),
    }
}

/// Keeps a definition until its objects are gone, and says so. Upstream: staging/src/k8s.io/
/// apiextensions-apiserver/pkg/registry/customresourcedefinition/etcd.go, v1.36.
fn mark_for_cleanup(definition: &mut CustomResourceDefinition, now: SimTime) {
    let finalizers = definition.metadata.finalizers.get_or_insert_default();
    if !finalizers.iter().any(|f| f == CLEANUP_FINALIZER) {
        finalizers.push(CLEANUP_FINALIZER.to_owned());
    }
    let message =
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    definition.set_condition([TERMINATING, "InstanceDeletionPending", message], true, now);
}

fn add_propagation_finalizer(object: &mut Object, propagation: Propagation) {
    let finalizer = match propagation {
        Propagation::Background => return,
        Propagation::Foreground => FOREGROUND,
        Propagation::Orphan => ORPHAN,
    };
    let finalizers = object.meta_mut().finalizers.get_or_insert_default();
    // A later deletion chooses anew.
    finalizers.retain(|f| f == finalizer || (f != FOREGROUND && f != ORPHAN));
    if !finalizers.iter().any(|f| f == finalizer) {
        finalizers.push(finalizer.to_owned());
    }
}

fn has_finalizers(object: &Object) -> bool {
    let of_namespace = match object {
        Object::Namespace(namespace) => namespace
            .spec
            .as_ref()
            .and_then(|spec| spec.finalizers.as_ref()),
        _ => None,
    };
    [object.meta().finalizers.as_ref(), of_namespace]
        .iter()
        .flatten()
        .any(|f| !f.is_empty())
}

/// How long the object may live on: only Pods get any grace, and only those on a node that have
/// not finished.
fn grace_seconds(object: &Object, asked: Option<i64>) -> i64 {
    let Some(pod) = object.get::<Pod>() else {
        return 0;
    };
    let spec = pod.spec.as_ref();
    if node_name(pod).is_empty() || is_finished(pod) {
        return 0;
    }
    let own = spec
        .and_then(|s| s.termination_grace_period_seconds)
        .unwrap_or(30);
    let seconds = asked.unwrap_or(own).max(0);
    match pod.metadata.deletion_grace_period_seconds {
        Some(left) => seconds.min(left),
        None => seconds,
    }
}
