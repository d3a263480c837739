//! ReplicaSet.
//!
//! Upstream: pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation/validation.go,
//! pkg/registry/apps/replicaset/strategy.go, v1.36.

use super::super::Strategy;
use super::super::pod::default as pod_default;
use super::super::rules::name::NameRule;
use super::super::rules::{Errors, meta};
use super::{counts, generation};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetSpec};

impl Strategy for ReplicaSet {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.replicas.get_or_insert(1);
        pod_default::template(spec.template.get_or_insert_default());
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
            replica_set_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        if let Some(spec) = &self.spec {
            replica_set_spec(spec, &Path::new("spec"), &mut errors);
        }
        let (new, old) = (self.spec.as_ref(), old.spec.as_ref());
        super::same_selector(
            new.map(|s| &s.selector),
            old.map(|s| &s.selector),
            &mut errors,
        );
        errors
    }
}

fn replica_set_spec(spec: &ReplicaSetSpec, at: &Path<'_>, errors: &mut Errors) {
    let fields = [
        ("replicas", spec.replicas),
        ("minReadySeconds", spec.min_ready_seconds),
    ];
    counts(&fields, at, errors);
    super::selector(&spec.selector, "deployment", &at.child("selector"), errors);
    if let Some(template) = &spec.template {
        super::template(&spec.selector, template, &at.child("template"), errors);
    }
}
