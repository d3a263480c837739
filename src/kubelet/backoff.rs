//! How long a container that ended waits before it is started again.
//!
//! Upstream: staging/src/k8s.io/client-go/util/flowcontrol/backoff.go and
//! pkg/kubelet/kuberuntime/kuberuntime_manager.go (`doBackOff`), v1.36.

use crate::sim::{SimDuration, SimTime};
use serde::{Deserialize, Serialize};

/// The first wait; it doubles up to the last.
const MIN: SimDuration = SimDuration::secs(10);
const MAX: SimDuration = SimDuration::secs(300);

/// What a container's starts have led to so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// The wait after the next end; zero before the first restart.
    wait: SimDuration,
    /// When it was last restarted.
    updated: SimTime,
}

impl Backoff {
    /// The wait that is in force.
    pub const fn wait(&self) -> SimDuration {
        self.wait
    }

    /// The same with every number inside its bounds: it may come from outside.
    #[must_use]
    pub fn bounded(&self, now: SimTime) -> Self {
        Self {
            wait: self.wait.min(MAX),
            updated: self.updated.min(now),
        }
    }

    /// Until when a container that ended at `since` waits; `None`: it need not.
    pub fn until(&self, since: SimTime) -> Option<SimTime> {
        let waits = self.wait > SimDuration::ZERO && !self.is_over(since);
        waits.then(|| since + self.wait)
    }

    /// It is started again after it ended at `since`: the wait grows, or begins anew after a long run.
    pub fn next(&mut self, since: SimTime, now: SimTime) {
        self.wait = match self.wait == SimDuration::ZERO || self.is_over(since) {
            true => MIN,
            false => self.wait.saturating_mul(2).min(MAX),
        };
        self.updated = now;
    }

    /// A run of twice the longest wait is forgiven everything.
    fn is_over(&self, since: SimTime) -> bool {
        since > self.updated + MAX.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_a_long_run_begins_anew() {
        let mut backoff = Backoff::default();
        let mut now = SimTime::from_secs(1_000);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let start = backoff.until(now).unwrap_or(now);
            waits.push(start.since(now).as_secs());
            backoff.next(now, start);
            now = start + SimDuration::secs(1);
        }
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        now += SimDuration::secs(601);
        assert_eq!(backoff.until(now), None, "it ran for over ten minutes");
        backoff.next(now, now);
        assert_eq!(backoff.wait(), SimDuration::secs(10));
    }
}
