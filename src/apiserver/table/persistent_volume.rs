//! PersistentVolumes as rows, and how volumes and claims say their modes and class.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::PersistentVolume;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Capacity"),
    Column::text("Access Modes"),
    Column::text("Reclaim Policy"),
    Column::text("Status"),
    Column::text("Claim"),
    Column::text("StorageClass"),
    Column::text("VolumeAttributesClass"),
    Column::text("Reason"),
    Column::text("Age"),
    Column::text("VolumeMode").wide(),
];

const CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// The access modes and their short names, in the order in which they are told.
const MODES: [(&str, &str); 4] = [
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
];

pub(super) fn cells(volume: &PersistentVolume, now: SimTime) -> Vec<Cell> {
    let spec = volume.spec.clone().unwrap_or_default();
    let status = volume.status.clone().unwrap_or_default();
    let size = spec.capacity.and_then(|mut sizes| sizes.remove("storage"));
    let claim = spec.claim_ref.map(|claim| {
        let (namespace, name) = (claim.namespace, claim.name);
        format!(
            "{}/{}",
            namespace.unwrap_or_default(),
            name.unwrap_or_default()
        )
    });
    vec![
        Cell::text(volume.name()),
        Cell::Text(size.map_or("0".to_owned(), |size| size.0)),
        Cell::Text(modes(spec.access_modes.as_deref())),
        Cell::text(spec.persistent_volume_reclaim_policy.unwrap_or_default()),
        Cell::Text(phase(&volume.metadata, status.phase)),
        Cell::text(claim.unwrap_or_default()),
        Cell::Text(class(&volume.metadata, spec.storage_class_name)),
        unset(spec.volume_attributes_class_name),
        Cell::text(status.reason.unwrap_or_default()),
        age_of(&volume.metadata, now),
        unset(spec.volume_mode),
    ]
}

/// `RWO,ROX`: each mode once.
pub(super) fn modes(given: Option<&[String]>) -> String {
    let given = given.unwrap_or_default();
    let short = MODES
        .iter()
        .filter(|(mode, _)| given.iter().any(|one| one == mode));
    short.map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

/// The class: the old annotation counts before the field.
pub(super) fn class(metadata: &ObjectMeta, field: Option<String>) -> String {
    let annotations = metadata.annotations.as_ref();
    let old = annotations.and_then(|annotations| annotations.get(CLASS));
    old.cloned().or(field).unwrap_or_default()
}

pub(super) fn phase(metadata: &ObjectMeta, phase: Option<String>) -> String {
    match metadata.deletion_timestamp {
        Some(_) => "Terminating".to_owned(),
        None => phase.unwrap_or_default(),
    }
}

pub(super) fn unset(text: Option<String>) -> Cell {
    Cell::Text(text.unwrap_or("<unset>".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn modes_are_told_once_and_in_their_order() {
        let given = ["ReadWriteOncePod", "ReadWriteOnce", "ReadWriteOnce", "x"].map(str::to_owned);
        assert_eq!(modes(Some(&given)), "RWO,RWOP");
        assert_eq!(modes(None), "");
    }

    #[test]
    fn a_volume_says_whose_it_is() {
        let volume = codec::from_value(json!({
            "metadata": {"name": "disk", "annotations": {CLASS: "old"}},
            "spec": {
                "capacity": {"storage": "5Gi"}, "accessModes": ["ReadOnlyMany"],
                "claimRef": {"namespace": "a", "name": "b"}, "storageClassName": "new",
                "persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Block"
            },
            "status": {"phase": "Bound"}
        }));
        let cells = cells(&volume.expect("it decodes"), SimTime::default());
        let texts: Vec<String> = cells.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "disk",
                "5Gi",
                "ROX",
                "Retain",
                "Bound",
                "a/b",
                "old",
                "<unset>",
                "",
                "<unknown>",
                "Block"
            ]
        );
    }
}
