//! scale, set image, rollout and delete.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/{scale,set,rollout,delete},
//! pkg/polymorphichelpers/rollback.go, v1.36.

use super::{get, object, printed_name};
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Object, ObjectKey, Reason, Status, owner, revision};
use crate::apiserver::{ApiHandle, DeleteOptions, FieldSelector, Operation, Request};
use crate::sim::{SimTime, order};
use k8s_openapi::api::apps::v1::{ControllerRevision, Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::Arc;

const REVISION: &str = "deployment.kubernetes.io/revision";
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
const HASH_LABEL: &str = "pod-template-hash";
/// What a Deployment keeps of its own when it goes back to a revision; everything else comes from the
/// revision's ReplicaSet.
const STAYING_ANNOTATIONS: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

fn deployment(
    api: &mut dyn ApiHandle,
    name: &NamespacedName,
    now: SimTime,
) -> Result<Deployment, Status> {
    let key = name.of(Kind::Deployment);
    let found = get(api, &key, now)?;
    found
        .get::<Deployment>()
        .map(|d| Deployment::clone(d))
        .ok_or_else(|| Status::not_found(&key))
}

fn store(
    api: &mut dyn ApiHandle,
    deployment: Deployment,
    done: &str,
    now: SimTime,
) -> Result<String, Status> {
    let stored = object(api, Operation::Update(Object::new(deployment)), now)?;
    Ok(format!("{} {done}", printed_name(&stored.key())))
}

/// `kubectl scale --replicas`
///
/// # Errors
/// The API server's refusal.
pub fn scale(
    api: &mut dyn ApiHandle,
    key: &ObjectKey,
    replicas: i32,
    now: SimTime,
) -> Result<String, Status> {
    let mut found = get(api, key, now)?;
    let Some(current) = replicas_mut(&mut found) else {
        let message = "the server could not find the requested resource";
        return Err(Status::plain(Reason::NotFound, message));
    };
    *current = Some(replicas);
    object(api, Operation::Update(found), now)?;
    Ok(format!("{} scaled", printed_name(key)))
}

/// The number of replicas that an object asks for, to change; none where its kind has no such
/// number.
pub(super) fn replicas_mut(object: &mut Object) -> Option<&mut Option<i32>> {
    match object {
        Object::Deployment(d) => Some(&mut Arc::make_mut(d).spec.get_or_insert_default().replicas),
        Object::ReplicaSet(r) => Some(&mut Arc::make_mut(r).spec.get_or_insert_default().replicas),
        Object::StatefulSet(s) => Some(&mut Arc::make_mut(s).spec.get_or_insert_default().replicas),
        Object::ReplicationController(c) => {
            Some(&mut Arc::make_mut(c).spec.get_or_insert_default().replicas)
        }
        _ => None,
    }
}

/// The Pod that an object makes or is, to change; none where its kind makes none.
pub(super) fn pod_spec_mut(object: &mut Object) -> Option<&mut PodSpec> {
    Some(match object {
        Object::ReplicaSet(r) => {
            let spec = Arc::make_mut(r).spec.get_or_insert_default();
            let template = spec.template.get_or_insert_default();
            template.spec.get_or_insert_default()
        }
        Object::ReplicationController(c) => {
            let spec = Arc::make_mut(c).spec.get_or_insert_default();
            let template = spec.template.get_or_insert_default();
            template.spec.get_or_insert_default()
        }
        Object::Pod(pod) => Arc::make_mut(pod).spec.get_or_insert_default(),
        other => template_mut(other)?.spec.get_or_insert_default(),
    })
}

/// Sets the image of `container`, or of every container where that is `*`.
///
/// # Errors
/// There is no such container.
pub(super) fn change_image(pod: &mut PodSpec, container: &str, image: &str) -> Result<(), Status> {
    let containers = pod.init_containers.iter_mut().flatten();
    let named = containers
        .chain(&mut pod.containers)
        .filter(|c| container == "*" || c.name == container);
    let mut found = false;
    for c in named {
        c.image = Some(image.to_owned());
        found = true;
    }
    match found {
        true => Ok(()),
        false => {
            let message = format!("error: unable to find container named \"{container}\"");
            Err(Status::plain(Reason::NotFound, message))
        }
    }
}

/// `kubectl set image`: the image of `container`, or of every container where that is `*`.
///
/// # Errors
/// The API server's refusal, or no such container.
pub fn set_image(
    api: &mut dyn ApiHandle,
    name: &NamespacedName,
    container: &str,
    image: &str,
    now: SimTime,
) -> Result<String, Status> {
    let mut deployment = deployment(api, name, now)?;
    let spec = deployment.spec.get_or_insert_default();
    change_image(spec.template.spec.get_or_insert_default(), container, image)?;
    store(api, deployment, "image updated", now)
}

/// `kubectl rollout pause` and `resume`
///
/// # Errors
/// The API server's refusal, or it is (not) paused already.
pub fn set_paused(
    api: &mut dyn ApiHandle,
    name: &NamespacedName,
    paused: bool,
    now: SimTime,
) -> Result<String, Status> {
    let mut deployment = deployment(api, name, now)?;
    let spec = deployment.spec.get_or_insert_default();
    if spec.paused.unwrap_or(false) == paused {
        let word = if paused { "already" } else { "not" };
        let message = format!("deployments.apps \"{}\" is {word} paused", name.name);
        return Err(Status::bad_request(format!("error: {message}")));
    }
    spec.paused = paused.then_some(true);
    store(
        api,
        deployment,
        if paused { "paused" } else { "resumed" },
        now,
    )
}

/// The Pod template of a Deployment, DaemonSet or StatefulSet, to change; none of other kinds.
fn template_mut(object: &mut Object) -> Option<&mut PodTemplateSpec> {
    Some(match object {
        Object::Deployment(d) => &mut Arc::make_mut(d).spec.get_or_insert_default().template,
        Object::StatefulSet(s) => &mut Arc::make_mut(s).spec.get_or_insert_default().template,
        Object::DaemonSet(d) => &mut Arc::make_mut(d).spec.get_or_insert_default().template,
        _ => return None,
    })
}

/// Reads an object that rolls out, to change its template.
fn read(api: &mut dyn ApiHandle, key: &ObjectKey, now: SimTime) -> Result<Object, Status> {
    let mut object = get(api, key, now)?;
    match template_mut(&mut object) {
        Some(_) => Ok(object),
        None => Err(Status::not_found(key)),
    }
}

fn is_paused(object: &Object) -> bool {
    let deployment = object.get::<Deployment>();
    let spec = deployment.and_then(|deployment| deployment.spec.as_ref());
    spec.is_some_and(|spec| spec.paused == Some(true))
}

/// `kubectl rollout restart`
///
/// # Errors
/// The API server's refusal, or it is paused.
pub fn restart(api: &mut dyn ApiHandle, key: &ObjectKey, now: SimTime) -> Result<String, Status> {
    let mut found = read(api, key, now)?;
    if is_paused(&found) {
        let message = format!(
            "error: deployments.apps \"{}\" can't restart paused deployment (run rollout resume first)",
            key.name
        );
        return Err(Status::bad_request(message));
    }
    if let Some(template) = template_mut(&mut found) {
        let metadata = template.metadata.get_or_insert_default();
        let annotations = metadata.annotations.get_or_insert_default();
        let restarted = annotations.insert(RESTARTED_AT.to_owned(), meta::rfc3339(now));
        if restarted.is_some_and(|before| before == meta::rfc3339(now)) {
            let message = format!(
                "error: failed to create patch for {}: if restart has already been triggered within the past second, please wait before attempting to trigger another",
                key.name
            );
            return Err(Status::bad_request(message));
        }
    }
    object(api, Operation::Update(found), now)?;
    Ok(format!("{} restarted", printed_name(key)))
}

/// `kubectl rollout undo [--to-revision]`; revision 0 is the one before the present one.
///
/// # Errors
/// The API server's refusal, no such revision, or it is paused.
pub fn undo(
    api: &mut dyn ApiHandle,
    key: &ObjectKey,
    revision: i64,
    now: SimTime,
) -> Result<String, Status> {
    let mut found = read(api, key, now)?;
    let past = past(api, &found, now)?;
    let earlier = match revision {
        0 => past.len().checked_sub(2).and_then(|at| past.get(at)),
        revision => past.iter().find(|one| one.number == revision),
    };
    let Some(earlier) = earlier else {
        let message = match (revision, key.kind) {
            (0, Kind::Deployment) => format!(
                "error: no rollout history found for deployment \"{}\"",
                key.name
            ),
            (0, _) => "error: no last revision to roll back to".to_owned(),
            _ => format!("error: unable to find specified revision {revision} in history"),
        };
        return Err(Status::plain(Reason::NotFound, message));
    };
    if is_paused(&found) {
        let message = format!(
            "error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume deployment/{}' and try again",
            key.name
        );
        return Err(Status::bad_request(message));
    }
    let mut template = earlier.template.clone();
    if key.kind == Kind::Deployment
        && let Some(labels) = template.metadata.as_mut().and_then(|m| m.labels.as_mut())
    {
        labels.remove(HASH_LABEL);
    }
    if let Some(present) = template_mut(&mut found) {
        if *present == template {
            return Ok(format!(
                "{} skipped rollback (current template already matches revision {revision})",
                printed_name(key)
            ));
        }
        *present = template;
    }
    if key.kind == Kind::Deployment {
        let annotations = found.meta_mut().annotations.get_or_insert_default();
        annotations.retain(|key, _| STAYING_ANNOTATIONS.contains(&key.as_str()));
        let others = earlier.metadata.annotations.iter().flatten();
        let others = others.filter(|(key, _)| !STAYING_ANNOTATIONS.contains(&key.as_str()));
        annotations.extend(others.map(|(key, value)| (key.clone(), value.clone())));
    }
    object(api, Operation::Update(found), now)?;
    Ok(format!("{} rolled back", printed_name(key)))
}

/// A revision of something that rolls out.
pub(super) struct Past {
    /// Its number.
    pub number: i64,
    /// The metadata of what keeps it.
    pub metadata: ObjectMeta,
    /// What the Pods were made of.
    pub template: PodTemplateSpec,
}

/// The revisions of an object, the oldest first.
///
/// # Errors
/// The API server's refusal.
pub(super) fn past(
    api: &mut dyn ApiHandle,
    object: &Object,
    now: SimTime,
) -> Result<Vec<Past>, Status> {
    if let Object::Deployment(deployment) = object {
        let sets = owned_sets(api, deployment, now)?.into_iter();
        let past = sets.map(|(number, set)| Past {
            number,
            metadata: set.metadata.clone(),
            template: set
                .spec
                .as_ref()
                .and_then(|spec| spec.template.clone())
                .unwrap_or_default(),
        });
        return Ok(past.collect());
    }
    let owned = owned(api, Kind::ControllerRevision, object.meta(), now)?;
    let kept = owned.iter().filter_map(Object::get::<ControllerRevision>);
    let mut past: Vec<Past> = kept
        .filter_map(|kept| {
            Some(Past {
                number: kept.revision,
                metadata: kept.metadata.clone(),
                template: revision::template(kept)?,
            })
        })
        .collect();
    order::sort_by_key(&mut past, |one| one.number);
    Ok(past)
}

/// The objects of `kind` that the one with `meta` controls.
fn owned(
    api: &mut dyn ApiHandle,
    kind: Kind,
    meta: &ObjectMeta,
    now: SimTime,
) -> Result<Vec<Object>, Status> {
    let list = Operation::List {
        kind,
        namespace: meta.namespace.clone(),
        labels: Selector::everything(),
        fields: FieldSelector::default(),
    };
    let mut items = api.handle(Request::by_user(list), now)?.items();
    let uid = meta.uid.as_deref().unwrap_or_default();
    items.retain(|item| owner::is_controlled_by(item.meta(), uid));
    Ok(items)
}

/// The Deployment's ReplicaSets by their revisions, the oldest first.
///
/// # Errors
/// The API server's refusal.
pub(super) fn owned_sets(
    api: &mut dyn ApiHandle,
    deployment: &Deployment,
    now: SimTime,
) -> Result<Vec<(i64, Arc<ReplicaSet>)>, Status> {
    let items = owned(api, Kind::ReplicaSet, &deployment.metadata, now)?;
    let mut sets: Vec<(i64, Arc<ReplicaSet>)> = items
        .iter()
        .filter_map(|item| item.get::<ReplicaSet>().cloned())
        .map(|set| {
            (
                set.annotation(REVISION)
                    .and_then(|r| r.parse().ok())
                    .unwrap_or(0),
                set,
            )
        })
        .collect();
    order::sort_by_key(&mut sets, |(revision, _)| *revision);
    Ok(sets)
}

/// `kubectl delete`
///
/// # Errors
/// The API server's refusal.
pub fn delete(api: &mut dyn ApiHandle, key: &ObjectKey, now: SimTime) -> Result<String, Status> {
    object(
        api,
        Operation::Delete {
            key: key.clone(),
            options: DeleteOptions::default(),
        },
        now,
    )?;
    Ok(deleted_text(key, "deleted"))
}

/// `pod "web" deleted from default namespace`
pub(super) fn deleted_text(key: &ObjectKey, word: &str) -> String {
    let row = key.kind.row();
    let kind = row.kind.to_lowercase();
    let kind = match row.group {
        "" => kind,
        group => format!("{kind}.{group}"),
    };
    match key.namespace.as_str() {
        "" => format!("{kind} \"{}\" {word}", key.name),
        namespace => format!("{kind} \"{}\" {word} from {namespace} namespace", key.name),
    }
}
