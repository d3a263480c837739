//! kube-scheduler: finds a node for each Pod that has none.
//!
//! Upstream: pkg/scheduler/schedule_one.go, v1.36. Left out so far: preemption, inter-Pod affinity,
//! topology spread, image locality, scheduling gates.

mod framework;
mod plugins;
mod queue;
mod snapshot;

pub use framework::{Explanation, Verdict};
pub use snapshot::{NodeInfo, PodRequest};

use crate::api::meta::MetaExt;
use crate::api::pod::is_finished;
use crate::api::watch::WatchEvent;
use crate::api::{Kind, NamespacedName, Object, Reason, condition};
use crate::client::{Component, Ctx, Delta, EventType, Informer, Recorder, WatchCursor, WatchSink};
use crate::sim::{SimDuration, SortedMap};
use k8s_openapi::api::core::v1::{Node, Pod, PodCondition};
use queue::SchedulingQueue;
use serde::Serialize;
use snapshot::Snapshot;
use std::sync::Arc;

const RETRY_DELAY: SimDuration = SimDuration::secs(1);
/// How many Pods' verdicts are kept for the screen.
const EXPLANATIONS: u32 = 500;
const KINDS: &[Kind] = &[Kind::Node, Kind::Pod];

/// The scheduler. Everything it holds can be thrown away: it is rebuilt from a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scheduler {
    cursor: WatchCursor,
    cache: Cache,
    recorder: Recorder,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    explanations: SortedMap<NamespacedName, Explanation>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Cache {
    pods: Informer<Pod>,
    nodes: Informer<Node>,
    snapshot: Snapshot,
    queue: SchedulingQueue,
}

impl Default for Scheduler {
    fn default() -> Self {
        Self {
            cursor: WatchCursor::default(),
            cache: Cache::default(),
            recorder: Recorder::new("default-scheduler", ""),
            explanations: SortedMap::new(),
        }
    }
}

fn node_of(pod: &Pod) -> &str {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.node_name.as_deref())
        .unwrap_or_default()
}

impl Cache {
    fn pod(&mut self, delta: &Delta<Pod>) {
        let name = delta.name();
        match &delta.new {
            Some(pod) if is_finished(pod) => {
                self.snapshot.remove_pod(&name);
                self.queue.remove(&name);
                self.queue.move_all(Some(delta.revision));
            }
            Some(pod) if node_of(pod).is_empty() => {
                let ours = pod.spec.as_ref().and_then(|s| s.scheduler_name.as_deref());
                let fresh = delta.old.is_none();
                if ours == Some("default-scheduler") && !pod.is_terminating() {
                    self.queue.offer(name, fresh, delta.revision);
                }
            }
            Some(pod) => {
                self.queue.remove(&name);
                self.snapshot.add_pod(pod);
            }
            None => {
                self.queue.remove(&name);
                if self.snapshot.remove_pod(&name) {
                    self.queue.move_all(Some(delta.revision));
                }
            }
        }
    }

    fn node(&mut self, delta: &Delta<Node>) {
        match &delta.new {
            Some(node) => {
                if self.snapshot.set_node(node) {
                    self.queue.move_all(Some(delta.revision));
                }
            }
            None => self.snapshot.remove_node(delta.latest().name()),
        }
    }
}

impl WatchSink for Cache {
    fn replace(&mut self, kind: Kind, items: &[Object], revision: u64) {
        match kind {
            Kind::Node => {
                let deltas = self.nodes.replace(items, revision);
                deltas.iter().for_each(|delta| self.node(delta));
            }
            _ => {
                let deltas = self.pods.replace(items, revision);
                deltas.iter().for_each(|delta| self.pod(delta));
            }
        }
    }

    fn observe(&mut self, event: &WatchEvent) {
        if let Some(delta) = self.pods.observe(event) {
            self.pod(&delta);
        } else if let Some(delta) = self.nodes.observe(event) {
            self.node(&delta);
        }
    }
}

impl Component for Scheduler {
    fn interests(&self) -> &'static [Kind] {
        KINDS
    }

    fn wake(&mut self, ctx: &mut Ctx<'_>) {
        if self.cursor.sync(ctx, KINDS, &mut self.cache).is_err() {
            ctx.agenda.wake_at(ctx.now + RETRY_DELAY);
            return;
        }
        while let Some((name, cause)) = self.cache.queue.pop(ctx.now) {
            ctx.cause = cause;
            self.schedule_one(&name, ctx);
        }
        if let Some(at) = self.cache.queue.next_at() {
            ctx.agenda.wake_at(at);
        }
    }
}

impl Scheduler {
    /// Why a Pod went where it went, or nowhere; kept for the latest Pods.
    pub fn explain(&self, pod: &NamespacedName) -> Option<&Explanation> {
        self.explanations.get(pod)
    }

    fn schedule_one(&mut self, name: &NamespacedName, ctx: &mut Ctx<'_>) {
        let Some(pod) = self.cache.pods.get(name).cloned() else {
            return;
        };
        if !node_of(&pod).is_empty() || pod.is_terminating() {
            return;
        }
        let request = PodRequest::of(&pod);
        let (chosen, explanation) =
            framework::choose(&pod, &request, &self.cache.snapshot, ctx.rng);
        if self.explanations.len() >= EXPLANATIONS as usize {
            self.explanations.pop_first();
        }
        let message = explanation.message();
        self.explanations.insert(name.clone(), explanation);
        match chosen {
            Some(node) => self.bind(&pod, &node, ctx),
            None => self.refuse(&pod, message, ctx),
        }
    }

    fn bind(&mut self, pod: &Arc<Pod>, node: &str, ctx: &mut Ctx<'_>) {
        let name = pod.namespaced_name();
        match ctx.bind(name.clone(), node) {
            Ok(()) => {
                self.cache.snapshot.assume(pod, node);
                let message = format!("Successfully assigned {name} to {node}");
                let normal = EventType::Normal;
                self.recorder
                    .event(ctx, pod.as_ref(), normal, "Scheduled", message);
            }
            Err(status) if status.reason == Reason::NotFound => {}
            Err(_) => self.cache.queue.back_off(name, ctx.now),
        }
    }

    fn refuse(&mut self, pod: &Arc<Pod>, message: String, ctx: &mut Ctx<'_>) {
        self.cache.queue.park(pod.namespaced_name(), ctx.now);
        let warning = EventType::Warning;
        self.recorder.event(
            ctx,
            pod.as_ref(),
            warning,
            "FailedScheduling",
            message.clone(),
        );
        let mut refused = Pod::clone(pod);
        let status = refused.status.get_or_insert_default();
        let unschedulable = PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "False".to_owned(),
            reason: Some("Unschedulable".to_owned()),
            message: Some(message),
            observed_generation: pod.metadata.generation,
            ..PodCondition::default()
        };
        let conditions = status.conditions.get_or_insert_default();
        let known = condition::find(Some(&*conditions), "PodScheduled");
        if known.is_some_and(|c| c.message == unschedulable.message) {
            return;
        }
        condition::set(conditions, unschedulable, ctx.now);
        // A stale version is refused; the next look will say it again.
        let _ = ctx.update_status(refused);
    }
}
