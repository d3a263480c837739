//! StorageClasses as rows.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::storage::v1::StorageClass;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Provisioner"),
    Column::text("ReclaimPolicy"),
    Column::text("VolumeBindingMode"),
    Column::text("AllowVolumeExpansion"),
    Column::text("Age"),
];

const DEFAULT_MARKS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];

pub(super) fn cells(class: &StorageClass, now: SimTime) -> Vec<Cell> {
    let is_default = DEFAULT_MARKS
        .iter()
        .any(|mark| class.annotation(mark) == Some("true"));
    let name = match is_default {
        true => format!("{} (default)", class.name()),
        false => class.name().to_owned(),
    };
    let or = |text: &Option<String>, default: &str| Cell::text(text.as_deref().unwrap_or(default));
    vec![
        Cell::Text(name),
        Cell::text(class.provisioner.clone()),
        or(&class.reclaim_policy, "Delete"),
        or(&class.volume_binding_mode, "Immediate"),
        Cell::Truth(class.allow_volume_expansion.unwrap_or(false)),
        age_of(&class.metadata, now),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn the_default_says_so() {
        let class = codec::from_value(json!({
            "metadata": {"name": "fast", "annotations": {DEFAULT_MARKS[0]: "true"}},
            "provisioner": "example.com/disk", "allowVolumeExpansion": true
        }));
        let cells = cells(&class.expect("it decodes"), SimTime::default());
        let texts: Vec<String> = cells.iter().map(ToString::to_string).collect();
        let want = [
            "fast (default)",
            "example.com/disk",
            "Delete",
            "Immediate",
            "true",
        ];
        assert_eq!(texts[..5], want);
    }
}
