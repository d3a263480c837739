//! IngressClass.
//!
//! Upstream: pkg/apis/networking/v1/defaults.go, pkg/apis/networking/validation/validation.go,
//! pkg/registry/networking/ingressclass/strategy.go, v1.36.

use super::super::Strategy;
use super::super::rules::name::{NameRule, dns_label, domain_prefixed_path};
use super::super::rules::{Errors, immutable, meta, one_of, refuse, text};
use super::super::workload::generation;
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::networking::v1::{IngressClass, IngressClassParametersReference};

impl Strategy for IngressClass {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        if let Some(parameters) = spec.parameters.as_mut() {
            parameters.scope.get_or_insert_with(|| "Cluster".to_owned());
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
        meta::object_meta(&self.metadata, false, NameRule::Subdomain, &mut errors);
        let spec = self.spec.clone().unwrap_or_default();
        let path = Path::new("spec");
        let (controller, at) = (text(spec.controller.as_ref()), path.child("controller"));
        if controller.len() > 250 {
            errors.push(FieldError::too_long(&at, 250));
        }
        domain_prefixed_path(controller, &at, &mut errors);
        if let Some(given) = &spec.parameters {
            parameters(given, &path.child("parameters"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        let controller = |class: &Self| {
            let spec = class.spec.as_ref();
            text(spec.and_then(|spec| spec.controller.as_ref())).to_owned()
        };
        let spec = Path::new("spec");
        let at = spec.child("controller");
        immutable(&controller(self), &controller(old), &at, &mut errors);
        errors.extend(self.validate());
        errors
    }
}

fn parameters(given: &IngressClassParametersReference, at: &Path<'_>, errors: &mut Errors) {
    super::reference(
        given.api_group.as_ref(),
        &given.kind,
        &given.name,
        at,
        errors,
    );
    let (of_scope, of_namespace) = (at.child("scope"), at.child("namespace"));
    match (given.scope.as_deref(), &given.namespace) {
        (None, _) => errors.push(FieldError::required(&of_scope, "")),
        (Some("Namespace"), None) => {
            let detail = "`parameters.scope` is set to 'Namespace'";
            errors.push(FieldError::required(&of_namespace, detail));
        }
        (Some("Namespace"), Some(namespace)) => {
            refuse(dns_label(namespace), namespace, &of_namespace, errors);
        }
        (Some("Cluster"), Some(_)) => {
            let detail = "`parameters.scope` is set to 'Cluster'";
            errors.push(FieldError::forbidden(&of_namespace, detail));
        }
        (Some("Cluster"), None) => {}
        (Some(other), _) => one_of(other, &["Cluster", "Namespace"], &of_scope, errors),
    }
}
