//! The Pods that wait for a node: ready to be tried, backing off, or parked until something changes.
//!
//! Upstream: pkg/scheduler/backend/queue/scheduling_queue.go, v1.36: back-off 1 s doubling to 10 s,
//! a parked Pod is tried again after 5 minutes at the latest. Every change that could help moves
//! all parked Pods here; upstream asks each plugin which changes help it.

use crate::api::NamespacedName;
use crate::sim::{SimDuration, SimTime, SortedMap, SortedSet};
use serde::Serialize;
use std::collections::VecDeque;

const BACKOFF_MIN: SimDuration = SimDuration::secs(1);
const BACKOFF_MAX: SimDuration = SimDuration::secs(10);
const PARKED_MAX: SimDuration = SimDuration::secs(5 * 60);

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Parked {
    since: SimTime,
    attempts: u32,
}

/// The three queues in one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SchedulingQueue {
    active: VecDeque<(NamespacedName, Option<u64>)>,
    /// The names in `active`.
    #[serde(skip)]
    queued: SortedSet<NamespacedName>,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    backing_off: SortedMap<NamespacedName, (SimTime, Option<u64>)>,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    parked: SortedMap<NamespacedName, Parked>,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    attempts: SortedMap<NamespacedName, u32>,
}

impl SchedulingQueue {
    /// A Pod without a node was seen. A parked one stays parked when only its status changed.
    pub fn offer(&mut self, name: NamespacedName, fresh: bool, revision: u64) {
        if self.queued.contains(&name) {
            if fresh {
                self.parked.remove(&name);
            }
            return;
        }
        let known = self.parked.contains_key(&name) || self.backing_off.contains_key(&name);
        if fresh || !known {
            self.parked.remove(&name);
            self.activate(name, Some(revision));
        }
    }

    fn activate(&mut self, name: NamespacedName, cause: Option<u64>) {
        if self.queued.insert(name.clone()) {
            self.active.push_back((name, cause));
        }
    }

    /// The Pod needs no node any more.
    pub fn remove(&mut self, name: &NamespacedName) {
        self.attempts.remove(name);
        self.parked.remove(name);
        self.backing_off.remove(name);
        if self.queued.remove(name) {
            self.active.retain(|(queued, _)| queued != name);
        }
    }

    /// Something changed that may help: every parked Pod is tried again after its back-off.
    pub fn move_all(&mut self, cause: Option<u64>) {
        for (name, parked) in std::mem::take(&mut self.parked) {
            let wait = backoff(parked.attempts);
            self.backing_off.insert(name, (parked.since + wait, cause));
        }
    }

    /// No node fits: the Pod waits until something changes.
    pub fn park(&mut self, name: NamespacedName, now: SimTime) {
        let attempts = self.attempts.entry(name.clone()).or_insert(0);
        *attempts += 1;
        self.parked.insert(
            name,
            Parked {
                since: now,
                attempts: *attempts,
            },
        );
    }

    /// Something went wrong: the Pod is tried again after its back-off.
    pub fn back_off(&mut self, name: NamespacedName, now: SimTime) {
        let attempts = self.attempts.entry(name.clone()).or_insert(0);
        *attempts += 1;
        self.backing_off
            .insert(name, (now + backoff(*attempts), None));
    }

    /// Takes the next Pod to try and the revision that asks for it.
    pub fn pop(&mut self, now: SimTime) -> Option<(NamespacedName, Option<u64>)> {
        if self.next_at().is_some_and(|at| at <= now) {
            self.promote(now);
        }
        let next = self.active.pop_front()?;
        self.queued.remove(&next.0);
        Some(next)
    }

    fn promote(&mut self, now: SimTime) {
        let late = |parked: &Parked| parked.since + PARKED_MAX <= now;
        let flushed: Vec<_> = self
            .parked
            .iter()
            .filter(|(_, p)| late(p))
            .map(|(n, _)| n.clone())
            .collect();
        for name in flushed {
            self.parked.remove(&name);
            self.activate(name, None);
        }
        let due: Vec<_> = self
            .backing_off
            .iter()
            .filter(|(_, (at, _))| *at <= now)
            .map(|(name, (at, cause))| (*at, name.clone(), *cause))
            .collect();
        for (_, name, cause) in due {
            self.backing_off.remove(&name);
            self.activate(name, cause);
        }
    }

    /// When the next Pod has to be tried again.
    pub fn next_at(&self) -> Option<SimTime> {
        let backing_off = self.backing_off.values().map(|(at, _)| *at).min();
        let parked = self
            .parked
            .values()
            .map(|parked| parked.since + PARKED_MAX)
            .min();
        backing_off.into_iter().chain(parked).min()
    }
}

fn backoff(attempts: u32) -> SimDuration {
    let doubled = BACKOFF_MIN.saturating_mul(1 << attempts.saturating_sub(1).min(10));
    doubled.min(BACKOFF_MAX)
}
