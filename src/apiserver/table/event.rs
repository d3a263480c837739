//! Events as rows.

use super::{Cell, Column, format};
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Event;

pub(super) const COLUMNS: &[Column] = &[
    Column::text("Last Seen"),
    Column::text("Type"),
    Column::text("Reason"),
    Column::text("Object"),
    Column::text("Subobject").wide(),
    Column::text("Source").wide(),
    Column::text("Message"),
    Column::text("First Seen").wide(),
    Column::text("Count").wide(),
    Column::new("Name", "string", "name").wide(),
];

pub(super) fn cells(event: &Event, now: SimTime) -> Vec<Cell> {
    let first = match &event.first_timestamp {
        Some(at) => format::age(Some(at), now),
        None => format::age_micro(event.event_time.as_ref(), now),
    };
    let mut last = match &event.last_timestamp {
        Some(at) => format::age(Some(at), now),
        None => first.clone(),
    };
    let mut count = event.count.unwrap_or(0);
    match &event.series {
        Some(series) => {
            last = format::age_micro(series.last_observed_time.as_ref(), now);
            count = series.count.unwrap_or(0);
        }
        None => count = count.max(1),
    }
    let about = &event.involved_object;
    let kind = about.kind.clone().unwrap_or_default().to_lowercase();
    let target = match about.name.as_deref().unwrap_or_default() {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    let text = |text: &Option<String>| Cell::text(text.clone().unwrap_or_default());
    let message = event.message.as_deref().unwrap_or_default().trim();
    vec![
        Cell::Text(last),
        text(&event.type_),
        text(&event.reason),
        Cell::Text(target),
        text(&about.field_path),
        Cell::Text(format::event_source(event)),
        Cell::text(message),
        Cell::Text(first),
        Cell::number(count),
        Cell::text(event.name()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    fn texts(json: serde_json::Value) -> Vec<String> {
        let event = codec::from_value(json).expect("it decodes");
        let cells = cells(&event, SimTime::from_secs(100));
        cells.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_event_that_repeats_says_since_when() {
        let row = texts(json!({
            "metadata": {"name": "web.1"},
            "involvedObject": {"kind": "Pod", "name": "web", "fieldPath": "spec.containers{web}"},
            "type": "Warning", "reason": "BackOff", "message": "Back-off \n", "count": 4,
            "source": {"component": "kubelet", "host": "worker-1"},
            "firstTimestamp": "1970-01-01T00:00:40Z", "lastTimestamp": "1970-01-01T00:01:30Z"
        }));
        let want = [
            "10s",
            "Warning",
            "BackOff",
            "pod/web",
            "spec.containers{web}",
            "kubelet, worker-1",
            "Back-off",
            "60s",
            "4",
            "web.1",
        ];
        assert_eq!(row, want);
    }

    #[test]
    fn an_event_of_the_new_sort_has_its_time_and_reporter_elsewhere() {
        let row = texts(json!({
            "metadata": {"name": "web.1"},
            "involvedObject": {"kind": "Node"},
            "eventTime": "1970-01-01T00:01:39.000000Z",
            "reportingComponent": "default-scheduler"
        }));
        assert_eq!(
            (row[0].as_str(), row[3].as_str(), row[5].as_str()),
            ("1s", "node", "default-scheduler")
        );
        assert_eq!(row[8], "1");
    }
}
