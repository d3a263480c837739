//! events.k8s.io/v1 Event.
//!
//! Upstream: pkg/apis/events/v1/conversion.go and pkg/apis/core/validation/events.go, v1.36. The newer
//! names of the same fields; whoever writes by them writes no deprecated ones.

use super::{Version, rename};
use crate::api::field::{FieldError, Path};
use crate::api::{Kind, KindRow, Scope};
use serde_json::Value;

/// (the newer name, the stored one)
const NAMES: [(&str, &str); 7] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("reportingController", "reportingComponent"),
];

pub static V1: Version = Version {
    row: KindRow {
        group: "events.k8s.io",
        version: "v1",
        kind: "Event",
        plural: "events",
        singular: "event",
        short_names: &["ev"],
        categories: &[],
        scope: Scope::Namespaced,
        subresources: &[],
    },
    of: Kind::Event,
    show: |json| {
        for (newer, stored) in NAMES {
            rename(json, stored, newer);
        }
    },
    store: |json| {
        for (newer, stored) in NAMES {
            rename(json, newer, stored);
        }
        Ok(())
    },
    labels: &[
        ("regarding.kind", "involvedObject.kind"),
        ("regarding.namespace", "involvedObject.namespace"),
        ("regarding.name", "involvedObject.name"),
        ("regarding.uid", "involvedObject.uid"),
        ("regarding.apiVersion", "involvedObject.apiVersion"),
        (
            "regarding.resourceVersion",
            "involvedObject.resourceVersion",
        ),
        ("regarding.fieldPath", "involvedObject.fieldPath"),
        ("reportingController", "reportingComponent"),
    ],
    check,
};

fn check(stored: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if stored.get("eventTime").is_none() {
        errors.push(FieldError::required(&Path::new("eventTime"), ""));
    }
    let sort = stored
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !matches!(sort, "Normal" | "Warning") {
        let detail = format!("has invalid value: {sort}");
        errors.push(FieldError::invalid(&Path::new("type"), "", detail));
    }
    for field in ["firstTimestamp", "lastTimestamp", "count", "source"] {
        let empty = |value: &Value| match value {
            Value::Object(fields) => fields.is_empty(),
            other => other.is_null() || *other == 0,
        };
        if stored.get(field).is_some_and(|value| !empty(value)) {
            let at = Path::new(field);
            errors.push(FieldError::invalid(&at, "", "needs to be unset"));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event() -> Value {
        json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"name": "a", "namespace": "default"},
            "regarding": {"kind": "Pod", "name": "web", "namespace": "default"},
            "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal", "reason": "Made",
            "note": "a note", "action": "Making", "reportingController": "me",
            "reportingInstance": "me-1",
        })
    }

    #[test]
    fn it_is_the_same_event_by_other_names() {
        let (object, unknown) = V1.decode(event()).expect("an event");
        assert!(unknown.is_empty());
        let stored = object.to_json();
        assert_eq!(stored["apiVersion"], "v1");
        assert_eq!(stored["message"], "a note");
        assert_eq!(stored["involvedObject"]["name"], "web");
        assert_eq!(stored["reportingComponent"], "me");
        let shown = V1.show(stored);
        for field in [
            "apiVersion",
            "kind",
            "regarding",
            "note",
            "reportingController",
            "type",
        ] {
            assert_eq!(shown[field], event()[field], "{field}");
        }
        assert_eq!(V1.check(&object), []);
        assert_eq!(V1.stored_label("regarding.name"), "involvedObject.name");
        assert_eq!(V1.stored_label("type"), "type");
    }

    #[test]
    fn deprecated_fields_are_refused_of_new_events() {
        let mut event = event();
        event["deprecatedCount"] = 2.into();
        event["type"] = "Odd".into();
        let (object, _) = V1.decode(event).expect("an event");
        let texts: Vec<String> = V1.check(&object).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "type: Invalid value: \"\": has invalid value: Odd",
                "count: Invalid value: \"\": needs to be unset",
            ]
        );
    }
}
