//! Gives Services their cluster IPs and node ports. What is taken is worked out from the stored
//! Services each time, so the server remembers nothing.
//!
//! Upstream: pkg/registry/core/service/{ipallocator,portallocator}, v1.36: automatic choices come
//! from the upper band of a range first. Upstream chooses at random; here the choice starts from a
//! hash of the Service's name, so that a run repeats.

use super::validate;
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Status};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use std::net::Ipv4Addr;

/// Gives `service` the addresses and ports it needs and has not got.
///
/// # Errors
/// `Invalid` where what it asks for is taken or out of range, or nothing is left.
pub fn service(service: &mut Service, config: &ApiServerConfig, etcd: &Etcd) -> Result<(), Status> {
    let (namespace, name) = (service.namespace().to_owned(), service.name().to_owned());
    let spec = service.spec.get_or_insert_default();
    let kind = spec.type_.clone().unwrap_or_default();
    if kind == "ExternalName" {
        return Ok(());
    }
    let mut others = Vec::new();
    for object in etcd.list(Kind::Service, None) {
        if let Some(other) = object.get::<Service>()
            && (other.namespace() != namespace || other.name() != name)
            && let Some(spec) = &other.spec
        {
            others.push(spec);
        }
    }
    let seed = hash(&format!("{namespace}/{name}"));
    let refuse = |error| Status::invalid(Kind::Service, &name, &[error]);
    cluster_ip(spec, &others, config, seed).map_err(refuse)?;
    match kind.as_str() {
        "NodePort" | "LoadBalancer" => node_ports(spec, &others, config, seed).map_err(refuse),
        _ => {
            spec.ports
                .iter_mut()
                .flatten()
                .for_each(|port| port.node_port = None);
            Ok(())
        }
    }
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn cidr(text: &str) -> Option<(u32, u32)> {
    let (address, bits) = text.split_once('/')?;
    let address: Ipv4Addr = address.parse().ok()?;
    let bits: u32 = bits.parse().ok().filter(|bits| (8..=30).contains(bits))?;
    Some((u32::from(address), 1 << (32 - bits)))
}

fn cluster_ip(
    spec: &mut ServiceSpec,
    others: &[&ServiceSpec],
    config: &ApiServerConfig,
    seed: u64,
) -> Result<(), FieldError> {
    spec.ip_families
        .get_or_insert_with(|| vec!["IPv4".to_owned()]);
    spec.ip_family_policy
        .get_or_insert_with(|| "SingleStack".to_owned());
    let spec_path = Path::new("spec");
    let path = spec_path.child("clusterIPs");
    let asked = spec.cluster_ip.clone().unwrap_or_default();
    if asked == "None" {
        spec.cluster_ips = Some(vec![asked]);
        return Ok(());
    }
    let (base, size) = cidr(&config.service_cidr).unwrap_or((0x0a60_0000, 1 << 20));
    let used = SortedSet::from_iter(others.iter().filter_map(|s| s.cluster_ip.as_deref()));
    let chosen = if asked.is_empty() {
        let band = (size / 16).clamp(16, 256);
        let count = size - band - 1;
        let start = (seed % u64::from(count)) as u32;
        let free = (0..count)
            .map(|step| Ipv4Addr::from(base + band + (start + step) % count).to_string())
            .find(|ip| !used.contains(ip.as_str()));
        free.ok_or_else(|| {
            let detail = "failed to allocate IP: range is full";
            FieldError::invalid(&path.index(0), "", detail)
        })?
    } else {
        let shown = format!("[{asked:?}]");
        let Ok(address) = asked.parse::<Ipv4Addr>() else {
            let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            return Err(FieldError::invalid(&path.index(0), &asked, detail));
        };
        if !(base + 1..base + size - 1).contains(&u32::from(address)) {
            let detail = format!(
                "failed to allocate IP {asked}: the provided IP ({asked}) is not in the valid range. The range of valid IPs is {}",
                config.service_cidr
            );
            return Err(FieldError::invalid_value(&path, shown, detail));
        }
        if used.contains(asked.as_str()) {
            let detail = format!("failed to allocate IP {asked}: provided IP is already allocated");
            return Err(FieldError::invalid_value(&path, shown, detail));
        }
        asked
    };
    spec.cluster_ips = Some(vec![chosen.clone()]);
    spec.cluster_ip = Some(chosen);
    Ok(())
}

fn node_ports(
    spec: &mut ServiceSpec,
    others: &[&ServiceSpec],
    config: &ApiServerConfig,
    seed: u64,
) -> Result<(), FieldError> {
    let (low, high) = (
        i32::from(config.node_ports.0),
        i32::from(config.node_ports.1),
    );
    let of = |ports: &[ServicePort]| -> Vec<i32> {
        ports
            .iter()
            .filter_map(|p| p.node_port.filter(|n| *n != 0))
            .collect()
    };
    let ports_used = others
        .iter()
        .flat_map(|s| of(s.ports.as_deref().unwrap_or_default()))
        .chain(others.iter().filter_map(|s| s.health_check_node_port));
    let mut used = SortedSet::from_iter(ports_used);
    let spec_path = Path::new("spec");
    let path = spec_path.child("ports");
    let mut ports = spec.ports.take().unwrap_or_default();
    for (index, port) in ports.iter().enumerate() {
        let Some(asked) = port.node_port.filter(|n| *n != 0) else {
            continue;
        };
        let at = path.index(index);
        let at = at.child("nodePort");
        if !(low..=high).contains(&asked) {
            let detail = format!(
                "provided port is not in the valid range. The range of valid ports is {low}-{high}"
            );
            return Err(FieldError::invalid_value(&at, asked, detail));
        }
        if !used.insert(asked) {
            let detail = "provided port is already allocated";
            return Err(FieldError::invalid_value(&at, asked, detail));
        }
    }
    let band = ((high - low + 1) / 32).clamp(16, 128);
    let count = high - low + 1 - band;
    let start = (seed % u64::try_from(count.max(1)).unwrap_or(1)) as i32;
    for (index, port) in ports.iter_mut().enumerate() {
        if port.node_port.unwrap_or(0) != 0 {
            continue;
        }
        let free = (0..count).map(|step| low + band + (start + step) % count);
        let Some(chosen) = free.into_iter().find(|port| !used.contains(port)) else {
            let at = path.index(index);
            let detail = "failed to allocate a nodePort: range is full";
            return Err(FieldError::invalid_value(&at.child("nodePort"), 0, detail));
        };
        used.insert(chosen);
        port.node_port = Some(chosen);
    }
    spec.ports = Some(ports);
    if validate::needs_health_check(spec) && spec.health_check_node_port.unwrap_or(0) == 0 {
        let mut free = (0..count).map(|step| low + band + (start + step) % count);
        let at = spec_path.child("healthCheckNodePort");
        let chosen = free.find(|port| !used.contains(port)).ok_or_else(|| {
            let detail = "failed to allocate requested HealthCheck NodePort 0: range is full";
            FieldError::invalid_value(&at, 0, detail)
        })?;
        spec.health_check_node_port = Some(chosen);
    }
    Ok(())
}
