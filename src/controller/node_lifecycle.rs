//! Notices nodes that no longer say they live, and marks them and their Pods.
//!
//! Upstream: pkg/controller/nodelifecycle/node_lifecycle_controller.go, v1.36: looks every 5 s, 50 s of
//! grace. `taint_eviction` evicts the Pods of a node that it taints. Left out: zones and the eviction
//! rate, taints for other conditions.

use super::manager::Controller;
use super::{Change, Informers, pods};
use crate::api::meta::{self, MetaExt};
use crate::api::{NamespacedName, condition};
use crate::client::{Ctx, EventType, Recorder};
use crate::sim::{SimDuration, SimTime, SortedMap};
use k8s_openapi::api::core::v1::{Node, NodeCondition, Pod, PodCondition, Taint};
use serde::Serialize;
use std::sync::Arc;

const PERIOD: SimDuration = SimDuration::secs(5);
const GRACE: SimDuration = SimDuration::secs(50);
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const LEASES: &str = "kube-node-lease";

/// The node lifecycle controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeLifecycleController {
    recorder: Recorder,
    next_look: Option<SimTime>,
    /// When each node's last heartbeat was seen here, and which it was.
    heartbeats: SortedMap<String, (SimTime, SimTime)>,
}

impl Default for NodeLifecycleController {
    fn default() -> Self {
        let recorder = Recorder::new("node-controller", "");
        Self {
            recorder,
            next_look: None,
            heartbeats: SortedMap::new(),
        }
    }
}

impl Controller for NodeLifecycleController {
    fn name(&self) -> &'static str {
        "node-controller"
    }

    fn handle(&mut self, _: &Change, _: &Informers, now: SimTime) {
        self.next_look.get_or_insert(now);
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        if self.next_look.is_none_or(|at| at > ctx.now) {
            return;
        }
        self.next_look = Some(ctx.now + PERIOD);
        ctx.cause = None;
        for node in informers.nodes.iter() {
            self.look(node, ctx, informers);
        }
    }

    fn next_at(&self) -> Option<SimTime> {
        self.next_look
    }
}

fn ready_status(node: &Node) -> &str {
    let conditions = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    condition::find(conditions, "Ready").map_or("", |ready| ready.status.as_str())
}

/// The latest of the Lease's renewal and the Ready condition's heartbeat.
fn heartbeat(node: &Node, informers: &Informers) -> SimTime {
    let conditions = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let ready = condition::find(conditions, "Ready");
    let posted = ready
        .and_then(|c| c.last_heartbeat_time.as_ref())
        .map(meta::to_sim);
    let lease = informers
        .leases
        .get(&NamespacedName::new(LEASES, node.name()));
    let renewed = lease.and_then(|lease| lease.spec.as_ref()?.renew_time.as_ref());
    posted
        .max(renewed.map(meta::micro_to_sim))
        .unwrap_or_default()
}

impl NodeLifecycleController {
    fn look(&mut self, node: &Arc<Node>, ctx: &mut Ctx<'_>, informers: &Informers) {
        let latest = heartbeat(node, informers);
        let seen = self
            .heartbeats
            .entry(node.name().to_owned())
            .or_insert((latest, ctx.now));
        if seen.0 != latest {
            *seen = (latest, ctx.now);
        }
        let silent = ctx.now.since(seen.1) > GRACE;
        match (silent, ready_status(node)) {
            (true, "True" | "False") => self.lose(node, ctx, informers),
            (true, "Unknown") => {
                self.mark_pods(node, ctx, informers);
                self.taint(node, ctx);
            }
            (false, "True") => self.untaint(node, ctx),
            _ => {}
        }
    }

    /// The node has been silent for too long: nobody knows how it is.
    fn lose(&mut self, node: &Arc<Node>, ctx: &mut Ctx<'_>, informers: &Informers) {
        let mut lost = Node::clone(node);
        let conditions = lost
            .status
            .get_or_insert_default()
            .conditions
            .get_or_insert_default();
        for type_ in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
            let old = condition::find(Some(&*conditions), type_);
            let unknown = NodeCondition {
                type_: type_.to_owned(),
                status: "Unknown".to_owned(),
                reason: Some("NodeStatusUnknown".to_owned()),
                message: Some("Kubelet stopped posting node status.".to_owned()),
                last_heartbeat_time: old.and_then(|c| c.last_heartbeat_time.clone()),
                last_transition_time: None,
            };
            condition::set(conditions, unknown, ctx.now);
        }
        if ctx.update_status(lost).is_err() {
            return;
        }
        let text = format!("Node {} status is now: NodeNotReady", node.name());
        self.recorder
            .event(ctx, node.as_ref(), EventType::Normal, "NodeNotReady", text);
        self.mark_pods(node, ctx, informers);
        self.taint(node, ctx);
    }

    fn mark_pods(&mut self, node: &Arc<Node>, ctx: &mut Ctx<'_>, informers: &Informers) {
        let pods = informers.pods.iter();
        for pod in pods.filter(|pod| pods::node_name(pod) == node.name()) {
            self.mark_not_ready(pod, ctx);
        }
    }

    fn mark_not_ready(&mut self, pod: &Arc<Pod>, ctx: &mut Ctx<'_>) {
        if !pods::is_ready(pod) {
            return;
        }
        let mut marked = Pod::clone(pod);
        let conditions = marked
            .status
            .get_or_insert_default()
            .conditions
            .get_or_insert_default();
        let ready = PodCondition {
            type_: "Ready".to_owned(),
            status: "False".to_owned(),
            ..PodCondition::default()
        };
        condition::set(conditions, ready, ctx.now);
        // A Pod that changed meanwhile is marked at the next look at its node.
        if ctx.update_status(marked).is_ok() {
            let warning = EventType::Warning;
            self.recorder.event(
                ctx,
                pod.as_ref(),
                warning,
                "NodeNotReady",
                "Node is not ready",
            );
        }
    }

    fn taint(&self, node: &Arc<Node>, ctx: &mut Ctx<'_>) {
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
        if taints
            .into_iter()
            .flatten()
            .any(|taint| taint.key == UNREACHABLE)
        {
            return;
        }
        let mut tainted = Node::clone(node);
        tainted.metadata.resource_version = None;
        let taints = tainted
            .spec
            .get_or_insert_default()
            .taints
            .get_or_insert_default();
        for effect in ["NoSchedule", "NoExecute"] {
            taints.push(Taint {
                key: UNREACHABLE.to_owned(),
                effect: effect.to_owned(),
                time_added: Some(meta::time(ctx.now)),
                value: None,
            });
        }
        // Tried again at the next look, in five seconds.
        let _ = ctx.update(tainted);
    }

    fn untaint(&self, node: &Arc<Node>, ctx: &mut Ctx<'_>) {
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
        if !taints
            .into_iter()
            .flatten()
            .any(|taint| taint.key == UNREACHABLE)
        {
            return;
        }
        let mut healed = Node::clone(node);
        healed.metadata.resource_version = None;
        let spec = healed.spec.get_or_insert_default();
        if let Some(taints) = spec.taints.as_mut() {
            taints.retain(|taint| taint.key != UNREACHABLE);
        }
        spec.taints = spec.taints.take().filter(|taints| !taints.is_empty());
        // Tried again at the next look, in five seconds.
        let _ = ctx.update(healed);
    }
}
