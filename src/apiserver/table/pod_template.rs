//! PodTemplates as rows.

use super::{Cell, Column, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::PodTemplate;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Containers"),
    Column::text("Images"),
    Column::text("Pod Labels"),
];

pub(super) fn cells(template: &PodTemplate, _: SimTime) -> Vec<Cell> {
    let pod = template.template.as_ref();
    let labels = pod.and_then(|pod| pod.metadata.as_ref()?.labels.as_ref());
    let (names, images) = format::template(pod);
    vec![
        Cell::text(template.name()),
        Cell::Text(names),
        Cell::Text(images),
        Cell::Text(format::format_labels(labels)),
    ]
}
