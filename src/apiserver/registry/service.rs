//! Service: defaults, validation, and the cluster IPs and node ports it is given.
//!
//! Upstream: pkg/apis/core/v1/defaults.go, pkg/registry/core/service/storage/alloc.go,
//! pkg/apis/core/validation/validation.go, v1.36. Left out: dual stack, UDP health check ports.

use super::meta::{self, NameRule};
use super::{Strategy, allocate, pod_validate};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec, ServiceStatus};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeSet;

/// How long a client stays with its endpoint where the Service does not say.
const AFFINITY_SECONDS: i32 = 10_800;
const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

impl Strategy for Service {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.type_.get_or_insert_with(|| "ClusterIP".to_owned());
        spec.session_affinity
            .get_or_insert_with(|| "None".to_owned());
        if spec.session_affinity.as_deref() == Some("ClientIP") {
            let config = spec.session_affinity_config.get_or_insert_default();
            let client_ip = config.client_ip.get_or_insert_default();
            client_ip.timeout_seconds.get_or_insert(AFFINITY_SECONDS);
        } else {
            spec.session_affinity_config = None;
        }
        for port in spec.ports.iter_mut().flatten() {
            port.protocol.get_or_insert_with(|| "TCP".to_owned());
            port.target_port.get_or_insert(IntOrString::Int(port.port));
        }
        let kind = spec.type_.clone().unwrap_or_default();
        if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
            spec.external_traffic_policy
                .get_or_insert_with(|| "Cluster".to_owned());
        }
        if kind == "LoadBalancer" {
            spec.allocate_load_balancer_node_ports.get_or_insert(true);
        }
        if kind != "ExternalName" {
            spec.internal_traffic_policy
                .get_or_insert_with(|| "Cluster".to_owned());
        }
    }

    fn prepare_for_create(&mut self, config: &ApiServerConfig, etcd: &Etcd) -> Result<(), Status> {
        self.status = Some(ServiceStatus {
            load_balancer: Some(Default::default()),
            ..Default::default()
        });
        if !self.validate().is_empty() {
            return Ok(());
        }
        allocate::service(self, config, etcd)
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
        if !self.validate().is_empty() {
            return Ok(());
        }
        allocate::service(self, config, etcd)
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.clone_from(&old.metadata);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = meta::object_meta(&self.metadata, true, NameRule::Label1035);
        if let Some(spec) = &self.spec {
            errors.extend(service_spec(spec, &Path::new("spec")));
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = meta::object_meta_update(&self.metadata, &old.metadata);
        errors.extend(self.validate());
        let ip = |s: &Self| {
            s.spec
                .as_ref()
                .and_then(|s| s.cluster_ip.clone())
                .unwrap_or_default()
        };
        let external = |s: &Self| {
            s.spec
                .as_ref()
                .is_some_and(|s| s.type_.as_deref() == Some("ExternalName"))
        };
        let (new_ip, old_ip) = (ip(self), ip(old));
        if new_ip != old_ip && !old_ip.is_empty() && !external(self) && !external(old) {
            let path = Path::new("spec").child("clusterIPs").index(0);
            let shown = format!("[{new_ip:?}]");
            errors.push(FieldError::invalid_value(
                &path,
                shown,
                "may not change once set",
            ));
        }
        errors
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

fn service_spec(spec: &ServiceSpec, path: &Path) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let kind = spec.type_.as_deref().unwrap_or_default();
    let headless = spec.cluster_ip.as_deref() == Some("None");
    let ports = spec.ports.as_deref().unwrap_or_default();
    if ports.is_empty() && !headless && kind != "ExternalName" {
        errors.push(FieldError::required(&path.child("ports"), ""));
    }
    if headless && matches!(kind, "NodePort" | "LoadBalancer") {
        let detail = format!("may not be set to 'None' for {kind} services");
        errors.push(FieldError::invalid(
            &path.child("clusterIPs").index(0),
            "None",
            detail,
        ));
    }
    if kind == "ExternalName" {
        let at = path.child("externalName");
        let name = spec.external_name.as_deref().unwrap_or_default();
        match name.strip_suffix('.').unwrap_or(name) {
            "" => errors.push(FieldError::required(&at, "")),
            host => {
                let wrong = meta::dns_subdomain(host);
                errors.extend(wrong.iter().map(|w| FieldError::invalid(&at, host, w)));
            }
        }
    }
    if spec.selector.is_some() {
        errors.extend(meta::labels(
            spec.selector.as_ref(),
            &path.child("selector"),
        ));
    }
    match spec.session_affinity.as_deref().unwrap_or_default() {
        "None" | "ClientIP" => {}
        "" => errors.push(FieldError::required(&path.child("sessionAffinity"), "")),
        other => errors.push(FieldError::not_supported(
            &path.child("sessionAffinity"),
            other,
            &["ClientIP", "None"],
        )),
    }
    if !TYPES.contains(&kind) {
        errors.push(FieldError::not_supported(&path.child("type"), kind, &TYPES));
    }
    if kind != "LoadBalancer" && spec.load_balancer_source_ranges.is_some() {
        // Upstream's path begins with a capital.
        let at = path.child("LoadBalancerSourceRanges");
        let detail = "may only be used when `type` is 'LoadBalancer'";
        errors.push(FieldError::forbidden(&at, detail));
    }
    service_ports(ports, kind, &path.child("ports"), &mut errors);
    errors
}

fn service_ports(ports: &[ServicePort], kind: &str, path: &Path, errors: &mut Vec<FieldError>) {
    const RANGE: &str = "must be between 1 and 65535, inclusive";
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (index, port) in ports.iter().enumerate() {
        let at = path.index(index);
        let name = port.name.as_deref().unwrap_or_default();
        if name.is_empty() && ports.len() > 1 {
            errors.push(FieldError::required(&at.child("name"), ""));
        } else if !name.is_empty() {
            let wrong = meta::dns_label(name);
            errors.extend(
                wrong
                    .iter()
                    .map(|w| FieldError::invalid(&at.child("name"), name, w)),
            );
            if !names.insert(name) {
                errors.push(FieldError::duplicate(&at.child("name"), name));
            }
        }
        if !(1..=65_535).contains(&port.port) {
            errors.push(FieldError::invalid_value(
                &at.child("port"),
                port.port,
                RANGE,
            ));
        }
        let protocol = port.protocol.as_deref().unwrap_or_default();
        if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
            let at = at.child("protocol");
            errors.push(FieldError::not_supported(
                &at,
                protocol,
                &["SCTP", "TCP", "UDP"],
            ));
        }
        let target = at.child("targetPort");
        match &port.target_port {
            Some(IntOrString::Int(number)) if !(1..=65_535).contains(number) => {
                errors.push(FieldError::invalid_value(&target, number, RANGE));
            }
            Some(IntOrString::String(name)) => {
                let wrong = pod_validate::port_name(name);
                errors.extend(wrong.iter().map(|w| FieldError::invalid(&target, name, *w)));
            }
            _ => {}
        }
        if port.node_port.unwrap_or(0) != 0 && matches!(kind, "ClusterIP" | "ExternalName") {
            let detail = format!("may not be used when `type` is '{kind}'");
            errors.push(FieldError::forbidden(&at.child("nodePort"), detail));
        }
        if !numbers.insert((port.port, protocol)) {
            let shown = format!("{{\"port\":{},\"protocol\":{protocol:?}}}", port.port);
            let mut error = FieldError::duplicate(&at, "");
            error.value = shown;
            errors.push(error);
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
