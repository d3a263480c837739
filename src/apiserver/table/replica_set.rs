//! ReplicaSets as rows.

use super::{Cell, Column, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::apps::v1::ReplicaSet;

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

pub(super) fn cells(set: &ReplicaSet, now: SimTime) -> Vec<Cell> {
    let (spec, status) = (set.spec.clone().unwrap_or_default(), set.status.as_ref());
    let pod = spec.template.and_then(|template| template.spec);
    let (names, images) =
        format::containers_and_images(&pod.map(|pod| pod.containers).unwrap_or_default());
    vec![
        Cell::text(set.name()),
        Cell::number(spec.replicas.unwrap_or(0)),
        Cell::number(status.map_or(0, |s| s.replicas)),
        Cell::number(status.and_then(|s| s.ready_replicas).unwrap_or(0)),
        Cell::Text(format::age(set.metadata.creation_timestamp.as_ref(), now)),
        Cell::Text(names),
        Cell::Text(images),
        Cell::Text(format::format_selector(Some(&spec.selector))),
    ]
}
