//! IngressClasses as rows.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::networking::v1::IngressClass;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Controller"),
    Column::text("Parameters"),
    Column::text("Age"),
];

pub(super) fn cells(class: &IngressClass, now: SimTime) -> Vec<Cell> {
    let spec = class.spec.as_ref();
    let controller = spec.and_then(|spec| spec.controller.clone());
    let parameters = spec.and_then(|spec| spec.parameters.as_ref());
    let parameters = parameters.map(|parameters| {
        let group = parameters.api_group.as_ref();
        let group = group.map_or(String::new(), |group| format!(".{group}"));
        format!("{}{group}/{}", parameters.kind, parameters.name)
    });
    vec![
        Cell::text(class.name()),
        Cell::text(controller.unwrap_or_default()),
        Cell::Text(parameters.unwrap_or("<none>".to_owned())),
        age_of(&class.metadata, now),
    ]
}
