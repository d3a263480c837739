//! Namespace.
//!
//! Upstream: pkg/apis/core/v1/defaults.go, pkg/registry/core/namespace/strategy.go, v1.36.

use super::Strategy;
use super::rules::name::{NameRule, qualified_name};
use super::rules::{Errors, meta, refuse};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::core::v1::{Namespace, NamespaceStatus};

impl Strategy for Namespace {
    fn default(&mut self) {
        let name = self.name().to_owned();
        if !name.is_empty() {
            let labels = self.metadata.labels.get_or_insert_default();
            labels.insert("kubernetes.io/metadata.name".to_owned(), name);
        }
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
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, false, NameRule::Label, &mut errors);
        let spec = Path::new("spec");
        let at = spec.child("finalizers");
        let finalizers = self.spec.as_ref().and_then(|spec| spec.finalizers.as_ref());
        for finalizer in finalizers.into_iter().flatten() {
            refuse(qualified_name(finalizer), finalizer, &at, &mut errors);
            meta::finalizer(finalizer, &at, &mut errors);
        }
        errors
    }

    fn validate_update(&self, _: &Self) -> Vec<FieldError> {
        Vec::new()
    }
}
