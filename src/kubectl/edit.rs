//! scale, set image, rollout and delete.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/{scale,set,rollout,delete},
//! pkg/polymorphichelpers/rollback.go, v1.36.

use super::{get, object, printed_name};
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Object, ObjectKey, Reason, Status, owner};
use crate::apiserver::{ApiHandle, DeleteOptions, FieldSelector, Operation, Request};
use crate::sim::SimTime;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use std::sync::Arc;

const REVISION: &str = "deployment.kubernetes.io/revision";
const HASH_LABEL: &str = "pod-template-hash";

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
    match &mut found {
        Object::Deployment(d) => {
            Arc::make_mut(d).spec.get_or_insert_default().replicas = Some(replicas);
        }
        Object::ReplicaSet(r) => {
            Arc::make_mut(r).spec.get_or_insert_default().replicas = Some(replicas);
        }
        _ => {
            let message = format!("the server could not find the requested resource ({key})");
            return Err(Status::plain(Reason::NotFound, message));
        }
    }
    object(api, Operation::Update(found), now)?;
    Ok(format!("{} scaled", printed_name(key)))
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
    let spec = deployment
        .spec
        .get_or_insert_default()
        .template
        .spec
        .get_or_insert_default();
    let mut found = false;
    for c in spec
        .containers
        .iter_mut()
        .filter(|c| container == "*" || c.name == container)
    {
        c.image = Some(image.to_owned());
        found = true;
    }
    if !found {
        let message = format!("error: unable to find container named \"{container}\"");
        return Err(Status::plain(Reason::NotFound, message));
    }
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
        let message = "error: can't restart paused deployment (run rollout resume first)";
        return Err(Status::bad_request(message));
    }
    let annotations = spec
        .template
        .metadata
        .get_or_insert_default()
        .annotations
        .get_or_insert_default();
    annotations.insert(
        "kubectl.kubernetes.io/restartedAt".to_owned(),
        meta::rfc3339(now),
    );
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
    let spec = deployment.spec.get_or_insert_default();
    if spec.paused == Some(true) {
        let message = format!(
            "error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again ({})",
            name.name
        );
        return Err(Status::bad_request(message));
    }
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
    let mut template = set
        .spec
        .as_ref()
        .and_then(|spec| spec.template.clone())
        .unwrap_or_default();
    if let Some(labels) = template.metadata.as_mut().and_then(|m| m.labels.as_mut()) {
        labels.remove(HASH_LABEL);
    }
    let spec = deployment.spec.get_or_insert_default();
    if spec.template == template {
        let text =
            format!("skipped rollback (current template already matches revision {revision})");
        return Ok(format!(
            "{} {text}",
            printed_name(&name.of(Kind::Deployment))
        ));
    }
    spec.template = template;
    store(api, deployment, "rolled back", now)
}

/// The Deployment's ReplicaSets by their revisions, the oldest first.
fn owned_sets(
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
    sets.sort_by_key(|(revision, _)| *revision);
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
    let group = match key.kind.row().group {
        "" => String::new(),
        group => format!(".{group}"),
    };
    let row = key.kind.row();
    Ok(format!(
        "{}{group} \"{}\" deleted from {} namespace",
        row.singular, key.name, key.namespace
    ))
}
