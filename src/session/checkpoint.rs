//! Kept moments of a session, which make going back fast.
//!
//! A checkpoint is a clone of the cluster. Objects, the store's history and the trace are shared
//! between clones; what is not shared is weighed, and all checkpoints together stay below a limit.
//! Those of a session and of a look back at it are the same.

use crate::cluster::Cluster;
use crate::sim::{SimDuration, SimTime};
use std::sync::Arc;

const COUNT_LIMIT: usize = 48;
/// How many bytes all checkpoints together may weigh, by [`Cluster::weight`].
const WEIGHT_LIMIT: u64 = 96 * 1_024 * 1_024;
/// There is a checkpoint after this time and this many events.
const INTERVAL: SimDuration = SimDuration::secs(20);
const INTERVAL_EVENTS: u64 = 1_000;
/// At the least this many are kept, however heavy: the first and the last.
const COUNT_MIN: usize = 2;

/// A moment of a session.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Commands before it.
    pub position: u32,
    /// Events before it.
    pub events: u64,
    /// The cluster.
    pub cluster: Cluster,
}

/// The moments kept, the oldest first; the session's beginning is always among them.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    kept: Vec<Arc<Checkpoint>>,
    weight: u64,
}

impl Checkpoints {
    /// Those of a session that begins with `cluster`.
    pub fn new(cluster: &Cluster) -> Self {
        let first = Checkpoint {
            position: 0,
            events: 0,
            cluster: cluster.clone(),
        };
        Self {
            weight: cluster.weight(),
            kept: vec![Arc::new(first)],
        }
    }

    /// Whether the present should be kept.
    pub fn is_due(&self, now: SimTime, events: u64) -> bool {
        self.kept.last().is_none_or(|last| {
            events.saturating_sub(last.events) >= INTERVAL_EVENTS
                && now.since(last.cluster.now()) >= INTERVAL
        })
    }

    /// Keeps the present. When there are too many or they are too heavy, every second one goes: the
    /// past stays reachable everywhere, only a little slower.
    pub fn keep(&mut self, checkpoint: Checkpoint) {
        self.weight += checkpoint.cluster.weight();
        self.kept.push(Arc::new(checkpoint));
        while self.kept.len() > COUNT_MIN
            && (self.kept.len() > COUNT_LIMIT || self.weight > WEIGHT_LIMIT)
        {
            let mut index = 0;
            self.kept.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.weigh();
        }
    }

    /// Forgets what came after `to` and answers the last moment before it.
    pub fn go_back(&mut self, to: SimTime) -> Option<Arc<Checkpoint>> {
        self.kept
            .retain(|checkpoint| checkpoint.cluster.now() <= to);
        self.weigh();
        self.kept.last().cloned()
    }

    fn weigh(&mut self) {
        self.weight = self.kept.iter().map(|c| c.cluster.weight()).sum();
    }

    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterConfig;

    #[test]
    fn there_are_never_too_many_and_the_first_stays() {
        let mut cluster = Cluster::new(ClusterConfig::default());
        let start = cluster.now();
        let mut checkpoints = Checkpoints::new(&cluster);
        for round in 1..=500 {
            cluster.run_until(start + SimDuration::secs(round));
            checkpoints.keep(Checkpoint {
                position: 0,
                events: round,
                cluster: cluster.clone(),
            });
            assert!(checkpoints.len() <= COUNT_LIMIT, "{}", checkpoints.len());
            assert!(checkpoints.weight <= WEIGHT_LIMIT);
        }
        let back = checkpoints.go_back(start).expect("the first");
        assert_eq!((back.events, checkpoints.len()), (0, 1));
    }
}
