//! Kinds that have no columns of their own here yet: their name and their age, which every kind's
//! table has.

use super::{Cell, Column, format};
use crate::sim::SimTime;
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub(super) const COLUMNS: &[Column] = &[Column::name(), Column::text("Age")];

pub(super) fn cells<K: Metadata<Ty = ObjectMeta>>(
    object: &std::sync::Arc<K>,
    now: SimTime,
) -> Vec<Cell> {
    let metadata = object.metadata();
    let age = format::age(metadata.creation_timestamp.as_ref(), now);
    let name = metadata.name.clone().unwrap_or_default();
    vec![Cell::Text(name), Cell::Text(age)]
}
