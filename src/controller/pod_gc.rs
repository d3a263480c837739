//! Removes Pods that nobody will end: those of nodes that are gone, those that are being deleted and
//! never came to a node, and those that are being deleted on a node that is out of service.
//!
//! Upstream: pkg/controller/podgc/gc_controller.go, v1.36. It looks every 20 seconds; here only while
//! there is such a Pod. Left out: the limit of 12,500 finished Pods.

use super::manager::Controller;
use super::{Change, Informers, pods};
use crate::api::meta::MetaExt;
use crate::api::pod::disruption_target;
use crate::api::{Kind, NamespacedName, Reason, Status, condition};
use crate::apiserver::DeleteOptions;
use crate::client::Ctx;
use crate::sim::{SimDuration, SimTime, SortedMap};
use k8s_openapi::api::core::v1::{Node, Pod, PodCondition};
use serde::Serialize;
use std::sync::Arc;

/// How often it looks.
const PERIOD: SimDuration = SimDuration::secs(20);
/// How long a node must be missing.
const QUARANTINE: SimDuration = SimDuration::secs(40);
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// The Pod garbage collector.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PodGcController {
    /// When it looks next; `None` while there is nothing to look for.
    next_look: Option<SimTime>,
    /// Nodes that are missing, and when that is believed.
    missing: SortedMap<String, SimTime>,
}

impl Controller for PodGcController {
    fn name(&self) -> &'static str {
        "pod-garbage-collector"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, now: SimTime) {
        let concerns = match change {
            Change::Node(delta) => delta
                .new
                .as_ref()
                .is_none_or(|node| is_out_of_service(node)),
            Change::Pod(delta) => {
                let pod = delta.new.as_ref();
                pod.is_some_and(|pod| why(pod, informers) != Why::Not)
            }
            _ => false,
        };
        if concerns && self.next_look.is_none() {
            self.next_look = Some(after(now));
        }
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        if self.next_look.is_none_or(|at| at > ctx.now) {
            return;
        }
        ctx.cause = None;
        let found = informers.pods.iter().map(|pod| (why(pod, informers), pod));
        let found: Vec<(Why, Arc<Pod>)> = found
            .filter(|(why, _)| *why != Why::Not)
            .map(|(why, pod)| (why, Arc::clone(pod)))
            .collect();
        self.next_look = (!found.is_empty()).then(|| after(ctx.now));
        for (_, pod) in found.iter().filter(|(why, _)| *why == Why::NodeGone) {
            let until = ctx.now + QUARANTINE;
            let node = pods::node_name(pod).to_owned();
            self.missing.entry(node).or_insert(until);
        }
        let gone = self.discover(ctx, informers);
        for (why, pod) in &found {
            let target = match why {
                Why::NodeGone if gone.iter().any(|node| node == pods::node_name(pod)) => Some(
                    disruption_target(pod, "DeletionByPodGC", "PodGC: node no longer exists"),
                ),
                Why::NodeGone => continue,
                _ => None,
            };
            // What fails is found again.
            let _ = remove(pod, target, ctx);
        }
    }

    fn next_at(&self) -> Option<SimTime> {
        self.next_look
    }
}

/// The first moment after `now` at which it looks.
fn after(now: SimTime) -> SimTime {
    let period = PERIOD.as_micros();
    SimTime::from_micros((now.as_micros() / period + 1) * period)
}

/// Why a Pod is rubbish.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Why {
    Not,
    NodeGone,
    NeverScheduled,
    OutOfService,
}

fn why(pod: &Pod, informers: &Informers) -> Why {
    let name = pods::node_name(pod);
    if name.is_empty() {
        return match pod.is_terminating() {
            true => Why::NeverScheduled,
            false => Why::Not,
        };
    }
    match informers.nodes.get(&NamespacedName::new("", name)) {
        None => Why::NodeGone,
        Some(node) if pod.is_terminating() && is_out_of_service(node) => Why::OutOfService,
        Some(_) => Why::Not,
    }
}

fn is_out_of_service(node: &Node) -> bool {
    let taints = node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten());
    let conditions = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    taints.into_iter().any(|taint| taint.key == OUT_OF_SERVICE)
        && !condition::is_true(conditions, "Ready")
}

/// Deletes a Pod at once; one that has not finished has failed.
fn remove(pod: &Pod, target: Option<PodCondition>, ctx: &mut Ctx<'_>) -> Result<(), Status> {
    if !pods::is_finished(pod) {
        let mut failed = pod.clone();
        let status = failed.status.get_or_insert_default();
        status.phase = Some("Failed".to_owned());
        if let Some(target) = target {
            condition::set(status.conditions.get_or_insert_default(), target, ctx.now);
        }
        // As a patch: whatever the Pod has become meanwhile.
        failed.metadata.resource_version = None;
        ctx.update_status(failed)?;
    }
    let options = DeleteOptions {
        grace_period_seconds: Some(0),
        ..DeleteOptions::default()
    };
    let key = pod.namespaced_name().of(Kind::Pod);
    Status::ignore_not_found(ctx.delete(key, options))
}

impl PodGcController {
    /// The nodes that have been missing for long enough and are not there.
    fn discover(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) -> Vec<String> {
        let due = self.missing.iter().filter(|(_, until)| **until <= ctx.now);
        let due: Vec<String> = due.map(|(node, _)| node.clone()).collect();
        let mut gone = Vec::new();
        for node in due {
            self.missing.remove(&node);
            let name = NamespacedName::new("", node.as_str());
            if informers.nodes.get(&name).is_some() {
                continue;
            }
            let asked = ctx.get::<Node>(&name);
            if asked.is_err_and(|status| status.reason == Reason::NotFound) {
                gone.push(node);
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Object;
    use serde_json::{Value, json};

    fn pod(node: Value, deleted: bool) -> Pod {
        let deleted = deleted.then_some("1970-01-01T00:00:00Z");
        serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "default", "deletionTimestamp": deleted},
            "spec": {"nodeName": node, "containers": []},
        }))
        .expect("a Pod")
    }

    fn node(name: &str, ready: &str, taint: &str) -> Object {
        let node: Node = serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {"taints": [{"key": taint, "effect": "NoExecute"}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .expect("a Node");
        Object::new(node)
    }

    #[test]
    fn a_pod_is_rubbish_where_nobody_will_end_it() {
        let mut informers = Informers::default();
        let nodes = [
            node("good", "True", OUT_OF_SERVICE),
            node("lost", "Unknown", "node.kubernetes.io/unreachable"),
            node("out", "Unknown", OUT_OF_SERVICE),
        ];
        informers.replace(Kind::Node, &nodes, 1);
        for (node, deleted, wanted) in [
            (json!("good"), true, Why::Not),
            (json!("lost"), true, Why::Not),
            (json!("out"), false, Why::Not),
            (json!("out"), true, Why::OutOfService),
            (json!("nowhere"), false, Why::NodeGone),
            (Value::Null, false, Why::Not),
            (Value::Null, true, Why::NeverScheduled),
        ] {
            let found = why(&pod(node.clone(), deleted), &informers);
            assert_eq!(found, wanted, "{node} {deleted}");
        }
    }

    #[test]
    fn it_looks_every_twenty_seconds() {
        assert_eq!(after(SimTime::from_secs(0)), SimTime::from_secs(20));
        assert_eq!(after(SimTime::from_secs(19)), SimTime::from_secs(20));
        assert_eq!(after(SimTime::from_secs(20)), SimTime::from_secs(40));
    }
}
