//! Empties a namespace that is being deleted and then lets it go.
//!
//! Upstream: pkg/controller/namespace/{namespace_controller.go,deletion/}, v1.36. Left out: failures
//! of discovery (the API server always knows its kinds), so their conditions never say anything but success.

use super::manager::Controller;
use super::{Change, Informers};
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Object, Reason, Status, condition};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, WorkQueue};
use crate::sim::{SimDuration, SimTime, SortedMap, order};
use k8s_openapi::api::core::v1::{Namespace, NamespaceCondition, Pod};
use serde::Serialize;

/// Time for every API server to see that the namespace is going.
const GRACE: SimDuration = SimDuration::secs(5);
/// How long finalizers are expected to take.
const FINALIZER_SECONDS: i64 = 15;
const FINALIZER: &str = "kubernetes";

/// The namespace controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NamespaceController {
    queue: WorkQueue<NamespacedName>,
}

/// What is left of a namespace's content after an attempt to delete it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Remains {
    /// Seconds until it should be gone; 0 where nothing is left.
    estimate: i64,
    /// `pods.` → how many objects.
    resources: SortedMap<String, u32>,
    /// Finalizer → how many objects have it.
    finalizers: SortedMap<String, u32>,
    /// What went wrong.
    errors: Vec<String>,
}

impl Controller for NamespaceController {
    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn handle(&mut self, change: &Change, _: &Informers, now: SimTime) {
        if let Change::Namespace(delta) = change
            && delta.new.as_ref().is_some_and(|new| new.is_terminating())
        {
            self.queue.add_at(delta.name(), now + GRACE);
        }
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, _: &Informers) {
        while let Some(item) = self.queue.pop(ctx.now) {
            ctx.cause = item.cause;
            match reconcile(&item.key, ctx) {
                Ok(0) => self.queue.forget(&item.key),
                Ok(estimate) => {
                    let seconds = u64::try_from(estimate / 2 + 1).unwrap_or(1);
                    let at = ctx.now + SimDuration::secs(seconds);
                    self.queue.add_at(item.key, at);
                }
                Err(_) => self.queue.add_rate_limited(item.key, ctx.now),
            }
        }
    }

    fn next_at(&self) -> Option<SimTime> {
        self.queue.next_at()
    }
}

/// Answers the seconds until what is left should be gone; 0 where nothing is left to do.
fn reconcile(key: &NamespacedName, ctx: &mut Ctx<'_>) -> Result<i64, Status> {
    let namespace = match ctx.get::<Namespace>(key) {
        Err(status) if status.reason == Reason::NotFound => return Ok(0),
        namespace => namespace?,
    };
    let finalizers = namespace.spec.as_ref().and_then(|s| s.finalizers.as_ref());
    let held = finalizers.is_some_and(|finalizers| !finalizers.is_empty());
    if !namespace.is_terminating() || !held {
        return Ok(0);
    }
    ctx.cause = Some(namespace.revision());
    let remains = delete_content(&namespace, ctx)?;
    let namespace = report(&namespace, &remains, ctx)?;
    if let Some(error) = remains.errors.first() {
        return Err(Status::plain(Reason::InternalError, error.clone()));
    }
    if remains.estimate > 0 {
        return Ok(remains.estimate);
    }
    let mut released = namespace;
    if let Some(finalizers) = released.spec.as_mut().and_then(|s| s.finalizers.as_mut()) {
        finalizers.retain(|f| f != FINALIZER);
    }
    ctx.update(released).map(|_| 0)
}

/// Deletes everything in the namespace: Pods first, the rest once no Pod is left.
fn delete_content(namespace: &Namespace, ctx: &mut Ctx<'_>) -> Result<Remains, Status> {
    let mut remains = Remains::default();
    delete_kind(namespace, Kind::Pod, &mut remains, ctx)?;
    if !remains.resources.is_empty() {
        return Ok(remains);
    }
    let kinds = ctx.api.kinds().all().into_iter();
    for kind in kinds.filter(|kind| kind.is_namespaced() && *kind != Kind::Pod) {
        delete_kind(namespace, kind, &mut remains, ctx)?;
    }
    Ok(remains)
}

fn delete_kind(
    namespace: &Namespace,
    kind: Kind,
    remains: &mut Remains,
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    let objects = ctx.list_in(kind, namespace.name())?;
    // For Pods, what is left of their grace since the namespace was deleted.
    let grace = objects.iter().filter_map(grace_seconds).max().unwrap_or(0);
    for object in objects {
        match ctx.delete(object.key(), DeleteOptions::default()) {
            Err(status) if status.reason != Reason::NotFound => {
                remains.errors.push(status.to_string());
                return Ok(());
            }
            _ => {}
        }
    }
    let deleted_at = namespace.metadata.deletion_timestamp.as_ref();
    let since = ctx
        .now
        .since(deleted_at.map(crate::api::meta::to_sim).unwrap_or_default());
    let waited = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let left = ctx.list_in(kind, namespace.name())?;
    let estimate = if waited >= grace { 0 } else { grace };
    count(namespace, kind, &left, estimate, remains);
    Ok(())
}

fn grace_seconds(object: &Object) -> Option<i64> {
    let pod = object.get::<Pod>()?;
    match super::pods::phase(pod) {
        "Succeeded" | "Failed" => None,
        _ => pod.spec.as_ref()?.termination_grace_period_seconds,
    }
}

/// Adds what is `left` of a kind to `remains`.
fn count(namespace: &Namespace, kind: Kind, left: &[Object], estimate: i64, remains: &mut Remains) {
    if left.is_empty() {
        return;
    }
    let row = kind.row();
    let resource = format!("{}.{}", row.plural, row.group);
    let number = u32::try_from(left.len()).unwrap_or(u32::MAX);
    remains.resources.insert(resource, number);
    let mut any = false;
    for finalizer in left
        .iter()
        .flat_map(|o| o.meta().finalizers.iter().flatten())
    {
        *remains.finalizers.entry(finalizer.clone()).or_insert(0) += 1;
        any = true;
    }
    let estimate = match (estimate, any) {
        (0, true) => FINALIZER_SECONDS,
        (0, false) => {
            remains.errors.push(format!(
                "unexpected items still remain in namespace: {} for gvr: {}/{}, Resource={}",
                namespace.name(),
                row.group,
                row.version,
                row.plural
            ));
            0
        }
        (estimate, _) => estimate,
    };
    remains.estimate = remains.estimate.max(estimate);
}

/// (type, status, reason, message) of each condition.
fn plan_conditions(remains: &Remains) -> [(&'static str, bool, &'static str, String); 5] {
    let failure = match remains.errors.len() {
        0 => (
            false,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".to_owned(),
        ),
        number => {
            let mut errors = remains.errors.clone();
            order::sort(&mut errors);
            let errors = errors.join(", ");
            let message =
                format!("Failed to delete all resource types, {number} remaining: {errors}");
            (true, "ContentDeletionFailed", message)
        }
    };
    let removed = "All content successfully removed".to_owned();
    let listed = |counts: &SortedMap<String, u32>, verb: &str| -> Option<String> {
        let each = counts
            .iter()
            .map(|(name, n)| format!("{name} {verb} {n} resource instances"));
        let all: Vec<String> = each.collect();
        Some(all.join(", ")).filter(|text| !text.is_empty())
    };
    let content = match listed(&remains.resources, "has") {
        Some(list) => (
            true,
            "SomeResourcesRemain",
            format!("Some resources are remaining: {list}"),
        ),
        None => (false, "ContentRemoved", removed.clone()),
    };
    let finalizers = match listed(&remains.finalizers, "in") {
        Some(list) => (
            true,
            "SomeFinalizerRemain",
            format!("Some finalizers are remaining: {list}"),
        ),
        None => (false, "ContentRemoved", removed),
    };
    let discovered = "All resources successfully discovered".to_owned();
    let parsed = "All legacy kube types successfully parsed".to_owned();
    [
        (
            "NamespaceDeletionDiscoveryFailure",
            false,
            "ResourcesDiscovered",
            discovered,
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            false,
            "ParsedGroupVersions",
            parsed,
        ),
        (
            "NamespaceDeletionContentFailure",
            failure.0,
            failure.1,
            failure.2,
        ),
        ("NamespaceContentRemaining", content.0, content.1, content.2),
        (
            "NamespaceFinalizersRemaining",
            finalizers.0,
            finalizers.1,
            finalizers.2,
        ),
    ]
}

/// Writes the conditions; answers the namespace as it is then stored.
fn report(
    namespace: &Namespace,
    remains: &Remains,
    ctx: &mut Ctx<'_>,
) -> Result<Namespace, Status> {
    let mut reported = namespace.clone();
    let status = reported.status.get_or_insert_default();
    status.phase = Some("Terminating".to_owned());
    let conditions = status.conditions.get_or_insert_default();
    for (type_, is_true, reason, message) in plan_conditions(remains) {
        let new = NamespaceCondition {
            type_: type_.to_owned(),
            status: if is_true { "True" } else { "False" }.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_transition_time: None,
        };
        condition::set(conditions, new, ctx.now);
    }
    if reported == *namespace {
        return Ok(reported);
    }
    ctx.update_status(reported)
        .map(|stored| Namespace::clone(&stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_say_what_is_left() {
        let ok = plan_conditions(&Remains::default());
        assert!(ok.iter().all(|(_, is_true, _, _)| !is_true));
        assert_eq!(ok[4].3, "All content successfully removed");
        let remains = Remains {
            estimate: 30,
            resources: [("pods.".to_owned(), 2)].into(),
            finalizers: [("example.com/hold".to_owned(), 1)].into(),
            errors: Vec::new(),
        };
        let left = plan_conditions(&remains);
        assert_eq!(
            left[3].3,
            "Some resources are remaining: pods. has 2 resource instances"
        );
        assert_eq!(
            left[4].3,
            "Some finalizers are remaining: example.com/hold in 1 resource instances"
        );
    }
}
