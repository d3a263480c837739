//! RuntimeClasses as rows.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::node::v1::RuntimeClass;

pub(super) const COLUMNS: &[Column] =
    &[Column::name(), Column::text("Handler"), Column::text("Age")];

pub(super) fn cells(class: &RuntimeClass, now: SimTime) -> Vec<Cell> {
    vec![
        Cell::text(class.name()),
        Cell::text(class.handler.clone()),
        age_of(&class.metadata, now),
    ]
}
