//! HorizontalPodAutoscalers as rows.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Reference"),
    Column::text("Targets"),
    Column::text("MinPods"),
    Column::text("MaxPods"),
    Column::text("Replicas"),
    Column::text("Age"),
];

/// How many metrics are told.
const SHOWN: usize = 2;

pub(super) fn cells(autoscaler: &HorizontalPodAutoscaler, now: SimTime) -> Vec<Cell> {
    let spec = autoscaler.spec.clone();
    let status = autoscaler.status.clone().unwrap_or_default();
    let target = &spec.scale_target_ref;
    let least = spec.min_replicas.map(|least| least.to_string());
    let specs = spec.metrics.as_deref().unwrap_or_default();
    let statuses = status.current_metrics.as_deref().unwrap_or_default();
    vec![
        Cell::text(autoscaler.name()),
        Cell::Text(format!("{}/{}", target.kind, target.name)),
        Cell::Text(metrics(specs, statuses)),
        Cell::Text(least.unwrap_or("<unset>".to_owned())),
        Cell::number(spec.max_replicas),
        Cell::number(status.current_replicas.unwrap_or(0)),
        age_of(&autoscaler.metadata, now),
    ]
}

fn metrics(specs: &[MetricSpec], statuses: &[MetricStatus]) -> String {
    if specs.is_empty() {
        return "<none>".to_owned();
    }
    let each = specs.iter().enumerate();
    let each = each.map(|(at, spec)| metric(spec, statuses.get(at)));
    let list = each.take(SHOWN).collect::<Vec<_>>().join(", ");
    match specs.len().saturating_sub(SHOWN) {
        0 => list,
        more => format!("{list} + {more} more..."),
    }
}

/// `current/target` of one metric.
fn metric(spec: &MetricSpec, status: Option<&MetricStatus>) -> String {
    let unknown = || "<unknown type>".to_owned();
    match spec.type_.as_str() {
        "Resource" => spec.resource.as_ref().map_or_else(unknown, |source| {
            let current = status.and_then(|s| s.resource.as_ref()).map(|s| &s.current);
            resource(&source.name, &source.target, current)
        }),
        "ContainerResource" => {
            let of = |s: &MetricStatus| s.container_resource.as_ref().map(|s| s.current.clone());
            let source = spec.container_resource.as_ref();
            source.map_or_else(unknown, |source| {
                resource(&source.name, &source.target, status.and_then(of).as_ref())
            })
        }
        "Pods" => spec.pods.as_ref().map_or_else(unknown, |source| {
            let current = status.and_then(|s| s.pods.as_ref()).map(|s| &s.current);
            let average = current.and_then(|c| c.average_value.as_ref());
            format!(
                "{}/{}",
                text(average),
                text(source.target.average_value.as_ref())
            )
        }),
        "Object" => spec.object.as_ref().map_or_else(unknown, |source| {
            let current = status.and_then(|s| s.object.as_ref()).map(|s| &s.current);
            value(&source.target, current)
        }),
        "External" => spec.external.as_ref().map_or_else(unknown, |source| {
            let current = status.and_then(|s| s.external.as_ref()).map(|s| &s.current);
            value(&source.target, current)
        }),
        _ => unknown(),
    }
}

fn text(quantity: Option<&Quantity>) -> &str {
    quantity.map_or("<unknown>", |quantity| quantity.0.as_str())
}

fn value(target: &MetricTarget, current: Option<&MetricValueStatus>) -> String {
    match &target.average_value {
        Some(average) => {
            let current = current.and_then(|c| c.average_value.as_ref());
            format!("{}/{} (avg)", text(current), average.0)
        }
        None => {
            let current = current.and_then(|c| c.value.as_ref());
            format!("{}/{}", text(current), text(target.value.as_ref()))
        }
    }
}

fn resource(name: &str, target: &MetricTarget, current: Option<&MetricValueStatus>) -> String {
    if let Some(average) = &target.average_value {
        let current = current.and_then(|c| c.average_value.as_ref());
        return format!("{name}: {}/{}", text(current), average.0);
    }
    let percent = |share: Option<i32>, otherwise: &str| {
        share.map_or(otherwise.to_owned(), |share| format!("{share}%"))
    };
    let current = percent(current.and_then(|c| c.average_utilization), "<unknown>");
    let target = percent(target.average_utilization, "<auto>");
    format!("{name}: {current}/{target}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn metrics_are_told_against_their_targets() {
        let share = json!({"type": "Utilization", "averageUtilization": 50});
        let autoscaler = codec::from_value(json!({
            "metadata": {"name": "x"},
            "spec": {
                "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5,
                "metrics": [
                    {"type": "Resource", "resource": {"name": "cpu", "target": share}},
                    {"type": "Pods", "pods": {"metric": {"name": "q"}, "target": {"type": "AverageValue", "averageValue": "10"}}},
                    {"type": "External", "external": {"metric": {"name": "q"}, "target": {"type": "Value", "value": "1"}}}
                ]
            },
            "status": {"desiredReplicas": 0, "currentReplicas": 3, "currentMetrics": [
                {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 70}}}
            ]}
        }));
        let cells = cells(&autoscaler.expect("it decodes"), SimTime::default());
        let texts: Vec<String> = cells.iter().map(ToString::to_string).collect();
        let metrics = "cpu: 70%/50%, <unknown>/10 + 1 more...";
        assert_eq!(
            texts[1..6],
            ["Deployment/web", metrics, "<unset>", "5", "3"]
        );
        assert_eq!(super::metrics(&[], &[]), "<none>");
    }
}
