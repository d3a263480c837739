//! The conditions of a Job, in the order in which they came.
//!
//! Upstream: pkg/controller/job/job_controller.go (ensureJobConditionStatus), pkg/controller/job/
//! util/utils.go, v1.36.

use crate::api::meta;
use crate::sim::SimTime;
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobStatus};

/// A condition of type `type_`.
pub fn new(type_: &str, holds: bool, [reason, message]: [&str; 2], now: SimTime) -> JobCondition {
    JobCondition {
        type_: type_.to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_probe_time: Some(meta::time(now)),
        last_transition_time: Some(meta::time(now)),
    }
}

/// The same condition as another type: what was announced has happened.
pub fn as_type(type_: &str, given: &JobCondition, now: SimTime) -> JobCondition {
    let reason = given.reason.as_deref().unwrap_or_default();
    let message = given.message.as_deref().unwrap_or_default();
    new(type_, true, [reason, message], now)
}

/// The condition of type `type_`, where it holds.
pub fn holding<'a>(status: &'a JobStatus, type_: &str) -> Option<&'a JobCondition> {
    let conditions = status.conditions.iter().flatten();
    conditions
        .into_iter()
        .find(|condition| condition.type_ == type_ && condition.status == "True")
}

/// The condition that says that a Job has come to its end.
pub fn finished(job: &Job) -> Option<&JobCondition> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| {
        matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
    })
}

/// Sets a condition; answers whether anything changed. One that does not hold is not added.
pub fn ensure(status: &mut JobStatus, condition: JobCondition) -> bool {
    let conditions = status.conditions.get_or_insert_default();
    let same = |known: &JobCondition| {
        known.status == condition.status
            && known.reason == condition.reason
            && known.message == condition.message
    };
    let known = conditions
        .iter()
        .position(|known| known.type_ == condition.type_);
    let changed = match known {
        Some(at) if same(&conditions[at]) => false,
        Some(at) => {
            conditions[at] = condition;
            true
        }
        None if condition.status == "False" => false,
        None => {
            conditions.push(condition);
            true
        }
    };
    status
        .conditions
        .take_if(|conditions| conditions.is_empty());
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_changes_in_its_place_and_none_begins_as_false() {
        let mut status = JobStatus::default();
        let condition = |holds, reason, second| {
            new(
                "Suspended",
                holds,
                [reason, "text"],
                SimTime::from_secs(second),
            )
        };
        for (holds, reason, want) in [
            (false, "JobResumed", false),
            (true, "JobSuspended", true),
            (true, "JobSuspended", false),
            (false, "JobResumed", true),
            (false, "JobResumed", false),
        ] {
            let changed = ensure(&mut status, condition(holds, reason, 9));
            assert_eq!(changed, want, "{holds} {reason}");
        }
        assert_eq!(status.conditions.as_ref().map(Vec::len), Some(1));
        assert!(holding(&status, "Suspended").is_none());
        let failed = as_type(
            "Failed",
            &condition(true, "BackoffLimitExceeded", 1),
            SimTime::from_secs(2),
        );
        ensure(&mut status, failed);
        let job = Job {
            status: Some(status),
            ..Job::default()
        };
        let reason = finished(&job).and_then(|failed| failed.reason.as_deref());
        assert_eq!(reason, Some("BackoffLimitExceeded"));
    }
}
