//! ServiceAccounts as rows.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::ServiceAccount;

pub(super) const COLUMNS: &[Column] =
    &[Column::name(), Column::text("Secrets"), Column::text("Age")];

pub(super) fn cells(account: &ServiceAccount, now: SimTime) -> Vec<Cell> {
    vec![
        Cell::text(account.name()),
        Cell::count(account.secrets.as_ref().map_or(0, Vec::len)),
        age_of(&account.metadata, now),
    ]
}
