//! When the change happened that a write of endpoints is about: what delays are measured from.
//!
//! Upstream: staging/src/k8s.io/endpointslice/util/trigger_time_tracker.go, v1.36.

use super::selected_pods::News;
use crate::api::NamespacedName;
use crate::api::meta::{self, MetaExt};
use crate::sim::{SimTime, SortedMap};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

/// The annotation that says it.
pub const ANNOTATION: &str = "endpoints.kubernetes.io/last-change-trigger-time";

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Seen {
    service: SimTime,
    /// By name.
    pods: SortedMap<String, SimTime>,
}

/// What each Service's Pods were last seen to have changed at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TriggerTimes {
    #[serde(serialize_with = "crate::sim::as_pairs")]
    services: SortedMap<NamespacedName, Seen>,
}

impl TriggerTimes {
    /// The earliest change since the last call for this Service: its creation the first time, later
    /// the moment at which a Pod became ready or stopped being it. `None`: nothing of that changed.
    /// `news` are of the Pods that changed since that call.
    pub fn compute(&mut self, service: &Service, news: &News<'_>) -> Option<SimTime> {
        let created = service.metadata.creation_timestamp.as_ref();
        let created = created.map(meta::to_sim).unwrap_or_default();
        let name = service.namespaced_name();
        let known = self.services.contains_key(&name);
        let seen = self.services.entry(name).or_default();
        let mut earliest: Option<SimTime> = None;
        let mut note = |at: SimTime| earliest = Some(earliest.map_or(at, |known| known.min(at)));
        let before = match news.of_all {
            true => std::mem::take(&mut seen.pods),
            false => SortedMap::new(),
        };
        for (name, pod) in &news.pods {
            let last = seen.pods.get(name).or_else(|| before.get(name));
            let Some(at) = pod.and_then(|pod| pod.turned) else {
                seen.pods.remove(name);
                continue;
            };
            if last.is_none_or(|last| *last < at) {
                note(at);
            }
            seen.pods.insert(name.clone(), at);
        }
        if created > seen.service {
            seen.service = created;
            note(created);
        }
        if known { earliest } else { Some(created) }
    }

    /// Forgets a Service that is gone.
    pub fn forget(&mut self, service: &NamespacedName) {
        self.services.remove(service);
    }
}

/// Says in an object that is about to be written what it is about.
pub fn annotate(metadata: &mut ObjectMeta, trigger: Option<SimTime>) {
    let annotations = metadata.annotations.get_or_insert_default();
    match trigger {
        Some(at) => annotations.insert(ANNOTATION.to_owned(), meta::rfc3339(at)),
        None => annotations.remove(ANNOTATION),
    };
    if annotations.is_empty() {
        metadata.annotations = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::selected_pods::Selected;
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn the_earliest_change_since_the_last_time_counts() {
        let service: Service = serde_json::from_value(json!({"metadata": {
            "name": "web", "namespace": "default", "creationTimestamp": "2026-01-01T00:00:05Z",
        }}))
        .expect("a Service");
        let pod = |name: &str, second: u64| {
            let pod = serde_json::from_value(json!({
                "metadata": {"name": name},
                "status": {"conditions": [{
                    "type": "Ready", "status": "True",
                    "lastTransitionTime": format!("2026-01-01T00:00:{second:02}Z"),
                }]},
            }))
            .expect("a Pod");
            Selected::new(Arc::new(pod))
        };
        let mut times = TriggerTimes::default();
        let mut seconds = |pods: &[Selected]| -> Option<String> {
            let pods = pods.iter().map(|pod| (pod.name().to_owned(), Some(pod)));
            let pods = pods.collect();
            let news = News::new(true, pods);
            let found = times.compute(&service, &news).map(meta::rfc3339);
            found.map(|text| text[17..19].to_owned())
        };
        assert_eq!(
            seconds(&[pod("a", 9)]).as_deref(),
            Some("05"),
            "its creation first"
        );
        assert_eq!(seconds(&[pod("a", 9)]), None, "nothing new");
        assert_eq!(
            seconds(&[pod("a", 20), pod("b", 15)]).as_deref(),
            Some("15")
        );
        assert_eq!(
            seconds(&[pod("a", 20)]),
            None,
            "a Pod that is gone says nothing"
        );
        assert_eq!(
            seconds(&[pod("a", 20), pod("b", 15)]).as_deref(),
            Some("15"),
            "one that is back does"
        );
    }

    #[test]
    fn news_of_some_pods_leave_the_others_as_they_were() {
        let service = Service::default();
        let pod = |name: &str, second: u64| {
            let at = format!("2026-01-01T00:00:{second:02}Z");
            let pod = serde_json::from_value(json!({
                "metadata": {"name": name},
                "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": at}]},
            }));
            Selected::new(Arc::new(pod.expect("a Pod")))
        };
        let (a, b, later) = (pod("a", 1), pod("b", 2), pod("b", 9));
        let named = |pod: &'static str, which| (pod.to_owned(), Some(which));
        let mut times = TriggerTimes::default();
        let news = |of_all, pods| News::new(of_all, pods);
        times.compute(&service, &news(true, vec![named("a", &a), named("b", &b)]));
        let at = times.compute(&service, &news(false, vec![named("b", &later)]));
        assert_eq!(
            at.map(meta::rfc3339).as_deref(),
            Some("2026-01-01T00:00:09Z")
        );
        assert_eq!(
            times.compute(&service, &news(false, vec![named("a", &a)])),
            None
        );
        let gone = vec![("a".to_owned(), None)];
        assert_eq!(times.compute(&service, &news(false, gone)), None);
        let at = times.compute(&service, &news(false, vec![named("a", &a)]));
        assert_eq!(
            at.map(meta::rfc3339).as_deref(),
            Some("2026-01-01T00:00:01Z")
        );
    }

    #[test]
    fn a_write_about_nothing_known_says_so() {
        let mut metadata = ObjectMeta::default();
        annotate(&mut metadata, Some(SimTime::from_secs(0)));
        let annotations = metadata.annotations.clone().unwrap_or_default();
        assert_eq!(annotations[ANNOTATION], "1970-01-01T00:00:00Z");
        annotate(&mut metadata, None);
        assert_eq!(metadata.annotations, None);
    }
}
