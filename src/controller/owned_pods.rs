//! The Pods of each owner: a reconcile looks at its own Pods only, however many others there are.
//!
//! Upstream: pkg/controller/controller_utils.go, `AddPodControllerIndexer`, v1.36.

use crate::api::meta::MetaExt;
use crate::api::{NamespacedName, owner};
use crate::client::Delta;
use k8s_openapi::api::core::v1::Pod;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

type Pods = BTreeMap<NamespacedName, Arc<Pod>>;

/// Pods by the uid of their controller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnedPods {
    owned: BTreeMap<String, Pods>,
    /// Pods without a controller, which one may adopt.
    orphans: Pods,
}

/// Serialised as names and versions: what stands under them is the store's.
impl Serialize for OwnedPods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pods = self.owned.values().chain([&self.orphans]).flatten();
        serializer.collect_map(pods.map(|(name, pod)| (name.to_string(), pod.revision())))
    }
}

impl OwnedPods {
    /// Takes in one change.
    pub fn observe(&mut self, delta: &Delta<Pod>) {
        let name = delta.name();
        let before = delta.old.as_ref().and_then(|pod| uid(pod));
        let after = delta.new.as_ref().map(|pod| uid(pod));
        if delta.old.is_some() && after != Some(before) {
            match before {
                None => {
                    self.orphans.remove(&name);
                }
                Some(uid) => {
                    if let Some(pods) = self.owned.get_mut(uid) {
                        pods.remove(&name);
                        if pods.is_empty() {
                            self.owned.remove(uid);
                        }
                    }
                }
            }
        }
        let Some(new) = &delta.new else { return };
        let pods = match uid(new) {
            None => &mut self.orphans,
            Some(uid) if self.owned.contains_key(uid) => self
                .owned
                .get_mut(uid)
                .expect("invariant: the key was just found"),
            Some(uid) => self.owned.entry(uid.to_owned()).or_default(),
        };
        pods.insert(name, new.clone());
    }

    /// The Pods that the object with `uid` controls, by name.
    pub fn of(&self, uid: &str) -> impl Iterator<Item = &Arc<Pod>> {
        self.owned.get(uid).into_iter().flat_map(BTreeMap::values)
    }

    /// The Pods of `namespace` that nothing controls, by name.
    pub fn orphans_in<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Arc<Pod>> {
        let from = NamespacedName::new(namespace, "");
        self.orphans
            .range(from..)
            .take_while(move |(name, _)| name.namespace == namespace)
            .map(|(_, pod)| pod)
    }
}

fn uid(pod: &Pod) -> Option<&str> {
    owner::controller_of(&pod.metadata).map(|reference| reference.uid.as_str())
}
