//! Pod and PodTemplate: quality of service, first status, what may change.
//!
//! Upstream: pkg/registry/core/{pod,podtemplate}/strategy.go, v1.36.

mod affinity;
mod container;
pub mod default;
mod env;
pub mod field_ref;
mod mount;
mod probe;
pub mod resources;
mod security;
pub mod spec;
mod update;

pub use affinity::{node_selector, taint_effect, tolerations};

use super::Strategy;
use super::rules::name::NameRule;
use super::rules::{Errors, meta, text};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, PodStatus, PodTemplate};

impl Strategy for Pod {
    fn default(&mut self) {
        default::pod(self);
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        let spec = self.spec.get_or_insert_default();
        let qos = resources::qos_class(spec).to_owned();
        self.metadata.generation = Some(1);
        self.status = Some(PodStatus {
            phase: Some("Pending".to_owned()),
            qos_class: Some(qos),
            ..PodStatus::default()
        });
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
        self.metadata.generation = old.metadata.generation.map(|g| g + i64::from(changed));
        Ok(())
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.clone_from(&old.metadata);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        metadata_and_spec(self, &mut errors);
        let at = Path::new("spec");
        if let Some(spec) = &self.spec {
            if spec
                .ephemeral_containers
                .as_ref()
                .is_some_and(|c| !c.is_empty())
            {
                let at = at.child("ephemeralContainers");
                errors.push(FieldError::forbidden(&at, "cannot be set on create"));
            }
            let gated = spec
                .scheduling_gates
                .as_ref()
                .is_some_and(|g| !g.is_empty());
            if gated && !text(spec.node_name.as_ref()).is_empty() {
                let detail = "cannot be set until all schedulingGates have been cleared";
                errors.push(FieldError::forbidden(&at.child("nodeName"), detail));
            }
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        metadata_and_spec(self, &mut errors);
        update::update(self, old, &mut errors);
        errors
    }
}

/// What a new and a changed Pod are checked for alike.
fn metadata_and_spec(pod: &Pod, errors: &mut Errors) {
    let empty = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&empty);
    let metadata = Path::new("metadata");
    let annotations = pod.metadata.annotations.as_ref();
    spec::annotations(annotations, spec, &metadata.child("annotations"), errors);
    let at = Path::new("spec");
    let name = text(pod.metadata.name.as_ref());
    spec::pod_spec(spec, Some(name), &at, errors);
    if text(spec.service_account_name.as_ref()).is_empty() {
        tokens_without_account(spec, &at, errors);
    }
    let init = spec.init_containers.as_deref().unwrap_or_default();
    images(&spec.containers, &at.child("containers"), errors);
    images(init, &at.child("initContainers"), errors);
}

fn images(containers: &[Container], list: &Path<'_>, errors: &mut Errors) {
    for (index, c) in containers.iter().enumerate() {
        container::image_is_trimmed(text(c.image.as_ref()), &list.index(index), errors);
    }
}

fn tokens_without_account(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    let volumes = at.child("volumes");
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        let at = volumes.index(index);
        let at = at.child("projected");
        let list = at.child("sources");
        let sources = volume.projected.as_ref().and_then(|p| p.sources.as_ref());
        for (index, source) in sources.into_iter().flatten().enumerate() {
            if source.service_account_token.is_some() {
                let detail = "must not be specified when serviceAccountName is not set";
                let at = list.index(index);
                let at = at.child("serviceAccountToken");
                errors.push(FieldError::forbidden(&at, detail));
            }
        }
    }
}

impl Strategy for PodTemplate {
    fn default(&mut self) {
        default::template(self.template.get_or_insert_default());
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
        let changed = self.template != old.template;
        self.metadata.generation = old.metadata.generation.map(|g| g + i64::from(changed));
        Ok(())
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        if let Some(template) = &self.template {
            spec::template(template, &Path::new("template"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, _: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        if let Some(template) = &self.template {
            spec::template(template, &Path::new("template"), &mut errors);
        }
        errors
    }
}
