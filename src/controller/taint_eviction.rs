//! Evicts the Pods that do not tolerate their node's NoExecute taints, or no longer do.
//!
//! Upstream: pkg/controller/tainteviction/taint_eviction.go, v1.36. A toleration's seconds are counted
//! from the taint's `timeAdded` where it has one, or from the Pod's coming if that was later, so that a
//! restart does not begin to count anew; upstream always counts from when it sees the taint. A deletion
//! that fails is tried again a second later, for ever. Nothing is told of a Pod that goes by itself
//! while it waits.

use super::manager::Controller;
use super::{Change, Informers, pods};
use crate::api::meta::{self, MetaExt};
use crate::api::pod::disruption_target;
use crate::api::{Kind, NamespacedName, Reason, Status, condition, toleration};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, EventType, Recorder, reference};
use crate::sim::{SimDuration, SimTime, SortedMap};
use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};
use serde::Serialize;

const RETRY_DELAY: SimDuration = SimDuration::secs(1);

/// The taint eviction controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaintEvictionController {
    recorder: Recorder,
    /// Nodes whose taints changed, and Pods that changed, with the revision of that.
    nodes: SortedMap<String, u64>,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    pods: SortedMap<NamespacedName, u64>,
    /// When Pods are to be evicted, and why: the revision.
    #[serde(serialize_with = "crate::sim::as_pairs")]
    due: SortedMap<NamespacedName, (SimTime, u64)>,
}

impl Default for TaintEvictionController {
    fn default() -> Self {
        Self {
            recorder: Recorder::new("taint-eviction-controller", ""),
            nodes: SortedMap::new(),
            pods: SortedMap::new(),
            due: SortedMap::new(),
        }
    }
}

impl Controller for TaintEvictionController {
    fn name(&self) -> &'static str {
        "taint-eviction-controller"
    }

    fn handle(&mut self, change: &Change, _: &Informers, _: SimTime) {
        match change {
            Change::Node(delta) => {
                let before = delta.old.as_ref().map(|node| no_execute(node));
                let after = delta.new.as_ref().map(|node| no_execute(node));
                if before.unwrap_or_default() != after.unwrap_or_default() {
                    let name = delta.latest().name().to_owned();
                    self.nodes.insert(name, delta.revision);
                }
            }
            Change::Pod(delta) => {
                let (old, new) = (delta.old.as_deref(), delta.new.as_deref());
                if old.map(asks) != new.map(asks) {
                    self.pods.insert(delta.name(), delta.revision);
                }
            }
            _ => {}
        }
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        let nodes = std::mem::take(&mut self.nodes);
        let mut pods = std::mem::take(&mut self.pods);
        if !nodes.is_empty() {
            for pod in informers.pods.iter() {
                if let Some(revision) = nodes.get(pods::node_name(pod)) {
                    pods.insert(pod.namespaced_name(), *revision);
                }
            }
        }
        for (name, revision) in pods {
            ctx.cause = Some(revision);
            self.look(&name, revision, ctx, informers);
        }
        let now = ctx.now;
        let ready = self.due.iter().filter(|(_, (at, _))| *at <= now);
        let ready: Vec<NamespacedName> = ready.map(|(name, _)| name.clone()).collect();
        for name in ready {
            let Some((_, revision)) = self.due.remove(&name) else {
                continue;
            };
            ctx.cause = Some(revision);
            if self.evict(&name, ctx).is_err() {
                self.due.insert(name, (now + RETRY_DELAY, revision));
            }
        }
    }

    fn next_at(&self) -> Option<SimTime> {
        self.due.values().map(|(at, _)| *at).min()
    }
}

/// What of a Pod decides whether it may stay: where it is and what it tolerates.
fn asks(pod: &Pod) -> (&str, &[Toleration]) {
    let tolerations = pod.spec.as_ref().and_then(|s| s.tolerations.as_deref());
    (pods::node_name(pod), tolerations.unwrap_or_default())
}

/// A node's NoExecute taints.
fn no_execute(node: &Node) -> Vec<Taint> {
    let taints = node.spec.iter().flat_map(|s| s.taints.iter().flatten());
    let those = taints.filter(|taint| taint.effect == "NoExecute");
    those.cloned().collect()
}

/// How long a Pod stays on a node.
#[derive(Debug, PartialEq)]
enum Stay {
    /// It has to go now.
    Not,
    /// It may stay for so long.
    For(SimDuration),
    /// It may stay.
    Ever,
}

/// How long a Pod stays on a node with these taints, of which there is one at least.
fn stay(pod: &Pod, taints: &[Taint]) -> Stay {
    let used: Option<Vec<&Toleration>> = taints
        .iter()
        .map(|taint| toleration::of(pod, taint))
        .collect();
    let Some(used) = used else { return Stay::Not };
    let seconds = used.iter().filter_map(|one| one.toleration_seconds);
    match seconds.min() {
        None => Stay::Ever,
        Some(seconds) => Stay::For(SimDuration::secs(u64::try_from(seconds).unwrap_or(0))),
    }
}

/// When a Pod came to its node: when it was scheduled, or where nobody scheduled it, was made.
fn came(pod: &Pod) -> SimTime {
    let status = pod.status.as_ref();
    let scheduled = condition::find(status.and_then(|s| s.conditions.as_ref()), "PodScheduled");
    let at = scheduled.and_then(|one| one.last_transition_time.as_ref());
    at.map_or_else(|| pod.created_at(), meta::to_sim)
}

impl TaintEvictionController {
    /// Decides when a Pod is to go.
    fn look(
        &mut self,
        name: &NamespacedName,
        revision: u64,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) {
        let Some(pod) = informers.pods.get(name) else {
            self.due.remove(name);
            return;
        };
        if pod.is_terminating() {
            self.due.remove(name);
            return;
        }
        let host = pods::node_name(pod);
        let node = informers.nodes.get(&NamespacedName::new("", host));
        // What waits for a node that is gone is evicted in its time.
        let Some(node) = node else { return };
        let taints = no_execute(node);
        if taints.is_empty() {
            return self.cancel(pod, ctx);
        }
        let at = match stay(pod, &taints) {
            Stay::Ever => return self.cancel(pod, ctx),
            Stay::Not => {
                self.cancel(pod, ctx);
                ctx.now
            }
            // What waits already goes on waiting.
            Stay::For(_) if self.due.contains_key(name) => return,
            Stay::For(time) => {
                let added = taints.iter().map(|taint| taint.time_added.as_ref());
                let since: Option<Vec<SimTime>> = added.map(|at| at.map(meta::to_sim)).collect();
                let since = since.and_then(|times| times.into_iter().max());
                since.unwrap_or(ctx.now).max(came(pod)).min(ctx.now) + time
            }
        };
        self.due.insert(name.clone(), (at, revision));
    }

    fn cancel(&mut self, pod: &Pod, ctx: &mut Ctx<'_>) {
        let name = pod.namespaced_name();
        if self.due.remove(&name).is_some() {
            self.tell(pod, format!("Cancelling deletion of Pod {name}"), ctx);
        }
    }

    fn tell(&mut self, pod: &Pod, text: String, ctx: &mut Ctx<'_>) {
        let normal = EventType::Normal;
        let about = reference(pod);
        self.recorder
            .event_at(ctx, about, normal, "TaintManagerEviction", text);
    }

    /// # Errors
    /// The API server's refusal; none where the Pod is gone or on its way.
    fn evict(&mut self, name: &NamespacedName, ctx: &mut Ctx<'_>) -> Result<(), Status> {
        let pod = match ctx.get::<Pod>(name) {
            Err(status) if status.reason == Reason::NotFound => return Ok(()),
            found => found?,
        };
        if pod.is_terminating() {
            return Ok(());
        }
        self.tell(&pod, format!("Marking for deletion Pod {name}"), ctx);
        let mut marked = Pod::clone(&pod);
        let target = disruption_target(
            &pod,
            "DeletionByTaintManager",
            "Taint manager: deleting due to NoExecute taint",
        );
        let status = marked.status.get_or_insert_default();
        condition::set(status.conditions.get_or_insert_default(), target, ctx.now);
        ctx.update_status(marked)?;
        Status::ignore_not_found(ctx.delete(name.of(Kind::Pod), DeleteOptions::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::{Value, json};

    fn taint(key: &str) -> Taint {
        Taint {
            key: key.to_owned(),
            effect: "NoExecute".to_owned(),
            ..Taint::default()
        }
    }

    #[test]
    fn a_pod_stays_for_the_shortest_of_its_tolerations() {
        let pod = |tolerations: Value| -> Pod {
            codec::from_value(json!({"spec": {"containers": [], "tolerations": tolerations}}))
                .expect("a Pod")
        };
        let both = [taint("a"), taint("b")];
        let one = |key: &str, seconds: Value| json!({"key": key, "operator": "Exists", "tolerationSeconds": seconds});
        for (tolerations, wanted) in [
            (json!([]), Stay::Not),
            (json!([one("a", json!(9))]), Stay::Not),
            (json!([{"operator": "Exists"}]), Stay::Ever),
            (
                json!([one("a", json!(9)), one("b", Value::Null)]),
                Stay::For(SimDuration::secs(9)),
            ),
            (
                json!([one("a", json!(9)), one("b", json!(-4))]),
                Stay::For(SimDuration::ZERO),
            ),
            // The first one that is for a taint counts.
            (
                json!([
                    one("a", Value::Null),
                    one("a", json!(1)),
                    one("b", json!(7))
                ]),
                Stay::For(SimDuration::secs(7)),
            ),
        ] {
            assert_eq!(
                stay(&pod(tolerations.clone()), &both),
                wanted,
                "{tolerations}"
            );
        }
    }
}
