//! What is wrong with a Service.
//!
//! Upstream: pkg/apis/core/validation/validation.go (ValidateService), v1.36. Left out: two
//! addresses of two families, which no cluster here has.

use super::super::rules::name::{NameRule, dns_label, dns_subdomain, qualified_name};
use super::super::rules::{
    Errors, address, meta, number, one_of, refuse, required_one_of, shown, text,
};
use crate::api::field::{FieldError, Path};
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec, SessionAffinityConfig};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const BALANCER_ONLY: &str = "may only be used when `type` is 'LoadBalancer'";
const AFFINITY_MAX: i32 = 86_400;

/// Adds what is wrong with a Service. Before its ports are `allocated`, they may be missing.
pub fn service(service: &Service, allocated: bool, errors: &mut Errors) {
    meta::object_meta(&service.metadata, true, NameRule::Label1035, errors);
    service_spec(service, allocated, errors);
}

/// As [`service`], without its metadata.
pub fn service_spec(service: &Service, allocated: bool, errors: &mut Errors) {
    let Some(spec) = &service.spec else { return };
    let at = Path::new("spec");
    let kind = text(spec.type_.as_ref());
    let ports = spec.ports.as_deref().unwrap_or_default();
    let headless = is_headless(spec);
    if ports.is_empty() && !headless && kind != "ExternalName" {
        errors.push(FieldError::required(&at.child("ports"), ""));
    }
    by_type(spec, kind, &at, errors);
    let list = at.child("ports");
    let mut names = SortedSet::new();
    for (index, given) in ports.iter().enumerate() {
        port(
            given,
            ports.len() > 1,
            &mut names,
            &list.index(index),
            errors,
        );
    }
    meta::labels(spec.selector.as_ref(), &at.child("selector"), errors);
    session_affinity(spec, &at, errors);
    if kind != "ExternalName" {
        cluster_ips(spec, &at, errors);
    }
    let external = at.child("externalIPs");
    for (index, ip) in spec.external_ips.iter().flatten().enumerate() {
        let (at, before) = (external.index(index), errors.len());
        address::ip(ip, &at, errors);
        if errors.len() == before {
            address::not_special(ip, &at, errors);
        }
    }
    required_one_of(kind, &TYPES, &at.child("type"), errors);
    duplicate_ports(ports, kind, &list, errors);
    balancer(service, spec, kind, &at, errors);
    traffic(spec, kind, allocated, &at, errors);
}

fn is_headless(spec: &ServiceSpec) -> bool {
    spec.cluster_ips.as_deref() == Some(&["None".to_owned()])
        || spec.cluster_ip.as_deref() == Some("None")
}

fn by_type(spec: &ServiceSpec, kind: &str, at: &Path<'_>, errors: &mut Errors) {
    if is_headless(spec) && matches!(kind, "NodePort" | "LoadBalancer") {
        let detail = format!("may not be set to 'None' for {kind} services");
        let ips = at.child("clusterIPs");
        errors.push(FieldError::invalid(&ips.index(0), "None", detail));
    }
    if kind != "ExternalName" {
        return;
    }
    let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    for (field, given) in [
        ("clusterIPs", some(&spec.cluster_ips)),
        ("ipFamilies", some(&spec.ip_families)),
        ("ipFamilyPolicy", spec.ip_family_policy.is_some()),
    ] {
        if given {
            let detail = "may not be set for ExternalName services";
            errors.push(FieldError::forbidden(&at.child(field), detail));
        }
    }
    let name = text(spec.external_name.as_ref());
    let name = name.strip_suffix('.').unwrap_or(name);
    match name {
        "" => errors.push(FieldError::required(&at.child("externalName"), "")),
        name => refuse(dns_subdomain(name), name, &at.child("externalName"), errors),
    }
}

fn port<'a>(
    port: &'a ServicePort,
    named: bool,
    names: &mut SortedSet<&'a str>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let (name, of_name) = (text(port.name.as_ref()), at.child("name"));
    if name.is_empty() {
        if named {
            errors.push(FieldError::required(&of_name, ""));
        }
    } else {
        refuse(dns_label(name), name, &of_name, errors);
        if !names.insert(name) {
            errors.push(FieldError::duplicate(&of_name, name));
        }
    }
    number::port(port.port, &at.child("port"), errors);
    let protocol = text(port.protocol.as_ref());
    required_one_of(
        protocol,
        &["SCTP", "TCP", "UDP"],
        &at.child("protocol"),
        errors,
    );
    let zero = IntOrString::Int(0);
    let target = port.target_port.as_ref().unwrap_or(&zero);
    number::port_or_name(target, &at.child("targetPort"), errors);
    if let Some(protocol) = &port.app_protocol {
        refuse(
            qualified_name(protocol),
            protocol,
            &at.child("appProtocol"),
            errors,
        );
    }
}

fn duplicate_ports(ports: &[ServicePort], kind: &str, list: &Path<'_>, errors: &mut Errors) {
    let node_port = |port: &ServicePort| port.node_port.filter(|number| *number != 0);
    for (index, port) in ports.iter().enumerate() {
        if kind == "ClusterIP" && node_port(port).is_some() {
            let detail = "may not be used when `type` is 'ClusterIP'";
            let at = list.index(index);
            errors.push(FieldError::forbidden(&at.child("nodePort"), detail));
        }
    }
    let (mut outer, mut inner) = (SortedSet::new(), SortedSet::new());
    for (index, port) in ports.iter().enumerate() {
        if let Some(number) = node_port(port)
            && !outer.insert((text(port.protocol.as_ref()), number))
        {
            let at = list.index(index);
            errors.push(FieldError::duplicate_value(&at.child("nodePort"), number));
        }
    }
    for (index, port) in ports.iter().enumerate() {
        let protocol = text(port.protocol.as_ref());
        if !inner.insert((protocol, port.port)) {
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":{protocol:?},\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                port.port
            );
            errors.push(FieldError::duplicate_value(&list.index(index), shown));
        }
    }
}

fn session_affinity(spec: &ServiceSpec, at: &Path<'_>, errors: &mut Errors) {
    let affinity = text(spec.session_affinity.as_ref());
    required_one_of(
        affinity,
        &["ClientIP", "None"],
        &at.child("sessionAffinity"),
        errors,
    );
    let of_config = at.child("sessionAffinityConfig");
    match (affinity, &spec.session_affinity_config) {
        ("ClientIP", config) => client_ip(config.as_ref(), &of_config, errors),
        ("None", Some(_)) => {
            let detail = "must not be set when session affinity is None";
            errors.push(FieldError::forbidden(&of_config, detail));
        }
        _ => {}
    }
}

fn client_ip(config: Option<&SessionAffinityConfig>, at: &Path<'_>, errors: &mut Errors) {
    let detail = "when session affinity type is ClientIP";
    let Some(config) = config else {
        errors.push(FieldError::required(at, detail));
        return;
    };
    let at = at.child("clientIP");
    let Some(client) = &config.client_ip else {
        errors.push(FieldError::required(&at, detail));
        return;
    };
    let at = at.child("timeoutSeconds");
    match client.timeout_seconds {
        None => errors.push(FieldError::required(&at, detail)),
        Some(seconds) if !(1..=AFFINITY_MAX).contains(&seconds) => {
            let detail = format!("must be greater than 0 and less than {AFFINITY_MAX}");
            errors.push(FieldError::invalid_value(&at, seconds, detail));
        }
        Some(_) => {}
    }
}

fn cluster_ips(spec: &ServiceSpec, at: &Path<'_>, errors: &mut Errors) {
    let ips = spec.cluster_ips.as_deref().unwrap_or_default();
    let first = text(spec.cluster_ip.as_ref());
    let list = at.child("clusterIPs");
    match (first, ips) {
        ("", []) => {}
        ("", _) => {
            let detail = "must be empty when `clusterIP` is not specified";
            errors.push(FieldError::invalid_value(&list, shown(ips), detail));
        }
        (_, []) => errors.push(FieldError::required(&list, "")),
        (first, ips) if ips[0] != first => {
            let detail = "first value must match `clusterIP`";
            errors.push(FieldError::invalid_value(&list, shown(ips), detail));
        }
        _ => {}
    }
    families(spec, at, errors);
    let before = errors.len();
    for (index, ip) in ips.iter().enumerate() {
        if index == 0 && ip == "None" {
            if ips.len() > 1 {
                let detail = "'None' must be the first and only value";
                errors.push(FieldError::invalid_value(&list, shown(ips), detail));
            }
            continue;
        }
        address::ip(ip, &list.index(index), errors);
    }
    let invalid = errors.len() > before;
    if ips.len() > 2 {
        let detail = "may only hold up to 2 values";
        errors.push(FieldError::invalid_value(&list, shown(ips), detail));
    }
    if invalid {
        return;
    }
    let is_v6 = |ip: &String| ip.contains(':');
    if ips.len() > 1 && ips.iter().filter(|ip| is_v6(ip)).count() != 1 {
        let detail = "may specify no more than one IP for each IP family";
        errors.push(FieldError::invalid_value(&list, shown(ips), detail));
    }
    for (index, (ip, family)) in ips
        .iter()
        .zip(spec.ip_families.iter().flatten())
        .enumerate()
    {
        if ip != "None" && is_v6(ip) != (family == "IPv6") {
            let detail =
                format!("expected an {family} value as indicated by `ipFamilies[{index}]`");
            errors.push(FieldError::invalid(&list.index(index), ip, detail));
        }
    }
}

fn families(spec: &ServiceSpec, at: &Path<'_>, errors: &mut Errors) {
    let list = at.child("ipFamilies");
    let mut seen = SortedSet::new();
    for (index, family) in spec.ip_families.iter().flatten().enumerate() {
        let at = list.index(index);
        one_of(family, &["IPv4", "IPv6"], &at, errors);
        if !seen.insert(family) {
            errors.push(FieldError::duplicate(&at, family));
        }
    }
    if let Some(policy) = &spec.ip_family_policy {
        let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
        one_of(policy, &policies, &at.child("ipFamilyPolicy"), errors);
    }
}

fn balancer(service: &Service, spec: &ServiceSpec, kind: &str, at: &Path<'_>, errors: &mut Errors) {
    const RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
    let is_balancer = kind == "LoadBalancer";
    let ranges = spec
        .load_balancer_source_ranges
        .as_deref()
        .unwrap_or_default();
    let annotations = service.metadata.annotations.as_ref();
    if !ranges.is_empty() {
        let list = at.child("LoadBalancerSourceRanges");
        if !is_balancer {
            errors.push(FieldError::forbidden(&list, BALANCER_ONLY));
        }
        for (index, range) in ranges.iter().enumerate() {
            address::cidr(range.trim(), &list.index(index), errors);
        }
    } else if let Some(ranges) = annotations.and_then(|all| all.get(RANGES)) {
        let metadata = Path::new("metadata");
        let annotations = metadata.child("annotations");
        let at = annotations.key(RANGES);
        if !is_balancer {
            errors.push(FieldError::forbidden(&at, BALANCER_ONLY));
        }
        for range in ranges
            .split(',')
            .map(str::trim)
            .filter(|_| !ranges.trim().is_empty())
        {
            address::cidr(range, &at, errors);
        }
    }
    match spec.allocate_load_balancer_node_ports {
        Some(_) if !is_balancer => {
            let at = at.child("allocateLoadBalancerNodePorts");
            errors.push(FieldError::forbidden(&at, BALANCER_ONLY));
        }
        None if is_balancer => {
            let at = Path::new("allocateLoadBalancerNodePorts");
            errors.push(FieldError::required(&at, ""));
        }
        _ => {}
    }
    if let Some(class) = &spec.load_balancer_class {
        let at = at.child("loadBalancerClass");
        match is_balancer {
            true => refuse(qualified_name(class), class, &at, errors),
            false => errors.push(FieldError::forbidden(&at, BALANCER_ONLY)),
        }
    }
}

/// Whether requests from outside the cluster can reach it.
pub fn externally_accessible(spec: &ServiceSpec) -> bool {
    let kind = text(spec.type_.as_ref());
    let ips = spec
        .external_ips
        .as_ref()
        .is_some_and(|ips| !ips.is_empty());
    matches!(kind, "LoadBalancer" | "NodePort") || (kind == "ClusterIP" && ips)
}

/// Whether a load balancer asks each node for it.
pub fn needs_health_check(spec: &ServiceSpec) -> bool {
    spec.type_.as_deref() == Some("LoadBalancer")
        && spec.external_traffic_policy.as_deref() == Some("Local")
}

fn traffic(spec: &ServiceSpec, kind: &str, allocated: bool, at: &Path<'_>, errors: &mut Errors) {
    let policies = ["Cluster", "Local"];
    let (policy, of_policy) = (
        text(spec.external_traffic_policy.as_ref()),
        at.child("externalTrafficPolicy"),
    );
    if externally_accessible(spec) {
        required_one_of(policy, &policies, &of_policy, errors);
    } else if !policy.is_empty() {
        let detail = "may only be set for externally-accessible services";
        errors.push(FieldError::invalid(&of_policy, policy, detail));
    }
    let (port, of_port) = (
        spec.health_check_node_port.unwrap_or(0),
        at.child("healthCheckNodePort"),
    );
    if needs_health_check(spec) {
        match port {
            0 if allocated => errors.push(FieldError::required(&of_port, "")),
            0 => {}
            port => number::port(port, &of_port, errors),
        }
    } else if port != 0 {
        let detail =
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(FieldError::invalid_value(&of_port, port, detail));
    }
    let of_internal = at.child("internalTrafficPolicy");
    match &spec.internal_traffic_policy {
        None if kind != "ExternalName" && TYPES.contains(&kind) => {
            errors.push(FieldError::required(&of_internal, ""));
        }
        None => {}
        Some(policy) => one_of(policy, &policies, &of_internal, errors),
    }
    if let Some(distribution) = &spec.traffic_distribution {
        let all = ["PreferClose", "PreferSameZone", "PreferSameNode"];
        one_of(distribution, &all, &at.child("trafficDistribution"), errors);
    }
}

/// Adds what is wrong with the change of `old` to `new`.
pub fn update(new: &Service, old: &Service, errors: &mut Errors) {
    let (Some(new_spec), Some(old_spec)) = (&new.spec, &old.spec) else {
        return;
    };
    let at = Path::new("spec");
    let kind = |spec: &ServiceSpec| text(spec.type_.as_ref()).to_owned();
    let external = kind(new_spec) == "ExternalName" || kind(old_spec) == "ExternalName";
    let both_headless = is_headless(new_spec) && is_headless(old_spec);
    if !external && !both_headless {
        let list = at.child("clusterIPs");
        let (new_ips, old_ips) = (
            new_spec.cluster_ips.as_deref().unwrap_or_default(),
            old_spec.cluster_ips.as_deref().unwrap_or_default(),
        );
        let detail = match (new_ips.first(), old_ips.first()) {
            (None, Some(_)) => "primary clusterIP can not be unset",
            (Some(new), Some(old)) if new != old => "may not change once set",
            _ => "",
        };
        if !detail.is_empty() {
            errors.push(FieldError::invalid_value(
                &list.index(0),
                shown(new_ips),
                detail,
            ));
        }
    }
    let balancers = kind(new_spec) == "LoadBalancer" && kind(old_spec) == "LoadBalancer";
    if balancers && new_spec.load_balancer_class != old_spec.load_balancer_class {
        let at = at.child("loadBalancerClass");
        let value = shown(&new_spec.load_balancer_class);
        errors.push(FieldError::invalid_value(
            &at,
            value,
            "may not change once set",
        ));
    }
    if needs_health_check(new_spec)
        && needs_health_check(old_spec)
        && new_spec.health_check_node_port != old_spec.health_check_node_port
    {
        let at = at.child("healthCheckNodePort");
        errors.push(FieldError::forbidden(&at, "field is immutable"));
    }
    service_spec(new, true, errors);
}
