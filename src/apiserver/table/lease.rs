//! Leases as rows.

use super::{Cell, Column, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::coordination::v1::Lease;

pub(super) const COLUMNS: &[Column] =
    &[Column::name(), Column::text("Holder"), Column::text("Age")];

pub(super) fn cells(lease: &Lease, now: SimTime) -> Vec<Cell> {
    let spec = lease.spec.as_ref();
    let holder = spec.and_then(|spec| spec.holder_identity.clone());
    let age = format::age(lease.metadata.creation_timestamp.as_ref(), now);
    vec![
        Cell::text(lease.name()),
        Cell::text(holder.unwrap_or_default()),
        Cell::Text(age),
    ]
}
