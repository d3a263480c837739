//! HorizontalPodAutoscaler, version autoscaling/v2.
//!
//! Upstream: pkg/apis/autoscaling/v2/defaults.go, pkg/apis/autoscaling/validation/validation.go,
//! pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go, v1.36. Left out: autoscaling/v1,
//! which is another form of the same objects; scaling to zero, which is behind a gate that is off.

use super::super::Strategy;
use super::super::pod::default::set;
use super::super::rules::name::{NameRule, dns_label, path_segment};
use super::super::rules::{Errors, meta, one_of, refuse, resource};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::api::quantity;
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler,
    HorizontalPodAutoscalerSpec, MetricIdentifier, MetricSpec, MetricTarget, ResourceMetricSource,
};

const TYPES: [&str; 5] = [
    "ContainerResource",
    "External",
    "Object",
    "Pods",
    "Resource",
];
const POPULATE: &str = "must populate information for the given metric source";

impl Strategy for HorizontalPodAutoscaler {
    fn default(&mut self) {
        let spec = &mut self.spec;
        spec.min_replicas.get_or_insert(1);
        if spec.metrics.as_ref().is_none_or(Vec::is_empty) {
            spec.metrics = Some(vec![of_cpu(80)]);
        }
        if let Some(behavior) = spec.behavior.as_mut() {
            let up = [("Pods", 4, 15), ("Percent", 100, 15)];
            default_rules(behavior.scale_up.get_or_insert_default(), Some(0), &up);
            let down = [("Percent", 100, 15)];
            default_rules(behavior.scale_down.get_or_insert_default(), None, &down);
        }
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.status = Some(Default::default());
        Ok(())
    }

    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        self.status.clone_from(&old.status);
        Ok(())
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.clone_from(&old.metadata);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        autoscaler_spec(&self.spec, &Path::new("spec"), &mut errors);
        errors
    }

    fn validate_update(&self, _: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        autoscaler_spec(&self.spec, &Path::new("spec"), &mut errors);
        errors
    }
}

fn of_cpu(percent: i32) -> MetricSpec {
    MetricSpec {
        type_: "Resource".to_owned(),
        resource: Some(ResourceMetricSource {
            name: "cpu".to_owned(),
            target: MetricTarget {
                type_: "Utilization".to_owned(),
                average_utilization: Some(percent),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    }
}

fn default_rules(rules: &mut HPAScalingRules, window: Option<i32>, policies: &[(&str, i32, i32)]) {
    if let Some(window) = window {
        rules.stabilization_window_seconds.get_or_insert(window);
    }
    set(&mut rules.select_policy, "Max");
    if rules.policies.as_ref().is_none_or(Vec::is_empty) {
        let policy = |(kind, value, period): &(&str, i32, i32)| HPAScalingPolicy {
            type_: (*kind).to_owned(),
            value: *value,
            period_seconds: *period,
        };
        rules.policies = Some(policies.iter().map(policy).collect());
    }
}

fn autoscaler_spec(spec: &HorizontalPodAutoscalerSpec, at: &Path<'_>, errors: &mut Errors) {
    let of_max = at.child("maxReplicas");
    if let Some(min) = spec.min_replicas.filter(|min| *min < 1) {
        let detail = "must be greater than or equal to 1";
        errors.push(FieldError::invalid_value(
            &at.child("minReplicas"),
            min,
            detail,
        ));
    }
    if spec.max_replicas < 1 {
        let detail = "must be greater than 0";
        errors.push(FieldError::invalid_value(
            &of_max,
            spec.max_replicas,
            detail,
        ));
    }
    if spec.min_replicas.is_some_and(|min| spec.max_replicas < min) {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid_value(
            &of_max,
            spec.max_replicas,
            detail,
        ));
    }
    reference(&spec.scale_target_ref, &at.child("scaleTargetRef"), errors);
    let list = at.child("metrics");
    for (index, given) in spec.metrics.iter().flatten().enumerate() {
        metric(given, &list.index(index), errors);
    }
    if let Some(behavior) = &spec.behavior {
        let at = at.child("behavior");
        for (field, rules) in [
            ("scaleUp", &behavior.scale_up),
            ("scaleDown", &behavior.scale_down),
        ] {
            if let Some(rules) = rules {
                scaling_rules(rules, &at.child(field), errors);
            }
        }
    }
}

fn reference(target: &CrossVersionObjectReference, at: &Path<'_>, errors: &mut Errors) {
    for (field, value) in [("kind", &target.kind), ("name", &target.name)] {
        match value.as_str() {
            "" => errors.push(FieldError::required(&at.child(field), "")),
            value => refuse(path_segment(value), value, &at.child(field), errors),
        }
    }
}

fn scaling_rules(rules: &HPAScalingRules, at: &Path<'_>, errors: &mut Errors) {
    if let Some(seconds) = rules.stabilization_window_seconds {
        let detail = match seconds {
            ..0 => Some("must be greater than or equal to zero"),
            3_601.. => Some("must be less than or equal to 3600"),
            _ => None,
        };
        if let Some(detail) = detail {
            let at = at.child("stabilizationWindowSeconds");
            errors.push(FieldError::invalid_value(&at, seconds, detail));
        }
    }
    if let Some(policy) = &rules.select_policy {
        one_of(
            policy,
            &["Disabled", "Max", "Min"],
            &at.child("selectPolicy"),
            errors,
        );
    }
    let policies = rules.policies.as_deref().unwrap_or_default();
    let list = at.child("policies");
    if policies.is_empty() {
        let detail = "must specify at least one Policy";
        errors.push(FieldError::required(&list, detail));
    }
    for (index, policy) in policies.iter().enumerate() {
        scaling_policy(policy, &list.index(index), errors);
    }
    if let Some(tolerance) = rules
        .tolerance
        .as_ref()
        .filter(|t| quantity::milli_value(t) < 0)
    {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(
            &at.child("tolerance"),
            &tolerance.0,
            detail,
        ));
    }
}

fn scaling_policy(policy: &HPAScalingPolicy, at: &Path<'_>, errors: &mut Errors) {
    let (of_type, of_value) = (at.child("type"), at.child("value"));
    one_of(&policy.type_, &["Percent", "Pods"], &of_type, errors);
    let of_period = at.child("periodSeconds");
    let zero = "must be greater than zero";
    if policy.value <= 0 {
        errors.push(FieldError::invalid_value(&of_value, policy.value, zero));
    }
    let seconds = policy.period_seconds;
    if seconds <= 0 {
        errors.push(FieldError::invalid_value(&of_period, seconds, zero));
    }
    if seconds > 1_800 {
        let detail = "must be less than or equal to 1800";
        errors.push(FieldError::invalid_value(&of_period, seconds, detail));
    }
}

fn metric(spec: &MetricSpec, at: &Path<'_>, errors: &mut Errors) {
    let of_type = at.child("type");
    if spec.type_.is_empty() {
        let detail = "must specify a metric source type";
        errors.push(FieldError::required(&of_type, detail));
    }
    one_of(&spec.type_, &TYPES, &of_type, errors);
    let given = [
        ("object", "Object", spec.object.is_some()),
        ("external", "External", spec.external.is_some()),
        ("pods", "Pods", spec.pods.is_some()),
        ("resource", "Resource", spec.resource.is_some()),
        (
            "containerResource",
            "ContainerResource",
            spec.container_resource.is_some(),
        ),
    ];
    let first = given
        .iter()
        .find(|(_, _, given)| *given)
        .map(|(field, _, _)| *field);
    if let Some(field) = first {
        metric_source(spec, field, &at.child(field), errors);
    }
    let expected = given.iter().find(|(_, kind, _)| *kind == spec.type_);
    match expected {
        Some((field, _, false)) => errors.push(FieldError::required(&at.child(field), POPULATE)),
        Some(_) => {}
        None => one_of(&spec.type_, &TYPES, &of_type, errors),
    }
    if given.iter().filter(|(_, _, given)| *given).count() != 1 {
        for (field, kind, is_given) in given {
            if is_given && kind != spec.type_ {
                let detail = "must populate the given metric source only";
                errors.push(FieldError::forbidden(&at.child(field), detail));
            }
        }
    }
}

fn metric_source(spec: &MetricSpec, field: &str, at: &Path<'_>, errors: &mut Errors) {
    let of_target = at.child("target");
    let of_average = of_target.child("averageValue");
    let neither = |t: &MetricTarget| t.value.is_none() && t.average_value.is_none();
    match field {
        "object" => {
            let Some(source) = &spec.object else { return };
            reference(
                &source.described_object,
                &at.child("describedObject"),
                errors,
            );
            identifier(&source.metric, &at.child("metric"), errors);
            target(&source.target, &of_target, errors);
            if neither(&source.target) {
                let detail = "must set either a target value or averageValue";
                errors.push(FieldError::required(&of_average, detail));
            }
        }
        "external" => {
            let Some(source) = &spec.external else { return };
            identifier(&source.metric, &at.child("metric"), errors);
            target(&source.target, &of_target, errors);
            if neither(&source.target) {
                let detail = "must set either a target value for metric or a per-pod target";
                errors.push(FieldError::required(&of_average, detail));
            }
            if source.target.value.is_some() && source.target.average_value.is_some() {
                let detail = "may not set both a target value for metric and a per-pod target";
                errors.push(FieldError::forbidden(&of_target.child("value"), detail));
            }
        }
        "pods" => {
            let Some(source) = &spec.pods else { return };
            identifier(&source.metric, &at.child("metric"), errors);
            target(&source.target, &of_target, errors);
            if source.target.average_value.is_none() {
                let detail = "must specify a positive target averageValue";
                errors.push(FieldError::required(&of_average, detail));
            }
        }
        "resource" => {
            let Some(source) = &spec.resource else { return };
            resource_name(&source.name, at, errors);
            resource_target(&source.target, &of_target, errors);
        }
        _ => {
            let Some(source) = &spec.container_resource else {
                return;
            };
            if resource_name(&source.name, at, errors) {
                resource::container_resource_name(&source.name, &at.child("name"), errors);
            }
            let of_container = at.child("container");
            match source.container.as_str() {
                "" => errors.push(FieldError::required(
                    &of_container,
                    "must specify a container",
                )),
                name => refuse(dns_label(name), name, &of_container, errors),
            }
            resource_target(&source.target, &of_target, errors);
        }
    }
}

fn resource_name(name: &str, at: &Path<'_>, errors: &mut Errors) -> bool {
    if name.is_empty() {
        let detail = "must specify a resource name";
        errors.push(FieldError::required(&at.child("name"), detail));
    }
    !name.is_empty()
}

fn resource_target(given: &MetricTarget, at: &Path<'_>, errors: &mut Errors) {
    target(given, at, errors);
    match (given.average_utilization, &given.average_value) {
        (None, None) => {
            let detail = "must set either a target raw value or a target utilization";
            errors.push(FieldError::required(
                &at.child("averageUtilization"),
                detail,
            ));
        }
        (Some(_), Some(_)) => {
            let detail = "may not set both a target raw value and a target utilization";
            errors.push(FieldError::forbidden(&at.child("averageValue"), detail));
        }
        _ => {}
    }
}

fn target(target: &MetricTarget, at: &Path<'_>, errors: &mut Errors) {
    let of_type = at.child("type");
    if target.type_.is_empty() {
        let detail = "must specify a metric target type";
        errors.push(FieldError::required(&of_type, detail));
    }
    if !matches!(
        target.type_.as_str(),
        "Utilization" | "Value" | "AverageValue"
    ) {
        let detail = "must be either Utilization, Value, or AverageValue";
        errors.push(FieldError::invalid(&of_type, &target.type_, detail));
    }
    for (field, amount) in [
        ("value", &target.value),
        ("averageValue", &target.average_value),
    ] {
        if let Some(amount) = amount.as_ref().filter(|a| quantity::milli_value(a) <= 0) {
            errors.push(FieldError::invalid(
                &at.child(field),
                &amount.0,
                "must be positive",
            ));
        }
    }
    if let Some(percent) = target.average_utilization.filter(|percent| *percent < 1) {
        let at = at.child("averageUtilization");
        errors.push(FieldError::invalid_value(
            &at,
            percent,
            "must be greater than 0",
        ));
    }
}

fn identifier(metric: &MetricIdentifier, at: &Path<'_>, errors: &mut Errors) {
    let at = at.child("name");
    match metric.name.as_str() {
        "" => errors.push(FieldError::required(&at, "must specify a metric name")),
        name => refuse(path_segment(name), name, &at, errors),
    }
}
