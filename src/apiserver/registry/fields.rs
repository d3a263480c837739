//! The fields that field selectors may name, kind by kind, and their values.
//!
//! Upstream: pkg/apis/core/v1/conversion.go (AddFieldLabelConversionsFor…) and each kind's
//! `ToSelectableFields`, v1.36.

use crate::api::Object;
use crate::api::meta::MetaExt;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

const OF_POD: &[&str] = &[
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
];
const OF_EVENT: &[&str] = &[
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
];

/// The fields of a kind besides its name and namespace. Goes by the kind's name, so that a kind is
/// selected by its fields from the day its row is there.
fn of_kind(kind: &str) -> &'static [&'static str] {
    match kind {
        "Pod" => OF_POD,
        "Event" => OF_EVENT,
        "Namespace" => &["status.phase"],
        "Node" => &["spec.unschedulable"],
        "ReplicaSet" | "ReplicationController" => &["status.replicas"],
        "Secret" => &["type"],
        "Service" => &["spec.clusterIP", "spec.type"],
        "Job" => &["status.successful"],
        "CertificateSigningRequest" => &["spec.signerName"],
        _ => &[],
    }
}

/// Whether objects of the kind of this name may be selected by `field`.
pub fn is_selectable(kind: &str, field: &str) -> bool {
    matches!(field, "metadata.name" | "metadata.namespace") || of_kind(kind).contains(&field)
}

/// The value that a field selector compares; `None` for a field that the kind does not offer.
pub fn value(object: &Object, field: &str) -> Option<String> {
    match field {
        "metadata.name" => return Some(object.name().to_owned()),
        "metadata.namespace" => return Some(object.namespace().to_owned()),
        _ => {}
    }
    if !of_kind(object.kind().row().kind).contains(&field) {
        return None;
    }
    if let Some(pod) = object.get::<Pod>()
        && let Some(found) = of_pod(pod, field)
    {
        return Some(found);
    }
    let json = object.to_json();
    let at = |field: &str| {
        let pointer = format!("/{}", field.replace('.', "/"));
        json.pointer(&pointer).map(text).unwrap_or_default()
    };
    Some(match (object.kind().row().kind, field) {
        ("Event", "source") => match at("source.component") {
            component if component.is_empty() => at("reportingComponent"),
            component => component,
        },
        ("Job", "status.successful") => match at("status.succeeded") {
            count if count.is_empty() => "0".to_owned(),
            count => count,
        },
        ("Pod", "spec.hostNetwork") | ("Node", "spec.unschedulable") if at(field).is_empty() => {
            "false".to_owned()
        }
        (_, "status.replicas") if at(field).is_empty() => "0".to_owned(),
        _ => at(field),
    })
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The fields that components select Pods by, without a detour over JSON.
fn of_pod(pod: &Pod, field: &str) -> Option<String> {
    let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
    let value = match field {
        "spec.nodeName" => spec.and_then(|s| s.node_name.clone()),
        "spec.restartPolicy" => spec.and_then(|s| s.restart_policy.clone()),
        "status.phase" => status.and_then(|s| s.phase.clone()),
        "status.podIP" => status.and_then(|s| s.pod_ip.clone()),
        _ => return None,
    };
    Some(value.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::door::{FieldValidation, decode};
    use serde_json::json;

    #[test]
    fn fields_have_the_values_that_upstream_compares() {
        for (object, field, want) in [
            (
                json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}),
                "spec.unschedulable",
                Some("false"),
            ),
            (
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
                       "spec": {"containers": [], "hostNetwork": true}}),
                "spec.hostNetwork",
                Some("true"),
            ),
            (
                json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "a"},
                       "involvedObject": {"kind": "Pod"}, "source": {"component": "kubelet"}}),
                "source",
                Some("kubelet"),
            ),
            (
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
                "data.x",
                None,
            ),
        ] {
            let object = decode(object, FieldValidation::Strict).unwrap();
            assert_eq!(value(&object, field).as_deref(), want, "{field}");
        }
    }
}
