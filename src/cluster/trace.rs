//! Who wrote what, when, and because of what: a bounded record of every write.

use crate::api::ObjectKey;
use crate::api::watch::{WatchEvent, WatchVerb};
use crate::sim::SimTime;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// How many writes are kept.
pub const TRACE_LIMIT: u32 = 10_000;

/// One write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceEntry {
    /// When.
    pub at: SimTime,
    /// Who.
    pub actor: Arc<str>,
    /// What was done.
    pub verb: WatchVerb,
    /// To which object.
    pub key: ObjectKey,
    /// The revision the write made.
    pub revision: u64,
    /// The revision that the writer reacted to.
    pub cause: Option<u64>,
}

/// The latest writes, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Trace {
    /// Shared with the checkpoints that are clones of this cluster.
    entries: VecDeque<Arc<TraceEntry>>,
    read: u64,
}

impl Trace {
    /// A trace that goes on after `read` with what a backup kept of it.
    pub fn resume(read: u64, entries: impl IntoIterator<Item = TraceEntry>) -> Self {
        let mut trace = Self {
            entries: VecDeque::new(),
            read,
        };
        let mut last = 0;
        for entry in entries {
            // Whoever looks a revision up relies on their order.
            if entry.revision > last && entry.revision <= read {
                last = entry.revision;
                trace.push(entry);
            }
        }
        trace
    }

    /// The last revision taken in.
    pub const fn read(&self) -> u64 {
        self.read
    }

    /// Takes in one change.
    pub fn note(&mut self, event: &WatchEvent) {
        self.read = event.revision;
        self.push(TraceEntry {
            at: event.origin.at,
            actor: event.origin.actor.clone(),
            verb: event.verb,
            key: event.key.clone(),
            revision: event.revision,
            cause: event.origin.cause,
        });
    }

    fn push(&mut self, entry: TraceEntry) {
        self.entries.push_back(Arc::new(entry));
        if self.entries.len() > TRACE_LIMIT as usize {
            self.entries.pop_front();
        }
    }

    /// The writes kept, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &TraceEntry> + ExactSizeIterator {
        self.entries.iter().map(AsRef::as_ref)
    }

    /// The write that made `revision`, while it is kept.
    pub fn by_revision(&self, revision: u64) -> Option<&TraceEntry> {
        let at = self
            .entries
            .partition_point(|entry| entry.revision < revision);
        self.entries
            .get(at)
            .map(AsRef::as_ref)
            .filter(|entry| entry.revision == revision)
    }
}
