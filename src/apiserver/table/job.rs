//! Jobs as rows.

use super::{Cell, Column, age_of, format};
use crate::api::meta;
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::batch::v1::{Job, JobStatus};

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Status"),
    Column::text("Completions"),
    Column::text("Duration"),
    Column::text("Age"),
    Column::text("Containers").wide(),
    Column::text("Images").wide(),
    Column::text("Selector").wide(),
];

pub(super) fn cells(job: &Job, now: SimTime) -> Vec<Cell> {
    let (spec, status) = (job.spec.as_ref(), job.status.as_ref());
    let (names, images) = format::template(spec.map(|spec| &spec.template));
    vec![
        Cell::text(job.name()),
        Cell::text(word(job)),
        Cell::Text(completions(job)),
        Cell::Text(status.map(|s| duration(s, now)).unwrap_or_default()),
        age_of(&job.metadata, now),
        Cell::Text(names),
        Cell::Text(images),
        Cell::Text(format::format_selector(
            spec.and_then(|spec| spec.selector.as_ref()),
        )),
    ]
}

/// The one word for how far it is.
fn word(job: &Job) -> &'static str {
    let has = |type_: &str| {
        let conditions = job.status.as_ref().and_then(|s| s.conditions.as_ref());
        let found = conditions.into_iter().flatten().find(|c| c.type_ == type_);
        found.is_some_and(|condition| condition.status == "True")
    };
    match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if job.is_terminating() => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () => "Running",
    }
}

fn completions(job: &Job) -> String {
    let spec = job.spec.as_ref();
    let succeeded = job.status.as_ref().and_then(|s| s.succeeded).unwrap_or(0);
    let parallelism = spec.and_then(|spec| spec.parallelism).unwrap_or(0);
    match spec.and_then(|spec| spec.completions) {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    }
}

/// How long it has run, or ran.
fn duration(status: &JobStatus, now: SimTime) -> String {
    let Some(start) = &status.start_time else {
        return String::new();
    };
    let end = status.completion_time.as_ref().map_or(now, meta::to_sim);
    format::since(meta::to_sim(start), end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::{Value, json};

    fn shown(spec: Value, status: Value) -> [String; 3] {
        let json = json!({"metadata": {"name": "x"}, "spec": spec, "status": status});
        let job = codec::from_value(json).expect("it decodes");
        let cells = cells(&job, SimTime::from_secs(100));
        [1, 2, 3].map(|at: usize| cells[at].to_string())
    }

    #[test]
    fn a_job_says_how_far_it_is() {
        let template = json!({});
        let finished = json!({"succeeded": 3, "startTime": "1970-01-01T00:00:10Z",
            "completionTime": "1970-01-01T00:00:42Z",
            "conditions": [{"type": "Complete", "status": "True"}]});
        let three = json!({"completions": 3, "parallelism": 2, "template": template});
        assert_eq!(shown(three, finished), ["Complete", "3/3", "32s"]);
        let queue = json!({"parallelism": 4, "template": template});
        let running = json!({"startTime": "1970-01-01T00:00:10Z",
            "conditions": [{"type": "Suspended", "status": "False"}]});
        assert_eq!(shown(queue, running), ["Running", "0/1 of 4", "90s"]);
        let one = json!({"parallelism": 1, "template": template});
        let failed = json!({"conditions": [{"type": "Failed", "status": "True"}]});
        assert_eq!(shown(one, failed), ["Failed", "0/1", ""]);
    }
}
