//! scale, set image, rollout and delete.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/{scale,set,rollout,delete},
//! pkg/polymorphichelpers/rollback.go, v1.36.

use super::{get, object, printed_name};
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Object, ObjectKey, Reason, Status, owner};
use crate::apiserver::{ApiHandle, DeleteOptions, FieldSelector, Operation, Request};
use crate::sim::{SimTime, order};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::PodSpec;
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
        Object::Deployment(d) => {
            let spec = Arc::make_mut(d).spec.get_or_insert_default();
            spec.template.spec.get_or_insert_default()
        }
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
        Object::StatefulSet(s) => {
            let spec = Arc::make_mut(s).spec.get_or_insert_default();
            spec.template.spec.get_or_insert_default()
        }
        Object::DaemonSet(d) => {
            let spec = Arc::make_mut(d).spec.get_or_insert_default();
            spec.template.spec.get_or_insert_default()
        }
        Object::Pod(pod) => Arc::make_mut(pod).spec.get_or_insert_default(),
        _ => return None,
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

/// `kubectl rollout restart`
///
/// # Errors
/// The API server's refusal, or it is paused.
pub fn restart(
    api: &mut dyn ApiHandle,
    name: &NamespacedName,
    now: SimTime,
) -> Result<String, Status> {
    let mut deployment = deployment(api, name, now)?;
    let spec = deployment.spec.get_or_insert_default();
    if spec.paused == Some(true) {
        let message = format!(
            "error: deployments.apps \"{}\" can't restart paused deployment (run rollout resume first)",
            name.name
        );
        return Err(Status::bad_request(message));
    }
    let annotations = spec
        .template
        .metadata
        .get_or_insert_default()
        .annotations
        .get_or_insert_default();
    let restarted = annotations.insert(RESTARTED_AT.to_owned(), meta::rfc3339(now));
    if restarted.is_some_and(|before| before == meta::rfc3339(now)) {
        let message = format!(
            "error: failed to create patch for {}: if restart has already been triggered within the past second, please wait before attempting to trigger another",
            name.name
        );
        return Err(Status::bad_request(message));
    }
    store(api, deployment, "restarted", now)
}

/// `kubectl rollout undo [--to-revision]`; revision 0 is the one before the present one.
///
/// # Errors
/// The API server's refusal, no such revision, or it is paused.
pub fn undo(
    api: &mut dyn ApiHandle,
    name: &NamespacedName,
    revision: i64,
    now: SimTime,
) -> Result<String, Status> {
    let mut deployment = deployment(api, name, now)?;
    let sets = owned_sets(api, &deployment, now)?;
    let found = match revision {
        0 => sets.len().checked_sub(2).and_then(|at| sets.get(at)),
        revision => sets.iter().find(|(number, _)| *number == revision),
    };
    let Some((_, set)) = found else {
        let message = match revision {
            0 => format!(
                "error: no rollout history found for deployment \"{}\"",
                name.name
            ),
            _ => format!("error: unable to find specified revision {revision} in history"),
        };
        return Err(Status::plain(Reason::NotFound, message));
    };
    let spec = deployment.spec.get_or_insert_default();
    if spec.paused == Some(true) {
        let message = format!(
            "error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume deployment/{}' and try again",
            name.name
        );
        return Err(Status::bad_request(message));
    }
    let mut template = set
        .spec
        .as_ref()
        .and_then(|spec| spec.template.clone())
        .unwrap_or_default();
    if let Some(labels) = template.metadata.as_mut().and_then(|m| m.labels.as_mut()) {
        labels.remove(HASH_LABEL);
    }
    if spec.template == template {
        let text =
            format!("skipped rollback (current template already matches revision {revision})");
        return Ok(format!(
            "{} {text}",
            printed_name(&name.of(Kind::Deployment))
        ));
    }
    spec.template = template;
    let annotations = deployment.metadata.annotations.get_or_insert_default();
    annotations.retain(|key, _| STAYING_ANNOTATIONS.contains(&key.as_str()));
    let others = set.metadata.annotations.iter().flatten();
    let others = others.filter(|(key, _)| !STAYING_ANNOTATIONS.contains(&key.as_str()));
    annotations.extend(others.map(|(key, value)| (key.clone(), value.clone())));
    store(api, deployment, "rolled back", now)
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
    let list = Operation::List {
        kind: Kind::ReplicaSet,
        namespace: deployment.metadata.namespace.clone(),
        labels: Selector::everything(),
        fields: FieldSelector::default(),
    };
    let items = api.handle(Request::by_user(list), now)?.items();
    let uid = deployment.metadata.uid.clone().unwrap_or_default();
    let mut sets: Vec<(i64, Arc<ReplicaSet>)> = items
        .iter()
        .filter_map(|item| item.get::<ReplicaSet>().cloned())
        .filter(|set| owner::is_controlled_by(&set.metadata, &uid))
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
