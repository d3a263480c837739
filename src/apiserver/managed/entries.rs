//! The entries of `metadata.managedFields`.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/managedfields/internal/managedfields.go and
//! capmanagers.go, v1.36.

use super::set::FieldSet;
use crate::api::meta;
use crate::sim::SimTime;
use crate::sim::order::sort_by;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, Time};

/// The most managers that update; the oldest are put together.
const UPDATERS_MAX: usize = 10;
const ANCIENT: &str = "ancient-changes";

/// Somebody who manages fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// The name that it gave.
    pub name: String,
    /// It applies, and does not only update.
    pub applies: bool,
    /// The subresource that it writes through; empty for the object itself.
    pub subresource: String,
}

/// All managers of an object and what they manage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managers(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    manager: Manager,
    set: FieldSet,
    time: Option<Time>,
}

impl Managers {
    /// Reads an object's entries.
    pub fn read(entries: &[ManagedFieldsEntry]) -> Self {
        let read = |entry: &ManagedFieldsEntry| {
            let FieldsV1(fields) = entry.fields_v1.as_ref()?;
            Some(Entry {
                manager: Manager {
                    name: entry.manager.clone().unwrap_or_default(),
                    applies: entry.operation.as_deref() == Some("Apply"),
                    subresource: entry.subresource.clone().unwrap_or_default(),
                },
                set: FieldSet::from_json(fields),
                time: entry.time.clone(),
            })
        };
        Self(entries.iter().filter_map(read).collect())
    }

    /// As the object holds them: who applies first, then by time and name.
    pub fn write(mut self, api_version: &str) -> Vec<ManagedFieldsEntry> {
        self.cap();
        sort_by(&mut self.0, |a, b| {
            let rank = |entry: &Entry| {
                let time = entry.time.as_ref().map(meta::to_sim);
                (!entry.manager.applies, time, entry.manager.name.clone())
            };
            rank(a)
                .cmp(&rank(b))
                .then_with(|| a.manager.subresource.cmp(&b.manager.subresource))
        });
        let write = |entry: Entry| {
            let subresource = entry.manager.subresource;
            ManagedFieldsEntry {
                api_version: Some(api_version.to_owned()),
                fields_type: Some("FieldsV1".to_owned()),
                fields_v1: Some(FieldsV1(entry.set.to_json())),
                manager: Some(entry.manager.name),
                operation: Some(
                    if entry.manager.applies {
                        "Apply"
                    } else {
                        "Update"
                    }
                    .to_owned(),
                ),
                subresource: (!subresource.is_empty()).then_some(subresource),
                time: entry.time,
            }
        };
        self.0.into_iter().map(write).collect()
    }

    /// Puts the oldest updaters together where there are too many.
    fn cap(&mut self) {
        let updaters = |entries: &[Entry]| {
            entries
                .iter()
                .filter(|entry| !entry.manager.applies)
                .count()
        };
        while updaters(&self.0) > UPDATERS_MAX {
            let oldest = self
                .0
                .iter()
                .enumerate()
                .filter(|(_, e)| !e.manager.applies && e.manager.name != ANCIENT)
                .min_by_key(|(_, e)| e.time.as_ref().map(meta::to_sim))
                .map(|(index, _)| index);
            let Some(index) = oldest else {
                return;
            };
            let entry = self.0.remove(index);
            let ancient = Manager {
                name: ANCIENT.to_owned(),
                applies: false,
                subresource: String::new(),
            };
            self.add(&ancient, &entry.set);
        }
    }

    /// Whether nobody manages anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All managers and what they manage.
    pub fn iter(&self) -> impl Iterator<Item = (&Manager, &FieldSet)> {
        self.0.iter().map(|entry| (&entry.manager, &entry.set))
    }

    /// What `manager` manages.
    pub fn get(&self, manager: &Manager) -> Option<&FieldSet> {
        self.iter()
            .find(|(other, _)| *other == manager)
            .map(|(_, set)| set)
    }

    /// What anybody manages.
    pub fn all(&self) -> FieldSet {
        self.iter()
            .fold(FieldSet::default(), |all, (_, set)| all.union(set))
    }

    /// `manager` manages exactly `set`.
    pub fn set(&mut self, manager: &Manager, set: FieldSet) {
        match self.0.iter_mut().find(|entry| entry.manager == *manager) {
            Some(entry) => entry.set = set,
            None => self.0.push(Entry {
                manager: manager.clone(),
                set,
                time: None,
            }),
        }
    }

    /// `manager` manages `set` as well.
    pub fn add(&mut self, manager: &Manager, set: &FieldSet) {
        let all = match self.get(manager) {
            Some(own) => own.union(set),
            None => set.clone(),
        };
        self.set(manager, all);
    }

    /// Changes what each manages; those who are left with nothing are forgotten.
    pub fn change(&mut self, change: impl Fn(&Manager, &FieldSet) -> FieldSet) {
        for entry in &mut self.0 {
            entry.set = change(&entry.manager, &entry.set);
        }
        self.0.retain(|entry| !entry.set.is_empty());
    }

    /// Notes when `manager` last took something.
    pub fn stamp(&mut self, manager: &Manager, at: SimTime) {
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.manager == *manager) {
            entry.time = Some(meta::time(at));
        }
    }
}
