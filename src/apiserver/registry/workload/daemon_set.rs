//! DaemonSet.
//!
//! Upstream: pkg/apis/apps/v1/{defaults,conversion}.go, pkg/apis/apps/validation/validation.go,
//! pkg/registry/apps/daemonset/strategy.go, v1.36.

use super::super::Strategy;
use super::super::pod::{default as pod_default, spec as pod_spec};
use super::super::rules::name::NameRule;
use super::super::rules::{Errors, meta, number, text};
use super::{amount_or_zero, counts, generation};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::apps::v1::{
    DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy, RollingUpdateDaemonSet,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

impl Strategy for DaemonSet {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        let strategy = spec.update_strategy.get_or_insert_default();
        pod_default::set(&mut strategy.type_, "RollingUpdate");
        if strategy.type_.as_deref() == Some("RollingUpdate") {
            let rolling = strategy.rolling_update.get_or_insert_default();
            rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
            rolling.max_surge.get_or_insert(IntOrString::Int(0));
        }
        spec.revision_history_limit.get_or_insert(10);
        pod_default::template(&mut spec.template);
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.status = Some(Default::default());
        self.metadata.generation = Some(1);
        set_template_generation(self, 1);
        Ok(())
    }

    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        self.status.clone_from(&old.status);
        let template = |set: &Self| set.spec.as_ref().map(|spec| spec.template.clone());
        let changed = template(self) != template(old);
        set_template_generation(self, template_generation(old) + i64::from(changed));
        self.metadata.generation = generation(old.metadata.generation, self.spec != old.spec);
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
            daemon_set_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        if let Some(spec) = &self.spec {
            daemon_set_spec(spec, &Path::new("spec"), &mut errors);
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

fn template_generation(set: &DaemonSet) -> i64 {
    let annotations = set.metadata.annotations.as_ref();
    let given = annotations.and_then(|all| all.get(TEMPLATE_GENERATION));
    given.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn set_template_generation(set: &mut DaemonSet, generation: i64) {
    let annotations = set.metadata.annotations.get_or_insert_default();
    annotations.insert(TEMPLATE_GENERATION.to_owned(), generation.to_string());
}

fn daemon_set_spec(spec: &DaemonSetSpec, at: &Path<'_>, errors: &mut Errors) {
    let of_selector = at.child("selector");
    meta::label_selector(&spec.selector, &of_selector, errors);
    super::template_labels(
        &spec.selector,
        &spec.template,
        &at.child("template"),
        errors,
    );
    if !super::is_missing(&spec.selector) {
        super::empty_selector(&spec.selector, "daemonset", &of_selector, errors);
    }
    pod_spec::template(&spec.template, &at.child("template"), errors);
    super::lasting(&spec.template, "DaemonSet", &at.child("template"), errors);
    number::non_negative(spec.min_ready_seconds, &at.child("minReadySeconds"), errors);
    let strategy = spec.update_strategy.clone().unwrap_or_default();
    update_strategy(&strategy, &at.child("updateStrategy"), errors);
    let fields = [("revisionHistoryLimit", spec.revision_history_limit)];
    counts(&fields, at, errors);
}

fn update_strategy(strategy: &DaemonSetUpdateStrategy, at: &Path<'_>, errors: &mut Errors) {
    let of_rolling = at.child("rollingUpdate");
    match (text(strategy.type_.as_ref()), &strategy.rolling_update) {
        ("OnDelete", _) => {}
        ("RollingUpdate", Some(rolling)) => rolling_update(rolling, &of_rolling, errors),
        ("RollingUpdate", None) => errors.push(FieldError::required(&of_rolling, "")),
        (kind, rolling) => {
            let mut error = FieldError::not_supported(at, kind, &["RollingUpdate", "OnDelete"]);
            error.value = super::strategy_shown(kind, rolling.as_ref());
            errors.push(error);
        }
    }
}

fn rolling_update(rolling: &RollingUpdateDaemonSet, at: &Path<'_>, errors: &mut Errors) {
    let unavailable = amount_or_zero(rolling.max_unavailable.as_ref());
    let surge = amount_or_zero(rolling.max_surge.as_ref());
    let (of_unavailable, of_surge) = (at.child("maxUnavailable"), at.child("maxSurge"));
    number::int_or_percent(&unavailable, &of_unavailable, errors);
    number::int_or_percent(&surge, &of_surge, errors);
    number::at_most_all(&unavailable, &of_unavailable, errors);
    number::at_most_all(&surge, &of_surge, errors);
    match (number::is_none(&unavailable), number::is_none(&surge)) {
        (false, false) => {
            let detail = "may not be set when maxUnavailable is non-zero";
            let value = number::shown(&surge);
            errors.push(FieldError::invalid_value(&of_surge, value, detail));
        }
        (true, true) => {
            let detail = "cannot be 0 when maxSurge is 0";
            errors.push(FieldError::required(&of_unavailable, detail));
        }
        _ => {}
    }
}
