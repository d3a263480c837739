//! The Pods of each owner: a reconcile looks at its own Pods only, however many others there are.
//!
//! Upstream: pkg/controller/controller_utils.go, `AddPodControllerIndexer`, v1.36.

use super::pods;
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, owner};
use crate::client::Delta;
use crate::sim::{SimTime, SortedMap};
use k8s_openapi::api::core::v1::Pod;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

type Pods = BTreeMap<NamespacedName, Arc<Pod>>;

/// A Pod that has a controller, and what that asks of it again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    /// The Pod.
    pub pod: Arc<Pod>,
    /// Whether its controller found that it has the labels it selects by. What an owner selects by
    /// never changes, so this holds until the Pod's labels do.
    pub matches: bool,
    /// Whether it counts as a replica.
    pub active: bool,
    /// Whether it is being deleted and has not finished.
    pub ending: bool,
    /// Since when it is ready.
    pub ready_since: Option<SimTime>,
}

impl Owned {
    /// `pod`, of which nobody knows yet whether it matches.
    pub fn new(pod: Arc<Pod>) -> Self {
        Self {
            matches: false,
            active: pods::is_active(&pod),
            ending: pods::is_ending(&pod),
            ready_since: pods::ready_since(&pod),
            pod,
        }
    }
}

/// Pods by the uid of their controller, where that is of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedPods {
    kind: Kind,
    owned: SortedMap<String, SortedMap<NamespacedName, Owned>>,
    /// Pods without a controller, which one may adopt.
    orphans: Pods,
}

/// Serialised as names and versions: what stands under them is the store's.
impl Serialize for OwnedPods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let owned = self.owned.values().flatten();
        let pods = owned
            .map(|(name, owned)| (name, &owned.pod))
            .chain(&self.orphans);
        serializer.collect_map(pods.map(|(name, pod)| (name.to_string(), pod.revision())))
    }
}

impl OwnedPods {
    /// None so far. Of Pods that something of another kind than `kind` controls, nothing is kept.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            owned: SortedMap::new(),
            orphans: BTreeMap::new(),
        }
    }

    fn holder<'a>(&self, pod: &'a Pod) -> Holder<'a> {
        match owner::controller_of(&pod.metadata) {
            None => Holder::Nobody,
            Some(reference) if reference.kind == self.kind.row().kind => {
                Holder::Set(&reference.uid)
            }
            Some(_) => Holder::Other,
        }
    }

    /// Takes in one change.
    pub fn observe(&mut self, delta: &Delta<Pod>) {
        let name = delta.name();
        let before = delta.old.as_ref().map(|pod| self.holder(pod));
        let after = delta.new.as_ref().map(|pod| self.holder(pod));
        if before != after {
            match before {
                Some(Holder::Nobody) => {
                    self.orphans.remove(&name);
                }
                Some(Holder::Set(uid)) => {
                    if let Some(pods) = self.owned.get_mut(uid) {
                        pods.remove(&name);
                        if pods.is_empty() {
                            self.owned.remove(uid);
                        }
                    }
                }
                Some(Holder::Other) | None => {}
            }
        }
        let Some(new) = &delta.new else { return };
        let uid = match self.holder(new) {
            Holder::Set(uid) => uid,
            Holder::Nobody => {
                self.orphans.insert(name, new.clone());
                return;
            }
            Holder::Other => return,
        };
        let pods = self.owned.entry(uid.to_owned()).or_default();
        match pods.get_mut(&name) {
            Some(known) => {
                let same = known.pod.metadata.labels == new.metadata.labels;
                *known = Owned {
                    matches: known.matches && same,
                    ..Owned::new(new.clone())
                };
            }
            None => {
                pods.insert(name, Owned::new(new.clone()));
            }
        }
    }

    /// The Pods that the object with `uid` controls, by name.
    pub fn of(&self, uid: &str) -> impl Iterator<Item = &Owned> {
        let pods = self.owned.get(uid).into_iter();
        pods.flat_map(SortedMap::values)
    }

    /// The same, to note which of them match.
    pub fn of_mut(&mut self, uid: &str) -> impl Iterator<Item = &mut Owned> {
        let pods = self.owned.get_mut(uid).into_iter();
        pods.flat_map(SortedMap::values_mut)
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

/// Whether something of `kind` controls the Pod, did so before, or may adopt it: the Pods of others
/// need not be noted.
pub fn concerns(kind: Kind, delta: &Delta<Pod>) -> bool {
    let mut versions = delta.old.iter().chain(&delta.new);
    versions.any(|pod| {
        let controller = owner::controller_of(&pod.metadata);
        controller.is_none_or(|owner| owner.kind == kind.row().kind)
    })
}

/// What controls a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder<'a> {
    /// A set with this uid.
    Set(&'a str),
    /// Nothing.
    Nobody,
    /// Something of another kind.
    Other,
}
