//! Service: defaults, what changes with its type, and the addresses and ports it is given.
//!
//! Upstream: pkg/apis/core/v1/defaults.go, pkg/registry/core/service/strategy.go,
//! pkg/registry/core/service/storage/{storage,alloc}.go, v1.36. Left out: two address families.

mod allocate;
mod validate;

use super::Strategy;
use super::pod::default::set;
use super::rules::Errors;
use crate::api::Status;
use crate::api::field::FieldError;
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::core::v1::{
    ClientIPConfig, Service, ServicePort, ServiceSpec, ServiceStatus, SessionAffinityConfig,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

const AFFINITY_SECONDS: i32 = 10_800;

impl Strategy for Service {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        default_affinity(spec);
        set(&mut spec.type_, "ClusterIP");
        for port in spec.ports.iter_mut().flatten() {
            set(&mut port.protocol, "TCP");
            let empty = match &port.target_port {
                None | Some(IntOrString::Int(0)) => true,
                Some(IntOrString::String(name)) => name.is_empty(),
                Some(IntOrString::Int(_)) => false,
            };
            if empty {
                port.target_port = Some(IntOrString::Int(port.port));
            }
        }
        if validate::externally_accessible(spec) {
            set(&mut spec.external_traffic_policy, "Cluster");
        }
        let kind = spec.type_.clone().unwrap_or_default();
        if kind == "LoadBalancer" {
            spec.allocate_load_balancer_node_ports.get_or_insert(true);
        }
        if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
            let policy = &mut spec.internal_traffic_policy;
            policy.get_or_insert_with(|| "Cluster".to_owned());
        }
    }

    fn prepare_for_create(&mut self, config: &ApiServerConfig, etcd: &Etcd) -> Result<(), Status> {
        self.status = Some(ServiceStatus {
            load_balancer: Some(Default::default()),
            ..Default::default()
        });
        normalize_ips(self.spec.get_or_insert_default());
        allocated(self, config, etcd)
    }

    fn prepare_for_update(
        &mut self,
        old: &Self,
        config: &ApiServerConfig,
        etcd: &Etcd,
    ) -> Result<(), Status> {
        self.status.clone_from(&old.status);
        drop_for_type(self, old);
        keep_allocated(self, old);
        normalize_ips(self.spec.get_or_insert_default());
        allocated(self, config, etcd)
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        // The metadata may change: the service controller writes its finalizer this way.
        self.spec.clone_from(&old.spec);
        let (new, old) = (&mut self.metadata, &old.metadata);
        new.generation = old.generation;
        new.generate_name.clone_from(&old.generate_name);
        new.self_link.clone_from(&old.self_link);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        validate::service(self, true, &mut errors);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        validate::update(self, old, &mut errors);
        errors
    }
}

fn default_affinity(spec: &mut ServiceSpec) {
    set(&mut spec.session_affinity, "None");
    match spec.session_affinity.as_deref() {
        Some("None") => spec.session_affinity_config = None,
        Some("ClientIP") => {
            let config = spec.session_affinity_config.as_ref();
            let client = config.and_then(|config| config.client_ip.as_ref());
            if client.and_then(|client| client.timeout_seconds).is_none() {
                spec.session_affinity_config = Some(SessionAffinityConfig {
                    client_ip: Some(ClientIPConfig {
                        timeout_seconds: Some(AFFINITY_SECONDS),
                    }),
                });
            }
        }
        _ => {}
    }
}

/// One address may be given in either of two fields.
fn normalize_ips(spec: &mut ServiceSpec) {
    let first = spec.cluster_ip.clone().unwrap_or_default();
    let list = spec.cluster_ips.clone().unwrap_or_default();
    match (first.as_str(), list.as_slice()) {
        ("", [ip, ..]) => spec.cluster_ip = Some(ip.clone()),
        ("", []) => {}
        (_, []) => spec.cluster_ips = Some(vec![first]),
        _ => {}
    }
}

/// Gives the Service its addresses and ports, if nothing else is wrong with it.
fn allocated(service: &mut Service, config: &ApiServerConfig, etcd: &Etcd) -> Result<(), Status> {
    let mut errors = Errors::new();
    validate::service(service, false, &mut errors);
    match errors.is_empty() {
        true => allocate::service(service, config, etcd),
        false => Ok(()),
    }
}

/// What only the old type needed goes where the author left it as it was: a Service applied anew as
/// another type still carries what the server chose for the old one.
fn drop_for_type(service: &mut Service, old: &Service) {
    let (Some(new), Some(old)) = (service.spec.as_mut(), old.spec.as_ref()) else {
        return;
    };
    let is = |spec: &ServiceSpec, types: &[&str]| {
        types.contains(&spec.type_.as_deref().unwrap_or_default())
    };
    let lost = |types: &[&str]| is(old, types) && !is(new, types);
    let external_name = lost(&["ExternalName"]) && new.external_name == old.external_name;
    let addresses = lost(&["ClusterIP", "NodePort", "LoadBalancer"]);
    let node_ports = lost(&["NodePort", "LoadBalancer"]);
    let balancer = lost(&["LoadBalancer"]);
    let ports = |spec: &ServiceSpec| -> Vec<Option<i32>> {
        spec.ports
            .iter()
            .flatten()
            .map(|port| port.node_port)
            .collect()
    };
    if external_name {
        new.external_name = None;
    }
    if addresses && new.cluster_ip == old.cluster_ip {
        new.cluster_ip = None;
        new.cluster_ips = None;
        new.ip_families = None;
        new.ip_family_policy = None;
        new.internal_traffic_policy = None;
    }
    if node_ports {
        if ports(new) == ports(old) {
            new.ports
                .iter_mut()
                .flatten()
                .for_each(|port| port.node_port = None);
        }
        if new.external_traffic_policy == old.external_traffic_policy {
            new.external_traffic_policy = None;
        }
    }
    if balancer {
        new.allocate_load_balancer_node_ports = None;
        if new.load_balancer_class == old.load_balancer_class {
            new.load_balancer_class = None;
        }
        if new.health_check_node_port == old.health_check_node_port {
            new.health_check_node_port = None;
        }
    }
}

/// What the author left out and the server chose before stays as it is.
fn keep_allocated(service: &mut Service, old: &Service) {
    let (Some(new), Some(old)) = (service.spec.as_mut(), old.spec.as_ref()) else {
        return;
    };
    let kind = new.type_.as_deref().unwrap_or_default();
    if kind == "ExternalName" {
        return;
    }
    if new.cluster_ip.as_deref().unwrap_or_default().is_empty() {
        new.cluster_ip.clone_from(&old.cluster_ip);
        new.cluster_ips.clone_from(&old.cluster_ips);
    }
    if new.ip_families.is_none() {
        new.ip_families.clone_from(&old.ip_families);
        new.ip_family_policy.clone_from(&old.ip_family_policy);
    }
    if matches!(kind, "NodePort" | "LoadBalancer") {
        for port in new
            .ports
            .iter_mut()
            .flatten()
            .filter(|p| p.node_port.unwrap_or(0) == 0)
        {
            let same = |o: &&ServicePort| o.port == port.port && o.protocol == port.protocol;
            port.node_port = old
                .ports
                .iter()
                .flatten()
                .find(same)
                .and_then(|o| o.node_port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_type(type_: &str, node_port: Option<i32>) -> Service {
        let spec = ServiceSpec {
            type_: Some(type_.to_owned()),
            cluster_ip: Some("10.96.7.7".to_owned()),
            cluster_ips: Some(vec!["10.96.7.7".to_owned()]),
            external_traffic_policy: node_port.map(|_| "Cluster".to_owned()),
            ports: Some(vec![ServicePort {
                port: 80,
                node_port,
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        };
        Service {
            spec: Some(spec),
            ..Default::default()
        }
    }

    fn kept(service: &Service) -> (Option<&str>, Option<i32>, Option<&str>) {
        let spec = service.spec.as_ref().expect("a spec");
        let port = spec.ports.as_ref().and_then(|ports| ports[0].node_port);
        let policy = spec.external_traffic_policy.as_deref();
        (spec.cluster_ip.as_deref(), port, policy)
    }

    #[test]
    fn what_another_type_does_not_need_goes_unless_it_was_changed() {
        let old = of_type("NodePort", Some(30_001));
        let ip = Some("10.96.7.7");
        for (type_, port, want) in [
            (
                "NodePort",
                Some(30_001),
                (ip, Some(30_001), Some("Cluster")),
            ),
            (
                "LoadBalancer",
                Some(30_001),
                (ip, Some(30_001), Some("Cluster")),
            ),
            ("ClusterIP", Some(30_001), (ip, None, None)),
            ("ClusterIP", Some(30_002), (ip, Some(30_002), None)),
            ("ExternalName", Some(30_001), (None, None, None)),
        ] {
            let mut new = of_type(type_, port);
            drop_for_type(&mut new, &old);
            assert_eq!(kept(&new), want, "{type_} {port:?}");
        }
    }
}
