//! One node: it runs the Pods bound to it and says how they are.
//!
//! Upstream: pkg/kubelet/kubelet.go, v1.36. Left out so far: init and sidecar containers, startup,
//! exec and gRPC probes, lifecycle hooks, volumes, environments, eviction under pressure. The
//! containers are simulated: what an image does stands in `static/images.yaml`.

mod backoff;
mod calls;
mod container;
mod disk;
mod exec;
mod image;
mod images;
mod lifecycle;
mod network;
mod node;
mod own_command;
mod prober;
mod serve;
mod static_pod;
mod status;
mod worker;

pub use container::LogLine;
pub use disk::{ContainerDisk, NodeDisk, PodDisk, Stored};
pub use exec::{Place, Process};
pub use network::Listener;
pub use node::NodeConfig;

use crate::api::meta::{self, MetaExt};
use crate::api::pod::is_finished;
use crate::api::watch::WatchEvent;
use crate::api::{Kind, NamespacedName, Object, Reason};
use crate::apiserver::DeleteOptions;
use crate::client::reference;
use crate::client::{Component, Ctx, Delta, EventType, Informer, Recorder, WatchCursor, WatchSink};
use crate::network::call::Call;
use crate::sim::{EventQueue, SimDuration, SimTime, SortedMap, SortedSet};
use images::Images;
use k8s_openapi::api::core::v1::Pod;
use serde::{Deserialize, Serialize};
use static_pod::Manifests;
use worker::PodWorker;

const KINDS: &[Kind] = &[Kind::Pod];
const RETRY_DELAY: SimDuration = SimDuration::secs(1);

/// What a kubelet waits for. `start` counts a container's starts: a timer of an earlier life of the
/// container does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Timer {
    /// A Pod's sandbox is up.
    Sandbox(NamespacedName),
    /// A container's image, which it has waited for since then, is there or cannot be had.
    Pulled(NamespacedName, usize, SimTime),
    /// A container may be started (again).
    Start(NamespacedName, usize),
    /// A process ends by itself with this code.
    Exit(NamespacedName, usize, u32, i32),
    /// A process prints something.
    Log(NamespacedName, usize),
    /// A probe is due.
    Probe(NamespacedName, usize, u32, bool),
    /// What still runs of a Pod is killed.
    Kill(NamespacedName),
    /// The runtime is asked what runs.
    Relist,
    /// The node says that it lives.
    Heartbeat,
}

/// The kubelet of one node and everything on that node's disk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kubelet {
    config: NodeConfig,
    cursor: WatchCursor,
    recorder: Recorder,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    workers: SortedMap<NamespacedName, PodWorker>,
    timers: EventQueue<Timer>,
    images: Images,
    pulls_free_at: SimTime,
    addresses: SortedSet<u32>,
    next_address: u32,
    /// Pods whose status the API server does not have yet.
    dirty: SortedSet<NamespacedName>,
    /// Pods whose containers changed since the runtime was last asked.
    unlisted: SortedSet<NamespacedName>,
    manifests: Manifests,
    running: bool,
    registered: bool,
    /// Requests that processes have made and nobody has taken yet.
    calls: Vec<Call>,
}

/// The Pods of this node among what the watch delivers.
struct Intake<'a> {
    node: &'a str,
    changes: Vec<Delta<Pod>>,
    listed: Option<Vec<NamespacedName>>,
}

impl WatchSink for Intake<'_> {
    fn replace(&mut self, _: Kind, items: &[Object], revision: u64) {
        let mut informer = Informer::<Pod>::default();
        let deltas = informer.replace(items, revision);
        self.changes
            .extend(deltas.into_iter().filter(|d| is_on(d.latest(), self.node)));
        self.listed = Some(self.changes.iter().map(Delta::name).collect());
    }

    fn observe(&mut self, event: &WatchEvent) {
        if let Some(pod) = event.object.get::<Pod>()
            && is_on(pod, self.node)
        {
            let gone = event.verb == crate::api::watch::WatchVerb::Deleted;
            let (old, new) = match gone {
                true => (Some(pod.clone()), None),
                false => (None, Some(pod.clone())),
            };
            self.changes.push(Delta {
                old,
                new,
                revision: event.revision,
            });
        }
    }
}

fn is_on(pod: &Pod, node: &str) -> bool {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(node)
}

impl Component for Kubelet {
    fn interests(&self) -> &'static [Kind] {
        KINDS
    }

    fn wake(&mut self, ctx: &mut Ctx<'_>) {
        if !self.running {
            return;
        }
        self.sync(ctx);
        while let Some((_, timer)) = self.timers.pop_due(ctx.now) {
            ctx.cause = None;
            self.fire(timer, ctx);
        }
        ctx.cause = None;
        self.sync_manifests(ctx);
        self.report(ctx);
        if let Some(at) = self.timers.next_at() {
            ctx.agenda.wake_at(at);
        }
    }
}

impl Kubelet {
    /// The kubelet of a node that was just switched on.
    pub fn new(config: NodeConfig) -> Self {
        let recorder = Recorder::new("kubelet", &config.name);
        Self {
            config,
            cursor: WatchCursor::default(),
            recorder,
            workers: SortedMap::new(),
            timers: EventQueue::default(),
            images: Images::default(),
            pulls_free_at: SimTime::default(),
            addresses: SortedSet::new(),
            next_address: 2,
            dirty: SortedSet::new(),
            unlisted: SortedSet::new(),
            manifests: Manifests::default(),
            running: true,
            registered: false,
            calls: Vec::new(),
        }
    }

    /// What the node is.
    pub const fn config(&self) -> &NodeConfig {
        &self.config
    }

    /// Whether the node is switched on.
    pub const fn is_running(&self) -> bool {
        self.running
    }

    /// About how many bytes its Pods and their logs take.
    pub fn weight(&self) -> u64 {
        const POD: u64 = 1_500;
        const LINE: u64 = 80;
        let containers = self.workers.values().flat_map(|w| w.containers.iter());
        let lines: u64 = containers.map(|c| c.log(u32::MAX).count() as u64).sum();
        self.workers.len() as u64 * POD + lines * LINE
    }

    fn sync(&mut self, ctx: &mut Ctx<'_>) {
        if !self.registered {
            if self.register(ctx).is_err() {
                ctx.agenda.wake_at(ctx.now + RETRY_DELAY);
            } else {
                self.registered = true;
                self.timers.push(ctx.now, Timer::Heartbeat);
            }
        }
        let node = self.config.name.clone();
        let mut intake = Intake {
            node: &node,
            changes: Vec::new(),
            listed: None,
        };
        if self.cursor.sync(ctx, KINDS, &mut intake).is_err() {
            ctx.agenda.wake_at(ctx.now + RETRY_DELAY);
            return;
        }
        let Intake {
            changes, listed, ..
        } = intake;
        for delta in changes {
            ctx.cause = Some(delta.revision);
            self.handle(delta, ctx);
        }
        if let Some(listed) = listed {
            let known: Vec<_> = self.workers.keys().cloned().collect();
            for name in known.into_iter().filter(|name| !listed.contains(name)) {
                match self.manifests.know(&name) {
                    true => self.miss_mirror(&name),
                    false => self.forget(&name),
                }
            }
        }
    }

    fn handle(&mut self, delta: Delta<Pod>, ctx: &mut Ctx<'_>) {
        let name = delta.name();
        if self.manifests.know(&name) {
            self.handle_mirror(&name, &delta, ctx);
            return;
        }
        let Some(pod) = delta.new else {
            if self
                .workers
                .get(&name)
                .is_some_and(|w| w.pod.uid() == delta.latest_uid())
            {
                self.forget(&name);
            }
            return;
        };
        if self
            .workers
            .get(&name)
            .is_some_and(|worker| worker.pod.uid() != pod.uid())
        {
            self.forget(&name);
        }
        if !self.workers.contains_key(&name) {
            if is_finished(&pod) && !pod.is_terminating() {
                return;
            }
            self.workers
                .insert(name.clone(), PodWorker::new(pod.clone(), ctx.now));
            if !pod.is_terminating() {
                let delay = SimDuration::millis(ctx.rng.between(150, 450));
                self.timers
                    .push(ctx.now + delay, Timer::Sandbox(name.clone()));
                self.dirty.insert(name.clone());
            }
        }
        let Some(worker) = self.workers.get_mut(&name) else {
            return;
        };
        let restarted = worker.update(pod.clone());
        if pod.is_terminating() {
            self.terminate(&name, ctx);
            return;
        }
        for index in restarted {
            self.replace(&name, index, ctx);
        }
    }

    /// Drops a Pod that the API server no longer has.
    fn forget(&mut self, name: &NamespacedName) {
        self.dirty.remove(name);
        self.unlisted.remove(name);
        if let Some(worker) = self.workers.remove(name)
            && let Some(ip) = worker.ip.clone().filter(|_| !worker.uses_host_network())
            && let Some(last) = ip.rsplit('.').next().and_then(|n| n.parse().ok())
        {
            self.addresses.remove(&last);
        }
    }

    /// Begins, hurries or finishes the end of a Pod.
    fn terminate(&mut self, name: &NamespacedName, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(name) else {
            return;
        };
        let grace = worker
            .pod
            .metadata
            .deletion_grace_period_seconds
            .unwrap_or(30);
        let grace = SimDuration::secs(u64::try_from(grace).unwrap_or(0));
        let first = worker.kill_at.is_none();
        let kill_at = worker
            .kill_at
            .unwrap_or(ctx.now + grace)
            .min(ctx.now + grace);
        if worker.kill_at != Some(kill_at) {
            worker.kill_at = Some(kill_at);
            self.timers.push(kill_at, Timer::Kill(name.clone()));
        }
        if !first {
            return;
        }
        let stop_ms = ctx.rng.between(40, 160);
        let running: Vec<(usize, String, bool, u32, i32)> = worker
            .containers
            .iter()
            .enumerate()
            .filter(|(_, c)| c.is_running())
            .map(|(index, c)| {
                let code = worker.code_when_told(c);
                (index, c.name.clone(), c.ignores_sigterm(), c.starts, code)
            })
            .collect();
        for (index, container, ignores, starts, code) in &running {
            let message = format!("Stopping container {container}");
            self.event(
                name,
                Some(container),
                EventType::Normal,
                "Killing",
                message,
                ctx,
            );
            if !ignores {
                let at = ctx.now + SimDuration::millis(stop_ms);
                self.timers
                    .push(at, Timer::Exit(name.clone(), *index, *starts, *code));
            }
        }
        self.dirty.insert(name.clone());
        if running.is_empty() {
            self.timers.push(ctx.now, Timer::Kill(name.clone()));
        }
    }

    /// Tells the API server what it does not know yet.
    fn report(&mut self, ctx: &mut Ctx<'_>) {
        let host = self.config.internal_ip.clone();
        for name in std::mem::take(&mut self.dirty) {
            if self.manifests.know(&name) && !self.is_shown(&name) {
                continue;
            }
            let Some(worker) = self.workers.get(&name) else {
                continue;
            };
            let status = status::compute(worker, &host, ctx.now);
            if worker.pod.status.as_ref() != Some(&status) {
                let mut metadata = meta::identity(&worker.pod.metadata);
                metadata.resource_version = None;
                let written = ctx.update_status(Pod {
                    metadata,
                    spec: None,
                    status: Some(status),
                });
                match written {
                    Ok(pod) => {
                        if let Some(worker) = self.workers.get_mut(&name) {
                            worker.pod = pod;
                        }
                    }
                    Err(status) if status.reason == Reason::NotFound => {}
                    Err(_) => {
                        self.dirty.insert(name.clone());
                        ctx.agenda.wake_at(ctx.now + RETRY_DELAY);
                        continue;
                    }
                }
            }
            self.finish(&name, ctx);
        }
    }

    /// Takes a terminating Pod of which nothing runs out of the store.
    fn finish(&mut self, name: &NamespacedName, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(name) else {
            return;
        };
        if !worker.pod.is_terminating() || !worker.is_stopped() || worker.kill_at.is_none() {
            return;
        }
        let options = DeleteOptions {
            grace_period_seconds: Some(0),
            uid: Some(worker.pod.uid().to_owned()),
            ..DeleteOptions::default()
        };
        match ctx.delete(name.of(Kind::Pod), options) {
            Err(status) if !matches!(status.reason, Reason::NotFound | Reason::Conflict) => {
                self.dirty.insert(name.clone());
                ctx.agenda.wake_at(ctx.now + RETRY_DELAY);
            }
            _ => {}
        }
    }

    /// Records an event about a Pod or one of its containers.
    fn event(
        &mut self,
        name: &NamespacedName,
        container: Option<&str>,
        event_type: EventType,
        reason: &str,
        message: String,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(worker) = self.workers.get(name) else {
            return;
        };
        let mut involved = reference(worker.pod.as_ref());
        involved.field_path = container.map(|name| format!("spec.containers{{{name}}}"));
        self.recorder
            .event_at(ctx, involved, event_type, reason, message);
    }
}

impl Delta<Pod> {
    fn latest_uid(&self) -> &str {
        self.old
            .as_ref()
            .or(self.new.as_ref())
            .map_or("", |pod| pod.uid())
    }
}
