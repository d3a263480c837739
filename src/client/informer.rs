//! A component's own copy of the objects of a kind, kept by list and watch.
//!
//! Upstream: staging/src/k8s.io/client-go/tools/cache, v1.36. Several informers share one cursor:
//! the watch of a component is one stream.

use super::Ctx;
use super::component::{is_custom_watched, is_watched};
use crate::api::meta::MetaExt;
use crate::api::watch::{WatchEvent, WatchVerb};
use crate::api::{ApiType, Kind, NamespacedName, Object, Status};
use crate::sim::SortedMap;
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// How far a component has read the watch; `None` before its first list and after its history was
/// compacted away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WatchCursor {
    revision: Option<u64>,
}

/// Whoever takes in what a cursor reads.
pub trait WatchSink {
    /// Takes in all objects of `kind` as they were at `revision`.
    fn replace(&mut self, kind: Kind, items: &[Object], revision: u64);
    /// Takes in one change.
    fn observe(&mut self, event: &WatchEvent);
}

impl WatchCursor {
    /// Gives `sink` every change of one of `kinds` (with CustomResourceDefinition go the kinds that they
    /// define) since the last call. On the first call, and when
    /// the history is gone, it lists instead.
    ///
    /// # Errors
    /// The API server does not answer; nothing was delivered.
    pub fn sync(
        &mut self,
        ctx: &mut Ctx<'_>,
        kinds: &[Kind],
        sink: &mut dyn WatchSink,
    ) -> Result<(), Status> {
        if let Some(revision) = self.revision
            && let Ok(events) = ctx.api.events_since(revision)?
        {
            for event in events {
                if is_watched(kinds, event.key.kind) {
                    sink.observe(event);
                }
                self.revision = Some(event.revision);
            }
            return Ok(());
        }
        let mut kinds = kinds.to_vec();
        if is_custom_watched(&kinds) {
            kinds.extend(ctx.api.kinds().custom());
        }
        let lists = kinds.iter().map(|kind| Ok((*kind, ctx.list(*kind)?)));
        let lists: Vec<_> = lists.collect::<Result<_, Status>>()?;
        for (kind, (revision, items)) in lists {
            sink.replace(kind, &items, revision);
            self.revision = Some(revision);
        }
        Ok(())
    }

    /// The last revision read.
    pub const fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Forgets the position: the next sync lists again.
    pub const fn reset(&mut self) {
        self.revision = None;
    }
}

/// What changed in an informer.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta<K> {
    /// The version before; `None` for a new object.
    pub old: Option<Arc<K>>,
    /// The version after; `None` for a deleted object.
    pub new: Option<Arc<K>>,
    /// The revision that changed it.
    pub revision: u64,
}

impl<K: ApiType> Delta<K> {
    /// The newest version known, for a deleted object the one before.
    pub fn latest(&self) -> &Arc<K> {
        self.new
            .as_ref()
            .or(self.old.as_ref())
            .expect("invariant: a delta has a version before or after")
    }

    /// Namespace and name of the object.
    pub fn name(&self) -> NamespacedName {
        self.latest().namespaced_name()
    }
}

/// The objects of one kind as their watcher last saw them.
#[derive(Clone, Debug, PartialEq)]
pub struct Informer<K> {
    objects: SortedMap<NamespacedName, Arc<K>>,
}

impl<K> Default for Informer<K> {
    fn default() -> Self {
        Self {
            objects: SortedMap::new(),
        }
    }
}

/// Serialised as names and versions: what stands under them is the store's.
impl<K: ApiType> Serialize for Informer<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.objects
                .iter()
                .map(|(name, o)| (name.to_string(), o.revision())),
        )
    }
}

impl<K: ApiType> Informer<K> {
    /// Takes in one watch event; `None` where it is of another kind.
    pub fn observe(&mut self, event: &WatchEvent) -> Option<Delta<K>> {
        let object = event.object.get::<K>()?;
        let name = event.key.namespaced_name();
        let (old, new) = match event.verb {
            WatchVerb::Deleted => (self.objects.remove(&name), None),
            WatchVerb::Added | WatchVerb::Modified => (
                self.objects.insert(name, object.clone()),
                Some(object.clone()),
            ),
        };
        let old = old.or_else(|| new.is_none().then(|| object.clone()));
        Some(Delta {
            old,
            new,
            revision: event.revision,
        })
    }

    /// Takes in a whole list and says what changed: new, changed and missing objects.
    pub fn replace(&mut self, items: &[Object], revision: u64) -> Vec<Delta<K>> {
        let before = std::mem::take(&mut self.objects);
        let mut deltas = Vec::new();
        for new in items.iter().filter_map(|item| item.get::<K>()) {
            let name = new.namespaced_name();
            let old = before.get(&name).cloned();
            self.objects.insert(name, new.clone());
            if old
                .as_ref()
                .is_none_or(|old| old.revision() != new.revision())
            {
                deltas.push(Delta {
                    old,
                    new: Some(new.clone()),
                    revision: new.revision(),
                });
            }
        }
        let after = &self.objects;
        let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
        let gone = gone.map(|(_, old)| Delta {
            old: Some(old.clone()),
            new: None,
            revision,
        });
        deltas.extend(gone);
        deltas
    }

    /// The object called `name`.
    pub fn get(&self, name: &NamespacedName) -> Option<&Arc<K>> {
        self.objects.get(name)
    }

    /// Every object, by namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<K>> {
        self.objects.values()
    }

    /// The objects of `namespace`, by name.
    pub fn in_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Arc<K>> {
        self.objects
            .range(NamespacedName::new(namespace, "")..)
            .take_while(move |(name, _)| name.namespace == namespace)
            .map(|(_, object)| object)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}
