//! The past templates of DaemonSets and StatefulSets, kept as ControllerRevisions.
//!
//! Upstream: pkg/controller/history/controller_history.go, pkg/controller/daemon/update.go
//! (constructHistory, cleanupHistory), pkg/controller/statefulset/stateful_set_control.go
//! (getStatefulSetRevisions, truncateHistory), v1.36. The hash is the one of Deployments: upstream's
//! form, not its exact text. Left out: letting go of revisions whose labels a person changed, and
//! merging two revisions of one template, which only a collision of hashes can make.

use super::Informers;
use super::deployment::template_hash;
use super::templated::Templated;
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Object, Reason, Status, codec, owner};
use crate::apiserver::DeleteOptions;
use crate::client::Ctx;
use crate::sim::order;
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The label of a DaemonSet's Pods and revisions: a hash. A StatefulSet's Pods have it too: there it
/// is the name of the revision.
pub const HASH_LABEL: &str = "controller-revision-hash";
const STATEFUL_HASH_LABEL: &str = "controller.kubernetes.io/hash";
/// How much of a set's name the name of a revision begins with.
const PREFIX_MAX: usize = 223;
/// How often another name is tried.
const TRIES: i32 = 16;

/// A revision.
pub type Revision = Arc<ControllerRevision>;

/// The set's revisions, oldest first. It adopts those that nothing controls.
///
/// # Errors
/// The API server's refusal.
pub fn revisions(
    set: &Templated<'_>,
    informers: &Informers,
    ctx: &mut Ctx<'_>,
) -> Result<Vec<Revision>, Status> {
    let mut own = Vec::new();
    let all = informers
        .others
        .in_namespace(Kind::ControllerRevision, set.namespace());
    for revision in all.filter_map(Object::get::<ControllerRevision>) {
        match owner::controller_of(&revision.metadata) {
            Some(owner) if owner.uid == set.uid() => own.push(revision.clone()),
            None if set.selects(&revision.metadata)
                && !set.is_terminating()
                && !revision.is_terminating() =>
            {
                let mut adopted = ControllerRevision::clone(revision);
                let owners = adopted.metadata.owner_references.get_or_insert_default();
                owners.push(set.owner());
                own.push(ctx.update(adopted)?);
            }
            _ => {}
        }
    }
    order::sort_by(&mut own, |a, b| {
        let by_number = a.revision.cmp(&b.revision);
        by_number.then_with(|| a.name().cmp(b.name()))
    });
    Ok(own)
}

/// Puts the revision of the set's present template at the end of `all`: it is found, and numbered
/// anew where it is not the newest, or made. Answers how often a name was taken, which the status is
/// to say; `None`: the set is being deleted and has no such revision.
///
/// # Errors
/// The API server's refusal.
pub fn present(
    set: &Templated<'_>,
    all: &mut Vec<Revision>,
    ctx: &mut Ctx<'_>,
) -> Result<Option<i32>, Status> {
    let data = patch_of(set.template);
    let number = all
        .last()
        .map_or(1, |newest| newest.revision.saturating_add(1));
    if let Some(at) = all
        .iter()
        .rposition(|known| known.data.as_ref() == Some(&data))
    {
        if at + 1 != all.len() {
            let mut found = ControllerRevision::clone(&all.remove(at));
            found.revision = number;
            all.push(ctx.update(found)?);
        }
        return Ok(Some(set.collisions));
    }
    if set.is_terminating() {
        return Ok(None);
    }
    for collisions in set.collisions..set.collisions.saturating_add(TRIES) {
        let revision = new_revision(set, data.clone(), number, collisions);
        let name = NamespacedName::new(set.namespace(), revision.name());
        match ctx.create(revision) {
            Ok(created) => {
                all.push(created);
                return Ok(Some(collisions));
            }
            Err(status) if status.reason != Reason::AlreadyExists => return Err(status),
            Err(_) => {}
        }
        let existing: Revision = ctx.get(&name)?;
        if existing.data.as_ref() == Some(&data) {
            all.push(existing);
            return Ok(Some(collisions));
        }
    }
    Ok(None)
}

fn new_revision(
    set: &Templated<'_>,
    data: RawExtension,
    number: i64,
    collisions: i32,
) -> ControllerRevision {
    let hash = template_hash(set.template, collisions);
    let prefix: String = set.name().chars().take(PREFIX_MAX).collect();
    let labels = set
        .template
        .metadata
        .as_ref()
        .and_then(|m| m.labels.clone());
    let mut labels = labels.unwrap_or_default();
    let label = match set.kind {
        Kind::DaemonSet => HASH_LABEL,
        _ => STATEFUL_HASH_LABEL,
    };
    let name = [&prefix, "-", &hash].concat();
    labels.insert(label.to_owned(), hash);
    ControllerRevision {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(set.namespace().to_owned()),
            labels: Some(labels),
            annotations: set.metadata.annotations.clone(),
            owner_references: Some(vec![set.owner()]),
            ..ObjectMeta::default()
        },
        data: Some(data),
        revision: number,
    }
}

fn object(field: &str, value: Value) -> Value {
    let mut fields = Map::new();
    fields.insert(field.to_owned(), value);
    Value::Object(fields)
}

/// The patch that restores `template`.
fn patch_of(template: &PodTemplateSpec) -> RawExtension {
    let mut template = codec::to_value(template);
    template["$patch"] = Value::String("replace".to_owned());
    RawExtension(object("spec", object("template", template)))
}

/// Deletes the oldest of `old` that are not `live`, until no more than the set's limit are left; of a
/// DaemonSet the live ones count too.
///
/// # Errors
/// The API server's refusal.
pub fn truncate(
    set: &Templated<'_>,
    old: &[Revision],
    live: &dyn Fn(&ControllerRevision) -> bool,
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    for revision in plan_truncate(set.kind, set.history_limit, old, live) {
        let key = revision.namespaced_name().of(Kind::ControllerRevision);
        Status::ignore_not_found(ctx.delete(key, DeleteOptions::default()))?;
    }
    Ok(())
}

fn plan_truncate<'r>(
    kind: Kind,
    limit: Option<i32>,
    old: &'r [Revision],
    live: &dyn Fn(&ControllerRevision) -> bool,
) -> Vec<&'r Revision> {
    let mut idle: Vec<&Revision> = old.iter().filter(|one| !live(one)).collect();
    let counted = match kind {
        Kind::DaemonSet => old.len(),
        _ => idle.len(),
    };
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    idle.truncate(counted.saturating_sub(limit.unwrap_or(usize::MAX)));
    idle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::revision;
    use serde_json::json;

    fn numbered(name: &str, number: i64) -> Revision {
        let mut revision = ControllerRevision::default();
        revision.metadata.name = Some(name.to_owned());
        revision.revision = number;
        Arc::new(revision)
    }

    #[test]
    fn a_revision_restores_the_template_that_it_was_made_of() {
        let template: PodTemplateSpec = codec::from_value(json!({
            "metadata": {"labels": {"app": "db"}},
            "spec": {"containers": [{"name": "db", "image": "redis:7"}]},
        }))
        .expect("a template");
        let data = patch_of(&template);
        assert_eq!(data.0["spec"]["template"]["$patch"], "replace");
        let kept = ControllerRevision {
            data: Some(data),
            ..ControllerRevision::default()
        };
        assert_eq!(revision::template(&kept), Some(template));
        assert_eq!(revision::template(&ControllerRevision::default()), None);
    }

    #[test]
    fn the_oldest_idle_revisions_go_and_those_in_use_stay() {
        let old = [numbered("a", 1), numbered("b", 2), numbered("c", 3)];
        let live = |revision: &ControllerRevision| revision.name() == "a";
        let names = |kind, limit| {
            let gone = plan_truncate(kind, limit, &old, &live);
            gone.iter().map(|one| one.name()).collect::<Vec<_>>()
        };
        assert_eq!(names(Kind::StatefulSet, Some(1)), ["b"]);
        assert_eq!(names(Kind::StatefulSet, Some(0)), ["b", "c"]);
        assert_eq!(names(Kind::DaemonSet, Some(1)), ["b", "c"]);
        assert_eq!(names(Kind::DaemonSet, Some(2)), ["b"]);
        assert!(names(Kind::DaemonSet, Some(10)).is_empty());
        assert!(names(Kind::StatefulSet, None).is_empty());
    }
}
