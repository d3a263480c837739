//! Keys waiting to be reconciled: each once, with delays and per-key back-off.
//!
//! Upstream: staging/src/k8s.io/client-go/util/workqueue/{queue,delaying_queue,
//! default_rate_limiters}.go, v1.36: 5 ms doubling up to 1000 s, unless said otherwise. Left out: the
//! overall bucket of 10 per second, and workers in parallel (a key is reconciled to its end before the
//! next one).

use super::Ctx;
use crate::api::Status;
use crate::sim::{SimDuration, SimTime, SortedMap, order};
use serde::Serialize;
use std::collections::VecDeque;

const BASE_DELAY_MS: u64 = 5;
const MAX_DELAY_SECS: u64 = 1_000;

/// A key taken from the queue and the revision that put it there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item<K> {
    /// What to reconcile.
    pub key: K,
    /// The newest revision that asked for it; `None` for a timer.
    pub cause: Option<u64>,
}

/// A queue of distinct keys.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(bound = "K: Serialize")]
pub struct WorkQueue<K: Ord + Clone> {
    #[serde(serialize_with = "crate::sim::as_pairs")]
    queued: SortedMap<K, Option<u64>>,
    order: VecDeque<K>,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    delayed: SortedMap<K, SimTime>,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    failures: SortedMap<K, u32>,
    /// The first back-off, and the longest.
    #[serde(skip)]
    pace: (SimDuration, SimDuration),
}

/// Reconciles every key of a controller's queue that is due: what is done is forgotten, what fails
/// comes again after its back-off.
pub fn work_off<C, K: Ord + Clone>(
    controller: &mut C,
    ctx: &mut Ctx<'_>,
    queue: impl Fn(&mut C) -> &mut WorkQueue<K>,
    mut reconcile: impl FnMut(&mut C, &K, &mut Ctx<'_>) -> Result<(), Status>,
) {
    while let Some(item) = queue(controller).pop(ctx.now) {
        ctx.cause = item.cause;
        match reconcile(controller, &item.key, ctx) {
            Ok(()) => queue(controller).forget(&item.key),
            Err(_) => queue(controller).add_rate_limited(item.key, ctx.now),
        }
    }
}

impl<K: Ord + Clone> Default for WorkQueue<K> {
    fn default() -> Self {
        Self::backing_off(BASE_DELAY_MS, MAX_DELAY_SECS)
    }
}

impl<K: Ord + Clone> WorkQueue<K> {
    /// A queue whose back-off begins with `first_ms` and ends with `longest_secs`.
    pub const fn backing_off(first_ms: u64, longest_secs: u64) -> Self {
        Self {
            queued: SortedMap::new(),
            order: VecDeque::new(),
            delayed: SortedMap::new(),
            failures: SortedMap::new(),
            pace: (
                SimDuration::millis(first_ms),
                SimDuration::secs(longest_secs),
            ),
        }
    }

    /// Queues `key` because of revision `cause`; a key that waits already is not queued twice.
    pub fn add(&mut self, key: K, cause: Option<u64>) {
        match self.queued.get_mut(&key) {
            Some(known) => *known = cause.max(*known),
            None => {
                self.queued.insert(key.clone(), cause);
                self.order.push_back(key);
            }
        }
    }

    /// Queues `key` at `at`; the earlier moment counts where one is set already.
    pub fn add_at(&mut self, key: K, at: SimTime) {
        let due = self.delayed.entry(key).or_insert(at);
        *due = (*due).min(at);
    }

    /// Queues `key` after its back-off, which doubles with each call until [`WorkQueue::forget`].
    pub fn add_rate_limited(&mut self, key: K, now: SimTime) {
        let failures = self.failures.entry(key.clone()).or_insert(0);
        let (first, longest) = self.pace;
        let delay = first
            .saturating_mul(1_u64 << (*failures).min(32))
            .min(longest);
        *failures += 1;
        self.add_at(key, now + delay);
    }

    /// How often `key` was put back by [`WorkQueue::add_rate_limited`].
    pub fn requeues(&self, key: &K) -> u32 {
        self.failures.get(key).copied().unwrap_or(0)
    }

    /// Ends the back-off of `key`.
    pub fn forget(&mut self, key: &K) {
        self.failures.remove(key);
    }

    /// Takes the next key that is due.
    pub fn pop(&mut self, now: SimTime) -> Option<Item<K>> {
        self.promote(now);
        let key = self.order.pop_front()?;
        let cause = self.queued.remove(&key).flatten();
        Some(Item { key, cause })
    }

    /// When the next delayed key is due; `None` where none waits.
    pub fn next_at(&self) -> Option<SimTime> {
        self.delayed.values().min().copied()
    }

    fn promote(&mut self, now: SimTime) {
        if self.next_at().is_none_or(|at| at > now) {
            return;
        }
        let mut due: Vec<(SimTime, K)> = self
            .delayed
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(k, at)| (*at, k.clone()))
            .collect();
        order::sort(&mut due);
        for (_, key) in due {
            self.delayed.remove(&key);
            self.add(key, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_waits_once_and_backs_off() {
        let mut queue = WorkQueue::default();
        let now = SimTime::from_secs(1);
        queue.add("a", Some(1));
        queue.add("a", Some(3));
        assert_eq!(
            queue.pop(now),
            Some(Item {
                key: "a",
                cause: Some(3)
            })
        );
        assert_eq!(queue.pop(now), None);
        queue.add_rate_limited("a", now);
        assert_eq!(queue.next_at(), Some(now + SimDuration::millis(5)));
        assert!(queue.pop(now + SimDuration::millis(5)).is_some());
        queue.add_rate_limited("a", now);
        assert_eq!(queue.next_at(), Some(now + SimDuration::millis(10)));
    }
}
