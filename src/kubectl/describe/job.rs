//! A Job in words, and a CronJob.

use super::pod::controller;
use super::template;
use super::writer::{Writer, bool_word, date};
use crate::api::meta::{self, MetaExt};
use crate::apiserver::table::{format_selector, since};
use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};
use std::fmt::Display;

/// How much of a list of indexes is shown.
const INDEXES_MAX: usize = 50;

fn or_unset<T: Display>(w: &mut Writer, name: &str, value: Option<T>) {
    match value {
        Some(value) => w.field(0, name, value),
        None => w.field(0, name, "<unset>"),
    }
}

fn seconds(count: Option<i64>) -> Option<String> {
    count.map(|count| format!("{count}s"))
}

/// Writes a Job.
pub fn write(w: &mut Writer, job: &Job) {
    let spec = job.spec.clone().unwrap_or_default();
    let status = job.status.clone().unwrap_or_default();
    w.field(0, "Name", job.name());
    w.field(0, "Namespace", job.namespace());
    w.field(0, "Selector", format_selector(spec.selector.as_ref()));
    w.labels("Labels", job.metadata.labels.as_ref());
    w.annotations("Annotations", job.metadata.annotations.as_ref());
    if let Some(controller) = controller(&job.metadata) {
        w.field(0, "Controlled By", controller);
    }
    or_unset(w, "Parallelism", spec.parallelism);
    or_unset(w, "Completions", spec.completions);
    let indexed = spec.completion_mode.as_deref() == Some("Indexed");
    or_unset(w, "Completion Mode", spec.completion_mode);
    or_unset(w, "Suspend", spec.suspend);
    or_unset(w, "Backoff Limit", spec.backoff_limit);
    if let Some(ttl) = spec.ttl_seconds_after_finished {
        w.field(0, "TTL Seconds After Finished", ttl);
    }
    let (start, end) = (status.start_time.as_ref(), status.completion_time.as_ref());
    for (name, at) in [("Start Time", start), ("Completed At", end)] {
        if at.is_some() {
            w.field(0, name, date(at));
        }
    }
    if let (Some(start), Some(end)) = (start, end) {
        let text = since(meta::to_sim(start), meta::to_sim(end));
        w.field(0, "Duration", text);
    }
    if let Some(text) = seconds(spec.active_deadline_seconds) {
        w.field(0, "Active Deadline Seconds", text);
    }
    let [active, ready, succeeded, failed] =
        [status.active, status.ready, status.succeeded, status.failed]
            .map(Option::unwrap_or_default);
    let text = format!("{active} Active ({ready} Ready) / {succeeded} Succeeded / {failed} Failed");
    w.field(0, "Pods Statuses", text);
    if indexed {
        let indexes = status.completed_indexes.unwrap_or_default();
        let text = match indexes.get(INDEXES_MAX..).and_then(|rest| rest.find(',')) {
            Some(more) => format!("{}...", &indexes[..=INDEXES_MAX + more]),
            None if indexes.is_empty() => "<none>".to_owned(),
            None => indexes,
        };
        w.field(0, "Completed Indexes", text);
    }
    template::write(w, &spec.template);
}

/// Writes a CronJob.
pub fn write_cron(w: &mut Writer, job: &CronJob) {
    let spec = &job.spec;
    let status = job.status.clone().unwrap_or_default();
    w.field(0, "Name", job.name());
    w.field(0, "Namespace", job.namespace());
    w.labels("Labels", job.metadata.labels.as_ref());
    w.annotations("Annotations", job.metadata.annotations.as_ref());
    w.field(0, "Schedule", &spec.schedule);
    let policy = spec.concurrency_policy.as_deref().unwrap_or_default();
    w.field(0, "Concurrency Policy", policy);
    or_unset(w, "Suspend", spec.suspend.map(bool_word));
    let limits = [
        (
            "Successful Job History Limit",
            spec.successful_jobs_history_limit,
        ),
        ("Failed Job History Limit", spec.failed_jobs_history_limit),
    ];
    for (name, limit) in limits {
        or_unset(w, name, limit);
    }
    let deadline = seconds(spec.starting_deadline_seconds);
    or_unset(w, "Starting Deadline Seconds", deadline);
    let JobSpec {
        selector,
        parallelism,
        completions,
        active_deadline_seconds,
        template,
        ..
    } = spec.job_template.spec.clone().unwrap_or_default();
    let selector = selector.map(|selector| format_selector(Some(&selector)));
    or_unset(w, "Selector", selector);
    or_unset(w, "Parallelism", parallelism);
    or_unset(w, "Completions", completions);
    if let Some(text) = seconds(active_deadline_seconds) {
        w.field(0, "Active Deadline Seconds", text);
    }
    template::write(w, &template);
    let last = status.last_schedule_time.as_ref();
    or_unset(w, "Last Schedule Time", last.map(|at| date(Some(at))));
    let active = status.active.unwrap_or_default().into_iter();
    let names: Vec<String> = active.filter_map(|job| job.name).collect();
    let names = match names.as_slice() {
        [] => "<none>".to_owned(),
        names => names.join(", "),
    };
    w.field(0, "Active Jobs", names);
}
