//! What the store tells its readers: one event for each change, with who made it and why.

use super::{Object, ObjectKey};
use crate::sim::SimTime;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchVerb {
    /// The object is new.
    Added,
    /// The object has a new version.
    Modified,
    /// The object is gone.
    Deleted,
}

/// Who asked for a change and which change made them ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// `user`, `deployment-controller`, `kubelet/node-2`, …
    pub actor: Arc<str>,
    /// The revision that the actor reacted to, where it reacted to one.
    pub cause: Option<u64>,
    /// When the write happened.
    pub at: SimTime,
}

/// One change in the store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WatchEvent {
    /// The store revision that the change made.
    pub revision: u64,
    /// The kind of change.
    pub verb: WatchVerb,
    /// Which object.
    pub key: ObjectKey,
    /// The object after the change; for a deletion, its last version with the new revision.
    pub object: Object,
    /// The object before the change.
    pub previous: Option<Object>,
    /// Who and why.
    pub origin: Origin,
}
