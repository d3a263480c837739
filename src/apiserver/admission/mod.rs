//! Admission: what may be refused or changed for reasons outside the object itself.
//!
//! One plugin per file, named as upstream; the order is upstream's
//! (pkg/kubeapiserver/options/plugins.go, v1.36).

mod namespace_lifecycle;

use crate::api::{Object, Status};
use crate::etcd::Etcd;

/// Lets every mutating plugin change a new object.
///
/// # Errors
/// The first plugin's refusal.
pub fn mutate_create(object: &mut Object, etcd: &Etcd) -> Result<(), Status> {
    namespace_lifecycle::admit_create(object, etcd)
}

/// Lets every validating plugin refuse a new object.
///
/// # Errors
/// The first plugin's refusal.
pub fn validate_create(_object: &Object, _etcd: &Etcd) -> Result<(), Status> {
    Ok(())
}

/// Lets every validating plugin refuse a change.
///
/// # Errors
/// The first plugin's refusal.
pub fn validate_update(_object: &Object, _old: &Object, _etcd: &Etcd) -> Result<(), Status> {
    Ok(())
}

/// Lets every validating plugin refuse a deletion.
///
/// # Errors
/// The first plugin's refusal.
pub fn validate_delete(old: &Object) -> Result<(), Status> {
    namespace_lifecycle::admit_delete(old)
}
