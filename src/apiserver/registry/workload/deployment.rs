//! Deployment.
//!
//! Upstream: pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation/validation.go,
//! pkg/registry/apps/deployment/strategy.go, v1.36.

use super::super::Strategy;
use super::super::pod::default as pod_default;
use super::super::rules::name::NameRule;
use super::super::rules::{Errors, meta, number, text};
use super::{amount_or_zero, counts, generation};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

impl Strategy for Deployment {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        spec.progress_deadline_seconds.get_or_insert(600);
        let strategy = spec.strategy.get_or_insert_default();
        pod_default::set(&mut strategy.type_, "RollingUpdate");
        if strategy.type_.as_deref() == Some("RollingUpdate") {
            let rolling = strategy.rolling_update.get_or_insert_default();
            let quarter = || IntOrString::String("25%".to_owned());
            rolling.max_unavailable.get_or_insert_with(quarter);
            rolling.max_surge.get_or_insert_with(quarter);
        }
        pod_default::template(&mut spec.template);
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
        let changed =
            self.spec != old.spec || self.metadata.annotations != old.metadata.annotations;
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
            deployment_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        if let Some(spec) = &self.spec {
            deployment_spec(spec, &Path::new("spec"), &mut errors);
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

fn deployment_spec(spec: &DeploymentSpec, at: &Path<'_>, errors: &mut Errors) {
    number::non_negative(spec.replicas, &at.child("replicas"), errors);
    super::selector(&spec.selector, "deployment", &at.child("selector"), errors);
    super::template(
        &spec.selector,
        &spec.template,
        &at.child("template"),
        errors,
    );
    if let Some(given) = &spec.strategy {
        strategy(given, &at.child("strategy"), errors);
    }
    let deadline = spec.progress_deadline_seconds;
    let fields = [
        ("minReadySeconds", spec.min_ready_seconds),
        ("revisionHistoryLimit", spec.revision_history_limit),
        ("progressDeadlineSeconds", deadline),
    ];
    counts(&fields, at, errors);
    if let Some(deadline) = deadline.filter(|d| *d <= spec.min_ready_seconds.unwrap_or(0)) {
        let at = at.child("progressDeadlineSeconds");
        let detail = "must be greater than minReadySeconds";
        errors.push(FieldError::invalid_value(&at, deadline, detail));
    }
}

fn strategy(strategy: &DeploymentStrategy, at: &Path<'_>, errors: &mut Errors) {
    let of_rolling = at.child("rollingUpdate");
    match (text(strategy.type_.as_ref()), &strategy.rolling_update) {
        ("Recreate", Some(_)) => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(FieldError::forbidden(&of_rolling, detail));
        }
        ("Recreate", None) => {}
        ("RollingUpdate", Some(rolling)) => rolling_update(rolling, &of_rolling, errors),
        ("RollingUpdate", None) => {
            let detail = "this should be defaulted and never be nil";
            errors.push(FieldError::required(&of_rolling, detail));
        }
        (kind, rolling) => {
            let mut error = FieldError::not_supported(at, kind, &["Recreate", "RollingUpdate"]);
            error.value = super::strategy_shown(kind, rolling.as_ref());
            errors.push(error);
        }
    }
}

fn rolling_update(rolling: &RollingUpdateDeployment, at: &Path<'_>, errors: &mut Errors) {
    let unavailable = amount_or_zero(rolling.max_unavailable.as_ref());
    let surge = amount_or_zero(rolling.max_surge.as_ref());
    let of_unavailable = at.child("maxUnavailable");
    number::int_or_percent(&unavailable, &of_unavailable, errors);
    number::int_or_percent(&surge, &at.child("maxSurge"), errors);
    if number::is_none(&unavailable) && number::is_none(&surge) {
        let detail = "may not be 0 when `maxSurge` is 0";
        let value = number::shown(&unavailable);
        errors.push(FieldError::invalid_value(&of_unavailable, value, detail));
    }
    number::at_most_all(&unavailable, &of_unavailable, errors);
}
