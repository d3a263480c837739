//! A Pod in words.

use super::container::{self, Section};
use super::template::tolerations;
use super::volume;
use super::writer::{Writer, date};
use crate::api::meta::MetaExt;
use crate::api::owner;
use crate::apiserver::table::age;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub fn write(w: &mut Writer, pod: &Pod, now: SimTime) {
    let spec = pod.spec.clone().unwrap_or_default();
    let status = pod.status.clone().unwrap_or_default();
    head(w, pod, now);
    if let Some(controller) = controller(&pod.metadata) {
        w.field(0, "Controlled By", controller);
    }
    if let Some(node) = status
        .nominated_node_name
        .as_ref()
        .filter(|n| !n.is_empty())
    {
        w.field(0, "NominatedNodeName", node);
    }
    if let Some(inits) = spec.init_containers.as_ref().filter(|c| !c.is_empty()) {
        let statuses = status.init_container_statuses.as_deref();
        container::write(w, &Section::of_pod("Init Containers", pod), inits, statuses);
    }
    let statuses = status.container_statuses.as_deref();
    container::write(
        w,
        &Section::of_pod("Containers", pod),
        &spec.containers,
        statuses,
    );
    if let Some(gates) = spec
        .readiness_gates
        .as_ref()
        .filter(|gates| !gates.is_empty())
    {
        w.line(0, "Readiness Gates:");
        w.line(1, "Type\tStatus");
        for gate in gates {
            let mut conditions = status.conditions.iter().flatten();
            let found = conditions.find(|c| c.type_ == gate.condition_type);
            let word = found.map_or("<none>", |condition| condition.status.as_str());
            w.line(1, &format!("{} \t{word} ", gate.condition_type));
        }
    }
    if let Some(conditions) = status.conditions.as_ref().filter(|c| !c.is_empty()) {
        w.line(0, "Conditions:");
        w.line(1, "Type\tStatus");
        for condition in conditions {
            w.line(1, &format!("{} \t{} ", condition.type_, condition.status));
        }
    }
    volume::write(w, spec.volumes.as_deref().unwrap_or_default(), "");
    w.field(0, "QoS Class", status.qos_class.unwrap_or_default());
    w.labels("Node-Selectors", spec.node_selector.as_ref());
    tolerations(w, "Tolerations", spec.tolerations.as_deref());
}

fn head(w: &mut Writer, pod: &Pod, now: SimTime) {
    let spec = pod.spec.clone().unwrap_or_default();
    let status = pod.status.clone().unwrap_or_default();
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    w.field(0, "Name", pod.name());
    w.field(0, "Namespace", pod.namespace());
    if let Some(priority) = spec.priority {
        w.field(0, "Priority", priority);
    }
    if let Some(class) = filled(spec.priority_class_name) {
        w.field(0, "Priority Class Name", class);
    }
    if let Some(class) = filled(spec.runtime_class_name) {
        w.field(0, "Runtime Class Name", class);
    }
    if let Some(account) = filled(spec.service_account_name) {
        w.field(0, "Service Account", account);
    }
    match filled(spec.node_name) {
        None => w.field(0, "Node", "<none>"),
        Some(node) => {
            let host = status.host_ip.clone().unwrap_or_default();
            w.field(0, "Node", format!("{node}/{host}"));
        }
    }
    if let Some(start) = &status.start_time {
        w.field(0, "Start Time", date(Some(start)));
    }
    w.labels("Labels", pod.metadata.labels.as_ref());
    w.annotations("Annotations", pod.metadata.annotations.as_ref());
    let phase = status.phase.clone().unwrap_or_default();
    let ended = matches!(phase.as_str(), "Succeeded" | "Failed");
    match &pod.metadata.deletion_timestamp {
        Some(at) if !ended => {
            w.field(
                0,
                "Status",
                format!("Terminating (lasts {})", age(Some(at), now)),
            );
            let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
            w.field(0, "Termination Grace Period", format!("{grace}s"));
        }
        _ => w.field(0, "Status", phase),
    }
    if let Some(reason) = filled(status.reason) {
        w.field(0, "Reason", reason);
    }
    if let Some(message) = filled(status.message) {
        w.field(0, "Message", message);
    }
    w.field(0, "IP", status.pod_ip.unwrap_or_default());
    match status.pod_ips.as_deref().unwrap_or_default() {
        [] => w.field(0, "IPs", "<none>"),
        ips => {
            w.line(0, "IPs:");
            ips.iter().for_each(|ip| w.field(1, "IP", &ip.ip));
        }
    }
}

/// `ReplicaSet/web-5d4f`, of the object that controls one.
pub fn controller(meta: &ObjectMeta) -> Option<String> {
    let owner = owner::controller_of(meta)?;
    Some(format!("{}/{}", owner.kind, owner.name))
}
