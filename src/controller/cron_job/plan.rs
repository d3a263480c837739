//! When a CronJob should have run, and when it runs next.
//!
//! Upstream: pkg/controller/cronjob/utils.go (mostRecentScheduleTime, nextScheduleTimeDuration), v1.36.

use crate::api::meta::{self, MetaExt};
use crate::api::schedule::Schedule;
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::batch::v1::CronJob;

/// It is looked at so much after the moment, lest a clock be early.
pub const DELTA: SimDuration = SimDuration::millis(100);
/// More missed starts than this are told of.
const MISSED_MAX: u64 = 100;

/// The starts since the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starts {
    /// From when on they are looked for.
    since: SimTime,
    /// The last one that should have been.
    pub last: Option<SimTime>,
    missed: u64,
}

impl Starts {
    /// Whether so many were missed that something is wrong.
    pub const fn are_too_many(&self) -> bool {
        self.missed > MISSED_MAX
    }
}

/// Looks for the starts up to `now`; with `deadline` only for those that may still be made up for.
///
/// # Errors
/// The schedule never comes.
pub fn plan_starts(
    job: &CronJob,
    schedule: &Schedule,
    now: SimTime,
    deadline: bool,
) -> Result<Starts, &'static str> {
    const NEVER: &str = "time difference between two schedules is less than 1 second";
    let status = job.status.as_ref();
    let last = status.and_then(|status| status.last_schedule_time.as_ref());
    let mut since = last.map_or_else(|| job.created_at(), meta::to_sim);
    if let Some(seconds) = job.spec.starting_deadline_seconds.filter(|_| deadline) {
        let back = SimDuration::secs(u64::try_from(seconds).unwrap_or(0));
        let earliest = now.as_micros().saturating_sub(back.as_micros());
        since = since.max(SimTime::from_micros(earliest));
    }
    let first = schedule.next(since).ok_or(NEVER)?;
    let none = Starts {
        since,
        last: None,
        missed: 0,
    };
    if now < first {
        return Ok(none);
    }
    let second = schedule.next(first).ok_or(NEVER)?;
    if now < second {
        return Ok(Starts {
            last: Some(first),
            ..none
        });
    }
    // Roughly, by the time between the first two; then on from a little before the last.
    let between = second.since(first).as_secs().max(1);
    let missed = now.since(first).as_secs() / between + 1;
    let near = first + SimDuration::secs((missed - 2) * between);
    let mut last = None;
    let mut next = schedule.next(near);
    while let Some(at) = next.filter(|at| *at <= now) {
        last = Some(at);
        next = schedule.next(at);
    }
    Ok(Starts {
        since,
        last,
        missed,
    })
}

/// When a CronJob is to be looked at next.
pub fn plan_next(job: &CronJob, schedule: &Schedule, now: SimTime) -> Option<SimTime> {
    let from = match plan_starts(job, schedule, now, false) {
        Ok(Starts {
            last: Some(last), ..
        }) => last,
        Ok(starts) if starts.missed == 0 => starts.since,
        _ => now,
    };
    schedule.next(from).map(|at| at + DELTA)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn job(created: &str, last: Value, deadline: Value) -> CronJob {
        serde_json::from_value(json!({
            "metadata": {"name": "j", "creationTimestamp": created},
            "spec": {"schedule": "x", "startingDeadlineSeconds": deadline, "jobTemplate": {}},
            "status": {"lastScheduleTime": last}
        }))
        .expect("a CronJob")
    }

    #[test]
    fn the_last_start_is_found_and_the_next() {
        for (schedule, last, deadline, now, want, next, many) in [
            (
                "0 * * * *",
                Value::Null,
                Value::Null,
                "10:59:59",
                None,
                "11:00:00",
                false,
            ),
            (
                "0 * * * *",
                Value::Null,
                Value::Null,
                "11:00:00",
                Some("11:00:00"),
                "12:00:00",
                false,
            ),
            (
                "0 * * * *",
                json!("11:00:00"),
                Value::Null,
                "11:10:00",
                None,
                "12:00:00",
                false,
            ),
            (
                "0 * * * *",
                Value::Null,
                Value::Null,
                "14:10:00",
                Some("14:00:00"),
                "15:00:00",
                false,
            ),
            (
                "0 * * * *",
                Value::Null,
                json!(60),
                "14:10:00",
                None,
                "15:00:00",
                false,
            ),
            (
                "0 * * * *",
                Value::Null,
                json!(3_700),
                "14:10:00",
                Some("14:00:00"),
                "15:00:00",
                false,
            ),
            (
                "* * * * *",
                Value::Null,
                Value::Null,
                "12:09:59",
                Some("12:09:00"),
                "12:10:00",
                false,
            ),
            (
                "* * * * *",
                Value::Null,
                Value::Null,
                "12:12:01",
                Some("12:12:00"),
                "12:13:00",
                true,
            ),
            (
                "30 6-16/4 * * *",
                Value::Null,
                Value::Null,
                "23:00:00",
                Some("14:30:00"),
                "06:30:00",
                false,
            ),
            (
                "@every 7m",
                Value::Null,
                Value::Null,
                "10:50:00",
                Some("10:44:00"),
                "10:51:00",
                false,
            ),
        ] {
            let day = |time: &str| format!("2026-03-02T{time}Z");
            let last = last.as_str().map_or(Value::Null, |time| json!(day(time)));
            let job = job(&day("10:30:00"), last, deadline);
            let parsed = Schedule::parse(schedule).expect("a schedule");
            let at = meta::parse_rfc3339(&day(now)).expect("a moment");
            let starts = plan_starts(&job, &parsed, at, true).expect("it comes");
            let time = |at: SimTime| meta::rfc3339(at)[11..19].to_owned();
            assert_eq!(
                starts.last.map(time).as_deref(),
                want,
                "{schedule} at {now}"
            );
            assert_eq!(starts.are_too_many(), many, "{schedule} at {now}");
            let found = plan_next(&job, &parsed, at).expect("it comes again");
            assert_eq!(time(found), next, "{schedule} at {now}");
            assert_eq!(found.as_micros() % 1_000_000, 100_000);
        }
        let never = Schedule::parse("59 23 31 2 *").expect("a schedule");
        let job = job("2026-03-02T10:00:00Z", Value::Null, Value::Null);
        assert!(plan_starts(&job, &never, job.created_at(), true).is_err());
    }
}
