//! NetworkPolicies as rows.

use super::{Cell, Column, age_of, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::networking::v1::NetworkPolicy;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Pod-Selector"),
    Column::text("Age"),
];

pub(super) fn cells(policy: &NetworkPolicy, now: SimTime) -> Vec<Cell> {
    let selector = policy.spec.as_ref().and_then(|s| s.pod_selector.as_ref());
    vec![
        Cell::text(policy.name()),
        Cell::Text(format::format_selector(selector)),
        age_of(&policy.metadata, now),
    ]
}
