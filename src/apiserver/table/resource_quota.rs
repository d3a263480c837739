//! ResourceQuotas as rows: what is used of what is allowed.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::ResourceQuota;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Request"),
    Column::text("Limit"),
    Column::text("Age"),
];

pub(super) fn cells(quota: &ResourceQuota, now: SimTime) -> Vec<Cell> {
    let status = quota.status.clone().unwrap_or_default();
    let (hard, used) = (status.hard.unwrap_or_default(), status.used);
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (resource, most) in hard {
        let now = used.as_ref().and_then(|used| used.get(&resource));
        let now = now.map_or("0", |now| now.0.as_str());
        let text = format!("{resource}: {now}/{}", most.0);
        match resource.starts_with("limits.") {
            true => limits.push(text),
            false => requests.push(text),
        }
    }
    vec![
        Cell::text(quota.name()),
        Cell::Text(requests.join(", ")),
        Cell::Text(limits.join(", ")),
        age_of(&quota.metadata, now),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn limits_have_a_column_of_their_own() {
        let quota = codec::from_value(json!({
            "metadata": {"name": "x"},
            "status": {
                "hard": {"pods": "4", "limits.cpu": "2", "requests.cpu": "1"},
                "used": {"pods": "1", "limits.cpu": "500m"}
            }
        }));
        let cells = cells(&quota.expect("it decodes"), SimTime::default());
        assert_eq!(cells[1].to_string(), "pods: 1/4, requests.cpu: 0/1");
        assert_eq!(cells[2].to_string(), "limits.cpu: 500m/2");
    }
}
