//! Server-side apply, and the tracking of who manages which field through every other write.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/managedfields/internal/fieldmanager.go and
//! managedfieldsupdater.go, v1.36.

use super::access::User;
use super::door::FieldValidation;
use super::managed::{self, Apply, Manager, Managers};
use super::{ApiServer, Health};
use crate::api::meta::MetaExt;
use crate::api::watch::Origin;
use crate::api::{Object, Status};
use crate::sim::{SimTime, order};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Value, json};
use std::sync::Arc;

/// How a write is to be carried out, and who asks for it.
pub(super) struct Write {
    /// Do everything but store.
    pub dry_run: bool,
    /// Whose the written fields become.
    pub tracking: Tracking,
    /// Who asks, and why.
    pub origin: Origin,
    /// For whom, where that makes a difference.
    pub user: Option<Arc<User>>,
}

impl Write {
    /// What the API server writes of itself, because of the revision `cause`.
    pub fn own(cause: Option<u64>, now: SimTime) -> Self {
        let origin = Origin {
            actor: "kube-apiserver".into(),
            cause,
            at: now,
        };
        Self {
            dry_run: false,
            tracking: Tracking::of(None, "", &origin),
            origin,
            user: None,
        }
    }
}

/// Whose the written fields become.
pub(super) enum Tracking {
    /// They become the manager's, written through this subresource.
    Named(Arc<str>, &'static str),
    /// They become the actor's, where the object is tracked already.
    Actor(Arc<str>),
    /// An apply has decided it.
    Decided(Managers, Manager),
}

/// The field manager that a part of the cluster writes as.
fn manager_of(actor: &str) -> &'static str {
    match actor.split('/').next().unwrap_or_default() {
        "kube-apiserver" => "kube-apiserver",
        "kubelet" => "kubelet",
        "kube-scheduler" => "kube-scheduler",
        "kubeadm" => "kubeadm",
        "user" => "kubectl",
        _ => "kube-controller-manager",
    }
}

impl Tracking {
    pub fn of(manager: Option<Arc<str>>, via: &'static str, origin: &Origin) -> Self {
        match manager {
            Some(name) => Self::Named(name, via),
            None => Self::Actor(origin.actor.clone()),
        }
    }

    fn updater(&self, subresource: &str) -> Manager {
        let (name, via) = match self {
            Self::Named(name, via) => (name.to_string(), *via),
            Self::Actor(actor) => (manager_of(actor).to_owned(), ""),
            Self::Decided(_, manager) => (manager.name.clone(), ""),
        };
        Manager {
            name,
            applies: false,
            subresource: if via.is_empty() { subresource } else { via }.to_owned(),
        }
    }

    /// Notes whose the fields of a new object are.
    pub fn of_new(&self, object: &mut Object, origin: &Origin) {
        let kind = object.kind();
        let managers = match self {
            Self::Actor(_) => return,
            Self::Decided(managers, _) => managers.clone(),
            Self::Named(..) => {
                let empty = json!({"metadata": {}, "spec": {}, "status": {}});
                let mut managers = Managers::default();
                let manager = self.updater("");
                managed::update(kind, &empty, &object.to_json(), &mut managers, &manager);
                managers.stamp(&manager, origin.at);
                managers
            }
        };
        object.meta_mut().managed_fields = Some(managers.write(&kind.api_version()));
    }

    /// Notes whose the fields are after a change from `old` to `new`, which holds the entries that
    /// the change begins with.
    pub fn of_change(&self, old: &Object, new: &mut Object, subresource: &str, origin: &Origin) {
        let kind = new.kind();
        let given = new.meta_mut().managed_fields.take();
        let managers = match self {
            Self::Decided(managers, _) => managers.clone(),
            _ => {
                let stored = old.meta().managed_fields.as_deref().unwrap_or_default();
                let entries = match given.as_deref() {
                    // One empty entry says: forget them all.
                    Some([only]) if *only == ManagedFieldsEntry::default() => return,
                    Some(given) if !Managers::read(given).is_empty() => given,
                    _ => stored,
                };
                let mut managers = Managers::read(entries);
                if managers.is_empty() {
                    return;
                }
                let manager = self.updater(subresource);
                let (before, after) = (old.to_json(), new.to_json());
                if managed::update(kind, &before, &after, &mut managers, &manager) {
                    managers.stamp(&manager, origin.at);
                }
                managers
            }
        };
        let entries = managers.write(&kind.api_version());
        let stored = old.meta().managed_fields.as_deref().unwrap_or_default();
        // New times alone are no change.
        new.meta_mut().managed_fields = match same_but_for_times(&entries, stored) {
            true => old.meta().managed_fields.clone(),
            false => Some(entries),
        };
    }
}

fn same_but_for_times(a: &[ManagedFieldsEntry], b: &[ManagedFieldsEntry]) -> bool {
    let timeless = |entries: &[ManagedFieldsEntry]| -> Vec<String> {
        let text = |entry: &ManagedFieldsEntry| {
            let mut entry = entry.clone();
            entry.time = None;
            crate::api::codec::to_value(&entry).to_string()
        };
        let mut texts: Vec<String> = entries.iter().map(text).collect();
        order::sort(&mut texts);
        texts
    };
    a.len() == b.len() && timeless(a) == timeless(b)
}

impl ApiServer {
    /// Lays an object over the stored one, or creates it.
    pub(super) fn apply(&mut self, apply: &Apply, mut write: Write) -> Result<Object, Status> {
        debug_assert!(self.health == Health::Serving, "asked before");
        check_config(apply)?;
        let (key, kind) = (&apply.key, apply.key.kind);
        let manager = Manager {
            applies: true,
            ..write.tracking.updater(&apply.subresource)
        };
        let live = self.etcd.get(key).cloned();
        let (before, managers) = match &live {
            Some(live) => (live.to_json(), managers_of(live)),
            None if !apply.subresource.is_empty() => return Err(Status::not_found(key)),
            None => (skeleton(apply), Managers::default()),
        };
        let (merged, mut managers) = managed::apply(apply, &before, managers, &manager)?;
        managers.stamp(&manager, write.origin.at);
        let mut object = self
            .kinds()
            .decode_as(kind, merged, FieldValidation::Ignore)?;
        if let Some(version) = apply.config.pointer("/metadata/resourceVersion") {
            object.meta_mut().resource_version = version.as_str().map(str::to_owned);
        }
        write.tracking = Tracking::Decided(managers, manager);
        match (live, apply.subresource.as_str()) {
            (None, _) => self.create(object, write),
            (Some(_), "status") => self.update_status(object, write),
            (Some(_), _) => self.update(object, write),
        }
    }
}

fn managers_of(live: &Object) -> Managers {
    let stored = live.meta().managed_fields.as_deref().unwrap_or_default();
    let mut managers = Managers::read(stored);
    if managers.is_empty() {
        let before = Manager {
            name: "before-first-apply".to_owned(),
            applies: false,
            subresource: String::new(),
        };
        let fields = managed::before_first_apply(live.kind(), &live.to_json());
        managers.set(&before, fields);
        managers.stamp(&before, live.created_at());
    }
    managers
}

/// What an object is before anything was applied to it.
fn skeleton(apply: &Apply) -> Value {
    let key = &apply.key;
    let mut value = json!({
        "apiVersion": key.kind.api_version(),
        "kind": key.kind.row().kind,
        "metadata": {"name": key.name},
    });
    if key.kind.is_namespaced() {
        value["metadata"]["namespace"] = key.namespace.as_str().into();
    }
    value
}

fn check_config(apply: &Apply) -> Result<(), Status> {
    let text = |pointer: &str| {
        let found = apply.config.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_default()
    };
    let (key, kind) = (&apply.key, apply.key.kind);
    if !apply.config.is_object() {
        return Err(Status::bad_request(
            "the configuration applied is no object",
        ));
    }
    let (version, wanted) = (text("/apiVersion"), kind.api_version());
    if version != wanted {
        return Err(Status::bad_request(format!(
            "incorrect version specified in apply patch. Specified patch version: {version}, expected: {wanted}"
        )));
    }
    if text("/kind") != kind.row().kind {
        return Err(Status::bad_request(format!(
            "{} cannot be applied as a {kind}",
            text("/kind")
        )));
    }
    if apply.config.pointer("/metadata/managedFields").is_some() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let (name, namespace) = (text("/metadata/name"), text("/metadata/namespace"));
    if !name.is_empty() && name != key.name {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            key.name
        )));
    }
    if !namespace.is_empty() && namespace != key.namespace {
        return Err(Status::bad_request(format!(
            "the namespace of the object ({namespace}) does not match the namespace on the request ({})",
            key.namespace
        )));
    }
    Ok(())
}
