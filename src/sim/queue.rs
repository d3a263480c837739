//! Order: a queue of things to happen, soonest first, ties in the order they were added.

use super::SimTime;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Events by (time, sequence). The sequence makes equal times deterministic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Vec<(SimTime, u64, E)>", from = "Vec<(SimTime, u64, E)>")]
#[serde(bound = "E: Clone + Serialize + serde::de::DeserializeOwned")]
pub struct EventQueue<E: Clone> {
    events: BTreeMap<(SimTime, u64), E>,
    next_sequence: u64,
}

impl<E: Clone> Default for EventQueue<E> {
    fn default() -> Self {
        Self {
            events: BTreeMap::new(),
            next_sequence: 0,
        }
    }
}

impl<E: Clone> EventQueue<E> {
    /// Adds `event`, to happen at `at`.
    pub fn push(&mut self, at: SimTime, event: E) {
        self.events.insert((at, self.next_sequence), event);
        self.next_sequence += 1;
    }

    /// When the next event happens.
    pub fn next_at(&self) -> Option<SimTime> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the next event if it is due at `now`.
    pub fn pop_due(&mut self, now: SimTime) -> Option<(SimTime, E)> {
        if self.next_at()? > now {
            return None;
        }
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }

    /// Takes the next event, whenever it is.
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }

    /// Keeps only the events for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&E) -> bool) {
        self.events.retain(|_, event| keep(event));
    }

    /// Every event with its time, soonest first.
    pub fn iter(&self) -> impl Iterator<Item = (SimTime, &E)> {
        self.events.iter().map(|((at, _), event)| (*at, event))
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

impl<E: Clone> From<EventQueue<E>> for Vec<(SimTime, u64, E)> {
    fn from(queue: EventQueue<E>) -> Self {
        queue
            .events
            .into_iter()
            .map(|((at, sequence), event)| (at, sequence, event))
            .collect()
    }
}

impl<E: Clone> From<Vec<(SimTime, u64, E)>> for EventQueue<E> {
    fn from(events: Vec<(SimTime, u64, E)>) -> Self {
        let next_sequence = events
            .iter()
            .map(|(_, sequence, _)| sequence + 1)
            .max()
            .unwrap_or(0);
        let events = events
            .into_iter()
            .map(|(at, sequence, e)| ((at, sequence), e))
            .collect();
        Self {
            events,
            next_sequence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soonest_first_then_in_order_of_arrival() {
        let mut queue = EventQueue::default();
        for (at, name) in [(2, "late"), (1, "first"), (1, "second")] {
            queue.push(SimTime::from_secs(at), name);
        }
        assert_eq!(queue.pop_due(SimTime::default()), None);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop())
            .map(|(_, name)| name)
            .collect();
        assert_eq!(order, ["first", "second", "late"]);
    }
}
