//! NetworkPolicy.
//!
//! Upstream: pkg/apis/networking/v1/defaults.go, pkg/apis/networking/validation/validation.go,
//! pkg/registry/networking/networkpolicy/strategy.go, v1.36.

use super::super::Strategy;
use super::super::pod::default::set;
use super::super::rules::address::{self, Range};
use super::super::rules::name::{NameRule, port_name};
use super::super::rules::{Errors, meta, number, one_of, refuse, shown};
use super::super::workload::generation;
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

impl Strategy for NetworkPolicy {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.pod_selector.get_or_insert_default();
        if spec.policy_types.as_ref().is_none_or(Vec::is_empty) {
            let mut types = vec!["Ingress".to_owned()];
            if spec.egress.as_ref().is_some_and(|rules| !rules.is_empty()) {
                types.push("Egress".to_owned());
            }
            spec.policy_types = Some(types);
        }
        let ingress = spec
            .ingress
            .iter_mut()
            .flatten()
            .filter_map(|rule| rule.ports.as_mut());
        let egress = spec
            .egress
            .iter_mut()
            .flatten()
            .filter_map(|rule| rule.ports.as_mut());
        for port in ingress.chain(egress).flatten() {
            set(&mut port.protocol, "TCP");
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
        let changed = self.spec != old.spec;
        self.metadata.generation = generation(old.metadata.generation, changed);
        Ok(())
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        if let Some(spec) = &self.spec {
            policy_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, _: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        if let Some(spec) = &self.spec {
            policy_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }
}

fn policy_spec(spec: &NetworkPolicySpec, at: &Path<'_>, errors: &mut Errors) {
    if let Some(selector) = &spec.pod_selector {
        meta::label_selector(selector, &at.child("podSelector"), errors);
    }
    let list = at.child("ingress");
    for (index, rule) in spec.ingress.iter().flatten().enumerate() {
        let at = list.index(index);
        ports(rule.ports.as_deref().unwrap_or_default(), &at, errors);
        peers(
            rule.from.as_deref().unwrap_or_default(),
            &at.child("from"),
            errors,
        );
    }
    let list = at.child("egress");
    for (index, rule) in spec.egress.iter().flatten().enumerate() {
        let at = list.index(index);
        ports(rule.ports.as_deref().unwrap_or_default(), &at, errors);
        peers(
            rule.to.as_deref().unwrap_or_default(),
            &at.child("to"),
            errors,
        );
    }
    let types = spec.policy_types.as_deref().unwrap_or_default();
    let list = at.child("policyTypes");
    if types.len() > 2 {
        let detail = "may not specify more than two policyTypes";
        errors.push(FieldError::invalid_value(&list, shown(types), detail));
        return;
    }
    for (index, kind) in types.iter().enumerate() {
        one_of(kind, &["Ingress", "Egress"], &list.index(index), errors);
    }
}

fn ports(ports: &[NetworkPolicyPort], at: &Path<'_>, errors: &mut Errors) {
    let list = at.child("ports");
    for (index, given) in ports.iter().enumerate() {
        let at = list.index(index);
        if let Some(protocol) = &given.protocol {
            one_of(
                protocol,
                &["TCP", "UDP", "SCTP"],
                &at.child("protocol"),
                errors,
            );
        }
        let (of_port, of_end) = (at.child("port"), at.child("endPort"));
        let refuse_end = |detail: &str, errors: &mut Errors| {
            if let Some(end) = given.end_port {
                errors.push(FieldError::invalid_value(&of_end, end, detail));
            }
        };
        match &given.port {
            Some(IntOrString::Int(port)) => {
                number::port(*port, &of_port, errors);
                if let Some(end) = given.end_port {
                    if end < *port {
                        refuse_end("must be greater than or equal to `port`", errors);
                    }
                    number::port(end, &of_end, errors);
                }
            }
            Some(IntOrString::String(text)) => {
                refuse_end("may not be specified when `port` is non-numeric", errors);
                refuse(port_name(text), text, &of_port, errors);
            }
            None => refuse_end("may not be specified when `port` is not specified", errors),
        }
    }
}

fn peers(peers: &[NetworkPolicyPeer], list: &Path<'_>, errors: &mut Errors) {
    for (index, peer) in peers.iter().enumerate() {
        let at = list.index(index);
        let mut count = 0;
        for (field, selector) in [
            ("podSelector", &peer.pod_selector),
            ("namespaceSelector", &peer.namespace_selector),
        ] {
            if let Some(selector) = selector {
                count += 1;
                meta::label_selector(selector, &at.child(field), errors);
            }
        }
        if let Some(block) = &peer.ip_block {
            ip_block(block, &at.child("ipBlock"), errors);
            if count > 0 {
                let detail = "may not specify both ipBlock and another peer";
                errors.push(FieldError::forbidden(&at, detail));
            }
        } else if count == 0 {
            errors.push(FieldError::required(&at, "must specify a peer"));
        }
    }
}

fn ip_block(block: &IPBlock, at: &Path<'_>, errors: &mut Errors) {
    let of_cidr = at.child("cidr");
    if block.cidr.is_empty() {
        errors.push(FieldError::required(&of_cidr, ""));
        return;
    }
    address::cidr(&block.cidr, &of_cidr, errors);
    let Some(range) = Range::parse(&block.cidr) else {
        return;
    };
    let list = at.child("except");
    for (index, except) in block.except.iter().flatten().enumerate() {
        let at = list.index(index);
        address::cidr(except, &at, errors);
        if Range::parse(except).is_some_and(|except| !range.contains_strictly(except)) {
            let detail = "must be a strict subset of `cidr`";
            errors.push(FieldError::invalid(&at, except, detail));
        }
    }
}
