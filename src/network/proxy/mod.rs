//! kube-proxy: keeps the packet rules of one node equal to the Services and their endpoints.
//!
//! Upstream: pkg/proxy/iptables/proxier.go, pkg/proxy/runner/bounded_frequency_runner.go, v1.36: a
//! change is written at once, but never sooner than a second after the last one. While the API
//! server does not answer, the rules stay as they are. Left out: topology, health check ports, the
//! nftables and IPVS modes, and its Pod: there is no DaemonSet of it yet.

mod counts;
mod recent;
mod rules;
mod slices;

pub use counts::ProxyCounts;
pub use recent::{RECENT_LIMIT, Recent};
pub use rules::{Backend, PortRules, Protocol, Rules, Through, plan_service};
pub use slices::Slice;

use crate::api::endpoints::EndpointSlice;
use crate::api::meta::MetaExt;
use crate::api::watch::WatchEvent;
use crate::api::{Kind, NamespacedName, Object};
use crate::client::{Component, Ctx, Informer, WatchCursor, WatchSink};
use crate::sim::{SimDuration, SimTime, SortedMap, SortedSet};
use k8s_openapi::api::core::v1::Service;
use serde::Serialize;
use std::net::Ipv4Addr;
use std::sync::Arc;

const KINDS: &[Kind] = &[Kind::Service, Kind::EndpointSlice];
const RETRY_DELAY: SimDuration = SimDuration::secs(1);
/// The least time between two writes of the rules (`iptables.minSyncPeriod`).
pub const MIN_SYNC_PERIOD: SimDuration = SimDuration::secs(1);
/// The label by which a slice names its Service.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The kube-proxy of one node, and the rules that it has written there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KubeProxy {
    node: String,
    cursor: WatchCursor,
    services: Informer<Service>,
    slices: Informer<EndpointSlice>,
    /// The slices as they were read last: they can be read again.
    #[serde(skip)]
    read: SortedMap<NamespacedName, Slice>,
    changed: SortedSet<NamespacedName>,
    last_sync: Option<SimTime>,
    rules: Rules,
    recent: Recent,
    /// Requests answered by each endpoint since the rules of its Service changed.
    #[serde(serialize_with = "crate::sim::as_pairs")]
    answered: SortedMap<NamespacedName, SortedMap<Ipv4Addr, u64>>,
}

impl Component for KubeProxy {
    fn interests(&self) -> &'static [Kind] {
        KINDS
    }

    fn wake(&mut self, ctx: &mut Ctx<'_>) {
        let mut cursor = std::mem::take(&mut self.cursor);
        if cursor.sync(ctx, KINDS, self).is_err() {
            ctx.agenda.wake_at(ctx.now + RETRY_DELAY);
        }
        self.cursor = cursor;
        if self.changed.is_empty() {
            return;
        }
        match self.last_sync.map(|last| last + MIN_SYNC_PERIOD) {
            Some(next) if next > ctx.now => ctx.agenda.wake_at(next),
            _ => self.sync_rules(ctx.now),
        }
    }
}

impl WatchSink for KubeProxy {
    fn replace(&mut self, kind: Kind, items: &[Object], revision: u64) {
        match kind {
            Kind::Service => {
                let deltas = self.services.replace(items, revision);
                self.changed.extend(deltas.iter().map(|delta| delta.name()));
            }
            _ => {
                self.read.clear();
                let deltas = self.slices.replace(items, revision);
                let services = deltas.iter().filter_map(|delta| service_of(delta.latest()));
                self.changed.extend(services);
            }
        }
    }

    fn observe(&mut self, event: &WatchEvent) {
        if let Some(delta) = self.services.observe(event) {
            self.changed.insert(delta.name());
        } else if let Some(delta) = self.slices.observe(event) {
            if delta.new.is_none() {
                self.read.remove(&delta.name());
            }
            self.changed.extend(service_of(delta.latest()));
        }
    }
}

fn service_of(slice: &EndpointSlice) -> Option<NamespacedName> {
    let name = slice.label(SERVICE_NAME)?;
    Some(NamespacedName::new(slice.namespace(), name))
}

impl KubeProxy {
    /// The kube-proxy of a node that was just switched on: there are no rules.
    pub fn new(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            cursor: WatchCursor::default(),
            services: Informer::default(),
            slices: Informer::default(),
            read: SortedMap::new(),
            changed: SortedSet::new(),
            last_sync: None,
            rules: Rules::default(),
            recent: Recent::default(),
            answered: SortedMap::new(),
        }
    }

    /// The rules in force on the node.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Which clients came lately.
    pub const fn recent(&self) -> &Recent {
        &self.recent
    }

    /// When the rules were last written.
    pub const fn last_sync(&self) -> Option<SimTime> {
        self.last_sync
    }

    /// A client's connection goes to `backend`.
    pub fn note_client(
        &mut self,
        at: (&NamespacedName, u16),
        backend: &Backend,
        client: Ipv4Addr,
        now: SimTime,
    ) {
        self.recent.note(at, backend, client, now);
    }

    /// An endpoint has answered a request that went by this node's rules.
    pub fn note_answer(&mut self, service: &NamespacedName, endpoint: Ipv4Addr) {
        let counts = self.answered.entry(service.clone()).or_default();
        *counts.entry(endpoint).or_insert(0) += 1;
    }

    /// How many requests an endpoint has answered since the rules of its Service last changed here.
    pub fn answered(&self, service: &NamespacedName, endpoint: Ipv4Addr) -> u64 {
        let counts = self.answered.get(service);
        counts
            .and_then(|counts| counts.get(&endpoint))
            .copied()
            .unwrap_or(0)
    }

    /// The rules that a Service should have. A slice is read anew where it has changed.
    fn plan(&mut self, name: &NamespacedName) -> Vec<PortRules> {
        let Some(service) = self.services.get(name) else {
            return Vec::new();
        };
        let all = self.slices.in_namespace(&name.namespace);
        let slices = all.filter(|slice| slice.label(SERVICE_NAME) == Some(&name.name));
        let mut names = Vec::new();
        for slice in slices {
            let name = slice.namespaced_name();
            let known = self.read.get(&name);
            if known.is_none_or(|known| !Arc::ptr_eq(&known.object, slice)) {
                self.read
                    .insert(name.clone(), Slice::read(slice, &self.node));
            }
            names.push(name);
        }
        let read = names.iter().filter_map(|name| self.read.get(name));
        plan_service(service, &read.collect::<Vec<_>>())
    }

    fn sync_rules(&mut self, now: SimTime) {
        self.last_sync = Some(now);
        for name in std::mem::take(&mut self.changed) {
            let planned = self.plan(&name);
            self.recent.keep(&name, &planned);
            if self.rules.replace(&name, planned) {
                self.answered.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests;
