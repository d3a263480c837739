//! Only claims of a class that allows it may grow.
//!
//! Upstream: plugin/pkg/admission/storage/persistentvolume/resize/admission.go, v1.36.

use super::{Surroundings, forbidden};
use crate::api::{Object, Status, quantity};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

fn asked(claim: &PersistentVolumeClaim) -> Quantity {
    let resources = claim.spec.as_ref().and_then(|s| s.resources.as_ref());
    let requests = resources.and_then(|r| r.requests.as_ref());
    let storage = requests.and_then(|all| all.get("storage").cloned());
    storage.unwrap_or_default()
}

/// Refuses a bound claim that asks for more than before from a class that does not allow it.
///
/// # Errors
/// `Forbidden`.
pub fn validate(object: &Object, around: &Surroundings<'_>) -> Result<(), Status> {
    let (Object::PersistentVolumeClaim(new), Some(Object::PersistentVolumeClaim(old))) =
        (object, around.old)
    else {
        return Ok(());
    };
    if quantity::compare(&asked(new), &asked(old)).is_le() {
        return Ok(());
    }
    let phase = old
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    if phase != Some("Bound") {
        return Err(forbidden(
            object,
            "Only bound persistent volume claims can be expanded",
        ));
    }
    let name = new
        .spec
        .as_ref()
        .and_then(|s| s.storage_class_name.as_deref());
    let class = name.and_then(|name| around.find::<StorageClass>("", name));
    if class.is_some_and(|class| class.allow_volume_expansion == Some(true)) {
        return Ok(());
    }
    Err(forbidden(
        object,
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
    ))
}
