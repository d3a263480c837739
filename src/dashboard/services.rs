//! Services with their endpoints.

use super::{objects, place};
use crate::api::meta::MetaExt;
use crate::api::selector::Selector;
use crate::protocol::{EndpointView, ServiceView};
use crate::session::Session;
use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointSlice};

/// Every Service.
pub fn views(session: &Session) -> Vec<ServiceView> {
    objects::<Service>(session.cluster())
        .map(|service| view(session, service))
        .collect()
}

fn view(session: &Session, service: &Service) -> ServiceView {
    let spec = service.spec.clone().unwrap_or_default();
    let ports: Vec<String> = spec.ports.iter().flatten().map(port).collect();
    let selector = spec.selector.as_ref().map(Selector::from_map);
    let balancer = service
        .status
        .iter()
        .filter_map(|s| s.load_balancer.as_ref());
    let ingress = balancer.flat_map(|b| b.ingress.iter().flatten());
    let mut external_ips = spec.external_ips.clone().unwrap_or_default();
    external_ips.extend(ingress.filter_map(|ingress| ingress.ip.clone()));
    ServiceView {
        at: place(service),
        headless: spec.cluster_ip.as_deref() == Some("None"),
        external_name: spec.external_name.clone().unwrap_or_default(),
        external_ips,
        sticky: spec.session_affinity.as_deref() == Some("ClientIP"),
        local_outside: spec.external_traffic_policy.as_deref() == Some("Local"),
        local_inside: spec.internal_traffic_policy.as_deref() == Some("Local"),
        kind: spec.type_.unwrap_or_default(),
        cluster_ip: spec.cluster_ip.unwrap_or_default(),
        dns: format!(
            "{}.{}.svc.cluster.local",
            service.name(),
            service.namespace()
        ),
        ports: ports.join(","),
        selector: selector
            .map(|selector| selector.to_string())
            .unwrap_or_default(),
        endpoints: endpoints(session, service),
    }
}

/// As kubectl prints a port: `80:30080/TCP`.
fn port(port: &ServicePort) -> String {
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    match port.node_port.filter(|number| *number != 0) {
        Some(node_port) => format!("{}:{node_port}/{protocol}", port.port),
        None => format!("{}/{protocol}", port.port),
    }
}

fn holds(endpoint: &Endpoint, of: fn(&EndpointConditions) -> Option<bool>) -> bool {
    endpoint.conditions.as_ref().and_then(of) == Some(true)
}

fn endpoints(session: &Session, service: &Service) -> Vec<EndpointView> {
    let slices = objects::<EndpointSlice>(session.cluster()).filter(|slice| {
        slice.namespace() == service.namespace()
            && slice.label("kubernetes.io/service-name") == Some(service.name())
    });
    let mut views = Vec::new();
    for slice in slices {
        let port = slice
            .ports
            .iter()
            .flatten()
            .next()
            .and_then(|p| p.port)
            .unwrap_or(0);
        for endpoint in slice.endpoints.iter().flatten() {
            let target = endpoint.target_ref.as_ref().and_then(|t| t.name.clone());
            let pod = target.unwrap_or_default();
            let ip = endpoint.addresses.first().map_or("", String::as_str);
            let proxies = session.cluster().proxies().iter();
            let key = service.namespaced_name();
            let hits = ip
                .parse()
                .map_or(0, |ip| proxies.map(|p| p.answered(&key, ip)).sum::<u64>());
            views.push(EndpointView {
                hits: u32::try_from(hits).unwrap_or(u32::MAX),
                pod,
                node: endpoint.node_name.clone().unwrap_or_default(),
                address: format!("{ip}:{port}"),
                ready: holds(endpoint, |c| c.ready),
                serving: holds(endpoint, |c| c.serving),
                terminating: holds(endpoint, |c| c.terminating),
            });
        }
    }
    views
}
