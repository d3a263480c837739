//! What is noted of a request while it travels.

use crate::api::NamespacedName;
use crate::network::call::CallOutcome;
use crate::network::packet::{HOP_LIMIT, Hop, PacketTrace, Stage};
use crate::sim::SimDuration;
use std::net::Ipv4Addr;

/// A request under way.
#[derive(Debug)]
pub struct Way {
    told: bool,
    hops: Vec<Hop>,
    /// How long it has taken so far.
    pub took: SimDuration,
    /// The Pod it reached.
    pub pod: Option<NamespacedName>,
    /// The node it reached.
    pub node: Option<String>,
    /// The Service whose rules it followed, the endpoint, and the node of the rules.
    pub via: Option<(NamespacedName, Ipv4Addr, usize)>,
}

impl Way {
    /// A request that has not begun. `told`: whether its hops are put into words.
    pub const fn new(told: bool) -> Self {
        Self {
            told,
            hops: Vec::new(),
            took: SimDuration::ZERO,
            pod: None,
            node: None,
            via: None,
        }
    }

    /// Time goes by, and perhaps somebody wants to know on what.
    pub fn pass(&mut self, latency: SimDuration, hop: impl FnOnce() -> Hop) {
        self.took = self.took + latency;
        if self.told && self.hops.len() < HOP_LIMIT as usize {
            self.hops.push(Hop { latency, ..hop() });
        }
    }

    /// Whether hops are put into words.
    pub const fn is_told(&self) -> bool {
        self.told
    }

    /// The request is over.
    pub fn end(self, outcome: CallOutcome) -> PacketTrace {
        debug_assert!(self.hops.last().is_none_or(|hop| {
            !self.told || matches!(hop.stage, Stage::Answer | Stage::Error | Stage::Dns)
        }));
        PacketTrace {
            hops: self.hops,
            pod: self.pod,
            node: self.node,
            via: self.via.map(|(service, endpoint, _)| (service, endpoint)),
            outcome,
            took: self.took,
        }
    }
}
