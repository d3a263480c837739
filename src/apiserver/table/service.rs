//! Services as rows.

use super::{Cell, Column, format};
use crate::api::meta::MetaExt;
use crate::sim::{SimTime, SortedSet};
use k8s_openapi::api::core::v1::{Service, ServicePort};

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Type"),
    Column::text("Cluster-IP"),
    Column::text("External-IP"),
    Column::text("Port(s)"),
    Column::text("Age"),
    Column::text("Selector").wide(),
];

pub(super) fn cells(service: &Service, now: SimTime) -> Vec<Cell> {
    let spec = service.spec.clone().unwrap_or_default();
    let first_ip = spec.cluster_ips.as_ref().and_then(|ips| ips.first());
    let cluster_ip = first_ip.or(spec.cluster_ip.as_ref());
    let ports: Vec<String> = spec.ports.iter().flatten().map(port).collect();
    vec![
        Cell::text(service.name()),
        Cell::text(spec.type_.clone().unwrap_or_default()),
        Cell::Text(format::or_none(cluster_ip.cloned().unwrap_or_default())),
        Cell::Text(external_ip(service)),
        Cell::Text(format::or_none(ports.join(","))),
        Cell::Text(format::age(
            service.metadata.creation_timestamp.as_ref(),
            now,
        )),
        Cell::Text(format::format_labels(spec.selector.as_ref())),
    ]
}

fn port(port: &ServicePort) -> String {
    let protocol = port.protocol.as_deref().unwrap_or_default();
    match port.node_port {
        Some(node_port) if node_port > 0 => format!("{}:{node_port}/{protocol}", port.port),
        _ => format!("{}/{protocol}", port.port),
    }
}

fn external_ip(service: &Service) -> String {
    let spec = service.spec.clone().unwrap_or_default();
    let given = spec.external_ips.unwrap_or_default();
    match spec.type_.as_deref() {
        Some("ClusterIP" | "NodePort") => format::or_none(given.join(",")),
        Some("LoadBalancer") => {
            let mut all: Vec<String> = balancers(service).into_iter().collect();
            all.extend(given);
            match all.is_empty() {
                true => "<pending>".to_owned(),
                false => all.join(","),
            }
        }
        Some("ExternalName") => spec.external_name.unwrap_or_default(),
        _ => "<unknown>".to_owned(),
    }
}

/// The addresses or names that a load balancer has given.
fn balancers(service: &Service) -> SortedSet<String> {
    let status = service.status.as_ref();
    let balancer = status.and_then(|status| status.load_balancer.as_ref());
    let ingress = balancer.and_then(|balancer| balancer.ingress.as_ref());
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let address = |point: &k8s_openapi::api::core::v1::LoadBalancerIngress| {
        filled(&point.ip).or(filled(&point.hostname))
    };
    SortedSet::from_iter(ingress.into_iter().flatten().filter_map(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn each_type_has_its_own_outside() {
        let port = json!([{"port": 80, "nodePort": 30123, "protocol": "TCP"}]);
        for (spec, ingress, want) in [
            (
                json!({"type": "ClusterIP", "clusterIP": "10.96.0.9", "ports": [{"port": 53, "protocol": "UDP"}]}),
                json!([]),
                ["ClusterIP", "10.96.0.9", "<none>", "53/UDP"],
            ),
            (
                json!({"type": "ClusterIP", "clusterIP": "None", "externalIPs": ["1.2.3.4", "5.6.7.8"]}),
                json!([]),
                ["ClusterIP", "None", "1.2.3.4,5.6.7.8", "<none>"],
            ),
            (
                json!({"type": "NodePort", "clusterIP": "10.96.0.9", "ports": port}),
                json!([]),
                ["NodePort", "10.96.0.9", "<none>", "80:30123/TCP"],
            ),
            (
                json!({"type": "LoadBalancer", "clusterIP": "10.96.0.9", "ports": port}),
                json!([]),
                ["LoadBalancer", "10.96.0.9", "<pending>", "80:30123/TCP"],
            ),
            (
                json!({"type": "LoadBalancer", "clusterIP": "10.96.0.9", "ports": port}),
                json!([{"hostname": "lb.example.com"}, {"ip": "9.9.9.9"}]),
                [
                    "LoadBalancer",
                    "10.96.0.9",
                    "9.9.9.9,lb.example.com",
                    "80:30123/TCP",
                ],
            ),
            (
                json!({"type": "ExternalName", "externalName": "api.example.com"}),
                json!([]),
                ["ExternalName", "<none>", "api.example.com", "<none>"],
            ),
        ] {
            let json = json!({"metadata": {"name": "x"}, "spec": spec, "status": {"loadBalancer": {"ingress": ingress}}});
            let service = codec::from_value(json).expect("it decodes");
            let cells = cells(&service, SimTime::default());
            let texts: Vec<String> = cells[1..5].iter().map(ToString::to_string).collect();
            assert_eq!(texts, want);
        }
    }
}
