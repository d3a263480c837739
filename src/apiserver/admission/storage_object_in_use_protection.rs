//! New claims and volumes get the finalizer that keeps them while they are in use.
//!
//! Upstream: plugin/pkg/admission/storage/storageobjectinuseprotection/admission.go, v1.36.

use super::Surroundings;
use crate::api::{Kind, Object, Status};

/// Adds the finalizer to what is created.
///
/// # Errors
/// None.
pub fn admit(object: &mut Object, around: &mut Surroundings<'_>) -> Result<(), Status> {
    let finalizer = match object.kind() {
        Kind::PersistentVolume => "kubernetes.io/pv-protection",
        Kind::PersistentVolumeClaim => "kubernetes.io/pvc-protection",
        _ => return Ok(()),
    };
    if around.old.is_some() {
        return Ok(());
    }
    let finalizers = object.meta_mut().finalizers.get_or_insert_default();
    if !finalizers.iter().any(|known| known == finalizer) {
        finalizers.push(finalizer.to_owned());
    }
    Ok(())
}
