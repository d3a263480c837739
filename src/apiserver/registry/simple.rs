//! The kinds whose rules are few: Namespace, Node, Lease, Endpoints, EndpointSlice, ConfigMap and
//! Event.
//!
//! Upstream: pkg/registry/core/{namespace,node,endpoint,configmap,event}/strategy.go and
//! pkg/registry/{coordination/lease,discovery/endpointslice}/strategy.go, v1.36.

use super::Strategy;
use super::meta::{self, NameRule};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{ConfigMap, Endpoints, Event, Namespace, NamespaceStatus, Node},
    discovery::v1::EndpointSlice,
};

const CONFIG_MAP_LIMIT: u64 = 1_024 * 1_024;

impl Strategy for Namespace {
    fn default(&mut self) {
        let name = self.name().to_owned();
        let labels = self.metadata.labels.get_or_insert_default();
        labels.insert("kubernetes.io/metadata.name".to_owned(), name);
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.status = Some(NamespaceStatus {
            phase: Some("Active".to_owned()),
            ..NamespaceStatus::default()
        });
        let finalizers = self
            .spec
            .get_or_insert_default()
            .finalizers
            .get_or_insert_default();
        if !finalizers.iter().any(|f| f == "kubernetes") {
            finalizers.push("kubernetes".to_owned());
        }
        Ok(())
    }

    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        self.status.clone_from(&old.status);
        if old.metadata.deletion_timestamp.is_none() {
            self.spec.clone_from(&old.spec);
        }
        Ok(())
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.clone_from(&old.metadata);
    }

    fn validate(&self) -> Vec<FieldError> {
        meta::object_meta(&self.metadata, false, NameRule::Label)
    }
}

impl Strategy for Node {
    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        self.status.clone_from(&old.status);
        Ok(())
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.clone_from(&old.metadata);
    }

    fn validate(&self) -> Vec<FieldError> {
        meta::object_meta(&self.metadata, false, NameRule::Subdomain)
    }
}

impl Strategy for Lease {
    fn validate(&self) -> Vec<FieldError> {
        meta::object_meta(&self.metadata, true, NameRule::Subdomain)
    }
}

impl Strategy for Endpoints {
    fn default(&mut self) {
        let subsets = self.subsets.iter_mut().flatten();
        for port in subsets.flat_map(|subset| subset.ports.iter_mut().flatten()) {
            port.protocol.get_or_insert_with(|| "TCP".to_owned());
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        meta::object_meta(&self.metadata, true, NameRule::Subdomain)
    }
}

impl Strategy for EndpointSlice {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = meta::object_meta(&self.metadata, true, NameRule::Subdomain);
        if !matches!(self.address_type.as_str(), "IPv4" | "IPv6" | "FQDN") {
            let path = Path::new("addressType");
            let allowed = ["FQDN", "IPv4", "IPv6"];
            errors.push(FieldError::not_supported(
                &path,
                &self.address_type,
                &allowed,
            ));
        }
        errors
    }
}

impl Strategy for ConfigMap {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = meta::object_meta(&self.metadata, true, NameRule::Subdomain);
        let mut size = 0;
        for (key, value) in self.data.iter().flatten() {
            errors.extend(config_key(key));
            if self
                .binary_data
                .as_ref()
                .is_some_and(|data| data.contains_key(key))
            {
                let detail = "duplicate of key present in binaryData";
                errors.push(FieldError::invalid(
                    &Path::new("data").key(key),
                    key,
                    detail,
                ));
            }
            size += value.len() as u64;
        }
        for (key, value) in self.binary_data.iter().flatten() {
            errors.extend(config_key(key));
            size += value.0.len() as u64;
        }
        if size > CONFIG_MAP_LIMIT {
            errors.push(FieldError::too_long(&Path::new("[]"), CONFIG_MAP_LIMIT));
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = self.validate();
        if old.immutable == Some(true) {
            let detail = "field is immutable when `immutable` is set";
            if self.immutable != Some(true) {
                errors.push(FieldError::forbidden(&Path::new("immutable"), detail));
            }
            if self.data != old.data {
                errors.push(FieldError::forbidden(&Path::new("data"), detail));
            }
        }
        errors
    }
}

fn config_key(key: &str) -> Option<FieldError> {
    const TEXT: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let right = !key.is_empty() && key.len() <= 253 && key.bytes().all(allowed);
    (!right).then(|| FieldError::invalid(&Path::new("data").key(key), key, TEXT))
}

impl Strategy for Event {
    fn validate(&self) -> Vec<FieldError> {
        let given = self
            .involved_object
            .namespace
            .as_deref()
            .unwrap_or_default();
        if !given.is_empty() && given != self.namespace() {
            let path = Path::new("involvedObject").child("namespace");
            return vec![FieldError::invalid(
                &path,
                given,
                "does not match event.namespace",
            )];
        }
        Vec::new()
    }
}
