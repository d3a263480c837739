//! Ingress.
//!
//! Upstream: pkg/apis/networking/validation/validation.go,
//! pkg/registry/networking/ingress/strategy.go, v1.36.

use super::super::Strategy;
use super::super::rules::name::{self, NameRule, dns_1035_label, dns_subdomain};
use super::super::rules::{Errors, address, meta, number, one_of, refuse, text};
use super::super::workload::generation;
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, Ingress, IngressBackend, IngressRule, IngressServiceBackend, IngressSpec,
    IngressStatus, IngressTLS,
};

const CLASS: &str = "kubernetes.io/ingress.class";
const SEQUENCES: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];

impl Strategy for Ingress {
    fn default(&mut self) {
        self.spec.get_or_insert_default();
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.status = Some(IngressStatus {
            load_balancer: Some(Default::default()),
        });
        self.metadata.generation = Some(1);
        Ok(())
    }

    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        self.status.clone_from(&old.status);
        let changed = self.spec != old.spec;
        self.metadata.generation = generation(old.metadata.generation, changed);
        Ok(())
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.clone_from(&old.metadata);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        let Some(spec) = &self.spec else {
            return errors;
        };
        ingress_spec(spec, &Path::new("spec"), &mut errors);
        let annotation = self
            .metadata
            .annotations
            .as_ref()
            .and_then(|all| all.get(CLASS));
        if let (Some(annotation), Some(class)) = (annotation, &spec.ingress_class_name)
            && annotation != class
        {
            let annotations = Path::new("annotations");
            let detail = "must match `ingressClassName` when both are specified";
            errors.push(FieldError::invalid(
                &annotations.child(CLASS),
                annotation,
                detail,
            ));
        }
        errors
    }

    fn validate_update(&self, _: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        if let Some(spec) = &self.spec {
            ingress_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }
}

fn ingress_spec(spec: &IngressSpec, at: &Path<'_>, errors: &mut Errors) {
    let rules = spec.rules.as_deref().unwrap_or_default();
    if rules.is_empty() && spec.default_backend.is_none() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid_value(at, "null", detail));
    }
    if let Some(default) = &spec.default_backend {
        backend(default, &at.child("defaultBackend"), errors);
    }
    let list = at.child("rules");
    for (index, given) in rules.iter().enumerate() {
        rule(given, &list.index(index), errors);
    }
    let list = at.child("tls");
    for (index, given) in spec.tls.iter().flatten().enumerate() {
        tls(given, &list.index(index), errors);
    }
    if let Some(class) = &spec.ingress_class_name {
        refuse(
            dns_subdomain(class),
            class,
            &at.child("ingressClassName"),
            errors,
        );
    }
}

fn tls(tls: &IngressTLS, at: &Path<'_>, errors: &mut Errors) {
    let list = at.child("hosts");
    for (index, host) in tls.hosts.iter().flatten().enumerate() {
        refuse(name::host(host), host, &list.index(index), errors);
    }
    let secret = text(tls.secret_name.as_ref());
    if !secret.is_empty() {
        refuse(
            dns_subdomain(secret),
            secret,
            &at.child("secretName"),
            errors,
        );
    }
}

fn rule(rule: &IngressRule, at: &Path<'_>, errors: &mut Errors) {
    let (host, of_host) = (text(rule.host.as_ref()), at.child("host"));
    if !host.is_empty() {
        if address::parse(host).is_some() {
            let detail = "must be a DNS name, not an IP address";
            errors.push(FieldError::invalid(&of_host, host, detail));
        }
        refuse(name::host(host), host, &of_host, errors);
    }
    let Some(http) = &rule.http else { return };
    let at = at.child("http");
    let list = at.child("paths");
    if http.paths.is_empty() {
        errors.push(FieldError::required(&list, ""));
    }
    for (index, path) in http.paths.iter().enumerate() {
        http_path(path, &list.index(index), errors);
    }
}

fn http_path(given: &HTTPIngressPath, at: &Path<'_>, errors: &mut Errors) {
    let (path, of_path) = (text(given.path.as_ref()), at.child("path"));
    let absolute = "must be an absolute path";
    match given.path_type.as_str() {
        "" => {
            let detail = "pathType must be specified";
            errors.push(FieldError::required(&at.child("pathType"), detail));
            return;
        }
        "Exact" | "Prefix" => {
            if !path.starts_with('/') {
                errors.push(FieldError::invalid(&of_path, path, absolute));
            }
            for sequence in SEQUENCES
                .iter()
                .filter(|sequence| path.contains(**sequence))
            {
                let detail = format!("must not contain '{sequence}'");
                errors.push(FieldError::invalid(&of_path, path, detail));
            }
            for suffix in ["/..", "/."]
                .iter()
                .filter(|suffix| path.ends_with(**suffix))
            {
                let detail = format!("cannot end with '{suffix}'");
                errors.push(FieldError::invalid(&of_path, path, detail));
            }
        }
        "ImplementationSpecific" => {
            if !path.is_empty() && !path.starts_with('/') {
                errors.push(FieldError::invalid(&of_path, path, absolute));
            }
        }
        other => {
            let types = ["Exact", "ImplementationSpecific", "Prefix"];
            one_of(other, &types, &at.child("pathType"), errors);
        }
    }
    backend(&given.backend, &at.child("backend"), errors);
}

fn backend(backend: &IngressBackend, at: &Path<'_>, errors: &mut Errors) {
    match (&backend.resource, &backend.service) {
        (Some(_), Some(_)) => {
            let detail = "cannot set both resource and service backends";
            errors.push(FieldError::invalid(at, "", detail));
        }
        (Some(resource), None) => {
            let at = at.child("resource");
            let group = resource.api_group.as_ref();
            super::reference(group, &resource.kind, &resource.name, &at, errors);
        }
        (None, Some(service)) => service_backend(service, at, errors),
        (None, None) => {
            let detail = "resource or service backend is required";
            errors.push(FieldError::invalid(at, "", detail));
        }
    }
}

fn service_backend(service: &IngressServiceBackend, at: &Path<'_>, errors: &mut Errors) {
    let of_service = at.child("service");
    let of_name = of_service.child("name");
    match service.name.as_str() {
        "" => errors.push(FieldError::required(&of_name, "")),
        name => refuse(dns_1035_label(name), name, &of_name, errors),
    }
    let port = service.port.clone().unwrap_or_default();
    let (given, of_port) = (text(port.name.as_ref()), of_service.child("port"));
    match (given, port.number.unwrap_or(0)) {
        ("", 0) => {
            let detail = "port name or number is required";
            errors.push(FieldError::required(at, detail));
        }
        ("", port) => number::port(port, &of_port.child("number"), errors),
        (given, 0) => refuse(
            name::port_name(given),
            given,
            &of_port.child("name"),
            errors,
        ),
        _ => {
            let detail = "cannot set both port name & port number";
            errors.push(FieldError::invalid(at, "", detail));
        }
    }
}
