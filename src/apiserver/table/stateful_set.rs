//! StatefulSets as rows.

use super::{Cell, Column, age_of, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::apps::v1::StatefulSet;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Ready"),
    Column::text("Age"),
    Column::text("Containers").wide(),
    Column::text("Images").wide(),
];

pub(super) fn cells(set: &StatefulSet, now: SimTime) -> Vec<Cell> {
    let (spec, status) = (set.spec.as_ref(), set.status.as_ref());
    let ready = status.and_then(|s| s.ready_replicas).unwrap_or(0);
    let desired = spec.and_then(|s| s.replicas).unwrap_or(0);
    let (names, images) = format::template(spec.map(|spec| &spec.template));
    vec![
        Cell::text(set.name()),
        Cell::Text(format!("{ready}/{desired}")),
        age_of(&set.metadata, now),
        Cell::Text(names),
        Cell::Text(images),
    ]
}
