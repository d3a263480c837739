//! CronJob.
//!
//! Upstream: pkg/apis/batch/v1/defaults.go, pkg/apis/batch/validation/validation.go,
//! pkg/registry/batch/cronjob/strategy.go, v1.36. A time zone is accepted by its region's name;
//! there is no list of all cities.

use super::super::Strategy;
use super::super::pod::default as pod_default;
use super::super::rules::name::NameRule;
use super::super::rules::{Errors, meta, number, required_one_of, shown, text};
use super::super::workload::generation;
use super::{job, policy};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::api::schedule::Schedule;
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec};

const REGIONS: [&str; 26] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Brazil",
    "Canada",
    "Chile",
    "Etc",
    "Europe",
    "Indian",
    "Mexico",
    "Pacific",
    "US",
    "UTC",
    "GMT",
    "CET",
    "EET",
    "EST",
    "MET",
    "MST",
    "WET",
    "HST",
    "Universal",
];

impl Strategy for CronJob {
    fn default(&mut self) {
        let spec = &mut self.spec;
        pod_default::set(&mut spec.concurrency_policy, "Allow");
        spec.suspend.get_or_insert(false);
        spec.successful_jobs_history_limit.get_or_insert(3);
        spec.failed_jobs_history_limit.get_or_insert(1);
        let job = spec.job_template.spec.get_or_insert_default();
        policy::default(job.pod_failure_policy.as_mut());
        pod_default::template(&mut job.template);
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
        cron_job_spec(&self.spec, None, &Path::new("spec"), &mut errors);
        if self.name().len() > 52 {
            let metadata = Path::new("metadata");
            let detail = "must be no more than 52 characters";
            errors.push(FieldError::invalid(
                &metadata.child("name"),
                self.name(),
                detail,
            ));
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        let old = Some(&old.spec);
        cron_job_spec(&self.spec, old, &Path::new("spec"), &mut errors);
        errors
    }
}

fn cron_job_spec(
    spec: &CronJobSpec,
    old: Option<&CronJobSpec>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let of_schedule = at.child("schedule");
    match spec.schedule.as_str() {
        "" => errors.push(FieldError::required(&of_schedule, "")),
        text => {
            let had_zone = old.is_some_and(|old| old.schedule.contains("TZ"));
            if let Err(why) = Schedule::parse(text) {
                errors.push(FieldError::invalid(&of_schedule, text, why));
            }
            let detail = match text.contains("TZ") {
                true if !had_zone => {
                    "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
                }
                true if spec.time_zone.is_some() => {
                    "cannot use both timeZone field and TZ or CRON_TZ in schedule"
                }
                _ => "",
            };
            if !detail.is_empty() {
                errors.push(FieldError::invalid(&of_schedule, text, detail));
            }
        }
    }
    let deadline = spec.starting_deadline_seconds;
    number::non_negative(deadline, &at.child("startingDeadlineSeconds"), errors);
    if old.is_none_or(|old| old.time_zone != spec.time_zone)
        && let Some(zone) = &spec.time_zone
    {
        time_zone(zone, &at.child("timeZone"), errors);
    }
    let policy = text(spec.concurrency_policy.as_ref());
    let policies = ["Allow", "Forbid", "Replace"];
    required_one_of(policy, &policies, &at.child("concurrencyPolicy"), errors);
    if let Some(job) = &spec.job_template.spec {
        let template = at.child("jobTemplate");
        let at = template.child("spec");
        job::job_spec(job, &at, errors);
        if let Some(selector) = &job.selector {
            let detail = "`selector` will be auto-generated";
            errors.push(FieldError::invalid_value(
                &at.child("selector"),
                shown(selector),
                detail,
            ));
        }
        if job.manual_selector == Some(true) {
            let at = at.child("manualSelector");
            let mut error = FieldError::not_supported(&at, "", &["nil", "false"]);
            error.value = "true".to_owned();
            errors.push(error);
        }
    }
    for (field, limit) in [
        (
            "successfulJobsHistoryLimit",
            spec.successful_jobs_history_limit,
        ),
        ("failedJobsHistoryLimit", spec.failed_jobs_history_limit),
    ] {
        number::non_negative(limit, &at.child(field), errors);
    }
}

fn time_zone(zone: &str, at: &Path<'_>, errors: &mut Errors) {
    let mut refuse = |detail: String| errors.push(FieldError::invalid(at, zone, detail));
    if zone.is_empty() {
        refuse("timeZone must be nil or non-empty string".to_owned());
        return;
    }
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
    let part = |part: &str| {
        let length = (1..=14).contains(&part.len());
        length && !matches!(part, "." | "..") && !part.starts_with('-') && part.bytes().all(letter)
    };
    let unknown = || format!("unknown time zone {zone}");
    if !zone.split('/').all(part) {
        refuse(unknown());
        return;
    }
    if zone.eq_ignore_ascii_case("local") {
        let detail =
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        refuse(detail.to_owned());
    }
    let region = zone.split('/').next().unwrap_or_default();
    if !REGIONS.contains(&region) && zone != "Local" {
        refuse(unknown());
    }
}
