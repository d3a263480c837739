//! Namespaces as rows.

use super::{Cell, Column, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Namespace;

pub(super) const COLUMNS: &[Column] =
    &[Column::name(), Column::text("Status"), Column::text("Age")];

pub(super) fn cells(namespace: &Namespace, now: SimTime) -> Vec<Cell> {
    let status = namespace.status.as_ref();
    let phase = status.and_then(|status| status.phase.clone());
    let age = format::age(namespace.metadata.creation_timestamp.as_ref(), now);
    vec![
        Cell::text(namespace.name()),
        Cell::text(phase.unwrap_or_default()),
        Cell::Text(age),
    ]
}
