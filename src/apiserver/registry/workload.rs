//! Deployment and ReplicaSet: defaults, generations, validation.
//!
//! Upstream: pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation/validation.go,
//! pkg/registry/apps/{deployment,replicaset}/strategy.go, v1.36.

use super::meta::{self, NameRule};
use super::{Strategy, pod_default, pod_validate};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::api::selector::Selector;
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

impl Strategy for Deployment {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        spec.progress_deadline_seconds.get_or_insert(600);
        let strategy = spec.strategy.get_or_insert_default();
        if strategy.type_.as_deref().unwrap_or_default().is_empty() {
            strategy.type_ = Some("RollingUpdate".to_owned());
        }
        if strategy.type_.as_deref() == Some("RollingUpdate") {
            let rolling = strategy.rolling_update.get_or_insert_default();
            let quarter = || IntOrString::String("25%".to_owned());
            rolling.max_unavailable.get_or_insert_with(quarter);
            rolling.max_surge.get_or_insert_with(quarter);
        }
        pod_default::pod_spec(spec.template.spec.get_or_insert_default());
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
        self.metadata.generation = old.metadata.generation.map(|g| g + i64::from(changed));
        Ok(())
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.clone_from(&old.metadata);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = meta::object_meta(&self.metadata, true, NameRule::Subdomain);
        if let Some(spec) = &self.spec {
            errors.extend(deployment_spec(spec, &Path::new("spec")));
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = meta::object_meta_update(&self.metadata, &old.metadata);
        errors.extend(self.validate());
        let selector = |d: &Self| d.spec.as_ref().map(|spec| spec.selector.clone());
        errors.extend(immutable_selector(selector(self), selector(old)));
        errors
    }
}

impl Strategy for ReplicaSet {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        spec.replicas.get_or_insert(1);
        if let Some(template) = spec.template.as_mut() {
            pod_default::pod_spec(template.spec.get_or_insert_default());
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
        self.metadata.generation = old.metadata.generation.map(|g| g + i64::from(changed));
        Ok(())
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.clone_from(&old.metadata);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = meta::object_meta(&self.metadata, true, NameRule::Subdomain);
        let Some(spec) = &self.spec else {
            return errors;
        };
        let path = Path::new("spec");
        errors.extend(non_negative(spec.replicas, &path.child("replicas")));
        errors.extend(non_negative(
            spec.min_ready_seconds,
            &path.child("minReadySeconds"),
        ));
        errors.extend(required_selector(&spec.selector, &path.child("selector")));
        match &spec.template {
            Some(template) => errors.extend(pod_template(template, &spec.selector, &path)),
            None => errors.push(FieldError::required(&path.child("template"), "")),
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = meta::object_meta_update(&self.metadata, &old.metadata);
        errors.extend(self.validate());
        let selector = |r: &Self| r.spec.as_ref().map(|spec| spec.selector.clone());
        errors.extend(immutable_selector(selector(self), selector(old)));
        errors
    }
}

fn non_negative(number: Option<i32>, path: &Path) -> Vec<FieldError> {
    match number {
        Some(n) if n < 0 => {
            let detail = "must be greater than or equal to 0";
            vec![FieldError::invalid_value(path, n, detail)]
        }
        _ => Vec::new(),
    }
}

fn is_empty(selector: &LabelSelector) -> bool {
    selector
        .match_labels
        .as_ref()
        .is_none_or(std::collections::BTreeMap::is_empty)
        && selector
            .match_expressions
            .as_ref()
            .is_none_or(Vec::is_empty)
}

fn required_selector(selector: &LabelSelector, path: &Path) -> Vec<FieldError> {
    if *selector == LabelSelector::default() {
        return vec![FieldError::required(path, "")];
    }
    if is_empty(selector) {
        let detail = "empty selector is invalid for deployment";
        return vec![FieldError::invalid_value(path, "{}", detail)];
    }
    meta::label_selector(selector, path)
}

fn immutable_selector(new: Option<LabelSelector>, old: Option<LabelSelector>) -> Vec<FieldError> {
    match (new, old) {
        (Some(new), Some(old)) if new != old => {
            let json = crate::api::codec::to_value(&new).to_string();
            let path = Path::new("spec").child("selector");
            vec![FieldError::invalid_value(&path, json, "field is immutable")]
        }
        _ => Vec::new(),
    }
}

fn deployment_spec(spec: &DeploymentSpec, path: &Path) -> Vec<FieldError> {
    let mut errors = non_negative(spec.replicas, &path.child("replicas"));
    errors.extend(required_selector(&spec.selector, &path.child("selector")));
    errors.extend(pod_template(&spec.template, &spec.selector, path));
    errors.extend(deployment_strategy(spec, &path.child("strategy")));
    errors.extend(non_negative(
        spec.min_ready_seconds,
        &path.child("minReadySeconds"),
    ));
    errors.extend(non_negative(
        spec.revision_history_limit,
        &path.child("revisionHistoryLimit"),
    ));
    let deadline = spec.progress_deadline_seconds;
    errors.extend(non_negative(
        deadline,
        &path.child("progressDeadlineSeconds"),
    ));
    if let (Some(deadline), ready) = (deadline, spec.min_ready_seconds.unwrap_or(0))
        && deadline <= ready
    {
        let path = path.child("progressDeadlineSeconds");
        let detail = "must be greater than minReadySeconds";
        errors.push(FieldError::invalid_value(&path, deadline, detail));
    }
    errors
}

fn pod_template(
    template: &PodTemplateSpec,
    selector: &LabelSelector,
    spec_path: &Path,
) -> Vec<FieldError> {
    let path = spec_path.child("template");
    let mut errors = Vec::new();
    let labels = template.metadata.as_ref().and_then(|m| m.labels.as_ref());
    let missing = *selector == LabelSelector::default();
    let given = (!missing).then_some(selector);
    if (missing || !is_empty(selector))
        && let Ok(compiled) = Selector::from_label_selector(given)
        && !compiled.matches(labels.unwrap_or(&Default::default()))
    {
        let shown = go_map(labels);
        let at = path.child("metadata").child("labels");
        let detail = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid_value(&at, shown, detail));
    }
    errors.extend(meta::labels(
        labels,
        &path.child("metadata").child("labels"),
    ));
    let empty = Default::default();
    let pod_spec = template.spec.as_ref().unwrap_or(&empty);
    let at = path.child("spec");
    errors.extend(pod_validate::pod_spec(pod_spec, &at));
    let policy = pod_spec.restart_policy.as_deref().unwrap_or_default();
    if matches!(policy, "OnFailure" | "Never") {
        let at = at.child("restartPolicy");
        errors.push(FieldError::not_supported(&at, policy, &["Always"]));
    }
    errors
}

/// Labels as the API server's messages show a map.
fn go_map(labels: Option<&std::collections::BTreeMap<String, String>>) -> String {
    match labels {
        None => "null".to_owned(),
        Some(labels) => crate::api::codec::to_value(labels).to_string(),
    }
}

fn deployment_strategy(spec: &DeploymentSpec, path: &Path) -> Vec<FieldError> {
    let Some(strategy) = &spec.strategy else {
        return Vec::new();
    };
    match strategy.type_.as_deref().unwrap_or_default() {
        "Recreate" if strategy.rolling_update.is_some() => vec![FieldError::forbidden(
            &path.child("rollingUpdate"),
            "may not be specified when strategy `type` is 'Recreate'",
        )],
        "Recreate" => Vec::new(),
        "RollingUpdate" => match &strategy.rolling_update {
            Some(rolling) => rolling_update(rolling, &path.child("rollingUpdate")),
            None => vec![FieldError::required(
                &path.child("rollingUpdate"),
                "this should be defaulted and never be nil",
            )],
        },
        other => vec![FieldError::not_supported(
            &path.child("type"),
            other,
            &["Recreate", "RollingUpdate"],
        )],
    }
}

fn rolling_update(rolling: &RollingUpdateDeployment, path: &Path) -> Vec<FieldError> {
    let (unavailable, surge) = (path.child("maxUnavailable"), path.child("maxSurge"));
    let mut errors = positive_or_percent(rolling.max_unavailable.as_ref(), &unavailable);
    errors.extend(positive_or_percent(rolling.max_surge.as_ref(), &surge));
    if !errors.is_empty() {
        return errors;
    }
    let is_zero = |value: Option<&IntOrString>| match value {
        Some(IntOrString::Int(n)) => *n == 0,
        Some(IntOrString::String(s)) => s == "0%",
        None => true,
    };
    if is_zero(rolling.max_unavailable.as_ref()) && is_zero(rolling.max_surge.as_ref()) {
        let detail = "may not be 0 when `maxSurge` is 0";
        errors.push(FieldError::invalid_value(
            &unavailable,
            shown(rolling.max_unavailable.as_ref()),
            detail,
        ));
    }
    if let Some(IntOrString::String(s)) = &rolling.max_unavailable
        && s.strip_suffix('%')
            .and_then(|n| n.parse::<i32>().ok())
            .is_some_and(|n| n > 100)
    {
        errors.push(FieldError::invalid(
            &unavailable,
            s,
            "must not be greater than 100%",
        ));
    }
    errors
}

fn shown(value: Option<&IntOrString>) -> String {
    match value {
        Some(IntOrString::Int(n)) => n.to_string(),
        Some(IntOrString::String(s)) => format!("{s:?}"),
        None => "null".to_owned(),
    }
}

fn positive_or_percent(value: Option<&IntOrString>, path: &Path) -> Vec<FieldError> {
    match value {
        Some(IntOrString::Int(n)) => non_negative(Some(*n), path),
        Some(IntOrString::String(text)) => {
            let digits = text.strip_suffix('%').unwrap_or_default();
            match !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
                true => Vec::new(),
                false => vec![FieldError::invalid(
                    path,
                    text,
                    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
                )],
            }
        }
        None => Vec::new(),
    }
}
