//! PersistentVolumeClaims as rows.

use super::persistent_volume::{class, modes, phase, unset};
use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Status"),
    Column::text("Volume"),
    Column::text("Capacity"),
    Column::text("Access Modes"),
    Column::text("StorageClass"),
    Column::text("VolumeAttributesClass"),
    Column::text("Age"),
    Column::text("VolumeMode").wide(),
];

pub(super) fn cells(claim: &PersistentVolumeClaim, now: SimTime) -> Vec<Cell> {
    let spec = claim.spec.clone().unwrap_or_default();
    let status = claim.status.clone().unwrap_or_default();
    let volume = spec.volume_name.unwrap_or_default();
    // Only what is bound has a size and modes; what was asked for stands in the spec.
    let (size, access) = match volume.is_empty() {
        true => (String::new(), String::new()),
        false => {
            let size = status
                .capacity
                .and_then(|mut sizes| sizes.remove("storage"));
            let size = size.map_or("0".to_owned(), |size| size.0);
            (size, modes(status.access_modes.as_deref()))
        }
    };
    vec![
        Cell::text(claim.name()),
        Cell::Text(phase(&claim.metadata, status.phase)),
        Cell::Text(volume),
        Cell::Text(size),
        Cell::Text(access),
        Cell::Text(class(&claim.metadata, spec.storage_class_name)),
        unset(spec.volume_attributes_class_name),
        age_of(&claim.metadata, now),
        unset(spec.volume_mode),
    ]
}
