//! Deployments as rows.

use super::{Cell, Column, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::apps::v1::Deployment;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Ready"),
    Column::text("Up-to-date"),
    Column::text("Available"),
    Column::text("Age"),
    Column::text("Containers").wide(),
    Column::text("Images").wide(),
    Column::text("Selector").wide(),
];

pub(super) fn cells(deployment: &Deployment, now: SimTime) -> Vec<Cell> {
    let spec = deployment.spec.clone().unwrap_or_default();
    let status = deployment.status.clone().unwrap_or_default();
    let containers = spec.template.spec.map(|pod| pod.containers);
    let (names, images) = format::containers_and_images(&containers.unwrap_or_default());
    let (ready, desired) = (
        status.ready_replicas.unwrap_or(0),
        spec.replicas.unwrap_or(0),
    );
    let age = format::age(deployment.metadata.creation_timestamp.as_ref(), now);
    vec![
        Cell::text(deployment.name()),
        Cell::Text(format!("{ready}/{desired}")),
        Cell::number(status.updated_replicas.unwrap_or(0)),
        Cell::number(status.available_replicas.unwrap_or(0)),
        Cell::Text(age),
        Cell::Text(names),
        Cell::Text(images),
        Cell::Text(format::format_selector(Some(&spec.selector))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn ready_of_desired() {
        let deployment: Deployment = codec::from_value(json!({
            "metadata": {"name": "web", "creationTimestamp": "1970-01-01T00:01:00Z"},
            "spec": {
                "replicas": 10,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"spec": {"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}]}}
            },
            "status": {"readyReplicas": 9, "updatedReplicas": 3, "availableReplicas": 8}
        }))
        .expect("it decodes");
        let cells = cells(&deployment, SimTime::from_secs(360));
        let texts: Vec<String> = cells.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["web", "9/10", "3", "8", "5m", "a,b", "x:1,y", "app=web"]
        );
    }
}
