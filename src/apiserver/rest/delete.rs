//! Delete and deletecollection.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/handlers/delete.go and
//! staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go, v1.36.

use super::{Answer, Asked, Content, Door, ListOptions, body, encode};
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::api::schema::schema;
use crate::api::{Object, Reason, Status, codec, decode};
use crate::apiserver::page::Page;
use crate::apiserver::{DeleteOptions, Operation, Propagation};
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use serde_json::Value;

/// Kinds whose finished deletion is answered with the object instead of a `Status`
/// (`ReturnDeletedObject` of their stores).
const RETURNED: &[&str] = &[
    "Pod",
    "Service",
    "ServiceAccount",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodTemplate",
    "ResourceQuota",
];

/// The options of the body or, without one, of the query.
fn options(asked: &Asked<'_>) -> Result<(DeleteOptions, bool), Status> {
    let given = match asked.request.body.trim().is_empty() {
        true => of_query(asked)?,
        false => of_body(body::read(asked.request)?.value)?,
    };
    let mut options = DeleteOptions {
        grace_period_seconds: given.grace_period_seconds,
        ..DeleteOptions::default()
    };
    if given.grace_period_seconds.is_some_and(|grace| grace < 0) {
        // As upstream treats a negative grace period: kill at once.
        options.grace_period_seconds = Some(1);
    }
    options.propagation = propagation(&given)?;
    if let Some(preconditions) = given.preconditions {
        options.uid = preconditions.uid;
        options.resource_version = preconditions.resource_version;
    }
    let dry_run = match given.dry_run.unwrap_or_default().as_slice() {
        [] => asked.query.dry_run("DeleteOptions")?,
        [all] if all == "All" => true,
        [other, ..] => {
            let error = FieldError::not_supported(&Path::new("dryRun"), other, &["All"]);
            return Err(Status::invalid_as(
                "meta.k8s.io",
                "DeleteOptions",
                "",
                &[error],
            ));
        }
    };
    Ok((options, dry_run))
}

fn of_query(asked: &Asked<'_>) -> Result<meta::DeleteOptions, Status> {
    let query = &asked.query;
    let policy = query.get("propagationPolicy");
    let orphan = query.get("orphanDependents");
    Ok(meta::DeleteOptions {
        grace_period_seconds: query.number("gracePeriodSeconds")?,
        propagation_policy: (!policy.is_empty()).then(|| policy.to_owned()),
        orphan_dependents: (!orphan.is_empty()).then(|| query.is_set("orphanDependents")),
        ..meta::DeleteOptions::default()
    })
}

fn of_body(value: Value) -> Result<meta::DeleteOptions, Status> {
    let definition = schema()
        .root("", "v1", "DeleteOptions")
        .expect("invariant: the field table has DeleteOptions");
    let decoded =
        decode::decode(definition, value).map_err(|error| Status::bad_request(error.message))?;
    codec::from_value(decoded.value).map_err(Status::bad_request)
}

fn propagation(given: &meta::DeleteOptions) -> Result<Propagation, Status> {
    let path = Path::new("propagationPolicy");
    let invalid = |error: FieldError| {
        Err(Status::invalid_as(
            "meta.k8s.io",
            "DeleteOptions",
            "",
            &[error],
        ))
    };
    match (given.propagation_policy.as_deref(), given.orphan_dependents) {
        (Some(policy), Some(_)) => invalid(FieldError::invalid(
            &path,
            policy,
            "orphanDependents and deletionPropagation cannot be both set",
        )),
        (None, Some(true)) | (Some("Orphan"), None) => Ok(Propagation::Orphan),
        (Some("Foreground"), None) => Ok(Propagation::Foreground),
        (None | Some("Background"), _) => Ok(Propagation::Background),
        (Some(other), None) => invalid(FieldError::not_supported(
            &path,
            other,
            &["Foreground", "Background", "Orphan", "nil"],
        )),
    }
}

fn remove<D: Door>(
    door: &mut D,
    asked: &Asked<'_>,
    operation: Operation,
    dry_run: bool,
) -> Result<Object, Status> {
    let request = crate::apiserver::Request {
        dry_run,
        manager: Some(asked.manager()),
        ..crate::apiserver::Request::by_user(operation).made_for(asked.user.as_ref())
    };
    let removed = door.handle(request, asked.now)?;
    Ok(removed
        .object()
        .expect("invariant: a deletion answers with the object"))
}

pub fn one<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    let (options, dry_run) = options(asked)?;
    let key = asked.path.key();
    let operation = Operation::Delete {
        key: key.clone(),
        options,
    };
    let removed = remove(door, asked, operation, dry_run)?;
    let stored = door.server().etcd().get(&key);
    let gone = stored.is_none_or(|stored| stored.uid() != removed.uid());
    if gone && !RETURNED.contains(&key.kind.row().kind) {
        return Ok(Answer::json(200, encode::deleted_json(&key, removed.uid())));
    }
    Ok(Answer::object(removed))
}

pub fn collection<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    let path = &asked.path;
    let list = ListOptions::read_in(&asked.query, path.kind, path.version, false)?;
    let (options, dry_run) = options(asked)?;
    let page = door.server().page(path.kind, path.namespace(), &list)?;
    let mut items = Vec::new();
    for object in &page.items {
        let operation = Operation::Delete {
            key: object.key(),
            options: options.clone(),
        };
        match remove(door, asked, operation, dry_run) {
            Ok(removed) => items.push(removed),
            Err(status) if status.reason == Reason::NotFound => {}
            Err(status) => return Err(status),
        }
    }
    let page = Page { items, ..page };
    Ok(Answer::new(200, Content::List(path.kind, page)))
}

/// Deletes the Pod that the path names, with the options of its eviction.
pub fn evicted<D: Door>(door: &mut D, asked: &Asked<'_>, options: Value) -> Result<(), Status> {
    let given = of_body(options)?;
    let dry_run = match given.dry_run.as_deref().unwrap_or_default() {
        [] => asked.query.dry_run("CreateOptions")?,
        _ => true,
    };
    let preconditions = given.preconditions.clone().unwrap_or_default();
    let options = DeleteOptions {
        grace_period_seconds: given.grace_period_seconds,
        propagation: propagation(&given)?,
        uid: preconditions.uid,
        resource_version: preconditions.resource_version,
    };
    let pod = asked.path.key().namespaced_name();
    remove(door, asked, Operation::Evict { pod, options }, dry_run).map(|_| ())
}
