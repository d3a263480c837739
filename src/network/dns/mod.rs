//! CoreDNS: the names of Services and their endpoints, kept by list and watch.
//!
//! Upstream: coredns/coredns plugin/kubernetes, v1.14, with the Corefile that kubeadm v1.36 writes.
//! One copy of the records serves every CoreDNS Pod: upstream each has its own and may lag by
//! itself. A request reaches them only through a CoreDNS Pod that listens.

mod resolv;
mod zone;

pub use resolv::ResolvConf;
pub use zone::{CLUSTER_DOMAIN, Rcode, Reply};

use crate::api::endpoints::EndpointSlice;
use crate::api::watch::WatchEvent;
use crate::api::{Kind, Object};
use crate::client::{Component, Ctx, Informer, WatchCursor, WatchSink};
use crate::sim::SimDuration;
use k8s_openapi::api::core::v1::{Namespace, Service};
use serde::Serialize;
use std::net::Ipv4Addr;

const KINDS: &[Kind] = &[Kind::Namespace, Kind::Service, Kind::EndpointSlice];
const RETRY_DELAY: SimDuration = SimDuration::secs(1);
/// The virtual address of the `kube-dns` Service.
pub const CLUSTER_DNS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// The port that name servers listen on.
pub const PORT: u16 = 53;

/// What CoreDNS knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Dns {
    cursor: WatchCursor,
    namespaces: Informer<Namespace>,
    services: Informer<Service>,
    slices: Informer<EndpointSlice>,
}

impl Component for Dns {
    fn interests(&self) -> &'static [Kind] {
        KINDS
    }

    fn wake(&mut self, ctx: &mut Ctx<'_>) {
        let mut cursor = std::mem::take(&mut self.cursor);
        if cursor.sync(ctx, KINDS, self).is_err() {
            ctx.agenda.wake_at(ctx.now + RETRY_DELAY);
        }
        self.cursor = cursor;
    }
}

impl WatchSink for Dns {
    fn replace(&mut self, kind: Kind, items: &[Object], revision: u64) {
        match kind {
            Kind::Namespace => drop(self.namespaces.replace(items, revision)),
            Kind::Service => drop(self.services.replace(items, revision)),
            _ => drop(self.slices.replace(items, revision)),
        }
    }

    fn observe(&mut self, event: &WatchEvent) {
        match event.key.kind {
            Kind::Namespace => drop(self.namespaces.observe(event)),
            Kind::Service => drop(self.services.observe(event)),
            _ => drop(self.slices.observe(event)),
        }
    }
}

#[cfg(test)]
mod tests;
