//! Owner references: who made an object and goes with it.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/controller_ref.go, v1.36.

use super::meta::MetaExt;
use super::{ApiType, Kind};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

/// The reference that makes `owner` the controller of an object.
pub fn controller_ref<K: ApiType>(owner: &K) -> OwnerReference {
    reference(<K as ApiType>::KIND, owner.object_meta())
}

/// The reference that makes the object of `kind` with `meta` the controller of another.
pub fn reference(kind: Kind, meta: &ObjectMeta) -> OwnerReference {
    OwnerReference {
        api_version: kind.api_version(),
        kind: kind.row().kind.to_owned(),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// The reference to the controller of an object, if it has one.
pub fn controller_of(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references
        .as_ref()?
        .iter()
        .find(|r| r.controller == Some(true))
}

/// Whether the object with this `meta` is controlled by the object with `uid`.
pub fn is_controlled_by(meta: &ObjectMeta, uid: &str) -> bool {
    controller_of(meta).is_some_and(|r| r.uid == uid)
}

/// The name of the object's controller, if that is of `kind`.
pub fn controller_name(meta: &ObjectMeta, kind: Kind) -> Option<&str> {
    controller_of(meta)
        .filter(|r| r.kind == kind.row().kind)
        .map(|r| r.name.as_str())
}
