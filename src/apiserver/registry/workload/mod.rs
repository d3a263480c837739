//! The kinds that keep Pods of one template: what they have in common.
//!
//! Upstream: pkg/apis/apps/validation/validation.go, v1.36.

mod daemon_set;
mod deployment;
mod replica_set;
mod replication_controller;
mod revision;
mod stateful_set;

use super::pod::spec as pod_spec;
use super::rules::{Errors, immutable, meta, number, one_of, shown, text};
use crate::api::codec;
use crate::api::field::{FieldError, Path};
use crate::api::selector::Selector;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;
use serde_json::Value;

fn is_missing(selector: &LabelSelector) -> bool {
    *selector == LabelSelector::default()
}

/// Refuses a missing or empty selector, and one that is wrong in itself.
fn selector(selector: &LabelSelector, of: &str, at: &Path<'_>, errors: &mut Errors) {
    if is_missing(selector) {
        errors.push(FieldError::required(at, ""));
        return;
    }
    meta::label_selector(selector, at, errors);
    empty_selector(selector, of, at, errors);
}

fn empty_selector(selector: &LabelSelector, of: &str, at: &Path<'_>, errors: &mut Errors) {
    if meta::selects_all(selector) {
        let detail = format!("empty selector is invalid for {of}");
        errors.push(FieldError::invalid_value(at, "{}", detail));
    }
}

/// Refuses a template whose labels the selector does not match.
pub fn template_labels(
    selector: &LabelSelector,
    template: &PodTemplateSpec,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let missing = is_missing(selector);
    if !missing && meta::selects_all(selector) {
        return;
    }
    let compiled = match missing {
        true => Ok(Selector::nothing()),
        false => Selector::from_label_selector(Some(selector)),
    };
    let Ok(compiled) = compiled else { return };
    let labels = template.metadata.as_ref().and_then(|m| m.labels.as_ref());
    if !compiled.matches(labels.unwrap_or(&Default::default())) {
        let at = at.child("metadata");
        let detail = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid_value(
            &at.child("labels"),
            shown(&labels),
            detail,
        ));
    }
}

/// Refuses Pods that end: the workload starts them again.
pub fn lasting(template: &PodTemplateSpec, of: &str, at: &Path<'_>, errors: &mut Errors) {
    let at = at.child("spec");
    let spec = template.spec.as_ref();
    let restart = spec.map_or("", |spec| text(spec.restart_policy.as_ref()));
    one_of(restart, &["Always"], &at.child("restartPolicy"), errors);
    if spec.is_some_and(|spec| spec.active_deadline_seconds.is_some()) {
        let detail = format!("activeDeadlineSeconds in {of} is not Supported");
        errors.push(FieldError::forbidden(
            &at.child("activeDeadlineSeconds"),
            detail,
        ));
    }
}

/// The template of a ReplicaSet or a Deployment.
fn template(
    selector: &LabelSelector,
    template: &PodTemplateSpec,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    template_labels(selector, template, at, errors);
    pod_spec::template(template, at, errors);
    lasting(template, "ReplicaSet", at, errors);
}

/// Refuses a change of the selector.
fn same_selector(new: Option<&LabelSelector>, old: Option<&LabelSelector>, errors: &mut Errors) {
    let spec = Path::new("spec");
    immutable(&new, &old, &spec.child("selector"), errors);
}

/// A strategy as the API server shows it: its internal type, whose fields have Go's names.
fn strategy_shown<T: Serialize>(kind: &str, rolling: Option<&T>) -> String {
    let rolling = match codec::to_value(&rolling) {
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| {
                    let (first, rest) = name.split_at(1);
                    format!("\"{}{rest}\":{value}", first.to_uppercase())
                })
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        _ => "null".to_owned(),
    };
    format!("{{\"Type\":{kind:?},\"RollingUpdate\":{rolling}}}")
}

fn amount_or_zero(amount: Option<&IntOrString>) -> IntOrString {
    amount.cloned().unwrap_or(IntOrString::Int(0))
}

/// The generation after a change, or the old one.
pub fn generation(old: Option<i64>, changed: bool) -> Option<i64> {
    old.map(|generation| generation + i64::from(changed))
}

fn counts(fields: &[(&str, Option<i32>)], at: &Path<'_>, errors: &mut Errors) {
    for (field, count) in fields {
        number::non_negative(*count, &at.child(field), errors);
    }
}
