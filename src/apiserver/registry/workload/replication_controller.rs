//! ReplicationController.
//!
//! Upstream: pkg/apis/core/v1/defaults.go, pkg/apis/core/validation/validation.go,
//! pkg/registry/core/replicationcontroller/strategy.go, v1.36.

use super::super::Strategy;
use super::super::pod::{default as pod_default, spec as pod_spec};
use super::super::rules::name::NameRule;
use super::super::rules::{Errors, meta, number, shown};
use super::generation;
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::api::selector::Selector;
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::core::v1::{ReplicationController, ReplicationControllerSpec};
use std::collections::BTreeMap;

fn is_empty(labels: Option<&BTreeMap<String, String>>) -> bool {
    labels.is_none_or(BTreeMap::is_empty)
}

impl Strategy for ReplicationController {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.replicas.get_or_insert(1);
        let Some(template) = spec.template.as_mut() else {
            return;
        };
        pod_default::template(template);
        let labels = template.metadata.as_ref().and_then(|m| m.labels.clone());
        if let Some(labels) = labels.filter(|labels| !labels.is_empty()) {
            if is_empty(spec.selector.as_ref()) {
                spec.selector = Some(labels.clone());
            }
            if is_empty(self.metadata.labels.as_ref()) {
                self.metadata.labels = Some(labels);
            }
        }
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.status = Some(Default::default());
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
        if let Some(spec) = &self.spec {
            controller_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, _: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        if let Some(spec) = &self.spec {
            controller_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }
}

fn controller_spec(spec: &ReplicationControllerSpec, at: &Path<'_>, errors: &mut Errors) {
    number::non_negative(spec.min_ready_seconds, &at.child("minReadySeconds"), errors);
    let selector = spec.selector.as_ref();
    if is_empty(selector) {
        errors.push(FieldError::required(&at.child("selector"), ""));
    }
    number::non_negative(spec.replicas, &at.child("replicas"), errors);
    let at = at.child("template");
    let Some(template) = &spec.template else {
        errors.push(FieldError::required(&at, ""));
        return;
    };
    let labels = template.metadata.as_ref().and_then(|m| m.labels.as_ref());
    let none = BTreeMap::new();
    let selected = Selector::from_map(selector.unwrap_or(&none));
    if !is_empty(selector) && !selected.matches(labels.unwrap_or(&none)) {
        let at = at.child("metadata");
        let detail = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid_value(
            &at.child("labels"),
            shown(&labels),
            detail,
        ));
    }
    pod_spec::template(template, &at, errors);
    super::lasting(template, "ReplicationController", &at, errors);
}
