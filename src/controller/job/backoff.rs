//! How long a Job waits before it replaces Pods that failed: 10 seconds, doubling up to 10 minutes.
//!
//! Upstream: pkg/controller/job/backoff_utils.go, v1.36.

use crate::api::condition;
use crate::api::meta::{self, MetaExt};
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;
use std::sync::Arc;

const FIRST: SimDuration = SimDuration::secs(10);
const LONGEST: SimDuration = SimDuration::secs(600);

/// The failures since the last success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Backoff {
    failures: u32,
    last: SimTime,
}

impl Backoff {
    /// With Pods that have finished since.
    pub fn and(self, succeeded: &[Arc<Pod>], failed: &[Arc<Pod>]) -> Self {
        let success = succeeded.iter().map(|pod| finished_at(pod)).max();
        let mut next = match success {
            Some(_) => Self::default(),
            None => self,
        };
        let mut last = None;
        for at in failed.iter().map(|pod| finished_at(pod)) {
            if success.is_none_or(|success| at > success) {
                next.failures += 1;
                last = last.max(Some(at));
            }
        }
        next.last = last.unwrap_or(next.last);
        next
    }

    /// How long a new Pod has to wait yet.
    pub fn remaining(self, now: SimTime) -> SimDuration {
        remaining(self.failures, self.last, now)
    }
}

/// How long a new Pod has to wait yet after `failures`, the last of them at `last`.
pub fn remaining(failures: u32, last: SimTime, now: SimTime) -> SimDuration {
    if failures == 0 {
        return SimDuration::ZERO;
    }
    let delay = FIRST
        .saturating_mul(1 << (failures - 1).min(16))
        .min(LONGEST);
    delay.saturating_sub(now.since(last))
}

/// When a Pod finished: its last container's end, else when it stopped being ready, else when its
/// deletion was asked for, else its creation.
pub fn finished_at(pod: &Pod) -> SimTime {
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    let mut last = None;
    for container in containers.into_iter().flatten() {
        let state = container.state.as_ref();
        let ended = state.and_then(|state| state.terminated.as_ref()?.finished_at.as_ref());
        let Some(at) = ended.map(meta::to_sim) else {
            last = None;
            break;
        };
        last = last.max(Some(at));
    }
    let unready = || {
        let conditions = status.and_then(|status| status.conditions.as_ref());
        let ready = condition::find(conditions, "Ready").filter(|ready| ready.status == "False")?;
        ready.last_transition_time.as_ref().map(meta::to_sim)
    };
    let deleted = || {
        let at = meta::to_sim(pod.metadata.deletion_timestamp.as_ref()?);
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
        let grace = SimDuration::secs(u64::try_from(grace).unwrap_or(0));
        Some(SimTime::from_micros(
            at.as_micros().saturating_sub(grace.as_micros()),
        ))
    };
    last.or_else(unready)
        .or_else(deleted)
        .unwrap_or_else(|| pod.created_at())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn time(second: u64) -> String {
        meta::rfc3339(SimTime::from_secs(second))
    }

    fn ended(seconds: &[u64]) -> Arc<Pod> {
        let containers: Vec<Value> = seconds
            .iter()
            .map(|second| {
                json!({
                    "name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                    "state": {"terminated": {"exitCode": 1, "finishedAt": time(*second)}}
                })
            })
            .collect();
        let pod = json!({"metadata": {}, "status": {"containerStatuses": containers}});
        Arc::new(serde_json::from_value(pod).expect("a Pod"))
    }

    #[test]
    fn failures_after_the_last_success_count() {
        let known = Backoff {
            failures: 2,
            last: SimTime::from_secs(50),
        };
        for (succeeded, failed, want) in [
            (vec![], vec![], (2, 50)),
            (vec![], vec![60, 55], (4, 60)),
            (vec![70], vec![], (0, 0)),
            (vec![70], vec![60, 80, 90], (2, 90)),
            (vec![95], vec![60, 80, 90], (0, 0)),
        ] {
            let pods =
                |times: &[u64]| -> Vec<Arc<Pod>> { times.iter().map(|at| ended(&[*at])).collect() };
            let next = known.and(&pods(&succeeded), &pods(&failed));
            assert_eq!(
                (next.failures, next.last.as_secs()),
                want,
                "{succeeded:?} {failed:?}"
            );
        }
    }

    #[test]
    fn the_wait_doubles_up_to_ten_minutes() {
        let last = SimTime::from_secs(100);
        for (failures, now, want) in [
            (0, 100, 0),
            (1, 100, 10),
            (1, 105, 5),
            (1, 111, 0),
            (2, 100, 20),
            (4, 100, 80),
            (7, 100, 600),
            (60, 100, 600),
        ] {
            let left = remaining(failures, last, SimTime::from_secs(now));
            assert_eq!(left.as_secs(), want, "{failures} at {now}");
        }
    }

    #[test]
    fn a_pod_finished_when_what_is_known_of_it_says() {
        assert_eq!(finished_at(&ended(&[7, 9, 8])).as_secs(), 9);
        let running = json!({"name": "c", "image": "", "imageID": "", "ready": false,
            "restartCount": 0, "state": {"running": {}}});
        for (pod, want) in [
            (json!({"metadata": {"creationTimestamp": time(3)}}), 3),
            (
                json!({"metadata": {"deletionTimestamp": time(40), "deletionGracePeriodSeconds": 30}}),
                10,
            ),
            (
                json!({"metadata": {"deletionTimestamp": time(40)}, "status": {
                    "containerStatuses": [running],
                    "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": time(12)}]
                }}),
                12,
            ),
        ] {
            let pod: Pod = serde_json::from_value(pod).expect("a Pod");
            assert_eq!(finished_at(&pod).as_secs(), want);
        }
    }
}
