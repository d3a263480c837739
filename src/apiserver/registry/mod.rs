//! One strategy per kind: its defaults, what it sets itself, what it refuses.

mod batch;
mod config;
mod custom_resource_definition;
mod endpoints;
mod namespace;
mod network;
mod node;
mod pod;
mod policy;
mod rules;
mod service;
mod simple;
mod storage;
mod strategy;
mod volume;
mod workload;

pub use pod::resources;
pub use policy::priority_class::SYSTEM as SYSTEM_CLASSES;
pub use strategy::Strategy;

use super::{ApiServerConfig, custom};
use crate::api::field::FieldError;
use crate::api::meta::MetaExt;
use crate::api::name::NameRule;
use crate::api::{Kind, Object, Status};
use crate::etcd::Etcd;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::Arc;

/// Runs `$body` with `$inner` naming what `$object` holds, whatever its kind; for a custom kind
/// `$other`, with `$kind` naming it.
macro_rules! with_strategy {
    ($object:expr, |$inner:ident| $body:expr, |$kind:ident| $other:expr) => {
        match $object {
            Object::Custom($kind, $inner) => $other,
            Object::CustomResourceDefinition($inner) => $body,
            Object::Namespace($inner) => $body,
            Object::Node($inner) => $body,
            Object::Lease($inner) => $body,
            Object::Pod($inner) => $body,
            Object::ReplicaSet($inner) => $body,
            Object::Deployment($inner) => $body,
            Object::Service($inner) => $body,
            Object::Endpoints($inner) => $body,
            Object::EndpointSlice($inner) => $body,
            Object::ConfigMap($inner) => $body,
            Object::Event($inner) => $body,
            Object::Secret($inner) => $body,
            Object::ServiceAccount($inner) => $body,
            Object::ReplicationController($inner) => $body,
            Object::StatefulSet($inner) => $body,
            Object::DaemonSet($inner) => $body,
            Object::ControllerRevision($inner) => $body,
            Object::Job($inner) => $body,
            Object::CronJob($inner) => $body,
            Object::PersistentVolume($inner) => $body,
            Object::PersistentVolumeClaim($inner) => $body,
            Object::StorageClass($inner) => $body,
            Object::Ingress($inner) => $body,
            Object::IngressClass($inner) => $body,
            Object::NetworkPolicy($inner) => $body,
            Object::ResourceQuota($inner) => $body,
            Object::LimitRange($inner) => $body,
            Object::PodDisruptionBudget($inner) => $body,
            Object::HorizontalPodAutoscaler($inner) => $body,
            Object::PriorityClass($inner) => $body,
            Object::RuntimeClass($inner) => $body,
            Object::PodTemplate($inner) => $body,
            Object::Role($inner) => $body,
            Object::ClusterRole($inner) => $body,
            Object::RoleBinding($inner) => $body,
            Object::ClusterRoleBinding($inner) => $body,
        }
    };
}

/// Fills in the fields that were left out.
pub fn default(object: &mut Object) {
    // A custom object gets its defaults when it is decoded.
    with_strategy!(
        object,
        |inner| Strategy::default(Arc::make_mut(inner)),
        |_kind| {
            let _ = inner;
        }
    );
}

/// Sets what a new object may not choose itself (status, generation, allocated addresses).
///
/// # Errors
/// `Invalid` where an address or port asked for cannot be had.
pub fn prepare_for_create(
    object: &mut Object,
    config: &ApiServerConfig,
    etcd: &Etcd,
) -> Result<(), Status> {
    with_strategy!(
        object,
        |inner| Arc::make_mut(inner).prepare_for_create(config, etcd),
        |kind| {
            custom::prepare_for_create(*kind, Arc::make_mut(inner));
            Ok(())
        }
    )
}

/// Sets what a changed object may not choose itself.
///
/// # Errors
/// `Invalid` where an address or port asked for cannot be had.
pub fn prepare_for_update(
    object: &mut Object,
    old: &Object,
    config: &ApiServerConfig,
    etcd: &Etcd,
) -> Result<(), Status> {
    with_strategy!(
        object,
        |inner| match old.get() {
            Some(old) => Arc::make_mut(inner).prepare_for_update(old, config, etcd),
            None => Ok(()),
        },
        |kind| {
            if let Object::Custom(_, old) = old {
                custom::prepare_for_update(*kind, Arc::make_mut(inner), old);
            }
            Ok(())
        }
    )
}

/// Keeps everything but the status as it was.
pub fn prepare_for_status_update(object: &mut Object, old: &Object) {
    with_strategy!(
        object,
        |inner| if let Some(old) = old.get() {
            Arc::make_mut(inner).prepare_for_status_update(old);
        },
        |_kind| if let Object::Custom(_, old) = old {
            custom::prepare_for_status_update(Arc::make_mut(inner), old);
        }
    );
}

/// What is wrong with a new object: the kind's own errors, and where there are none, the metadata
/// that every object has (as upstream's `rest.BeforeCreate`).
pub fn validate(object: &Object, etcd: &Etcd) -> Vec<FieldError> {
    let own = with_strategy!(object, |inner| inner.validate(), |kind| custom::validate(
        *kind, inner, etcd
    ));
    if !own.is_empty() {
        return own;
    }
    let namespaced = object.kind().is_namespaced();
    metadata_errors(object.meta(), namespaced, NameRule::PathSegment)
}

/// What is wrong with metadata, whosever it is.
pub fn metadata_errors(metadata: &ObjectMeta, namespaced: bool, name: NameRule) -> Vec<FieldError> {
    let mut errors = Vec::new();
    rules::meta::object_meta(metadata, namespaced, name, &mut errors);
    errors
}

/// What is wrong with a change of metadata, whosever it is.
pub fn metadata_update_errors(new: &ObjectMeta, old: &ObjectMeta) -> Vec<FieldError> {
    let mut errors = Vec::new();
    rules::meta::object_meta_update(new, old, &mut errors);
    errors
}

/// What is wrong with a change: the metadata that every object has (as upstream's
/// `rest.BeforeUpdate`), then the kind's own errors. What both say is said once.
pub fn validate_update(object: &Object, old: &Object, etcd: &Etcd) -> Vec<FieldError> {
    let mut errors = metadata_update_errors(object.meta(), old.meta());
    let own = with_strategy!(
        object,
        |inner| match old.get() {
            Some(old) => inner.validate_update(old),
            None => Vec::new(),
        },
        |kind| match old {
            Object::Custom(_, old) => custom::validate_update(*kind, inner, old, etcd),
            _ => Vec::new(),
        }
    );
    for error in own {
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
    errors
}

/// The fields by which objects of a kind can be listed, besides name and namespace.
fn listed_fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        Kind::Node => &["spec.unschedulable"],
        Kind::Namespace => &["status.phase"],
        Kind::ReplicaSet => &["status.replicas"],
        Kind::Service => &["spec.clusterIP", "spec.type"],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        _ => &[],
    }
}

/// Whether objects of `kind` can be listed by `field`.
///
/// # Errors
/// `BadRequest` where they cannot.
pub fn check_field(kind: Kind, field: &str) -> Result<(), Status> {
    let known = listed_fields(kind);
    if matches!(field, "metadata.name" | "metadata.namespace") || known.contains(&field) {
        return Ok(());
    }
    Err(Status::bad_request(match known {
        [] => format!(
            "\"{field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        ),
        _ => format!("field label not supported: {field}"),
    }))
}

/// The value that a field selector compares; empty where the object does not say it.
pub fn field_value(object: &Object, field: &str) -> String {
    match field {
        "metadata.name" => return object.name().to_owned(),
        "metadata.namespace" => return object.namespace().to_owned(),
        _ => {}
    }
    let json = |text: &serde_json::Value| match text {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match object {
        Object::Pod(pod) => pod_field(pod, field).unwrap_or_default(),
        Object::Event(event) if field == "source" => {
            let source = event.source.as_ref();
            let component = source.and_then(|source| source.component.clone());
            let component = component.filter(|component| !component.is_empty());
            component
                .or(event.reporting_component.clone())
                .unwrap_or_default()
        }
        Object::Node(node) => {
            let spec = node.spec.as_ref();
            spec.and_then(|spec| spec.unschedulable)
                .unwrap_or(false)
                .to_string()
        }
        other => {
            let pointer = format!("/{}", field.replace('.', "/"));
            other
                .to_json()
                .pointer(&pointer)
                .map(json)
                .unwrap_or_default()
        }
    }
}

fn pod_field(pod: &Pod, field: &str) -> Option<String> {
    let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
    match field {
        "spec.nodeName" => spec?.node_name.clone(),
        "spec.restartPolicy" => spec?.restart_policy.clone(),
        "spec.schedulerName" => spec?.scheduler_name.clone(),
        "spec.serviceAccountName" => spec?.service_account_name.clone(),
        "status.phase" => status?.phase.clone(),
        "status.podIP" => status?.pod_ip.clone(),
        "status.nominatedNodeName" => status?.nominated_node_name.clone(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::door::FieldValidation;
    use serde_json::json;

    #[test]
    fn the_metadata_of_every_kind_is_checked_where_it_changes() {
        let bodies = [
            json!({"apiVersion": "v1", "kind": "Event", "involvedObject": {"namespace": "default"}}),
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}),
            json!({"apiVersion": "v1", "kind": "LimitRange", "spec": {"limits": []}}),
            json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": {}}),
            json!({"apiVersion": "v1", "kind": "ConfigMap"}),
        ];
        for mut body in bodies {
            body["metadata"] = json!({"name": "x", "namespace": "default", "uid": "u"});
            let read = |body: &serde_json::Value| {
                crate::apiserver::door::decode(body.clone(), FieldValidation::Strict)
                    .expect("an object")
            };
            let old = read(&body);
            let etcd = Etcd::default();
            assert_eq!(validate_update(&old, &old, &etcd), [], "{body}");
            body["metadata"]["labels"] = json!({"-": "x"});
            body["metadata"]["finalizers"] = json!(["nope"]);
            let texts: Vec<String> = validate_update(&read(&body), &old, &etcd)
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(texts.len(), 2, "each is said once: {texts:?}");
            assert!(texts[0].starts_with("metadata.labels: Invalid value: \"-\""));
            assert!(texts[1].starts_with("metadata.finalizers"), "{texts:?}");
        }
    }
}
