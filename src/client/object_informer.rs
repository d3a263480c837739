//! A copy of objects whose kinds nobody here reads: only their metadata counts.
//!
//! Upstream: staging/src/k8s.io/client-go/metadata/metadatainformer, v1.36. The objects are shared
//! with the store, so keeping them whole costs no more than their names.

use crate::api::meta::MetaExt;
use crate::api::watch::{WatchEvent, WatchVerb};
use crate::api::{Kind, Object, ObjectKey};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// One change of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectChange {
    /// Its kind.
    pub kind: Kind,
    /// The version before; `None` for a new object.
    pub old: Option<Object>,
    /// The version after; `None` for a deleted object.
    pub new: Option<Object>,
    /// The revision that changed it.
    pub revision: u64,
}

/// Objects of several kinds as their watcher last saw them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectInformer {
    objects: BTreeMap<ObjectKey, Object>,
}

/// Serialised as keys and versions: what stands under them is the store's.
impl Serialize for ObjectInformer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let objects = self.objects.iter();
        serializer.collect_map(objects.map(|(key, object)| (key.to_string(), object.revision())))
    }
}

impl ObjectInformer {
    /// Takes in one watch event.
    pub fn observe(&mut self, event: &WatchEvent) -> ObjectChange {
        let (old, new) = match event.verb {
            WatchVerb::Deleted => {
                let old = self.objects.remove(&event.key);
                (old.or_else(|| Some(event.object.clone())), None)
            }
            WatchVerb::Added | WatchVerb::Modified => {
                let new = event.object.clone();
                let old = self.objects.insert(event.key.clone(), new.clone());
                (old, Some(new))
            }
        };
        ObjectChange {
            kind: event.key.kind,
            old,
            new,
            revision: event.revision,
        }
    }

    /// Takes in a whole list of `kind` and says what changed: new, changed and missing objects.
    pub fn replace(&mut self, kind: Kind, items: &[Object], revision: u64) -> Vec<ObjectChange> {
        let known = self.objects.keys().filter(|key| key.kind == kind);
        let known: Vec<ObjectKey> = known.cloned().collect();
        let mut before: BTreeMap<ObjectKey, Object> = BTreeMap::new();
        for key in known {
            if let Some(object) = self.objects.remove(&key) {
                before.insert(key, object);
            }
        }
        let mut changes = Vec::new();
        for new in items {
            let key = new.key();
            let old = before.remove(&key);
            self.objects.insert(key, new.clone());
            if old.as_ref().map(Object::revision) != Some(new.revision()) {
                changes.push(ObjectChange {
                    kind,
                    old,
                    new: Some(new.clone()),
                    revision: new.revision(),
                });
            }
        }
        changes.extend(before.into_values().map(|old| ObjectChange {
            kind,
            old: Some(old),
            new: None,
            revision,
        }));
        changes
    }

    /// The objects of `kind`, by namespace and name.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        let first = ObjectKey::new(kind, "", "");
        let objects = self.objects.range(first..);
        objects
            .take_while(move |(key, _)| key.kind == kind)
            .map(|(_, object)| object)
    }

    /// The objects of `kind` in `namespace`, by name.
    pub fn in_namespace<'a>(
        &'a self,
        kind: Kind,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Object> {
        let first = ObjectKey::new(kind, namespace, "");
        let objects = self.objects.range(first..);
        objects
            .take_while(move |(key, _)| key.kind == kind && key.namespace == namespace)
            .map(|(_, object)| object)
    }

    /// The object at `key`.
    pub fn get(&self, key: &ObjectKey) -> Option<&Object> {
        self.objects.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret(name: &str, version: u64) -> Object {
        let json = json!({"metadata": {"name": name, "resourceVersion": version.to_string()}});
        Object::from_json(Kind::Secret, json).expect("it decodes")
    }

    #[test]
    fn a_list_tells_what_is_new_changed_and_gone() {
        let mut informer = ObjectInformer::default();
        let first = [secret("a", 1), secret("b", 2), secret("c", 3)];
        assert_eq!(informer.replace(Kind::Secret, &first, 3).len(), 3);
        let second = [secret("a", 1), secret("b", 4), secret("d", 5)];
        let changes = informer.replace(Kind::Secret, &second, 5);
        let told: Vec<(&str, bool, bool)> = changes
            .iter()
            .map(|change| {
                let name = change.new.as_ref().or(change.old.as_ref()).expect("one");
                (name.name(), change.old.is_some(), change.new.is_some())
            })
            .collect();
        assert_eq!(
            told,
            [("b", true, true), ("d", false, true), ("c", true, false)]
        );
        assert!(informer.replace(Kind::Job, &[], 6).is_empty());
        assert!(informer.get(&secret("d", 5).key()).is_some());
    }
}
