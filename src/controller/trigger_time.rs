//! When the change happened that a write of endpoints is about: what delays are measured from.
//!
//! Upstream: staging/src/k8s.io/endpointslice/util/trigger_time_tracker.go, v1.36.

use super::selected_pods::Selected;
use crate::api::NamespacedName;
use crate::api::meta::{self, MetaExt};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// The annotation that says it.
pub const ANNOTATION: &str = "endpoints.kubernetes.io/last-change-trigger-time";

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Seen {
    service: SimTime,
    /// By name.
    #[serde(serialize_with = "as_map")]
    pods: Vec<(String, SimTime)>,
}

fn as_map<S: Serializer>(pods: &[(String, SimTime)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pods.iter().map(|(name, at)| (name, at)))
}

/// What each Service's Pods were last seen to have changed at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TriggerTimes {
    #[serde(serialize_with = "crate::sim::as_pairs")]
    services: BTreeMap<NamespacedName, Seen>,
}

impl TriggerTimes {
    /// The earliest change since the last call for this Service: its creation the first time, later
    /// the moment at which a Pod became ready or stopped being it. `None`: nothing of that changed.
    /// `pods` are in the order of their names, so one walk along what was seen before finds them all.
    pub fn compute(&mut self, service: &Service, pods: &[&Selected]) -> Option<SimTime> {
        let created = service.metadata.creation_timestamp.as_ref();
        let created = created.map(meta::to_sim).unwrap_or_default();
        let name = service.namespaced_name();
        let known = self.services.contains_key(&name);
        let seen = self.services.entry(name).or_default();
        let mut earliest: Option<SimTime> = None;
        let mut note = |at: SimTime| earliest = Some(earliest.map_or(at, |known| known.min(at)));
        let mut before = std::mem::take(&mut seen.pods).into_iter().peekable();
        seen.pods.reserve(pods.len());
        for pod in pods {
            let Some(at) = pod.turned else { continue };
            while before.next_if(|(name, _)| **name < *pod.name()).is_some() {}
            let last = before.next_if(|(name, _)| name == pod.name());
            if last.as_ref().is_none_or(|(_, last)| *last < at) {
                note(at);
            }
            let name = last.map_or_else(|| pod.name().to_owned(), |(name, _)| name);
            seen.pods.push((name, at));
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
            let pods: Vec<&Selected> = pods.iter().collect();
            let found = times.compute(&service, &pods).map(meta::rfc3339);
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
    fn a_write_about_nothing_known_says_so() {
        let mut metadata = ObjectMeta::default();
        annotate(&mut metadata, Some(SimTime::from_secs(0)));
        let annotations = metadata.annotations.clone().unwrap_or_default();
        assert_eq!(annotations[ANNOTATION], "1970-01-01T00:00:00Z");
        annotate(&mut metadata, None);
        assert_eq!(metadata.annotations, None);
    }
}
