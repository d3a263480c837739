//! Session affinity: which client came lately to which endpoint.
//!
//! Upstream: pkg/proxy/iptables/proxier.go, v1.36, which leaves it to the kernel's `recent` match:
//! one list of clients per endpoint, 100 long.

use super::{Backend, PortRules};
use crate::api::NamespacedName;
use crate::sim::{SimDuration, SimTime, SortedMap};
use serde::Serialize;
use std::net::Ipv4Addr;

/// How many clients an endpoint's list holds; the one that came longest ago makes room.
pub const RECENT_LIMIT: u32 = 100;

/// A Service port and one of its endpoints.
pub type Chain = (NamespacedName, u16, Ipv4Addr, u16);

/// The clients that came lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Recent {
    #[serde(serialize_with = "crate::sim::as_pairs")]
    chains: SortedMap<Chain, SortedMap<Ipv4Addr, SimTime>>,
}

impl Recent {
    /// The endpoint among `candidates` that `client` stays with.
    pub fn endpoint(
        &self,
        port: &PortRules,
        candidates: &[Backend],
        client: Ipv4Addr,
        now: SimTime,
    ) -> Option<usize> {
        let lasts = SimDuration::secs(u64::from(port.affinity_seconds?));
        candidates.iter().position(|backend| {
            let chain = (port.service.clone(), port.port, backend.ip, backend.port);
            let came = self
                .chains
                .get(&chain)
                .and_then(|clients| clients.get(&client));
            came.is_some_and(|came| now.since(*came) <= lasts)
        })
    }

    /// A client's connection goes to an endpoint of the Service port `at`.
    pub fn note(
        &mut self,
        at: (&NamespacedName, u16),
        backend: &Backend,
        client: Ipv4Addr,
        now: SimTime,
    ) {
        let chain = (at.0.clone(), at.1, backend.ip, backend.port);
        let clients = self.chains.entry(chain).or_default();
        clients.insert(client, now);
        if clients.len() > RECENT_LIMIT as usize
            && let Some(oldest) = clients.iter().min_by_key(|(_, at)| **at).map(|(ip, _)| *ip)
        {
            clients.remove(&oldest);
        }
    }

    /// Every list: of which Service port and endpoint, and which clients came when.
    pub fn lists(&self) -> impl Iterator<Item = (&Chain, &SortedMap<Ipv4Addr, SimTime>)> {
        self.chains.iter()
    }

    /// Puts a list back that [`Recent::lists`] gave; no more clients than a list holds.
    pub fn put(&mut self, chain: Chain, clients: impl IntoIterator<Item = (Ipv4Addr, SimTime)>) {
        let clients = SortedMap::from_iter(clients.into_iter().take(RECENT_LIMIT as usize));
        self.chains.insert(chain, clients);
    }

    /// Forgets the lists of endpoints that a Service no longer has.
    pub fn keep(&mut self, service: &NamespacedName, ports: &[PortRules]) {
        self.chains.retain(|(owner, port, ip, target), _| {
            owner != service
                || ports.iter().any(|rules| {
                    rules.affinity_seconds.is_some()
                        && rules.port == *port
                        && rules.all.iter().any(|b| (b.ip, b.port) == (*ip, *target))
                })
        });
    }
}
