//! Job: defaults, the selector that the server makes, validation.
//!
//! Upstream: pkg/apis/batch/v1/defaults.go, pkg/apis/batch/validation/validation.go,
//! pkg/registry/batch/job/strategy.go, v1.36. Left out: the checks of a status, which only the Job
//! controller writes.

use super::super::Strategy;
use super::super::pod::{default as pod_default, spec as pod_spec};
use super::super::rules::name::{NameRule, dns_label, domain_prefixed_path};
use super::super::rules::{Errors, immutable, meta, number, one_of, shown, text};
use super::super::workload::{self, generation};
use super::policy;
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::api::selector::Selector;
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use crate::sim::order::map_of;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use std::collections::BTreeMap;

const NAMES: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
const UIDS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];
const INDEXES_MAX: i32 = 100_000;

impl Strategy for Job {
    fn default(&mut self) {
        let generated = generated_labels(self);
        let spec = self.spec.get_or_insert_default();
        match (spec.completions, spec.parallelism) {
            (None, None) => {
                spec.completions = Some(1);
                spec.parallelism = Some(1);
            }
            (_, None) => spec.parallelism = Some(1),
            _ => {}
        }
        let unlimited = spec.backoff_limit_per_index.is_some();
        let limit = if unlimited { i32::MAX } else { 6 };
        spec.backoff_limit.get_or_insert(limit);
        spec.completion_mode
            .get_or_insert_with(|| "NonIndexed".to_owned());
        spec.suspend.get_or_insert(false);
        let replacement = match spec.pod_failure_policy {
            Some(_) => "Failed",
            None => "TerminatingOrFailed",
        };
        spec.pod_replacement_policy
            .get_or_insert_with(|| replacement.to_owned());
        spec.manual_selector.get_or_insert(false);
        policy::default(spec.pod_failure_policy.as_mut());
        pod_default::template(&mut spec.template);
        let labels = labels_of(&spec.template).cloned().unwrap_or_default();
        let manual = spec.manual_selector == Some(true);
        if self.metadata.labels.as_ref().is_none_or(BTreeMap::is_empty) {
            // The Job's labels are its template's, with those that are generated below: upstream
            // defaults them again when it reads what it has stored.
            let mut own = labels;
            for (key, value) in generated.into_iter().filter(|_| !manual) {
                own.entry(key).or_insert(value);
            }
            self.metadata.labels = Some(own).filter(|own| !own.is_empty());
        }
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        let generated = generated_labels(self);
        let uid = self.uid().to_owned();
        self.status = Some(Default::default());
        self.metadata.generation = Some(1);
        let spec = self.spec.get_or_insert_default();
        if spec.manual_selector != Some(true) {
            let metadata = spec.template.metadata.get_or_insert_default();
            let labels = metadata.labels.get_or_insert_default();
            for (key, value) in generated {
                labels.entry(key).or_insert(value);
            }
            let selector = spec.selector.get_or_insert_default();
            let labels = selector.match_labels.get_or_insert_default();
            labels.entry(UIDS[1].to_owned()).or_insert(uid);
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
        let Some(spec) = &self.spec else {
            return errors;
        };
        generated_selector(self, spec, &mut errors);
        selected_spec(spec, &Path::new("spec"), &mut errors);
        let indexed = spec.completion_mode.as_deref() == Some("Indexed");
        if let Some(completions) = spec.completions.filter(|n| indexed && *n > 0) {
            let name = self.name();
            let host = format!("{name}-{}", completions - 1);
            if !dns_label(&host).is_empty() {
                let metadata = Path::new("metadata");
                let detail = format!("will not able to create pod with invalid DNS label: {host}");
                errors.push(FieldError::invalid(&metadata.child("name"), name, detail));
            }
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        let (Some(new), Some(before)) = (&self.spec, &old.spec) else {
            return errors;
        };
        let at = Path::new("spec");
        selected_spec(new, &at, &mut errors);
        completions_update(new, before, &at.child("completions"), &mut errors);
        immutable(
            &new.selector,
            &before.selector,
            &at.child("selector"),
            &mut errors,
        );
        let template = mutable_template(old, new);
        immutable(&new.template, &template, &at.child("template"), &mut errors);
        let (mode, of_mode) = (&before.completion_mode, at.child("completionMode"));
        immutable(&new.completion_mode, mode, &of_mode, &mut errors);
        let (failure, at_failure) = (&before.pod_failure_policy, at.child("podFailurePolicy"));
        immutable(&new.pod_failure_policy, failure, &at_failure, &mut errors);
        let (limit, at_limit) = (
            before.backoff_limit_per_index,
            at.child("backoffLimitPerIndex"),
        );
        immutable(&new.backoff_limit_per_index, &limit, &at_limit, &mut errors);
        immutable(
            &new.managed_by,
            &before.managed_by,
            &at.child("managedBy"),
            &mut errors,
        );
        let (success, at_success) = (&before.success_policy, at.child("successPolicy"));
        immutable(&new.success_policy, success, &at_success, &mut errors);
        errors
    }
}

fn labels_of(template: &PodTemplateSpec) -> Option<&BTreeMap<String, String>> {
    template.metadata.as_ref()?.labels.as_ref()
}

fn generated_labels(job: &Job) -> Vec<(String, String)> {
    let names = NAMES.map(|key| (key.to_owned(), job.name().to_owned()));
    let uids = UIDS.map(|key| (key.to_owned(), job.uid().to_owned()));
    names.into_iter().chain(uids).collect()
}

fn generated_selector(job: &Job, spec: &JobSpec, errors: &mut Errors) {
    let (true, Some(selector)) = (spec.manual_selector != Some(true), &spec.selector) else {
        return;
    };
    let at = Path::new("spec");
    let template = at.child("template");
    let metadata = template.child("metadata");
    let list = metadata.child("labels");
    let labels = labels_of(&spec.template);
    let expected = map_of(generated_labels(job));
    for (index, key) in [UIDS[0], NAMES[0], UIDS[1], NAMES[1]]
        .into_iter()
        .enumerate()
    {
        let wanted = if index % 2 == 0 {
            job.uid()
        } else {
            job.name()
        };
        let detail = format!("must be '{wanted}'");
        match labels.and_then(|labels| labels.get(key)) {
            None => errors.push(FieldError::required(&list.key(key), detail)),
            Some(value) if value != wanted => {
                errors.push(FieldError::invalid_value(
                    &list.key(key),
                    shown(&labels),
                    detail,
                ));
            }
            Some(_) => {}
        }
    }
    if let Ok(compiled) = Selector::from_label_selector(Some(selector))
        && !compiled.matches(&expected)
    {
        let detail = "`selector` not auto-generated";
        errors.push(FieldError::invalid_value(
            &at.child("selector"),
            shown(selector),
            detail,
        ));
    }
}

fn selected_spec(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    job_spec(spec, at, errors);
    match &spec.selector {
        None => {
            errors.push(FieldError::required(&at.child("selector"), ""));
            let none = Default::default();
            workload::template_labels(&none, &spec.template, &at.child("template"), errors);
        }
        Some(selector) => {
            meta::label_selector(selector, &at.child("selector"), errors);
            workload::template_labels(selector, &spec.template, &at.child("template"), errors);
        }
    }
}

/// What a Job's spec and one in a CronJob's template are checked for alike.
pub fn job_spec(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    for (field, value) in [
        ("parallelism", spec.parallelism.map(i64::from)),
        ("completions", spec.completions.map(i64::from)),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit.map(i64::from)),
        (
            "ttlSecondsAfterFinished",
            spec.ttl_seconds_after_finished.map(i64::from),
        ),
        (
            "backoffLimitPerIndex",
            spec.backoff_limit_per_index.map(i64::from),
        ),
        ("maxFailedIndexes", spec.max_failed_indexes.map(i64::from)),
    ] {
        number::non_negative(value, &at.child(field), errors);
    }
    if spec.max_failed_indexes.is_some() && spec.backoff_limit_per_index.is_none() {
        let detail = "when maxFailedIndexes is specified";
        errors.push(FieldError::required(
            &at.child("backoffLimitPerIndex"),
            detail,
        ));
    }
    if let Some(manager) = &spec.managed_by {
        let at = at.child("managedBy");
        domain_prefixed_path(manager, &at, errors);
        if manager.len() > 63 {
            errors.push(FieldError::too_long(&at, 63));
        }
    }
    completion_mode(spec, at, errors);
    if let Some(failure) = &spec.pod_failure_policy {
        policy::pod_failure(failure, spec, &at.child("podFailurePolicy"), errors);
    }
    if let Some(success) = &spec.success_policy {
        let at = at.child("successPolicy");
        if spec.completion_mode.as_deref() == Some("Indexed") {
            policy::success(success, spec, &at, errors);
        } else {
            let detail = "requires indexed completion mode";
            errors.push(FieldError::invalid_value(&at, shown(success), detail));
        }
    }
    if let Some(replacement) = &spec.pod_replacement_policy {
        let all = ["Failed", "TerminatingOrFailed"];
        let allowed = if spec.pod_failure_policy.is_some() {
            &all[..1]
        } else {
            &all[..]
        };
        one_of(
            replacement,
            allowed,
            &at.child("podReplacementPolicy"),
            errors,
        );
    }
    let of_template = at.child("template");
    pod_spec::template(&spec.template, &of_template, errors);
    let of_spec = of_template.child("spec");
    restart_policy(spec, &of_spec.child("restartPolicy"), errors);
}

fn restart_policy(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    let pod = spec.template.spec.as_ref();
    let policy = pod.map_or("", |pod| text(pod.restart_policy.as_ref()));
    match policy {
        "" | "Always" => {
            let detail = "valid values: \"OnFailure\", \"Never\"";
            errors.push(FieldError::required(at, detail));
        }
        "OnFailure" if spec.pod_failure_policy.is_some() => {
            let detail = "only \"Never\" is supported when podFailurePolicy is specified";
            errors.push(FieldError::invalid(at, policy, detail));
        }
        other => one_of(other, &["OnFailure", "Never"], at, errors),
    }
}

fn completion_mode(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    let mode = text(spec.completion_mode.as_ref());
    if spec.completion_mode.is_some() {
        one_of(
            mode,
            &["NonIndexed", "Indexed"],
            &at.child("completionMode"),
            errors,
        );
    }
    match mode {
        "Indexed" => indexed(spec, at, errors),
        "" | "NonIndexed" => {
            for (field, value) in [
                ("backoffLimitPerIndex", spec.backoff_limit_per_index),
                ("maxFailedIndexes", spec.max_failed_indexes),
            ] {
                if let Some(value) = value {
                    let detail = "requires indexed completion mode";
                    errors.push(FieldError::invalid_value(&at.child(field), value, detail));
                }
            }
        }
        _ => {}
    }
}

fn indexed(spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    if spec.completions.is_none() {
        let detail = "when completion mode is Indexed";
        errors.push(FieldError::required(&at.child("completions"), detail));
    }
    let mut at_most = |field: &str, value: Option<i32>, most: i32, detail: String| {
        if let Some(value) = value.filter(|value| *value > most) {
            errors.push(FieldError::invalid_value(&at.child(field), value, detail));
        }
    };
    let (parallelism, failed) = (spec.parallelism, spec.max_failed_indexes);
    let limit = format!("must be less than or equal to {INDEXES_MAX}");
    let when = format!("{limit} when completion mode is Indexed");
    at_most("parallelism", parallelism, INDEXES_MAX, when);
    if let Some(completions) = spec.completions {
        let detail = "must be less than or equal to completions".to_owned();
        at_most("maxFailedIndexes", failed, completions, detail);
    }
    at_most("maxFailedIndexes", failed, INDEXES_MAX, limit);
    let many = spec.completions.is_some_and(|n| n > INDEXES_MAX);
    if !many || spec.backoff_limit_per_index.is_none() {
        return;
    }
    let detail = "must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index";
    at_most("parallelism", parallelism, 10_000, detail.to_owned());
    at_most("maxFailedIndexes", failed, 10_000, detail.to_owned());
    if failed.is_none() {
        let detail = "must be specified when completions is above 100000";
        errors.push(FieldError::required(&at.child("maxFailedIndexes"), detail));
    }
}

/// How many must complete may change only for an indexed Job, together with its parallelism.
fn completions_update(new: &JobSpec, old: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    if new.completion_mode.as_deref() != Some("Indexed") {
        immutable(&new.completions, &old.completions, at, errors);
    } else if let Some(completions) = new.completions
        && new.completions != old.completions
        && new.completions != new.parallelism
    {
        let detail = "can only be modified in tandem with spec.parallelism";
        errors.push(FieldError::invalid_value(at, completions, detail));
    }
}

/// The template that a changed one is compared with: where the Job is suspended and never ran, what
/// says where Pods go may change.
fn mutable_template(old: &Job, new: &JobSpec) -> PodTemplateSpec {
    let Some(spec) = &old.spec else {
        return PodTemplateSpec::default();
    };
    let mut template = spec.template.clone();
    let started = old.status.as_ref().is_some_and(|s| s.start_time.is_some());
    if spec.suspend != Some(true) || started {
        return template;
    }
    if let (Some(before), Some(after)) = (template.spec.as_mut(), &new.template.spec) {
        let nodes = after
            .affinity
            .as_ref()
            .and_then(|a| a.node_affinity.clone());
        if after.affinity.is_some() || before.affinity.is_some() {
            let affinity = before.affinity.get_or_insert_default();
            affinity.node_affinity = nodes;
            if after.affinity.is_none() && *affinity == Default::default() {
                before.affinity = None;
            }
        }
        before.node_selector.clone_from(&after.node_selector);
        before.tolerations.clone_from(&after.tolerations);
        before.scheduling_gates.clone_from(&after.scheduling_gates);
    }
    if let (Some(before), Some(after)) = (template.metadata.as_mut(), &new.template.metadata) {
        before.annotations.clone_from(&after.annotations);
        before.labels.clone_from(&after.labels);
    }
    template
}
