//! How many of a set's Pods are in which state: one walk along what is known of them, without a look
//! at the Pods themselves.
//!
//! Upstream: pkg/controller/replicaset/replica_set_utils.go (calculateStatus), v1.36.

use crate::api::meta;
use crate::controller::owned_pods::Owned;
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::apps::v1::ReplicaSet;
use std::collections::BTreeMap;

/// The counts, and what they are counted by.
pub struct Tally<'s> {
    /// Pods that count as replicas.
    pub active: u32,
    /// Active Pods with all labels of the template.
    pub labelled: u32,
    /// Active Pods that are ready.
    pub ready: u32,
    /// Those that have been for the set's `minReadySeconds`.
    pub available: u32,
    /// Pods that are being deleted and have not finished.
    pub ending: u32,
    /// When the next ready Pod becomes available.
    pub next_available: Option<SimTime>,
    min_ready: SimDuration,
    now: SimTime,
    /// Labels that are to be looked for in each Pod; `None`: the set selects by them, so all match.
    template: Option<&'s BTreeMap<String, String>>,
}

impl<'s> Tally<'s> {
    /// Nothing is counted yet.
    pub fn new(set: &'s ReplicaSet, now: SimTime) -> Self {
        let spec = set.spec.as_ref();
        let template =
            spec.and_then(|spec| spec.template.as_ref()?.metadata.as_ref()?.labels.as_ref());
        let selected = spec.and_then(|spec| spec.selector.match_labels.as_ref());
        let seconds = spec.and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
        Self {
            active: 0,
            labelled: 0,
            ready: 0,
            available: 0,
            ending: 0,
            next_available: None,
            min_ready: SimDuration::secs(u64::try_from(seconds).unwrap_or(0)),
            now,
            template: template.filter(|labels| Some(*labels) != selected),
        }
    }

    /// Counts a Pod of the set.
    pub fn count(&mut self, pod: &Owned) {
        self.ending += u32::from(pod.ending);
        if !pod.active {
            return;
        }
        self.active += 1;
        let has_all = |wanted: &BTreeMap<String, String>| {
            let labels = meta::labels(&pod.pod.metadata);
            let mut wanted = wanted.iter();
            wanted.all(|(key, value)| labels.get(key) == Some(value))
        };
        self.labelled += u32::from(self.template.is_none_or(has_all));
        let Some(since) = pod.ready_since else {
            return;
        };
        self.ready += 1;
        let at = since + self.min_ready;
        if at <= self.now {
            self.available += 1;
        } else {
            let next = self.next_available.map_or(at, |next| next.min(at));
            self.next_available = Some(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn pod(phase: &str, ready_at: Option<u64>, app: &str, deleted: bool) -> Owned {
        let deleted = deleted.then_some("1970-01-01T00:00:00Z");
        let at = |at: u64| meta::rfc3339(SimTime::from_secs(at));
        let ready: Vec<Value> = ready_at
            .map(|second| json!({"type": "Ready", "status": "True", "lastTransitionTime": at(second)}))
            .into_iter()
            .collect();
        let pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "labels": {"app": app}, "deletionTimestamp": deleted},
            "status": {"phase": phase, "conditions": ready},
        }));
        Owned::new(Arc::new(pod.expect("a Pod")))
    }

    #[test]
    fn a_pod_counts_by_its_phase_its_labels_and_how_long_it_is_ready() {
        let set: ReplicaSet = serde_json::from_value(json!({"metadata": {}, "spec": {
            "minReadySeconds": 10, "selector": {"matchLabels": {"tier": "front"}},
            "template": {"metadata": {"labels": {"app": "web"}}},
        }}))
        .expect("a set");
        let mut tally = Tally::new(&set, SimTime::from_secs(100));
        for pod in [
            pod("Running", Some(90), "web", false),
            pod("Running", Some(91), "web", false),
            pod("Running", Some(95), "other", false),
            pod("Pending", None, "web", false),
            pod("Failed", None, "web", false),
            pod("Running", Some(1), "web", true),
            pod("Succeeded", None, "web", true),
        ] {
            tally.count(&pod);
        }
        let counts = [tally.active, tally.labelled, tally.ready, tally.available];
        assert_eq!(counts, [4, 3, 3, 1]);
        assert_eq!(tally.ending, 1);
        assert_eq!(tally.next_available, Some(SimTime::from_secs(101)));
    }
}
