//! What every part of the cluster that watches and writes has in common.

use super::Ctx;
use crate::api::Kind;
use crate::sim::SimTime;
use serde::Serialize;

/// A part of the cluster that is woken, looks, and acts: the scheduler, the controller manager, a
/// kubelet, a kube-proxy.
///
/// Level-triggered: a wake-up says only that something may have changed. Whoever wakes it may do so
/// at any time and any number of times.
pub trait Component {
    /// The kinds it watches. It is woken, one watch latency later, when an object of one of them
    /// changes.
    fn interests(&self) -> &'static [Kind];

    /// Catches up with the watch and does everything that is due. Asks for its next timer through
    /// `ctx.agenda`.
    fn wake(&mut self, ctx: &mut Ctx<'_>);
}

/// Whether a component that watches `kinds` watches custom objects: with their definitions, as their
/// kinds come and go.
pub fn is_custom_watched(kinds: &[Kind]) -> bool {
    kinds.contains(&Kind::CustomResourceDefinition)
}

/// Whether a component that watches `kinds` watches objects of `kind`.
pub fn is_watched(kinds: &[Kind], kind: Kind) -> bool {
    match kind {
        Kind::Custom(_) => is_custom_watched(kinds),
        kind => kinds.contains(&kind),
    }
}

/// When a component wants to be woken next, whatever else happens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Agenda {
    next: Option<SimTime>,
}

impl Agenda {
    /// Asks to be woken at `at`, or earlier.
    pub fn wake_at(&mut self, at: SimTime) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// The earliest moment asked for.
    pub const fn next(&self) -> Option<SimTime> {
        self.next
    }
}
