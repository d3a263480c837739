//! One strategy per kind: its defaults, what it sets itself, what it refuses.

mod allocate;
mod fields;
mod meta;
mod pod;
mod pod_default;
mod pod_validate;
mod service;
mod simple;
mod strategy;
mod workload;

pub use fields::{is_selectable, value as field_value};
pub use strategy::Strategy;

use super::ApiServerConfig;
use crate::api::field::FieldError;
use crate::api::{Object, Status};
use crate::etcd::Etcd;
use std::sync::Arc;

/// Runs `$body` with `$strategy` naming the strategy of `$object`'s kind and `$inner` what it holds.
macro_rules! with_strategy {
    ($object:expr, |$inner:ident| $body:expr) => {
        match $object {
            Object::Namespace($inner) => $body,
            Object::Node($inner) => $body,
            Object::Lease($inner) => $body,
            Object::Pod($inner) => $body,
            Object::ReplicaSet($inner) => $body,
            Object::Deployment($inner) => $body,
            Object::Service($inner) => $body,
            Object::Endpoints($inner) => $body,
            Object::EndpointSlice($inner) => $body,
            Object::ConfigMap($inner) => $body,
            Object::Event($inner) => $body,
        }
    };
}

/// Fills in the fields that were left out.
pub fn default(object: &mut Object) {
    with_strategy!(object, |inner| Strategy::default(Arc::make_mut(inner)));
}

/// Sets what a new object may not choose itself (status, generation, allocated addresses).
///
/// # Errors
/// `Invalid` where an address or port asked for cannot be had.
pub fn prepare_for_create(
    object: &mut Object,
    config: &ApiServerConfig,
    etcd: &Etcd,
) -> Result<(), Status> {
    with_strategy!(object, |inner| Arc::make_mut(inner)
        .prepare_for_create(config, etcd))
}

/// Sets what a changed object may not choose itself.
///
/// # Errors
/// `Invalid` where an address or port asked for cannot be had.
pub fn prepare_for_update(
    object: &mut Object,
    old: &Object,
    config: &ApiServerConfig,
    etcd: &Etcd,
) -> Result<(), Status> {
    with_strategy!(object, |inner| match old.get() {
        Some(old) => Arc::make_mut(inner).prepare_for_update(old, config, etcd),
        None => Ok(()),
    })
}

/// Keeps everything but the status as it was.
pub fn prepare_for_status_update(object: &mut Object, old: &Object) {
    with_strategy!(object, |inner| if let Some(old) = old.get() {
        Arc::make_mut(inner).prepare_for_status_update(old);
    });
}

/// What is wrong with a new object.
pub fn validate(object: &Object) -> Vec<FieldError> {
    with_strategy!(object, |inner| inner.validate())
}

/// What is wrong with a change.
pub fn validate_update(object: &Object, old: &Object) -> Vec<FieldError> {
    with_strategy!(object, |inner| match old.get() {
        Some(old) => inner.validate_update(old),
        None => Vec::new(),
    })
}
