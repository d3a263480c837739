//! ControllerRevisions as rows.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::api::owner;
use crate::sim::SimTime;
use k8s_openapi::api::apps::v1::ControllerRevision;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Controller"),
    Column::text("Revision"),
    Column::text("Age"),
];

pub(super) fn cells(revision: &ControllerRevision, now: SimTime) -> Vec<Cell> {
    vec![
        Cell::text(revision.name()),
        Cell::Text(controller(revision)),
        Cell::number(revision.revision),
        age_of(&revision.metadata, now),
    ]
}

/// `statefulset.apps/web`: kind, group and name, as kubectl prints names.
fn controller(revision: &ControllerRevision) -> String {
    let Some(owner) = owner::controller_of(&revision.metadata) else {
        return "<none>".to_owned();
    };
    let kind = owner.kind.to_lowercase();
    match owner.api_version.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}/{}", owner.name),
        None => format!("{kind}/{}", owner.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn the_controller_is_told_with_its_group() {
        let owned_by = |version: &str, kind: &str| {
            let owner = json!({"apiVersion": version, "kind": kind, "name": "web", "uid": "1", "controller": true});
            let json =
                json!({"metadata": {"name": "web-1", "ownerReferences": [owner]}, "revision": 3});
            let revision = codec::from_value(json).expect("it decodes");
            cells(&revision, SimTime::default())[1].to_string()
        };
        assert_eq!(owned_by("apps/v1", "StatefulSet"), "statefulset.apps/web");
        assert_eq!(owned_by("v1", "Pod"), "pod/web");
        assert_eq!(controller(&ControllerRevision::default()), "<none>");
    }
}
