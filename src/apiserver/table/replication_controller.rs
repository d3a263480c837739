//! ReplicationControllers as rows.

use super::{Cell, Column, age_of, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::ReplicationController;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::number("Desired"),
    Column::number("Current"),
    Column::number("Ready"),
    Column::text("Age"),
    Column::text("Containers").wide(),
    Column::text("Images").wide(),
    Column::text("Selector").wide(),
];

pub(super) fn cells(controller: &ReplicationController, now: SimTime) -> Vec<Cell> {
    let (spec, status) = (controller.spec.as_ref(), controller.status.as_ref());
    let template = spec.and_then(|spec| spec.template.as_ref());
    let (names, images) = format::template(template);
    vec![
        Cell::text(controller.name()),
        Cell::number(spec.and_then(|s| s.replicas).unwrap_or(0)),
        Cell::number(status.map_or(0, |s| s.replicas)),
        Cell::number(status.and_then(|s| s.ready_replicas).unwrap_or(0)),
        age_of(&controller.metadata, now),
        Cell::Text(names),
        Cell::Text(images),
        Cell::Text(format::format_labels(
            spec.and_then(|spec| spec.selector.as_ref()),
        )),
    ]
}
