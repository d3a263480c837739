//! Secrets as rows.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Secret;
use std::collections::BTreeMap;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Type"),
    Column::text("Data"),
    Column::text("Age"),
];

pub(super) fn cells(secret: &Secret, now: SimTime) -> Vec<Cell> {
    vec![
        Cell::text(secret.name()),
        Cell::text(secret.type_.clone().unwrap_or_default()),
        Cell::count(secret.data.as_ref().map_or(0, BTreeMap::len)),
        age_of(&secret.metadata, now),
    ]
}
