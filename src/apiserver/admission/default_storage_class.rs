//! A claim that names no class gets the default one.
//!
//! Upstream: plugin/pkg/admission/storage/storageclass/setdefault/admission.go, v1.36.

use super::{Surroundings, newest};
use crate::api::meta::MetaExt;
use crate::api::{Object, Status};
use k8s_openapi::api::storage::v1::StorageClass;
use std::sync::Arc;

const MARKS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];

/// Sets the class of a new claim that names none, if there is a default.
///
/// # Errors
/// None.
pub fn admit(object: &mut Object, around: &mut Surroundings<'_>) -> Result<(), Status> {
    let Object::PersistentVolumeClaim(claim) = object else {
        return Ok(());
    };
    let named = claim
        .spec
        .as_ref()
        .is_some_and(|s| s.storage_class_name.is_some());
    let old_way = "volume.beta.kubernetes.io/storage-class";
    if around.old.is_some() || named || claim.annotation(old_way).is_some() {
        return Ok(());
    }
    if let Some(class) = newest(around.all::<StorageClass>(None), &MARKS) {
        let spec = Arc::make_mut(claim).spec.get_or_insert_default();
        spec.storage_class_name = Some(class.name().to_owned());
    }
    Ok(())
}
