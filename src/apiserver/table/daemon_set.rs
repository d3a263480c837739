//! DaemonSets as rows.

use super::{Cell, Column, age_of, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::apps::v1::DaemonSet;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::number("Desired"),
    Column::number("Current"),
    Column::number("Ready"),
    Column::number("Up-to-date"),
    Column::number("Available"),
    Column::text("Node Selector"),
    Column::text("Age"),
    Column::text("Containers").wide(),
    Column::text("Images").wide(),
    Column::text("Selector").wide(),
];

pub(super) fn cells(set: &DaemonSet, now: SimTime) -> Vec<Cell> {
    let (spec, status) = (set.spec.as_ref(), set.status.as_ref());
    let template = spec.map(|spec| &spec.template);
    let pod = template.and_then(|template| template.spec.as_ref());
    let (names, images) = format::template(template);
    vec![
        Cell::text(set.name()),
        Cell::number(status.map_or(0, |s| s.desired_number_scheduled)),
        Cell::number(status.map_or(0, |s| s.current_number_scheduled)),
        Cell::number(status.map_or(0, |s| s.number_ready)),
        Cell::number(status.and_then(|s| s.updated_number_scheduled).unwrap_or(0)),
        Cell::number(status.and_then(|s| s.number_available).unwrap_or(0)),
        Cell::Text(format::format_labels(
            pod.and_then(|pod| pod.node_selector.as_ref()),
        )),
        age_of(&set.metadata, now),
        Cell::Text(names),
        Cell::Text(images),
        Cell::Text(format::format_selector(spec.map(|spec| &spec.selector))),
    ]
}
