//! Endpoints and EndpointSlice.
//!
//! Upstream: pkg/apis/core/validation/validation.go, pkg/apis/discovery/{v1,validation}/,
//! pkg/registry/discovery/endpointslice/strategy.go, v1.36.

use super::Strategy;
use super::pod::default::set;
use super::rules::name::{NameRule, dns_label, dns_subdomain, qualified_name};
use super::rules::{Errors, address, immutable, meta, number, refuse, required_one_of, text};
use super::workload::generation;
use crate::api::Status;
use crate::api::endpoints::{EndpointSlice, EndpointSubset, Endpoints};
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort as SubsetPort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort};
use std::cmp::Ordering;
use std::sync::Arc;

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
const ENDPOINTS_MAX: usize = 1_000;
const ADDRESSES_MAX: usize = 100;
const PORTS_MAX: usize = 20_000;

impl Strategy for Endpoints {
    fn default(&mut self) {
        let subsets = self.subsets.iter_mut().flatten();
        for port in subsets.filter_map(|subset| subset.ports.as_mut()).flatten() {
            set(&mut port.protocol, "TCP");
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        validate_endpoints(self, &[])
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        validate_endpoints(self, old.subsets.as_deref().unwrap_or_default())
    }
}

/// What is wrong with `endpoints`. An address that is in `stored` as it is has been found good.
fn validate_endpoints(endpoints: &Endpoints, stored: &[EndpointSubset]) -> Errors {
    let mut errors = Errors::new();
    meta::object_meta(&endpoints.metadata, true, NameRule::Subdomain, &mut errors);
    let list = Path::new("subsets");
    for (index, subset) in endpoints.subsets.iter().flatten().enumerate() {
        let at = list.index(index);
        let ready = subset.addresses.as_deref().unwrap_or_default();
        let not_ready = subset.not_ready_addresses.as_deref().unwrap_or_default();
        if ready.is_empty() && not_ready.is_empty() {
            let detail = "must specify `addresses` or `notReadyAddresses`";
            errors.push(FieldError::required(&at, detail));
        }
        for (field, addresses) in [("addresses", ready), ("notReadyAddresses", not_ready)] {
            let list = at.child(field);
            let mut known = KnownAddresses::new(stored.get(index));
            for (index, given) in addresses.iter().enumerate() {
                if !known.has(given) {
                    endpoint_address(given, &list.index(index), &mut errors);
                }
            }
        }
        let ports = subset.ports.as_deref().unwrap_or_default();
        subset_ports(ports, &at.child("ports"), &mut errors);
    }
    errors
}

fn subset_ports(ports: &[SubsetPort], list: &Path<'_>, errors: &mut Errors) {
    for (index, port) in ports.iter().enumerate() {
        let at = list.index(index);
        let (name, of_name) = (text(port.name.as_ref()), at.child("name"));
        if name.is_empty() && ports.len() > 1 {
            errors.push(FieldError::required(&of_name, ""));
        } else if !name.is_empty() {
            refuse(dns_label(name), name, &of_name, errors);
        }
        number::port(port.port, &at.child("port"), errors);
        let protocol = text(port.protocol.as_ref());
        required_one_of(protocol, &PROTOCOLS, &at.child("protocol"), errors);
        if let Some(protocol) = &port.app_protocol {
            let at = at.child("appProtocol");
            refuse(qualified_name(protocol), protocol, &at, errors);
        }
    }
}

/// The addresses of a stored subset. They are found in one walk where old and new ones are in the
/// order of their texts, as the endpoints controller writes them; others may be missed.
struct KnownAddresses<'a> {
    lists: [&'a [Arc<EndpointAddress>]; 2],
}

impl<'a> KnownAddresses<'a> {
    fn new(subset: Option<&'a EndpointSubset>) -> Self {
        let ready = subset.and_then(|subset| subset.addresses.as_deref());
        let not_ready = subset.and_then(|subset| subset.not_ready_addresses.as_deref());
        Self {
            lists: [ready.unwrap_or_default(), not_ready.unwrap_or_default()],
        }
    }

    /// Whether an address like `given` is among those not passed yet.
    fn has(&mut self, given: &Arc<EndpointAddress>) -> bool {
        self.lists.iter_mut().any(|list| {
            while let Some((known, rest)) = list.split_first() {
                if Arc::ptr_eq(known, given) {
                    *list = rest;
                    return true;
                }
                match known.ip.cmp(&given.ip) {
                    Ordering::Less => *list = rest,
                    Ordering::Greater => return false,
                    Ordering::Equal => {
                        *list = rest;
                        return known.node_name == given.node_name
                            && known.hostname == given.hostname;
                    }
                }
            }
            false
        })
    }
}

fn endpoint_address(given: &EndpointAddress, at: &Path<'_>, errors: &mut Errors) {
    address::ip(&given.ip, &at.child("ip"), errors);
    let host = text(given.hostname.as_ref());
    if !host.is_empty() {
        refuse(dns_label(host), host, &at.child("hostname"), errors);
    }
    if let Some(node) = &given.node_name {
        refuse(dns_subdomain(node), node, &at.child("nodeName"), errors);
    }
    address::not_special(&given.ip, &at.child("ip"), errors);
}

impl Strategy for EndpointSlice {
    fn default(&mut self) {
        for port in self.ports.iter_mut().flatten() {
            port.name.get_or_insert_default();
            port.protocol.get_or_insert_with(|| "TCP".to_owned());
        }
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.metadata.generation = Some(1);
        Ok(())
    }

    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        let same = self.endpoints == old.endpoints
            && self.ports == old.ports
            && self.metadata.labels == old.metadata.labels
            && self.metadata.annotations == old.metadata.annotations;
        self.metadata.generation = generation(old.metadata.generation, !same);
        Ok(())
    }

    fn validate(&self) -> Vec<FieldError> {
        validate_slice(self, &[])
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let (new_type, old_type) = (&self.address_type, &old.address_type);
        let stored = old.endpoints.as_deref().unwrap_or_default();
        let stored = if new_type == old_type { stored } else { &[] };
        let mut errors = validate_slice(self, stored);
        immutable(new_type, old_type, &Path::new("addressType"), &mut errors);
        errors
    }
}

/// What is wrong with `slice`. An endpoint that is in `stored` as it is, at the same place, has been
/// found good.
fn validate_slice(slice: &EndpointSlice, stored: &[Arc<Endpoint>]) -> Errors {
    let mut errors = Errors::new();
    meta::object_meta(&slice.metadata, true, NameRule::Subdomain, &mut errors);
    let types = ["FQDN", "IPv4", "IPv6"];
    let kind = slice.address_type.as_str();
    required_one_of(kind, &types, &Path::new("addressType"), &mut errors);
    let endpoints = slice.endpoints.as_deref().unwrap_or_default();
    let list = Path::new("endpoints");
    if endpoints.len() > ENDPOINTS_MAX {
        errors.push(FieldError::too_many(&list, endpoints.len(), ENDPOINTS_MAX));
    }
    for (index, given) in endpoints.iter().take(ENDPOINTS_MAX).enumerate() {
        if !stored
            .get(index)
            .is_some_and(|known| says_same(known, given))
        {
            endpoint(given, kind, &list.index(index), &mut errors);
        }
    }
    let ports = slice.ports.as_deref().unwrap_or_default();
    slice_ports(ports, &Path::new("ports"), &mut errors);
    errors
}

fn says_same(known: &Arc<Endpoint>, given: &Arc<Endpoint>) -> bool {
    Arc::ptr_eq(known, given)
        || known.addresses == given.addresses
            && known.node_name == given.node_name
            && known.hostname == given.hostname
}

fn endpoint(given: &Endpoint, kind: &str, at: &Path<'_>, errors: &mut Errors) {
    let list = at.child("addresses");
    if given.addresses.is_empty() {
        let detail = "must contain at least 1 address";
        errors.push(FieldError::required(&list, detail));
    } else if given.addresses.len() > ADDRESSES_MAX {
        errors.push(FieldError::too_many(
            &list,
            given.addresses.len(),
            ADDRESSES_MAX,
        ));
    }
    for (index, text) in given.addresses.iter().enumerate() {
        let at = list.index(index);
        let is_v6 = address::parse(text).map(|address| address.is_ipv6());
        let detail = match kind {
            "IPv4" if is_v6 != Some(false) => "must be a valid IPv4 address",
            "IPv6" if is_v6 != Some(true) => "must be a valid IPv6 address",
            "IPv4" | "IPv6" => {
                address::not_special(text, &at, errors);
                continue;
            }
            _ => {
                refuse(dns_subdomain(text), text, &at, errors);
                continue;
            }
        };
        errors.push(FieldError::invalid(&at, text, detail));
    }
    if let Some(node) = &given.node_name {
        refuse(dns_subdomain(node), node, &at.child("nodeName"), errors);
    }
    if let Some(host) = &given.hostname {
        refuse(dns_label(host), host, &at.child("hostname"), errors);
    }
}

fn slice_ports(ports: &[EndpointPort], list: &Path<'_>, errors: &mut Errors) {
    if ports.len() > PORTS_MAX {
        errors.push(FieldError::too_many(list, ports.len(), PORTS_MAX));
        return;
    }
    let mut names = SortedSet::new();
    for (index, port) in ports.iter().enumerate() {
        let at = list.index(index);
        let (name, of_name) = (text(port.name.as_ref()), at.child("name"));
        if !name.is_empty() {
            refuse(dns_label(name), name, &of_name, errors);
        }
        if !names.insert(name) {
            errors.push(FieldError::duplicate(&of_name, name));
        }
        let protocol = text(port.protocol.as_ref());
        required_one_of(protocol, &PROTOCOLS, &at.child("protocol"), errors);
        if let Some(protocol) = &port.app_protocol {
            refuse(
                qualified_name(protocol),
                protocol,
                &at.child("appProtocol"),
                errors,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn endpoints(ready: &[&str], not_ready: &[&str]) -> Endpoints {
        let list =
            |ips: &[&str]| -> Vec<Value> { ips.iter().map(|ip| json!({"ip": ip})).collect() };
        let (ready, not_ready) = (list(ready), list(not_ready));
        let mut given = json!({
            "metadata": {"name": "web", "namespace": "default", "resourceVersion": "1"},
            "subsets": [{"addresses": ready, "notReadyAddresses": not_ready, "ports": [{"port": 80}]}],
        });
        given["subsets"][0]["ports"][0]["protocol"] = json!("TCP");
        serde_json::from_value(given).expect("Endpoints")
    }

    fn fields(errors: &[FieldError]) -> Vec<String> {
        // A text that is no address breaks two rules.
        let mut fields: Vec<String> = errors.iter().map(|error| error.field.clone()).collect();
        fields.dedup();
        fields
    }

    #[test]
    fn what_an_update_brings_is_looked_at_wherever_it_stands() {
        let old = endpoints(&["10.0.0.1", "10.0.0.3"], &["10.0.0.5"]);
        let update = |ready: &[&str], not_ready: &[&str]| {
            fields(&endpoints(ready, not_ready).validate_update(&old))
        };
        assert_eq!(update(&["10.0.0.1", "10.0.0.5"], &["10.0.0.3"]), [""; 0]);
        assert_eq!(
            update(&["10.0.0.1", "10.0.0.300"], &["10.0.0.5"]),
            ["subsets[0].addresses[1].ip"]
        );
        assert_eq!(
            update(&["127.0.0.1", "10.0.0.3"], &["10.0.0.05"]),
            [
                "subsets[0].addresses[0].ip",
                "subsets[0].notReadyAddresses[0].ip"
            ]
        );
    }

    #[test]
    fn an_update_of_a_slice_is_looked_at_too() {
        let slice = |ips: &[&str], kind: &str| -> EndpointSlice {
            let endpoints: Vec<Value> = ips.iter().map(|ip| json!({"addresses": [ip]})).collect();
            let given = json!({
                "metadata": {"name": "web", "namespace": "default", "resourceVersion": "1"},
                "addressType": kind, "endpoints": endpoints,
            });
            serde_json::from_value(given).expect("a slice")
        };
        let old = slice(&["10.0.0.1", "10.0.0.2"], "IPv4");
        let update = |ips: &[&str], kind| fields(&slice(ips, kind).validate_update(&old));
        assert_eq!(update(&["10.0.0.1", "10.0.0.3"], "IPv4"), [""; 0]);
        assert_eq!(
            update(&["10.0.0.1", "nowhere"], "IPv4"),
            ["endpoints[1].addresses[0]"]
        );
        let other = update(&["10.0.0.1"], "IPv6");
        assert!(
            other.contains(&"endpoints[0].addresses[0]".to_owned()),
            "{other:?}"
        );
    }
}
