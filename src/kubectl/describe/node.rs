//! A Node in words.

use super::node_resources;
use super::writer::{Writer, date, date_micro};
use crate::api::meta::MetaExt;
use crate::api::selector::Selector;
use crate::api::{Kind, Object};
use crate::apiserver::FieldSelector;
use crate::apiserver::table::node_roles;
use crate::kubectl::failure::Failure;
use crate::kubectl::resource::{self, Scope};
use crate::kubectl::shell::Shell;
use crate::sim::order;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeSystemInfo, Pod, Taint};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;
use std::sync::Arc;

pub fn write(w: &mut Writer, node: &Node, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let spec = node.spec.clone().unwrap_or_default();
    let status = node.status.clone().unwrap_or_default();
    w.field(0, "Name", node.name());
    w.field(0, "Roles", node_roles(node));
    w.labels("Labels", node.metadata.labels.as_ref());
    w.annotations("Annotations", node.metadata.annotations.as_ref());
    let created = node.metadata.creation_timestamp.as_ref();
    w.field(0, "CreationTimestamp", date(created));
    let mut taints = spec.taints.unwrap_or_default();
    order::sort_by_key(&mut taints, |taint| {
        format!("{},{}", taint.effect, taint.key)
    });
    w.list("Taints", taints.iter().map(taint_text));
    w.field(0, "Unschedulable", spec.unschedulable.unwrap_or(false));
    lease(w, node, shell);
    if let Some(conditions) = status.conditions.filter(|c| !c.is_empty()) {
        w.line(0, "Conditions:");
        w.line(
            1,
            "Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage",
        );
        w.line(
            1,
            "----\t------\t-----------------\t------------------\t------\t-------",
        );
        for c in conditions {
            let (beat, turned) = (
                c.last_heartbeat_time.as_ref(),
                c.last_transition_time.as_ref(),
            );
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            w.line(
                1,
                &format!(
                    "{} \t{} \t{} \t{} \t{} \t{}",
                    c.type_,
                    c.status,
                    date(beat),
                    date(turned),
                    text(&c.reason),
                    text(&c.message)
                ),
            );
        }
    }
    w.line(0, "Addresses:");
    for address in status.addresses.iter().flatten() {
        w.field(1, &address.type_, &address.address);
    }
    amounts(w, "Capacity", status.capacity.as_ref());
    amounts(w, "Allocatable", status.allocatable.as_ref());
    system(w, &status.node_info.unwrap_or_default());
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    if let Some(cidr) = filled(spec.pod_cidr) {
        w.field(0, "PodCIDR", cidr);
    }
    if let Some(cidrs) = spec.pod_cidrs.filter(|cidrs| !cidrs.is_empty()) {
        w.field(0, "PodCIDRs", cidrs.join(","));
    }
    if let Some(id) = filled(spec.provider_id) {
        w.field(0, "ProviderID", id);
    }
    let pods = pods(node, shell)?;
    let allocatable = status.allocatable.or(status.capacity).unwrap_or_default();
    node_resources::write(w, &pods, &allocatable, shell.now);
    Ok(())
}

fn taint_text(taint: &Taint) -> String {
    let value = taint.value.as_deref().filter(|value| !value.is_empty());
    match (value, taint.effect.as_str()) {
        (Some(value), effect) => format!("{}={value}:{effect}", taint.key),
        (None, "") => taint.key.clone(),
        (None, effect) => format!("{}:{effect}", taint.key),
    }
}

fn lease(w: &mut Writer, node: &Node, shell: &mut Shell<'_>) {
    let key = resource::key(Kind::Lease, "kube-node-lease", node.name());
    let stored = match resource::read(shell, &key) {
        Ok(stored) => stored,
        Err(status) => {
            w.field(0, "Lease", format!("Failed to get lease: {status}"));
            return;
        }
    };
    let lease = stored.get::<Lease>().and_then(|lease| lease.spec.clone());
    let lease = lease.unwrap_or_default();
    w.line(0, "Lease:");
    let holder = lease.holder_identity.unwrap_or("<unset>".to_owned());
    w.field(1, "HolderIdentity", holder);
    w.field(1, "AcquireTime", date_micro(lease.acquire_time.as_ref()));
    w.field(1, "RenewTime", date_micro(lease.renew_time.as_ref()));
}

fn amounts(w: &mut Writer, title: &str, amounts: Option<&BTreeMap<String, Quantity>>) {
    if let Some(amounts) = amounts.filter(|amounts| !amounts.is_empty()) {
        w.line(0, &format!("{title}:"));
        for (name, amount) in amounts {
            w.field(1, name, &amount.0);
        }
    }
}

fn system(w: &mut Writer, system: &NodeSystemInfo) {
    w.line(0, "System Info:");
    for (name, text) in [
        ("Machine ID", &system.machine_id),
        ("System UUID", &system.system_uuid),
        ("Boot ID", &system.boot_id),
        ("Kernel Version", &system.kernel_version),
        ("OS Image", &system.os_image),
        ("Operating System", &system.operating_system),
        ("Architecture", &system.architecture),
        (
            "Container Runtime Version",
            &system.container_runtime_version,
        ),
        ("Kubelet Version", &system.kubelet_version),
        ("Kube-Proxy Version", &system.kube_proxy_version),
    ] {
        w.field(1, name, text);
    }
}

/// The Pods on the node that have not ended.
fn pods(node: &Node, shell: &mut Shell<'_>) -> Result<Vec<Arc<Pod>>, Failure> {
    let requirement =
        |field: &str, value: &str, equal: bool| (field.to_owned(), value.to_owned(), equal);
    let scope = Scope {
        namespace: None,
        labels: Selector::everything(),
        fields: FieldSelector {
            requirements: vec![
                requirement("spec.nodeName", node.name(), true),
                requirement("status.phase", "Succeeded", false),
                requirement("status.phase", "Failed", false),
            ],
        },
        selects: true,
    };
    let objects = resource::list(shell, Kind::Pod, &scope)?;
    Ok(objects.iter().filter_map(Object::get).cloned().collect())
}
