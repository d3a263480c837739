//! PodDisruptionBudget.
//!
//! Upstream: pkg/apis/policy/validation/validation.go,
//! pkg/registry/policy/poddisruptionbudget/strategy.go, v1.36.

use super::super::Strategy;
use super::super::rules::{Errors, meta, number, one_of, shown};
use super::super::workload::generation;
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::policy::v1::{
    PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus,
};

impl Strategy for PodDisruptionBudget {
    fn default(&mut self) {
        self.spec.get_or_insert_default();
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.status = Some(PodDisruptionBudgetStatus {
            current_healthy: Some(0),
            desired_healthy: Some(0),
            disruptions_allowed: Some(0),
            expected_pods: Some(0),
            ..PodDisruptionBudgetStatus::default()
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
        if let Some(spec) = &self.spec {
            budget_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }
}

fn budget_spec(spec: &PodDisruptionBudgetSpec, at: &Path<'_>, errors: &mut Errors) {
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        let value = format!(
            "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
            shown(&spec.min_available),
            shown(&spec.selector),
            shown(&spec.max_unavailable),
            shown(&spec.unhealthy_pod_eviction_policy)
        );
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(FieldError::invalid_value(at, value, detail));
    }
    for (field, amount) in [
        ("minAvailable", &spec.min_available),
        ("maxUnavailable", &spec.max_unavailable),
    ] {
        if let Some(amount) = amount {
            let at = at.child(field);
            number::int_or_percent(amount, &at, errors);
            number::at_most_all(amount, &at, errors);
        }
    }
    if let Some(selector) = &spec.selector {
        meta::label_selector(selector, &at.child("selector"), errors);
    }
    if let Some(policy) = &spec.unhealthy_pod_eviction_policy {
        let at = at.child("unhealthyPodEvictionPolicy");
        one_of(policy, &["AlwaysAllow", "IfHealthyBudget"], &at, errors);
    }
}
