//! Services with their endpoints.

use super::{objects, place};
use crate::api::endpoints::EndpointSlice;
use crate::api::meta::MetaExt;
use crate::api::selector::Selector;
use crate::protocol::{EndpointView, Place, PortView, ServiceView};
use crate::session::Session;
use crate::sim::order;
use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// How many endpoints are shown; the others are only counted.
const SHOWN_LIMIT: u32 = 60;

/// Every Service, the newest first; those of the system come last. Only the one at `shown` (without a name: the
/// first) has its endpoints.
pub fn views(session: &Session, shown: &Place) -> Vec<ServiceView> {
    let mut services: Vec<&Service> = objects::<Service>(session.cluster())
        .map(|service| &**service)
        .collect();
    order::sort_by_key(&mut services, |service| {
        let name = (service.namespace(), service.name());
        let system = name.0 == "kube-system" || name == ("default", "kubernetes");
        (system, std::cmp::Reverse(service.created_at()))
    });
    let at = |service: &&Service| place(*service) == *shown;
    let shown = services.iter().position(at).unwrap_or(0);
    let view = |(index, service): (usize, &&Service)| view(session, service, index == shown);
    services.iter().enumerate().map(view).collect()
}

fn view(session: &Session, service: &Service, shown: bool) -> ServiceView {
    let spec = service.spec.clone().unwrap_or_default();
    let endpoints = endpoints(session, service);
    let ready = endpoints.iter().filter(|endpoint| endpoint.ready).count();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
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
        ports: spec.ports.iter().flatten().map(port).collect(),
        selector: selector
            .map(|selector| selector.to_string())
            .unwrap_or_default(),
        ready: (number(ready), number(endpoints.len())),
        endpoints: match shown {
            true => endpoints.into_iter().take(SHOWN_LIMIT as usize).collect(),
            false => Vec::new(),
        },
    }
}

fn port(port: &ServicePort) -> PortView {
    let target = match &port.target_port {
        Some(IntOrString::Int(number)) => number.to_string(),
        Some(IntOrString::String(name)) => name.clone(),
        None => port.port.to_string(),
    };
    PortView {
        name: port.name.clone().unwrap_or_default(),
        port: port.port,
        target,
        node_port: port.node_port.unwrap_or(0),
        protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
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
            let target = endpoint.target_ref.clone().unwrap_or_default();
            let pod = Place {
                namespace: target.namespace.unwrap_or_default(),
                name: target.name.unwrap_or_default(),
            };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterConfig;
    use crate::protocol::UserCommand;
    use crate::sim::SimDuration;

    #[test]
    fn a_service_tells_its_ports_and_who_may_answer() {
        let mut session = Session::new(ClusterConfig::default());
        session.advance(session.start() + SimDuration::secs(30), u32::MAX);
        let all = views(&session, &Place::default());
        let hello = all.first().expect("the sample comes first").clone();
        assert_eq!((hello.at.name.as_str(), hello.ready), ("hello", (3, 3)));
        assert_eq!(hello.ports[0].node_port, 30_080);
        assert!(all.iter().skip(1).all(|other| other.endpoints.is_empty()));
        let at = hello.endpoints[0].pod.clone();
        session.execute(UserCommand::SetReadiness {
            at: at.clone(),
            broken: true,
        });
        session.advance(session.cluster().now() + SimDuration::secs(5), u32::MAX);
        let hello = views(&session, &hello.at).remove(0);
        assert_eq!(hello.ready, (2, 3));
        let broken = hello
            .endpoints
            .iter()
            .find(|e| e.pod == at)
            .expect("it stays listed");
        assert!(!broken.ready && !broken.serving && !broken.terminating);
    }
}
