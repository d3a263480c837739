//! The versioned store, the only stateful part of the control plane.
//!
//! Upstream: etcd v3.6 as staging/src/k8s.io/apiserver/pkg/storage/etcd3 uses it. One revision
//! counts all writes. History is bounded: a reader that asks for more than is kept is told to list
//! again. Left out: leases, multi-key transactions, a cluster of several members.

use crate::api::meta::MetaExt;
use crate::api::watch::{Origin, WatchEvent, WatchVerb};
use crate::api::{Kind, Object, ObjectKey};
use serde::Serialize;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// How many changes a store keeps for its readers.
pub const HISTORY_LIMIT: u32 = 20_000;

/// How many objects a store takes: the place of etcd's quota of bytes.
pub const OBJECTS_LIMIT: u32 = 20_000;

/// A reader asked for history that is gone; it has to list again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// The oldest revision still kept.
    pub oldest: u64,
}

/// Why a write was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum WriteError {
    /// The key is taken.
    Exists,
    /// The store is full.
    NoSpace,
    /// The key is not there.
    Missing,
    /// The stored version is not the one expected.
    Changed,
}

/// Objects by key, and the changes that led to them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Etcd {
    revision: u64,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    objects: BTreeMap<ObjectKey, Object>,
    /// Shared with the checkpoints that are clones of this store.
    history: VecDeque<Arc<WatchEvent>>,
    compacted: u64,
}

impl Etcd {
    /// The revision of the latest write; 0 for a store never written to.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The object under `key`.
    pub fn get(&self, key: &ObjectKey) -> Option<&Object> {
        self.objects.get(key)
    }

    /// The objects of `kind`, in `namespace` where one is given, in the order of their keys.
    pub fn list<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Object> {
        let first = ObjectKey::new(kind, namespace.unwrap_or_default(), "");
        self.objects
            .range((Bound::Included(first), Bound::Unbounded))
            .take_while(move |(key, _)| {
                key.kind == kind && namespace.is_none_or(|namespace| key.namespace == namespace)
            })
            .map(|(_, object)| object)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// How many changes are kept.
    pub fn history_len(&self) -> usize {
        self.history.len()
    }

    /// Every object, in the order of their keys.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// Stores a new object and gives it its resource version.
    ///
    /// # Errors
    /// [`WriteError::Exists`] where the key is taken, [`WriteError::NoSpace`] where the store holds
    /// [`OBJECTS_LIMIT`] objects.
    pub fn create(&mut self, object: Object, origin: Origin) -> Result<Object, WriteError> {
        let key = object.key();
        let is_full = self.objects.len() >= OBJECTS_LIMIT as usize;
        let Entry::Vacant(place) = self.objects.entry(key.clone()) else {
            return Err(WriteError::Exists);
        };
        if is_full {
            return Err(WriteError::NoSpace);
        }
        self.revision += 1;
        let object = stamped(object, self.revision);
        place.insert(object.clone());
        self.note(WatchVerb::Added, key, object.clone(), None, origin);
        Ok(object)
    }

    /// Replaces the object whose stored version is `expected`.
    ///
    /// # Errors
    /// [`WriteError::Missing`] or [`WriteError::Changed`].
    pub fn update(
        &mut self,
        object: Object,
        expected: u64,
        origin: Origin,
    ) -> Result<Object, WriteError> {
        let key = object.key();
        let stored = expect(self.objects.get_mut(&key), expected)?;
        self.revision += 1;
        let object = stamped(object, self.revision);
        let previous = std::mem::replace(stored, object.clone());
        let verb = WatchVerb::Modified;
        self.note(verb, key, object.clone(), Some(previous), origin);
        Ok(object)
    }

    /// Removes the object whose stored version is `expected`; `last` is what readers are told it
    /// was (its last version, with finalizers gone).
    ///
    /// # Errors
    /// [`WriteError::Missing`] or [`WriteError::Changed`].
    pub fn delete(
        &mut self,
        key: &ObjectKey,
        expected: u64,
        origin: Origin,
    ) -> Result<Object, WriteError> {
        let previous = expect(self.objects.get_mut(key), expected)?.clone();
        self.objects.remove(key);
        self.revision += 1;
        let last = stamped(previous.clone(), self.revision);
        self.note(
            WatchVerb::Deleted,
            key.clone(),
            last.clone(),
            Some(previous),
            origin,
        );
        Ok(last)
    }

    /// The changes after revision `after`, oldest first.
    ///
    /// # Errors
    /// [`Compacted`] where some of them are no longer kept.
    pub fn events_since(
        &self,
        after: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &WatchEvent>, Compacted> {
        if after < self.compacted {
            return Err(Compacted {
                oldest: self.compacted,
            });
        }
        let from = self
            .history
            .partition_point(|event| event.revision <= after);
        Ok(self.history.range(from..).map(AsRef::as_ref))
    }

    /// Drops the history up to `revision`, as a compaction does.
    pub fn compact(&mut self, revision: u64) {
        while self
            .history
            .front()
            .is_some_and(|event| event.revision <= revision)
        {
            self.history.pop_front();
        }
        self.compacted = self.compacted.max(revision.min(self.revision));
    }

    /// A store that holds `objects` as they are, at `revision` and without history: what a backup
    /// is restored into.
    pub fn restore(revision: u64, objects: BTreeMap<ObjectKey, Object>) -> Self {
        Self {
            revision,
            objects,
            history: VecDeque::new(),
            compacted: revision,
        }
    }

    fn note(
        &mut self,
        verb: WatchVerb,
        key: ObjectKey,
        object: Object,
        previous: Option<Object>,
        origin: Origin,
    ) {
        let revision = self.revision;
        self.history.push_back(Arc::new(WatchEvent {
            revision,
            verb,
            key,
            object,
            previous,
            origin,
        }));
        if self.history.len() > HISTORY_LIMIT as usize
            && let Some(dropped) = self.history.pop_front()
        {
            self.compacted = dropped.revision;
        }
    }
}

/// The stored object, where there is one of the version expected.
fn expect(stored: Option<&mut Object>, expected: u64) -> Result<&mut Object, WriteError> {
    let stored = stored.ok_or(WriteError::Missing)?;
    match stored.revision() == expected {
        true => Ok(stored),
        false => Err(WriteError::Changed),
    }
}

fn stamped(mut object: Object, revision: u64) -> Object {
    object.meta_mut().resource_version = Some(revision.to_string());
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    fn config_map(name: &str) -> Object {
        Object::new(ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some("default".to_owned()),
                ..ObjectMeta::default()
            },
            ..ConfigMap::default()
        })
    }

    fn origin() -> Origin {
        Origin {
            actor: "test".into(),
            cause: None,
            at: crate::sim::SimTime::default(),
        }
    }

    #[test]
    fn every_write_is_one_revision_and_one_event() {
        let mut etcd = Etcd::default();
        let a = etcd.create(config_map("a"), origin()).expect("free");
        assert_eq!(
            etcd.create(config_map("a"), origin()),
            Err(WriteError::Exists)
        );
        assert_eq!(
            etcd.update(a.clone(), 9, origin()),
            Err(WriteError::Changed)
        );
        etcd.update(a.clone(), 1, origin()).expect("current");
        etcd.delete(&a.key(), 2, origin()).expect("current");
        let verbs: Vec<_> = etcd
            .events_since(0)
            .expect("kept")
            .map(|e| e.verb)
            .collect();
        assert_eq!(
            verbs,
            [WatchVerb::Added, WatchVerb::Modified, WatchVerb::Deleted]
        );
        assert_eq!(etcd.list(Kind::ConfigMap, None).count(), 0);
        etcd.compact(2);
        assert!(etcd.events_since(1).is_err());
        assert_eq!(etcd.events_since(2).expect("kept").count(), 1);
    }
}
