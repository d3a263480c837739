//! Steady loads: requests sent again and again in simulated time, and what became of them.
//!
//! No upstream; what `hey` or `wrk` do from a laptop.

use super::connect::RequestOrigin;
use super::{Cluster, Event};
use crate::api::NamespacedName;
use crate::network::call::CallOutcome;
use crate::network::packet::PacketTrace;
use crate::sim::{SimDuration, SimTime, SortedMap};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How many loads there may be at once.
pub const LOADS_LIMIT: u32 = 8;
/// How many requests a load may send each second.
pub const PER_SECOND_LIMIT: u32 = 100;
/// How many of its latest requests a load keeps.
pub const PACKETS_LIMIT: u32 = 32;
/// How many endpoints a load counts; the one that answered longest ago makes room.
pub const ENDPOINTS_LIMIT: u32 = 100;
const FAILURES_LIMIT: u32 = 16;
const PATH_LIMIT: usize = 2_048;

/// One request of a load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadPacket {
    /// Its number within the load, from 1.
    pub id: u64,
    /// The Pod it reached.
    pub pod: Option<NamespacedName>,
    /// The node it reached.
    pub node: Option<String>,
    /// Whether it was answered with a status below 500.
    pub ok: bool,
    /// When it was sent.
    pub at: SimTime,
}

/// What a load counts for an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointCount {
    /// The Pod's node.
    pub node: String,
    /// Requests answered with a status below 500.
    pub answered: u64,
    /// Requests answered with another status, or not at all.
    pub failed: u64,
    /// When the last one was sent.
    pub last: SimTime,
}

/// A steady load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// The Service.
    pub to: NamespacedName,
    /// Where its requests come from.
    pub from: RequestOrigin,
    /// The path.
    pub path: String,
    /// Requests per second, at least 1.
    pub per_second: u32,
    /// Requests sent.
    pub sent: u64,
    /// Of those, answered with a status below 500.
    pub answered: u64,
    /// What went wrong with the others, and how often.
    pub failures: SortedMap<String, u64>,
    /// By Pod.
    #[serde(with = "crate::sim::pairs")]
    pub endpoints: SortedMap<NamespacedName, EndpointCount>,
    /// The latest requests, the newest last.
    pub packets: VecDeque<LoadPacket>,
}

impl Load {
    fn count(&mut self, trace: PacketTrace, at: SimTime) {
        self.sent += 1;
        let failure = failure(&trace.outcome);
        let ok = failure.is_none();
        self.answered += u64::from(ok);
        if let Some(reason) = failure
            && (self.failures.len() < FAILURES_LIMIT as usize
                || self.failures.contains_key(&reason))
        {
            *self.failures.entry(reason).or_insert(0) += 1;
        }
        if let Some(pod) = &trace.pod {
            let count = self.endpoints.entry(pod.clone()).or_default();
            count.node = trace.node.clone().unwrap_or_default();
            count.answered += u64::from(ok);
            count.failed += u64::from(!ok);
            count.last = at;
            let oldest = self.endpoints.iter().min_by_key(|(_, count)| count.last);
            if self.endpoints.len() > ENDPOINTS_LIMIT as usize
                && let Some(oldest) = oldest.map(|(pod, _)| pod.clone())
            {
                self.endpoints.remove(&oldest);
            }
        }
        self.packets.push_back(LoadPacket {
            id: self.sent,
            pod: trace.pod,
            node: trace.node,
            ok,
            at,
        });
        if self.packets.len() > PACKETS_LIMIT as usize {
            self.packets.pop_front();
        }
    }
}

/// Why a request counts as failed.
fn failure(outcome: &CallOutcome) -> Option<String> {
    Some(match outcome {
        CallOutcome::Answered(response) if response.status < 500 => return None,
        CallOutcome::Answered(response) => format!("HTTP {}", response.status),
        CallOutcome::Refused { .. } => "connection refused".to_owned(),
        CallOutcome::TimedOut { .. } => "timed out".to_owned(),
        CallOutcome::Unreachable { .. } => "no route to host".to_owned(),
        CallOutcome::NoSuchName { .. } => "no such name".to_owned(),
        CallOutcome::NoNameServer { .. } => "no name server".to_owned(),
        CallOutcome::Outside { .. } => "outside is not simulated".to_owned(),
        CallOutcome::NotSent { .. } | CallOutcome::Resolved { .. } => "not sent".to_owned(),
    })
}

impl Cluster {
    /// The loads, by their numbers.
    pub const fn loads(&self) -> &SortedMap<u32, Load> {
        &self.loads
    }

    /// Begins a load, changes its pace, or ends it (`per_second` 0). One that goes on from the same
    /// place to the same Service keeps its counts.
    ///
    /// # Errors
    /// Why there cannot be such a load, for a person.
    pub fn set_load(
        &mut self,
        to: &NamespacedName,
        from: &RequestOrigin,
        per_second: u32,
        path: &str,
    ) -> Result<(), String> {
        let same = |load: &Load| load.to == *to && load.from == *from;
        let old = self
            .loads
            .iter()
            .find(|(_, load)| same(load))
            .map(|(id, _)| *id);
        if per_second == 0 {
            return match old.and_then(|id| self.loads.remove(&id)) {
                Some(_) => Ok(()),
                None => Err(format!("no load is sent from there to {}", to.name)),
            };
        }
        if per_second > PER_SECOND_LIMIT {
            return Err(format!(
                "a load sends at most {PER_SECOND_LIMIT} requests per second"
            ));
        }
        if old.is_none() && self.loads.len() >= LOADS_LIMIT as usize {
            return Err(format!("there are {LOADS_LIMIT} loads already"));
        }
        if path.len() > PATH_LIMIT {
            return Err(format!("a path has at most {PATH_LIMIT} bytes"));
        }
        self.target(from, to, 0, path)?;
        let old = old.and_then(|id| self.loads.remove(&id));
        let new = Load {
            to: to.clone(),
            from: from.clone(),
            path: path.to_owned(),
            per_second,
            sent: 0,
            answered: 0,
            failures: SortedMap::new(),
            endpoints: SortedMap::new(),
            packets: VecDeque::new(),
        };
        let load = match old {
            Some(old) => Load {
                path: new.path,
                per_second,
                ..old
            },
            None => new,
        };
        // A new number: what was still to be sent at the old pace is not.
        let id = self.next_load;
        self.next_load += 1;
        self.loads.insert(id, load);
        self.queue.push(self.now, Event::Load(id));
        Ok(())
    }

    /// Puts a load back that a backup kept; answers whether it is one that there could be.
    pub(super) fn put_load(&mut self, id: u32, kept: &Load) -> bool {
        let from = |load: &Load| (load.to.clone(), load.from.clone());
        let fits = (1..=PER_SECOND_LIMIT).contains(&kept.per_second)
            && kept.path.len() <= PATH_LIMIT
            && kept.endpoints.len() <= ENDPOINTS_LIMIT as usize
            && kept.failures.len() <= FAILURES_LIMIT as usize
            && !self.loads.values().any(|load| from(load) == from(kept));
        if !fits {
            return false;
        }
        let mut load = kept.clone();
        let bound = |count: &mut u64| *count = (*count).min(u64::MAX / 2);
        bound(&mut load.sent);
        bound(&mut load.answered);
        load.failures.values_mut().for_each(bound);
        for endpoint in load.endpoints.values_mut() {
            bound(&mut endpoint.answered);
            bound(&mut endpoint.failed);
            endpoint.last = endpoint.last.min(self.now);
        }
        load.packets.clear();
        self.loads.insert(id, load);
        true
    }

    /// Sends the next request of a load.
    pub(super) fn send_load(&mut self, id: u32) {
        let Some(load) = self.loads.get(&id) else {
            return;
        };
        let (to, from, path) = (load.to.clone(), load.from.clone(), load.path.clone());
        let pause = SimDuration::micros(1_000_000 / u64::from(load.per_second.max(1)));
        let trace = match self.target(&from, &to, 0, &path) {
            Ok(target) => self.request(&from, target, false),
            Err(message) => super::connect::failed(message),
        };
        if let Some(load) = self.loads.get_mut(&id) {
            load.count(trace, self.now);
        }
        self.queue.push(self.now + pause, Event::Load(id));
    }
}
