//! Admission: what may be refused or changed for reasons outside the object itself.
//!
//! One plugin per file, named as upstream; the order is upstream's
//! (pkg/kubeapiserver/options/plugins.go, v1.36): every plugin changes, then every plugin refuses.
//! Left out: webhooks and policies, and the plugins that need
//! authentication (NodeRestriction, OwnerReferencesPermissionEnforcement, certificates).

mod claim_resize;
mod default_ingress_class;
mod default_storage_class;
mod default_toleration_seconds;
mod limit_ranger;
mod namespace_lifecycle;
mod pod_security;
mod priority;
mod quota;
mod runtime_class;
mod service_account;
mod storage_object_in_use_protection;

pub use quota::{counts_kind as quota_counts, counts_pod as quota_counts_pod, used as quota_used};

use super::ApiServerConfig;
use crate::api::meta::MetaExt;
use crate::api::{ApiType, Object, ObjectKey, Status};
use crate::etcd::Etcd;
use crate::sim::{SimRng, SimTime};
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;

/// What a plugin may look at besides the object.
pub struct Surroundings<'a> {
    /// Which plugins are off.
    pub config: &'a ApiServerConfig,
    /// What is stored.
    pub etcd: &'a Etcd,
    /// What is to be changed; nothing where an object is created.
    pub old: Option<&'a Object>,
    /// The source of generated names.
    pub rng: &'a mut SimRng,
    /// The present.
    pub now: SimTime,
}

impl Surroundings<'_> {
    fn find<K: ApiType>(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let key = ObjectKey::new(<K as ApiType>::KIND, namespace, name);
        self.etcd.get(&key)?.get::<K>().cloned()
    }

    fn all<'b, K: ApiType>(&'b self, namespace: Option<&'b str>) -> impl Iterator<Item = &'b K> {
        let found = self.etcd.list(<K as ApiType>::KIND, namespace);
        found.filter_map(|object| object.get::<K>().map(AsRef::as_ref))
    }
}

type Admit = fn(&mut Object, &mut Surroundings<'_>) -> Result<(), Status>;
type Validate = fn(&Object, &Surroundings<'_>) -> Result<(), Status>;

/// A plugin: its name, what it changes, what it refuses.
type Plugin = (&'static str, Option<Admit>, Option<Validate>);

const PLUGINS: &[Plugin] = &[
    ("NamespaceLifecycle", Some(namespace_lifecycle::admit), None),
    (
        "LimitRanger",
        Some(limit_ranger::admit),
        Some(limit_ranger::validate),
    ),
    ("ServiceAccount", Some(service_account::admit), None),
    ("PodSecurity", None, Some(pod_security::validate)),
    ("Priority", Some(priority::admit), Some(priority::validate)),
    (
        "DefaultTolerationSeconds",
        Some(default_toleration_seconds::admit),
        None,
    ),
    (
        "DefaultStorageClass",
        Some(default_storage_class::admit),
        None,
    ),
    (
        "StorageObjectInUseProtection",
        Some(storage_object_in_use_protection::admit),
        None,
    ),
    (
        "PersistentVolumeClaimResize",
        None,
        Some(claim_resize::validate),
    ),
    (
        "RuntimeClass",
        Some(runtime_class::admit),
        Some(runtime_class::validate),
    ),
    (
        "DefaultIngressClass",
        Some(default_ingress_class::admit),
        None,
    ),
];

/// The plugin that comes after all others.
const QUOTA: &str = "ResourceQuota";

fn is_on(config: &ApiServerConfig, name: &str) -> bool {
    let off = &config.disable_admission_plugins;
    !off.iter().any(|one| one == name)
}

fn enabled(config: &ApiServerConfig) -> impl Iterator<Item = &'static Plugin> {
    PLUGINS.iter().filter(|(name, _, _)| is_on(config, name))
}

/// Lets every plugin change a new object, or a changed one.
///
/// # Errors
/// The first plugin's refusal.
pub fn mutate(object: &mut Object, around: &mut Surroundings<'_>) -> Result<(), Status> {
    for (_, admit, _) in enabled(around.config) {
        if let Some(admit) = admit {
            admit(object, around)?;
        }
    }
    Ok(())
}

/// Lets every plugin refuse a new object, or a change. Answers the quotas whose status changes once
/// it is stored.
///
/// # Errors
/// The first plugin's refusal.
pub fn validate(object: &Object, around: &Surroundings<'_>) -> Result<Vec<Object>, Status> {
    for (_, _, validate) in enabled(around.config) {
        if let Some(validate) = validate {
            validate(object, around)?;
        }
    }
    match is_on(around.config, QUOTA) {
        true => quota::charge(object, around),
        false => Ok(Vec::new()),
    }
}

/// What is said to whoever changed `old` to `new`.
pub fn warnings(new: &Object, old: &Object, config: &ApiServerConfig, etcd: &Etcd) -> Vec<String> {
    match (new, old) {
        (Object::Namespace(new), Object::Namespace(old)) if is_on(config, "PodSecurity") => {
            pod_security::warnings(new, old, etcd)
        }
        _ => Vec::new(),
    }
}

/// Lets every validating plugin refuse a deletion.
///
/// # Errors
/// The first plugin's refusal.
pub fn validate_delete(old: &Object) -> Result<(), Status> {
    namespace_lifecycle::admit_delete(old)
}

fn forbidden(object: &Object, why: impl AsRef<str>) -> Status {
    Status::forbidden(&object.key(), why.as_ref())
}

/// A refusal while an object is still being changed: it has no generated name yet, so that the
/// message tells the name's beginning only.
fn forbidden_early(object: &Object, why: impl AsRef<str>) -> Status {
    let mut key = object.key();
    let prefix = object.meta().generate_name.as_deref().unwrap_or_default();
    if !prefix.is_empty() && key.name.len() == prefix.len() + 5 && key.name.starts_with(prefix) {
        key.name = prefix.to_owned();
    }
    Status::forbidden(&key, why.as_ref())
}

/// The new Pod in `object`, to change.
fn new_pod<'a>(object: &'a mut Object, around: &Surroundings<'_>) -> Option<&'a mut Pod> {
    match object {
        Object::Pod(pod) if around.old.is_none() => Some(Arc::make_mut(pod)),
        _ => None,
    }
}

/// Several complaints as one text, as upstream joins errors.
fn joined(complaints: &[String]) -> String {
    match complaints {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// The one of several defaults that counts: the newest, or the first by name.
fn newest<'a, K: ApiType>(all: impl Iterator<Item = &'a K>, mark: &[&str]) -> Option<&'a K> {
    let is_default = |one: &&K| {
        let annotations = one.metadata().annotations.as_ref();
        let has = |mark: &&str| {
            annotations
                .and_then(|a| a.get(*mark))
                .is_some_and(|v| v == "true")
        };
        mark.iter().any(has)
    };
    let rank = |one: &&K| {
        let metadata = one.metadata();
        let created = metadata
            .creation_timestamp
            .as_ref()
            .map(crate::api::meta::to_sim);
        (created, std::cmp::Reverse(metadata.name.clone()))
    };
    all.filter(is_default).max_by_key(rank)
}

fn is_mirror(pod: &Pod) -> bool {
    pod.annotation("kubernetes.io/config.mirror").is_some()
}
