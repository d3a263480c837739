//! How ages, labels, selectors and container lists are written in cells.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/duration/duration.go,
//! pkg/labels/labels.go (FormatLabels), pkg/apis/meta/v1/helpers.go (FormatLabelSelector), v1.36.

use crate::api::meta;
use crate::sim::{SimTime, SortedSet, order};
use k8s_openapi::api::core::v1::{Container, Event, Node, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, MicroTime, Time};
use std::collections::BTreeMap;

/// A length of time as people say it, from whole seconds: `47s`, `3m20s`, `5h`, `2d4h`, `1y3d`.
pub fn human_duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    let days = hours / 24;
    let two = |large: i64, unit: char, small: i64, small_unit: char| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{small_unit}"),
    };
    match () {
        () if seconds < -1 => "<invalid>".to_owned(),
        () if seconds < 0 => "0s".to_owned(),
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 24 * 8 => two(days, 'd', hours % 24, 'h'),
        () if days < 365 * 2 => format!("{days}d"),
        () if days < 365 * 8 => two(days / 365, 'y', days % 365, 'd'),
        () => format!("{}y", days / 365),
    }
}

/// How long ago `at` was; a moment to come is a negative time.
pub fn since(at: SimTime, now: SimTime) -> String {
    let micros = |time: SimTime| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    human_duration((micros(now) - micros(at)) / 1_000_000)
}

/// How long ago an API time was.
pub fn age(at: Option<&Time>, now: SimTime) -> String {
    match at {
        Some(at) => since(meta::to_sim(at), now),
        None => "<unknown>".to_owned(),
    }
}

/// How long ago an API time with microseconds was.
pub fn age_micro(at: Option<&MicroTime>, now: SimTime) -> String {
    match at {
        Some(at) => since(meta::micro_to_sim(at), now),
        None => "<unknown>".to_owned(),
    }
}

/// `a=1,b=2`, or `<none>`.
pub fn format_labels(labels: Option<&BTreeMap<String, String>>) -> String {
    let pairs: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    or_none(pairs.join(","))
}

/// `app=web,tier in (a,b)`, or `<none>`.
pub fn format_selector(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else {
        return "<none>".to_owned();
    };
    let labels = selector.match_labels.iter().flatten();
    let mut parts: Vec<(String, String)> = labels
        .map(|(key, value)| (key.clone(), format!("{key}={value}")))
        .collect();
    for expression in selector.match_expressions.iter().flatten() {
        let key = &expression.key;
        let mut values = expression.values.clone().unwrap_or_default();
        order::sort(&mut values);
        let values = values.join(",");
        let text = match expression.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.clone(),
            "DoesNotExist" => format!("!{key}"),
            _ => return "<error>".to_owned(),
        };
        parts.push((key.clone(), text));
    }
    order::sort_by(&mut parts, |a, b| a.0.cmp(&b.0));
    let texts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
    or_none(texts.join(","))
}

/// The names of containers, and their images, each with commas between.
pub fn containers_and_images(containers: &[Container]) -> (String, String) {
    let names: Vec<&str> = containers.iter().map(|c| c.name.as_str()).collect();
    let images = containers.iter().map(|c| c.image.as_deref());
    let images: Vec<&str> = images.map(Option::unwrap_or_default).collect();
    (names.join(","), images.join(","))
}

/// The same of a Pod template.
pub(super) fn template(template: Option<&PodTemplateSpec>) -> (String, String) {
    let pod = template.and_then(|template| template.spec.as_ref());
    containers_and_images(pod.map_or(&[], |pod| pod.containers.as_slice()))
}

/// A node's roles, in order: from its labels.
pub fn node_roles(node: &Node) -> String {
    let labels = node.metadata.labels.iter().flatten();
    let role = |(key, value): (&String, &String)| match key.as_str() {
        "kubernetes.io/role" => Some(value.clone()),
        key => key
            .strip_prefix("node-role.kubernetes.io/")
            .map(str::to_owned),
    };
    let roles = SortedSet::from_iter(labels.filter_map(role).filter(|r| !r.is_empty()));
    or_none(roles.into_iter().collect::<Vec<_>>().join(","))
}

/// Who reported an event: a component, and where it runs.
pub fn event_source(event: &Event) -> String {
    let source = event.source.as_ref();
    let filled = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    let component = filled(source.and_then(|s| s.component.as_ref()))
        .or(filled(event.reporting_component.as_ref()))
        .unwrap_or_default();
    let host =
        filled(source.and_then(|s| s.host.as_ref())).or(filled(event.reporting_instance.as_ref()));
    match host {
        Some(host) => format!("{component}, {host}"),
        None => component,
    }
}

/// The first three items, and how many more there are.
pub(super) fn three_and_more(list: &[String], empty: &str) -> String {
    match list.len() {
        0 => empty.to_owned(),
        1..=3 => list.join(","),
        many => format!("{} + {} more...", list[..3].join(","), many - 3),
    }
}

pub(super) fn or_none(text: String) -> String {
    match text.is_empty() {
        true => "<none>".to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn durations_are_said_as_people_do() {
        const HOUR: i64 = 3_600;
        const DAY: i64 = 24 * HOUR;
        for (seconds, want) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (150, "2m30s"),
            (599, "9m59s"),
            (600, "10m"),
            (3 * HOUR - 1, "179m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 60, "3h1m"),
            (8 * HOUR, "8h"),
            (47 * HOUR, "47h"),
            (2 * DAY, "2d"),
            (2 * DAY + HOUR, "2d1h"),
            (8 * DAY, "8d"),
            (2 * 365 * DAY, "2y"),
            (2 * 365 * DAY + DAY, "2y1d"),
            (9 * 365 * DAY + DAY, "9y"),
        ] {
            assert_eq!(human_duration(seconds), want, "{seconds}");
        }
        let now = SimTime::from_secs(100);
        assert_eq!(since(SimTime::from_secs(40), now), "60s");
        assert_eq!(since(SimTime::from_secs(130), now), "<invalid>");
    }

    #[test]
    fn selectors_keep_the_operator_they_were_given() {
        let format = |json| {
            let selector: LabelSelector = codec::from_value(json).expect("a selector");
            format_selector(Some(&selector))
        };
        assert_eq!(
            format(json!({"matchLabels": {"b": "2", "a": "1"}})),
            "a=1,b=2"
        );
        let in_one =
            json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["x"]}]});
        assert_eq!(format(in_one), "app in (x)");
        let many = json!({"matchLabels": {"c": "3"}, "matchExpressions": [
            {"key": "b", "operator": "NotIn", "values": ["y", "x"]},
            {"key": "a", "operator": "Exists"}, {"key": "d", "operator": "DoesNotExist"}]});
        assert_eq!(format(many), "a,b notin (x,y),c=3,!d");
        assert_eq!(format(json!({})), "<none>");
        assert_eq!(format_selector(None), "<none>");
    }

    #[test]
    fn long_lists_are_cut_after_three() {
        let list: Vec<String> = (1..=5).map(|n| n.to_string()).collect();
        assert_eq!(three_and_more(&list, "-"), "1,2,3 + 2 more...");
        assert_eq!(three_and_more(&list[..3], "-"), "1,2,3");
        assert_eq!(three_and_more(&[], "-"), "-");
    }
}
