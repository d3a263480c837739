//! What a controller has asked for and not yet seen, so that it does not ask twice.
//!
//! Upstream: pkg/controller/controller_utils.go (UIDTrackingControllerExpectations), v1.36.

use crate::api::NamespacedName;
use crate::sim::{SimDuration, SimTime, SortedMap, SortedSet};
use serde::Serialize;

/// After this long an expectation no longer holds anything up.
pub const TIMEOUT: SimDuration = SimDuration::secs(5 * 60);

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Expected {
    creations: u32,
    deletions: SortedSet<String>,
    since: SimTime,
}

/// Creations (a count) and deletions (by uid) that each key still waits to see.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Expectations {
    #[serde(serialize_with = "crate::sim::as_pairs")]
    by_key: SortedMap<NamespacedName, Expected>,
}

impl Expectations {
    /// Waits for `count` more creations under `key`.
    pub fn expect_creations(&mut self, key: &NamespacedName, count: u32, now: SimTime) {
        let expected = self.by_key.entry(key.clone()).or_default();
        expected.creations += count;
        expected.since = now;
    }

    /// Waits for the deletion of the objects with these uids under `key`.
    pub fn expect_deletions(
        &mut self,
        key: &NamespacedName,
        uids: impl IntoIterator<Item = String>,
        now: SimTime,
    ) {
        let expected = self.by_key.entry(key.clone()).or_default();
        expected.deletions.extend(uids);
        expected.since = now;
    }

    /// One creation was seen, or will not happen.
    pub fn creation_observed(&mut self, key: &NamespacedName) {
        if let Some(expected) = self.by_key.get_mut(key) {
            expected.creations = expected.creations.saturating_sub(1);
        }
    }

    /// The deletion of the object with `uid` was seen, or will not happen.
    pub fn deletion_observed(&mut self, key: &NamespacedName, uid: &str) {
        if let Some(expected) = self.by_key.get_mut(key) {
            expected.deletions.remove(uid);
        }
    }

    /// Whether everything expected under `key` was seen, or has been waited for too long.
    pub fn satisfied(&self, key: &NamespacedName, now: SimTime) -> bool {
        self.by_key.get(key).is_none_or(|expected| {
            (expected.creations == 0 && expected.deletions.is_empty())
                || now.since(expected.since) > TIMEOUT
        })
    }

    /// Forgets `key`.
    pub fn forget(&mut self, key: &NamespacedName) {
        self.by_key.remove(key);
    }
}
