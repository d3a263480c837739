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
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::core::v1::{EndpointAddress, Endpoints};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use std::collections::BTreeSet;

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
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        let list = Path::new("subsets");
        for (index, subset) in self.subsets.iter().flatten().enumerate() {
            let at = list.index(index);
            let ready = subset.addresses.as_deref().unwrap_or_default();
            let not_ready = subset.not_ready_addresses.as_deref().unwrap_or_default();
            if ready.is_empty() && not_ready.is_empty() {
                let detail = "must specify `addresses` or `notReadyAddresses`";
                errors.push(FieldError::required(&at, detail));
            }
            for (field, addresses) in [("addresses", ready), ("notReadyAddresses", not_ready)] {
                let list = at.child(field);
                for (index, given) in addresses.iter().enumerate() {
                    endpoint_address(given, &list.index(index), &mut errors);
                }
            }
            let ports = subset.ports.as_deref().unwrap_or_default();
            let list = at.child("ports");
            for (index, port) in ports.iter().enumerate() {
                let at = list.index(index);
                let (name, of_name) = (text(port.name.as_ref()), at.child("name"));
                if name.is_empty() && ports.len() > 1 {
                    errors.push(FieldError::required(&of_name, ""));
                } else if !name.is_empty() {
                    refuse(dns_label(name), name, &of_name, &mut errors);
                }
                number::port(port.port, &at.child("port"), &mut errors);
                let protocol = text(port.protocol.as_ref());
                required_one_of(protocol, &PROTOCOLS, &at.child("protocol"), &mut errors);
                if let Some(protocol) = &port.app_protocol {
                    let at = at.child("appProtocol");
                    refuse(qualified_name(protocol), protocol, &at, &mut errors);
                }
            }
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta_update(&self.metadata, &old.metadata, &mut errors);
        errors.extend(self.validate());
        errors
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
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        let types = ["FQDN", "IPv4", "IPv6"];
        let kind = self.address_type.as_str();
        required_one_of(kind, &types, &Path::new("addressType"), &mut errors);
        let endpoints = self.endpoints.as_deref().unwrap_or_default();
        let list = Path::new("endpoints");
        if endpoints.len() > ENDPOINTS_MAX {
            errors.push(FieldError::too_many(&list, endpoints.len(), ENDPOINTS_MAX));
        }
        for (index, given) in endpoints.iter().take(ENDPOINTS_MAX).enumerate() {
            endpoint(given, kind, &list.index(index), &mut errors);
        }
        let ports = self.ports.as_deref().unwrap_or_default();
        slice_ports(ports, &Path::new("ports"), &mut errors);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta_update(&self.metadata, &old.metadata, &mut errors);
        errors.extend(self.validate());
        let (new, old) = (&self.address_type, &old.address_type);
        immutable(new, old, &Path::new("addressType"), &mut errors);
        errors
    }
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
    let mut names = BTreeSet::new();
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
