//! Kinds that upstream prints by no columns of their own: their name and when they were made.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/registry/rest/table.go, v1.36.

use super::{Cell, Column};
use crate::api::meta;
use crate::sim::SimTime;
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::Arc;

pub(super) const COLUMNS: &[Column] = &[Column::name(), Column::new("Created At", "date", "")];

pub(super) fn cells<K: Metadata<Ty = ObjectMeta>>(object: &Arc<K>, _: SimTime) -> Vec<Cell> {
    let metadata = object.metadata();
    let created = metadata.creation_timestamp.as_ref();
    vec![
        Cell::text(metadata.name.clone().unwrap_or_default()),
        Cell::text(created.map_or(String::new(), |at| meta::rfc3339(meta::to_sim(at)))),
    ]
}
