//! A Service in words.

use super::writer::Writer;
use crate::api::endpoints::EndpointSlice;
use crate::api::meta::MetaExt;
use crate::api::selector::Selector;
use crate::api::{Kind, Object};
use crate::apiserver::table::format_labels;
use crate::kubectl::failure::Failure;
use crate::kubectl::resource::{self, Scope};
use crate::kubectl::shell::Shell;
use k8s_openapi::api::core::v1::{LoadBalancerIngress, Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::sync::Arc;

pub fn write(w: &mut Writer, service: &Service, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let slices = slices(service, shell)?;
    let spec = service.spec.clone().unwrap_or_default();
    w.field(0, "Name", service.name());
    w.field(0, "Namespace", service.namespace());
    w.labels("Labels", service.metadata.labels.as_ref());
    w.annotations("Annotations", service.metadata.annotations.as_ref());
    w.field(0, "Selector", format_labels(spec.selector.as_ref()));
    w.field(0, "Type", spec.type_.as_deref().unwrap_or_default());
    addresses(w, service, &spec);
    for port in spec.ports.iter().flatten() {
        write_port(w, port, &slices);
    }
    w.field(
        0,
        "Session Affinity",
        spec.session_affinity.as_deref().unwrap_or_default(),
    );
    for (name, text) in [
        ("External Traffic Policy", &spec.external_traffic_policy),
        ("Internal Traffic Policy", &spec.internal_traffic_policy),
    ] {
        if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
            w.field(0, name, text);
        }
    }
    if let Some(port) = spec.health_check_node_port.filter(|port| *port != 0) {
        w.field(0, "HealthCheck NodePort", port);
    }
    if let Some(ranges) = spec
        .load_balancer_source_ranges
        .filter(|ranges| !ranges.is_empty())
    {
        w.field(0, "LoadBalancer Source Ranges", ranges.join(","));
    }
    Ok(())
}

fn addresses(w: &mut Writer, service: &Service, spec: &ServiceSpec) {
    if let Some(policy) = &spec.ip_family_policy {
        w.field(0, "IP Family Policy", policy);
    }
    match spec.ip_families.as_deref().unwrap_or_default() {
        [] => w.field(0, "IP Families", "<none>"),
        families => w.field(0, "IP Families", families.join(",")),
    }
    w.field(0, "IP", spec.cluster_ip.as_deref().unwrap_or_default());
    match spec.cluster_ips.as_deref().unwrap_or_default() {
        [] => w.field(0, "IPs", "<none>"),
        ips => w.field(0, "IPs", ips.join(",")),
    }
    if let Some(ips) = spec.external_ips.as_ref().filter(|ips| !ips.is_empty()) {
        w.field(0, "External IPs", ips.join(","));
    }
    if let Some(ip) = spec.load_balancer_ip.as_ref().filter(|ip| !ip.is_empty()) {
        w.field(0, "Desired LoadBalancer IP", ip);
    }
    if let Some(name) = spec.external_name.as_ref().filter(|name| !name.is_empty()) {
        w.field(0, "External Name", name);
    }
    let status = service.status.as_ref();
    let balancer = status.and_then(|status| status.load_balancer.as_ref());
    let ingress = balancer.and_then(|balancer| balancer.ingress.as_ref());
    let point = |point: &LoadBalancerIngress| {
        let ip = point.ip.as_ref().map(|ip| match &point.ip_mode {
            Some(mode) => format!("{ip} ({mode})"),
            None => ip.clone(),
        });
        ip.or_else(|| point.hostname.clone())
    };
    let points: Vec<String> = ingress.into_iter().flatten().filter_map(point).collect();
    if !points.is_empty() {
        w.field(0, "LoadBalancer Ingress", points.join(", "));
    }
}

fn write_port(w: &mut Writer, port: &ServicePort, slices: &[Arc<EndpointSlice>]) {
    let own = port.name.as_deref().unwrap_or_default();
    let name = if own.is_empty() { "<unset>" } else { own };
    let protocol = port.protocol.as_deref().unwrap_or_default();
    w.field(0, "Port", format!("{name}\t{}/{protocol}", port.port));
    let target = match &port.target_port {
        Some(IntOrString::Int(number)) => number.to_string(),
        Some(IntOrString::String(name)) => name.clone(),
        None => port.port.to_string(),
    };
    w.field(0, "TargetPort", format!("{target}/{protocol}"));
    if let Some(node_port) = port.node_port.filter(|port| *port != 0) {
        w.field(0, "NodePort", format!("{name}\t{node_port}/{protocol}"));
    }
    w.field(0, "Endpoints", endpoints(slices, own));
}

fn slices(service: &Service, shell: &mut Shell<'_>) -> Result<Vec<Arc<EndpointSlice>>, Failure> {
    let selector = format!("kubernetes.io/service-name={}", service.name());
    let scope = Scope {
        namespace: Some(service.namespace().to_owned()),
        labels: Selector::parse(&selector).map_err(Failure::Client)?,
        fields: Default::default(),
        selects: true,
    };
    let objects = resource::list(shell, Kind::EndpointSlice, &scope)?;
    Ok(objects.iter().filter_map(Object::get).cloned().collect())
}

/// The ready addresses behind a port.
fn endpoints(slices: &[Arc<EndpointSlice>], port: &str) -> String {
    if slices.is_empty() {
        return "<none>".to_owned();
    }
    let mut list = Vec::new();
    for slice in slices {
        let ready = slice.endpoints.iter().flatten().filter(|endpoint| {
            let conditions = endpoint.conditions.as_ref();
            conditions.and_then(|conditions| conditions.ready) != Some(false)
        });
        let ips: Vec<&String> = ready
            .filter_map(|endpoint| endpoint.addresses.first())
            .collect();
        let ports = slice.ports.as_deref().unwrap_or_default();
        if ports.is_empty() {
            list.extend(ips.iter().map(|ip| (*ip).clone()));
        }
        for known in ports
            .iter()
            .filter(|p| p.name.as_deref().unwrap_or_default() == port)
        {
            let number = known.port.unwrap_or(0);
            list.extend(ips.iter().map(|ip| format!("{ip}:{number}")));
        }
    }
    match list.len() {
        0..=3 => list.join(","),
        many => format!("{} + {} more...", list[..3].join(","), many - 3),
    }
}
