//! PodDisruptionBudgets as rows.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Min Available"),
    Column::text("Max Unavailable"),
    Column::number("Allowed Disruptions"),
    Column::text("Age"),
];

pub(super) fn cells(budget: &PodDisruptionBudget, now: SimTime) -> Vec<Cell> {
    let (spec, status) = (budget.spec.as_ref(), budget.status.as_ref());
    vec![
        Cell::text(budget.name()),
        amount(spec.and_then(|spec| spec.min_available.as_ref())),
        amount(spec.and_then(|spec| spec.max_unavailable.as_ref())),
        Cell::number(
            status
                .and_then(|status| status.disruptions_allowed)
                .unwrap_or(0),
        ),
        age_of(&budget.metadata, now),
    ]
}

fn amount(amount: Option<&IntOrString>) -> Cell {
    match amount {
        Some(IntOrString::Int(number)) => Cell::text(number.to_string()),
        Some(IntOrString::String(share)) => Cell::text(share.clone()),
        None => Cell::text("N/A"),
    }
}
