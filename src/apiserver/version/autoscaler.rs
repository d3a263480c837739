//! autoscaling/v1 HorizontalPodAutoscaler.
//!
//! Upstream: pkg/apis/autoscaling/v1/{conversion,defaults}.go, v1.36. This version knows the use of
//! the processor alone; everything else of the newer one travels in annotations.

use super::Version;
use crate::api::{Kind, KindRow, Scope};
use serde_json::{Map, Value, json};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// The percentage of the processor where nobody says another.
const DEFAULT_PERCENTAGE: i32 = 80;

pub static V1: Version = Version {
    row: KindRow {
        group: "autoscaling",
        version: "v1",
        kind: "HorizontalPodAutoscaler",
        plural: "horizontalpodautoscalers",
        singular: "horizontalpodautoscaler",
        short_names: &["hpa"],
        categories: &[],
        scope: Scope::Namespaced,
        subresources: &["status"],
    },
    of: Kind::HorizontalPodAutoscaler,
    show,
    store,
    labels: &[],
    check: |_| Vec::new(),
};

/// Where each sort of metric keeps what the older version writes beside each other: (the field of the
/// metric, (the older field, the place in the newer one) …).
type Places = (&'static str, &'static [(&'static str, &'static str)]);

const TARGETS: [Places; 5] = [
    (
        "object",
        &[
            ("target", "/describedObject"),
            ("metricName", "/metric/name"),
            ("selector", "/metric/selector"),
            ("targetValue", "/target/value"),
            ("averageValue", "/target/averageValue"),
        ],
    ),
    (
        "pods",
        &[
            ("metricName", "/metric/name"),
            ("selector", "/metric/selector"),
            ("targetAverageValue", "/target/averageValue"),
        ],
    ),
    ("resource", RESOURCE),
    ("containerResource", RESOURCE),
    (
        "external",
        &[
            ("metricName", "/metric/name"),
            ("metricSelector", "/metric/selector"),
            ("targetValue", "/target/value"),
            ("targetAverageValue", "/target/averageValue"),
        ],
    ),
];

const RESOURCE: &[(&str, &str)] = &[
    ("name", "/name"),
    ("container", "/container"),
    ("targetAverageUtilization", "/target/averageUtilization"),
    ("targetAverageValue", "/target/averageValue"),
];

const CURRENTS: [Places; 5] = [
    (
        "object",
        &[
            ("target", "/describedObject"),
            ("metricName", "/metric/name"),
            ("selector", "/metric/selector"),
            ("currentValue", "/current/value"),
            ("averageValue", "/current/averageValue"),
        ],
    ),
    (
        "pods",
        &[
            ("metricName", "/metric/name"),
            ("selector", "/metric/selector"),
            ("currentAverageValue", "/current/averageValue"),
        ],
    ),
    ("resource", CURRENT_RESOURCE),
    ("containerResource", CURRENT_RESOURCE),
    (
        "external",
        &[
            ("metricName", "/metric/name"),
            ("metricSelector", "/metric/selector"),
            ("currentValue", "/current/value"),
            ("currentAverageValue", "/current/averageValue"),
        ],
    ),
];

const CURRENT_RESOURCE: &[(&str, &str)] = &[
    ("name", "/name"),
    ("container", "/container"),
    ("currentAverageUtilization", "/current/averageUtilization"),
    ("currentAverageValue", "/current/averageValue"),
];

fn put(json: &mut Value, pointer: &str, value: Value) {
    let mut at = json;
    for part in pointer.trim_start_matches('/').split('/') {
        at = &mut at[part];
    }
    *at = value;
}

/// A metric of the newer version as the older one writes it.
fn older(metric: &Value, places: &[Places]) -> Value {
    let mut made = json!({"type": metric["type"]});
    for (sort, fields) in places {
        let Some(given) = metric.get(sort) else {
            continue;
        };
        for (old, new) in *fields {
            if let Some(value) = given.pointer(new) {
                made[*sort][*old] = value.clone();
            }
        }
    }
    made
}

/// A metric of the older version as the newer one writes it. Only an object is mended: whatever else
/// it is, the newer version's decoder says what is wrong.
fn newer(metric: &Value, places: &[Places]) -> Value {
    let mut made = json!({"type": metric["type"]});
    for (sort, fields) in places {
        let Some(given) = metric.get(sort).filter(|given| given.is_object()) else {
            continue;
        };
        for (old, new) in *fields {
            if let Some(value) = given.get(old) {
                put(&mut made[*sort], new, value.clone());
            }
        }
        if let Some(Value::Object(target)) = made[*sort].get_mut("target") {
            let has = |field: &str| target.contains_key(field);
            let averages = has("averageValue") && (*sort == "object" || !has("value"));
            let sort = match (has("averageUtilization"), averages) {
                (true, _) => "Utilization",
                (false, true) => "AverageValue",
                (false, false) => "Value",
            };
            target.insert("type".to_owned(), sort.into());
        }
    }
    made
}

/// Whether a metric is what the older version has a field for.
fn is_plain(metric: &Value, side: &str) -> bool {
    let utilization = format!("/resource/{side}/averageUtilization");
    metric["type"] == "Resource"
        && metric.pointer("/resource/name") == Some(&json!("cpu"))
        && metric.pointer(&utilization).is_some()
}

fn percentage(metrics: &[Value], side: &str) -> Option<Value> {
    let plain = metrics.iter().find(|metric| is_plain(metric, side))?;
    let at = format!("/resource/{side}/averageUtilization");
    plain.pointer(&at).cloned()
}

fn taken(json: &mut Value, part: &str, field: &str) -> Option<Value> {
    json.get_mut(part)?.as_object_mut()?.remove(field)
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

fn annotate(json: &mut Value, name: &str, value: &Value) {
    json["metadata"]["annotations"][name] = value.to_string().into();
}

fn show(json: &mut Value) {
    let metrics = list(taken(json, "spec", "metrics"));
    if let Some(percentage) = percentage(&metrics, "target") {
        json["spec"]["targetCPUUtilizationPercentage"] = percentage;
    }
    let others = metrics.iter().filter(|metric| !is_plain(metric, "target"));
    let others: Vec<Value> = others.map(|metric| older(metric, &TARGETS)).collect();
    if !others.is_empty() {
        annotate(json, METRICS, &Value::Array(others));
    }
    if let Some(behavior) = taken(json, "spec", "behavior") {
        annotate(json, BEHAVIOR, &behavior);
    }
    let current = list(taken(json, "status", "currentMetrics"));
    if !current.is_empty() {
        if let Some(percentage) = percentage(&current, "current") {
            json["status"]["currentCPUUtilizationPercentage"] = percentage;
        }
        let current = current.iter().map(|metric| older(metric, &CURRENTS));
        annotate(json, CURRENT, &current.collect());
    }
    let conditions = list(taken(json, "status", "conditions"));
    if !conditions.is_empty() {
        annotate(json, CONDITIONS, &Value::Array(conditions));
    }
}

/// What an annotation holds, which is dropped.
fn carried(json: &mut Value, name: &str) -> Result<Option<Value>, String> {
    let annotations = json.pointer_mut("/metadata/annotations");
    let Some(annotations) = annotations.and_then(Value::as_object_mut) else {
        return Ok(None);
    };
    let text = annotations.remove(name);
    match text.as_ref().and_then(Value::as_str) {
        Some(text) => {
            let read = serde_json::from_str(text);
            read.map(Some)
                .map_err(|error| format!("annotation {name}: {error}"))
        }
        None => Ok(None),
    }
}

fn plain(side: &str, percentage: Value) -> Value {
    let mut metric = json!({"type": "Resource", "resource": {"name": "cpu"}});
    metric["resource"][side] = json!({"averageUtilization": percentage});
    if side == "target" {
        metric["resource"][side]["type"] = "Utilization".into();
    }
    metric
}

fn store(json: &mut Value) -> Result<(), String> {
    if !json["spec"].is_object() {
        json["spec"] = Value::Object(Map::new());
    }
    let given = taken(json, "spec", "targetCPUUtilizationPercentage");
    let mut metrics: Vec<Value> = given
        .map(|given| plain("target", given))
        .into_iter()
        .collect();
    let others = list(carried(json, METRICS)?);
    metrics.extend(others.iter().map(|metric| newer(metric, &TARGETS)));
    if metrics.is_empty() {
        metrics.push(plain("target", DEFAULT_PERCENTAGE.into()));
    }
    json["spec"]["metrics"] = Value::Array(metrics);
    if let Some(behavior) = carried(json, BEHAVIOR)? {
        json["spec"]["behavior"] = behavior;
    }
    let given = taken(json, "status", "currentCPUUtilizationPercentage");
    let mut current: Vec<Value> = given
        .map(|given| plain("current", given))
        .into_iter()
        .collect();
    if let Some(carried) = carried(json, CURRENT)? {
        let carried = list(Some(carried));
        current = carried
            .iter()
            .map(|metric| newer(metric, &CURRENTS))
            .collect();
    }
    let conditions = carried(json, CONDITIONS)?;
    let kept = [
        ("currentMetrics", Value::Array(current)),
        ("conditions", conditions.unwrap_or_default()),
    ];
    for (field, value) in kept {
        if value.as_array().is_some_and(|list| !list.is_empty()) {
            json["status"][field] = value;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaler(spec: Value, annotations: Value) -> Value {
        json!({
            "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "default", "annotations": annotations},
            "spec": spec,
        })
    }

    fn spec(percentage: Option<i32>) -> Value {
        let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
        let mut spec = json!({"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 5});
        if let Some(percentage) = percentage {
            spec["targetCPUUtilizationPercentage"] = percentage.into();
        }
        spec
    }

    #[test]
    fn the_processor_has_a_field_of_its_own() {
        for (given, want) in [(Some(50), 50), (None, 80)] {
            let json = scaler(spec(given), json!({}));
            let (object, unknown) = V1.decode(json).expect("a scaler");
            assert!(unknown.is_empty());
            let stored = object.to_json();
            assert_eq!(stored["apiVersion"], "autoscaling/v2");
            let want = json!([{"type": "Resource", "resource": {"name": "cpu", "target":
                {"type": "Utilization", "averageUtilization": want}}}]);
            assert_eq!(stored["spec"]["metrics"], want);
            let shown = V1.show(stored);
            assert_eq!(shown["apiVersion"], "autoscaling/v1");
            let want = &want[0]["resource"]["target"]["averageUtilization"];
            assert_eq!(&shown["spec"]["targetCPUUtilizationPercentage"], want);
            assert_eq!(shown["spec"].get("metrics"), None);
        }
    }

    #[test]
    fn the_rest_travels_in_annotations_and_comes_back() {
        let metrics = json!([
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
            {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
            {"type": "Pods", "pods": {"metric": {"name": "hits"}, "target": {"type": "AverageValue", "averageValue": "10"}}},
            {"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "web"},
                "metric": {"name": "rate", "selector": {"matchLabels": {"a": "b"}}}, "target": {"type": "Value", "value": "5"}}},
            {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "30"}}},
        ]);
        let mut stored = scaler(spec(None), json!({"own": "x"}));
        stored["apiVersion"] = "autoscaling/v2".into();
        stored["spec"]["metrics"] = metrics.clone();
        stored["spec"]["behavior"] = json!({"scaleDown": {"stabilizationWindowSeconds": 60}});
        stored["status"] = json!({"currentReplicas": 2, "desiredReplicas": 3, "conditions":
            [{"type": "AbleToScale", "status": "True"}], "currentMetrics": [{"type": "Resource",
            "resource": {"name": "cpu", "current": {"averageUtilization": 40, "averageValue": "40m"}}}]});
        let shown = V1.show(stored.clone());
        assert_eq!(shown["spec"]["targetCPUUtilizationPercentage"], 70);
        assert_eq!(shown["status"]["currentCPUUtilizationPercentage"], 40);
        let annotations = shown["metadata"]["annotations"].as_object().expect("some");
        assert_eq!(annotations.len(), 5, "{annotations:?}");
        let carried = annotations[METRICS].as_str().expect("a text");
        assert!(
            carried.contains("\"targetAverageValue\":\"1Gi\""),
            "{carried}"
        );
        let (mut back, _) = V1.to_stored(shown).expect("a scaler");
        assert_eq!(back["spec"]["metrics"], metrics);
        assert_eq!(back["spec"]["behavior"], stored["spec"]["behavior"]);
        assert_eq!(
            back["status"]["currentMetrics"],
            stored["status"]["currentMetrics"]
        );
        assert_eq!(back["metadata"]["annotations"].take(), json!({"own": "x"}));
    }

    #[test]
    fn annotations_that_are_not_json_are_refused() {
        for text in ["{", "[1,", "nonsense"] {
            let refused = V1.decode(scaler(spec(None), json!({METRICS: text})));
            let message = refused.expect_err("refused").message;
            assert!(
                message.contains("annotation autoscaling.alpha"),
                "{message}"
            );
        }
        for text in [
            "1",
            "{}",
            "[1]",
            "[{\"type\":1,\"resource\":3}]",
            "[{\"resource\":{\"name\":{}}}]",
        ] {
            // Whatever comes of it, it is an answer.
            let _ = V1.decode(scaler(
                spec(None),
                json!({METRICS: text, CURRENT: text, CONDITIONS: text}),
            ));
        }
    }
}
