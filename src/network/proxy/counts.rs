//! What a node remembers beside its packet rules: who answered how often, which client came where.
//! A backup keeps it; the rules themselves are written anew.

use super::KubeProxy;
use super::recent::Chain;
use crate::api::NamespacedName;
use crate::sim::{SimTime, SortedMap};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// How many endpoints and lists of clients are put back at most.
const LISTS_LIMIT: usize = 10_000;

/// What stands beside the packet rules of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProxyCounts {
    /// Requests answered, by Service and endpoint.
    pub answered: Vec<(NamespacedName, SortedMap<Ipv4Addr, u64>)>,
    /// The clients that came lately, by Service port and endpoint.
    pub recent: Vec<(Chain, SortedMap<Ipv4Addr, SimTime>)>,
}

impl KubeProxy {
    /// What stands beside the rules.
    pub fn counts(&self) -> ProxyCounts {
        let pair = |(chain, clients): (&Chain, &SortedMap<_, _>)| (chain.clone(), clients.clone());
        ProxyCounts {
            answered: self.answered.clone().into_iter().collect(),
            recent: self.recent.lists().map(pair).collect(),
        }
    }

    /// Puts back what stood beside the rules; times are no later than `now`.
    pub fn put_counts(&mut self, counts: &ProxyCounts, now: SimTime) {
        for (service, endpoints) in counts.answered.iter().take(LISTS_LIMIT) {
            let bounded = |(ip, count): (&Ipv4Addr, &u64)| (*ip, (*count).min(u64::MAX / 2));
            let endpoints = endpoints.iter().take(LISTS_LIMIT).map(bounded);
            self.answered
                .insert(service.clone(), SortedMap::from_iter(endpoints));
        }
        for (chain, clients) in counts.recent.iter().take(LISTS_LIMIT) {
            let clients = clients.iter().map(|(ip, at)| (*ip, (*at).min(now)));
            self.recent.put(chain.clone(), clients);
        }
    }
}
