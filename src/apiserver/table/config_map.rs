//! ConfigMaps as rows.

use super::{Cell, Column, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::ConfigMap;
use std::collections::BTreeMap;

pub(super) const COLUMNS: &[Column] =
    &[Column::name(), Column::number("Data"), Column::text("Age")];

pub(super) fn cells(map: &ConfigMap, now: SimTime) -> Vec<Cell> {
    let texts = map.data.as_ref().map_or(0, BTreeMap::len);
    let entries = texts + map.binary_data.as_ref().map_or(0, BTreeMap::len);
    let age = format::age(map.metadata.creation_timestamp.as_ref(), now);
    vec![
        Cell::text(map.name()),
        Cell::Number(i64::try_from(entries).unwrap_or(i64::MAX)),
        Cell::Text(age),
    ]
}
