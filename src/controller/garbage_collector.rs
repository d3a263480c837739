//! Deletes what nobody owns any more, and carries out foreground and orphaning deletions.
//!
//! Upstream: pkg/controller/garbagecollector/{garbagecollector,graph_builder,operations}.go, v1.36.
//! Left out: the monitors of kinds outside the shared informers (Event), the cache of absent owners
//! (asking costs nothing here) and the OwnerRefInvalidNamespace event.

use super::manager::{Controller, one_queue};
use super::{Change, Informers};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, ObjectKey, Reason, Status};
use crate::apiserver::{DeleteOptions, Propagation};
use crate::client::{Ctx, WorkQueue};
use crate::sim::{SimTime, SortedMap, SortedSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::Serialize;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// The garbage collector.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GarbageCollector {
    queue: WorkQueue<ObjectKey>,
    /// Who refers to an owner, by the owner's uid.
    dependents: SortedMap<String, SortedSet<ObjectKey>>,
}

/// How an owner reference stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The owner exists and stays.
    Solid,
    /// The owner is gone.
    Dangling,
    /// The owner waits for its dependents to go.
    Waiting,
}

/// What to do with an object that has owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// It stays.
    Keep,
    /// It stays, but lets go of the owners that go.
    Detach,
    /// Its own dependents go first.
    DeleteForeground,
    /// It goes.
    Delete,
}

/// One owner that stays keeps the object. Without one, it goes; before its own dependents where its
/// owner waits for it and it has some.
fn plan_fate(owners: &[Owner], has_dependents: bool) -> Plan {
    let count = |kind: Owner| owners.iter().filter(|owner| **owner == kind).count();
    match (count(Owner::Solid), count(Owner::Waiting)) {
        _ if owners.is_empty() => Plan::Keep,
        (0, 1..) if has_dependents => Plan::DeleteForeground,
        (0, _) => Plan::Delete,
        (solid, _) if solid == owners.len() => Plan::Keep,
        _ => Plan::Detach,
    }
}

impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "garbage-collector-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        let change = change.meta();
        let replaced =
            matches!((change.old, change.new), (Some(old), Some(new)) if old.uid != new.uid);
        if let Some(gone) = change.old.filter(|_| change.new.is_none() || replaced) {
            self.forget(change.kind, gone, informers, change.revision);
        }
        if let Some(new) = change.new {
            let old = change.old.filter(|_| !replaced);
            self.observe(change.kind, old, new, informers, change.revision);
        }
    }

    one_queue!(|this, key, ctx, informers| Status::ignore_not_found(
        this.reconcile(key, ctx, informers)
    ));
}

fn key_of(kind: Kind, metadata: &ObjectMeta) -> ObjectKey {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    ObjectKey::new(kind, text(&metadata.namespace), text(&metadata.name))
}

fn references(metadata: &ObjectMeta) -> &[OwnerReference] {
    metadata.owner_references.as_deref().unwrap_or_default()
}

/// Where the owner that `reference` names would be; `None` for a kind that is not served.
fn owner_key(
    reference: &OwnerReference,
    namespace: &str,
    informers: &Informers,
) -> Option<ObjectKey> {
    let kind = informers.kind_of(&reference.api_version, &reference.kind)?;
    Some(ObjectKey::scoped(kind, namespace, reference.name.clone()))
}

fn has_finalizer(metadata: &ObjectMeta, finalizer: &str) -> bool {
    let finalizers = metadata.finalizers.as_deref().unwrap_or_default();
    finalizers.iter().any(|f| f == finalizer)
}

/// Whether the object waits for its dependents to be gone.
fn is_waiting(metadata: &ObjectMeta) -> bool {
    metadata.deletion_timestamp.is_some() && has_finalizer(metadata, FOREGROUND)
}

impl GarbageCollector {
    fn forget(&mut self, kind: Kind, gone: &ObjectMeta, informers: &Informers, revision: u64) {
        self.unlink(&key_of(kind, gone), gone, informers, revision);
        let uid = gone.uid.as_deref().unwrap_or_default();
        for dependent in self.dependents.remove(uid).into_iter().flatten() {
            self.queue.add(dependent, Some(revision));
        }
    }

    /// Takes an object out of its owners' dependents and wakes the owners that wait for it.
    fn unlink(
        &mut self,
        key: &ObjectKey,
        metadata: &ObjectMeta,
        informers: &Informers,
        revision: u64,
    ) {
        for reference in references(metadata) {
            if let Some(dependents) = self.dependents.get_mut(&reference.uid) {
                dependents.remove(key);
                if dependents.is_empty() {
                    self.dependents.remove(&reference.uid);
                }
            }
            let owner = owner_key(reference, &key.namespace, informers);
            if let Some(owner) = owner
                && informers.meta(&owner).is_some_and(is_waiting)
            {
                self.queue.add(owner, Some(revision));
            }
        }
    }

    fn observe(
        &mut self,
        kind: Kind,
        old: Option<&ObjectMeta>,
        new: &ObjectMeta,
        informers: &Informers,
        revision: u64,
    ) {
        let relinked = old.is_none_or(|old| references(old) != references(new));
        let going = new.deletion_timestamp.is_some()
            && (has_finalizer(new, FOREGROUND) || has_finalizer(new, ORPHAN));
        if !relinked && !going {
            return;
        }
        let key = key_of(kind, new);
        if relinked {
            if let Some(old) = old {
                self.unlink(&key, old, informers, revision);
            }
            for reference in references(new) {
                let dependents = self.dependents.entry(reference.uid.clone()).or_default();
                dependents.insert(key.clone());
            }
        }
        let owner_missing = |reference: &OwnerReference| {
            let owner = owner_key(reference, &key.namespace, informers);
            let found = owner.as_ref().and_then(|owner| informers.meta(owner));
            found.and_then(|owner| owner.uid.as_ref()) != Some(&reference.uid)
        };
        if going || references(new).iter().any(owner_missing) {
            self.queue.add(key, Some(revision));
        }
    }

    fn reconcile(
        &mut self,
        key: &ObjectKey,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let object = ctx.get_object(key)?;
        if object.is_terminating() {
            if has_finalizer(object.meta(), ORPHAN) {
                return self.orphan(object, ctx);
            }
            if has_finalizer(object.meta(), FOREGROUND) {
                return self.wait_for_dependents(object, ctx, informers);
            }
            return Ok(());
        }
        let mut owners = Vec::new();
        for reference in references(object.meta()) {
            owners.push(look_up(reference, &key.namespace, ctx, informers)?);
        }
        let dependents = self.dependents.get(object.uid());
        match plan_fate(&owners, dependents.is_some()) {
            Plan::Keep => Ok(()),
            Plan::Detach => detach(object, &owners, ctx),
            Plan::DeleteForeground => {
                let circular = dependents
                    .into_iter()
                    .flatten()
                    .any(|key| informers.meta(key).is_some_and(is_waiting));
                let uid = object.uid().to_owned();
                if circular {
                    unblock(object, ctx)?;
                }
                delete(key, uid, Propagation::Foreground, ctx)
            }
            Plan::Delete => {
                let propagation = match object.meta() {
                    meta if has_finalizer(meta, ORPHAN) => Propagation::Orphan,
                    meta if has_finalizer(meta, FOREGROUND) => Propagation::Foreground,
                    _ => Propagation::Background,
                };
                delete(key, object.uid().to_owned(), propagation, ctx)
            }
        }
    }

    /// Frees the dependents, then the object.
    fn orphan(&self, object: Object, ctx: &mut Ctx<'_>) -> Result<(), Status> {
        for key in self.dependents.get(object.uid()).into_iter().flatten() {
            let mut dependent = match ctx.get_object(key) {
                Err(status) if status.reason == Reason::NotFound => continue,
                dependent => dependent?,
            };
            let owners = &mut dependent.meta_mut().owner_references;
            if let Some(references) = owners {
                references.retain(|reference| reference.uid != object.uid());
                if references.is_empty() {
                    *owners = None;
                }
            }
            ctx.update_object(dependent)?;
        }
        remove_finalizer(object, ORPHAN, ctx)
    }

    /// Lets the object go once no dependent holds it back; until then, sees to those that do.
    fn wait_for_dependents(
        &mut self,
        object: Object,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let holds = |meta: &ObjectMeta| {
            references(meta)
                .iter()
                .any(|r| r.uid == object.uid() && r.block_owner_deletion == Some(true))
        };
        let blocking: Vec<(&ObjectKey, &ObjectMeta)> = self
            .dependents
            .get(object.uid())
            .into_iter()
            .flatten()
            .filter_map(|key| Some((key, informers.meta(key)?)))
            .filter(|(_, meta)| holds(meta))
            .collect();
        if blocking.is_empty() {
            return remove_finalizer(object, FOREGROUND, ctx);
        }
        for (key, _) in blocking.iter().filter(|(_, meta)| !is_waiting(meta)) {
            self.queue.add(ObjectKey::clone(key), ctx.cause);
        }
        Ok(())
    }
}

fn look_up(
    reference: &OwnerReference,
    namespace: &str,
    ctx: &mut Ctx<'_>,
    informers: &Informers,
) -> Result<Owner, Status> {
    // Nothing is known of a kind that is not served, so nothing is deleted for its sake.
    let Some(key) = owner_key(reference, namespace, informers) else {
        return Ok(Owner::Solid);
    };
    match ctx.get_object(&key) {
        Ok(owner) if owner.uid() != reference.uid => Ok(Owner::Dangling),
        Ok(owner) if is_waiting(owner.meta()) => Ok(Owner::Waiting),
        Ok(_) => Ok(Owner::Solid),
        Err(status) if status.reason == Reason::NotFound => Ok(Owner::Dangling),
        Err(status) => Err(status),
    }
}

fn detach(mut object: Object, owners: &[Owner], ctx: &mut Ctx<'_>) -> Result<(), Status> {
    let kept = references(object.meta())
        .iter()
        .zip(owners)
        .filter(|(_, owner)| **owner == Owner::Solid)
        .map(|(reference, _)| reference.clone())
        .collect();
    object.meta_mut().owner_references = Some(kept);
    ctx.update_object(object)
}

fn unblock(mut object: Object, ctx: &mut Ctx<'_>) -> Result<(), Status> {
    let references = object.meta_mut().owner_references.iter_mut().flatten();
    references.for_each(|reference| reference.block_owner_deletion = Some(false));
    ctx.update_object(object)
}

fn remove_finalizer(mut object: Object, finalizer: &str, ctx: &mut Ctx<'_>) -> Result<(), Status> {
    let metadata = object.meta_mut();
    if let Some(finalizers) = &mut metadata.finalizers {
        finalizers.retain(|f| f != finalizer);
        if finalizers.is_empty() {
            metadata.finalizers = None;
        }
    }
    ctx.update_object(object)
}

fn delete(
    key: &ObjectKey,
    uid: String,
    propagation: Propagation,
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    let options = DeleteOptions {
        propagation,
        uid: Some(uid),
        ..DeleteOptions::default()
    };
    ctx.delete(key.clone(), options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_that_stays_keeps_an_object() {
        use Owner::{Dangling, Solid, Waiting};
        for (owners, has_dependents, want) in [
            (vec![], true, Plan::Keep),
            (vec![Solid], true, Plan::Keep),
            (vec![Solid, Dangling], false, Plan::Detach),
            (vec![Solid, Waiting], true, Plan::Detach),
            (vec![Dangling], false, Plan::Delete),
            (vec![Dangling], true, Plan::Delete),
            (vec![Waiting], false, Plan::Delete),
            (vec![Waiting, Dangling], true, Plan::DeleteForeground),
        ] {
            assert_eq!(plan_fate(&owners, has_dependents), want, "{owners:?}");
        }
    }
}
