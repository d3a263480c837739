//! PriorityClasses as rows.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::scheduling::v1::PriorityClass;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::number("Value"),
    Column::truth("Global-Default"),
    Column::text("Age"),
    Column::text("PreemptionPolicy"),
];

pub(super) fn cells(class: &PriorityClass, now: SimTime) -> Vec<Cell> {
    vec![
        Cell::text(class.name()),
        Cell::number(class.value.unwrap_or(0)),
        Cell::Truth(class.global_default.unwrap_or(false)),
        age_of(&class.metadata, now),
        Cell::text(class.preemption_policy.clone().unwrap_or_default()),
    ]
}
