//! The whole machine: every part by value, one queue of events, one clock.
//!
//! (seed, config, commands) decide every byte of a run: the same natively and in wasm32.

mod backup;
mod bootstrap;
mod config;
mod connect;
mod digest;
mod event;
mod exec;
mod fault;
mod load;
mod logs;
mod proxy;
mod trace;

pub use backup::{AGE_LIMIT, BACKUP_VERSION, Backup};
pub use config::{ClusterConfig, MAX_PODS, MAX_WORKERS, NodeSize};
pub use connect::{RequestOrigin, Target};
pub use event::{ComponentId, Event, Part};
pub use load::{EndpointCount, LOADS_LIMIT, Load, LoadPacket, PER_SECOND_LIMIT};
pub use trace::{Trace, TraceEntry};

use crate::api::{Kind, NamespacedName, Object, Status};
use crate::apiserver;
use crate::apiserver::access::Access;
use crate::apiserver::custom::Kinds;
use crate::apiserver::rest::Door;
use crate::apiserver::{
    ApiHandle, ApiServer, ExecCall, ExecProgress, LogOptions, Request, Response,
};
use crate::client::{Agenda, Component, Ctx, is_watched};
use crate::controller::{ControllerManager, DefinitionControllers};
use crate::kubelet::Kubelet;
use crate::network::dns::Dns;
use crate::network::proxy::KubeProxy;
use crate::scheduler::Scheduler;
use crate::sim::{EventQueue, SimDuration, SimRng, SimTime, SortedMap, SortedSet};
use serde::Serialize;

/// How often the store's history is compacted, as the API server does.
const COMPACT_INTERVAL: SimDuration = SimDuration::secs(5 * 60);

/// The cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cluster {
    config: ClusterConfig,
    now: SimTime,
    rng: SimRng,
    api: ApiServer,
    controllers: ControllerManager,
    scheduler: Scheduler,
    kubelets: Vec<Kubelet>,
    /// One for each kubelet, in the same order.
    proxies: Vec<KubeProxy>,
    dns: Dns,
    loads: SortedMap<u32, Load>,
    next_load: u32,
    queue: EventQueue<Event>,
    /// When each part is to be woken: queue entries for other moments are stale.
    #[serde(serialize_with = "crate::sim::as_pairs")]
    wakes: SortedMap<ComponentId, SimTime>,
    stopped: SortedSet<Part>,
    trace: Trace,
    compact_next: u64,
    #[serde(skip_serializing_if = "exec::Execs::is_new")]
    execs: exec::Execs,
}

impl Cluster {
    /// A cluster as it is just after its creation: its own objects are there, its nodes are about
    /// to register.
    pub fn new(config: ClusterConfig) -> Self {
        let config = config.bounded();
        let rng = SimRng::new(config.seed);
        let api = ApiServer::new(config.api_server(), rng.fork("apiserver"));
        let (now, kubelets) = (config.start(), bootstrap::kubelets(&config));
        let mut cluster = Self::of_parts(config, now, api, kubelets);
        bootstrap::create_objects(&mut cluster);
        for component in cluster.components() {
            cluster.wake_at(component, cluster.now);
        }
        cluster
            .queue
            .push(cluster.now + COMPACT_INTERVAL, Event::Compact);
        cluster.spread();
        cluster
    }

    /// A cluster of a control plane that has just started, whose nodes and store are these.
    fn of_parts(
        config: ClusterConfig,
        now: SimTime,
        api: ApiServer,
        kubelets: Vec<Kubelet>,
    ) -> Self {
        let proxies = kubelets
            .iter()
            .map(|k| KubeProxy::new(&k.config().name))
            .collect();
        Self {
            now,
            api,
            controllers: ControllerManager::new(config.load_balancers),
            scheduler: Scheduler::default(),
            kubelets,
            proxies,
            dns: Dns::default(),
            loads: SortedMap::new(),
            next_load: 0,
            queue: EventQueue::default(),
            wakes: SortedMap::new(),
            stopped: SortedSet::new(),
            trace: Trace::default(),
            compact_next: 0,
            execs: exec::Execs::default(),
            rng: SimRng::new(config.seed),
            config,
        }
    }

    /// What decided this cluster, besides its commands.
    pub const fn config(&self) -> &ClusterConfig {
        &self.config
    }

    /// The present.
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// The API server, to look at.
    pub const fn api(&self) -> &ApiServer {
        &self.api
    }

    /// The latest writes.
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The scheduler, for its explanations.
    pub const fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// The controllers and what waits in their queues.
    pub const fn controllers(&self) -> &ControllerManager {
        &self.controllers
    }

    /// The nodes' kubelets, the control plane's first.
    pub fn kubelets(&self) -> &[Kubelet] {
        &self.kubelets
    }

    /// The nodes' kube-proxies, in the order of the kubelets.
    pub fn proxies(&self) -> &[KubeProxy] {
        &self.proxies
    }

    /// What CoreDNS knows.
    pub const fn dns(&self) -> &Dns {
        &self.dns
    }

    /// The parts of the control plane that do not run.
    pub const fn stopped(&self) -> &SortedSet<Part> {
        &self.stopped
    }

    /// When the next event happens.
    pub fn next_at(&self) -> Option<SimTime> {
        self.queue.next_at()
    }

    /// About how many bytes a clone takes: what it does not share with the original.
    pub fn weight(&self) -> u64 {
        const OBJECT: usize = 1_500;
        const SHARED: usize = 8;
        let etcd = self.api.etcd();
        let logs: u64 = self.kubelets.iter().map(Kubelet::weight).sum();
        let shared = etcd.history_len() + self.trace.entries().len();
        (etcd.len() * OBJECT + shared * SHARED) as u64 + logs
    }

    /// Lets the next event happen, if it happens by `until`; answers whether one did.
    pub fn step(&mut self, until: SimTime) -> bool {
        let Some((at, event)) = self.queue.pop_due(until) else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = self.now.max(at);
        match event {
            Event::Wake(component) => {
                if self.wakes.get(&component) == Some(&at) {
                    self.wakes.remove(&component);
                    self.wake(component);
                }
            }
            Event::Compact => {
                self.api.compact(self.compact_next);
                self.api.expire_events(self.now);
                self.spread();
                self.compact_next = self.api.etcd().revision();
                self.queue.push(self.now + COMPACT_INTERVAL, Event::Compact);
            }
            Event::Load(id) => self.send_load(id),
        }
        true
    }

    /// Lets everything happen that happens by `until`.
    pub fn run_until(&mut self, until: SimTime) {
        while self.step(until) {}
    }

    fn components(&self) -> Vec<ComponentId> {
        let nodes = u8::try_from(self.kubelets.len()).unwrap_or(u8::MAX);
        let mut all = vec![
            ComponentId::ControllerManager,
            ComponentId::Scheduler,
            ComponentId::Dns,
        ];
        all.extend((0..nodes).map(ComponentId::Kubelet));
        all.extend((0..nodes).map(ComponentId::Proxy));
        let definitions = self.api.etcd().list(Kind::CustomResourceDefinition, None);
        all.extend(definitions.map(|_| ComponentId::Definitions).take(1));
        all
    }

    fn interests(&self, component: ComponentId) -> &'static [Kind] {
        match component {
            ComponentId::ControllerManager => self.controllers.interests(),
            ComponentId::Scheduler => self.scheduler.interests(),
            ComponentId::Kubelet(node) => self
                .kubelets
                .get(usize::from(node))
                .map_or(&[], Component::interests),
            ComponentId::Dns => self.dns.interests(),
            ComponentId::Definitions => DefinitionControllers.interests(),
            ComponentId::Proxy(node) => self
                .proxies
                .get(usize::from(node))
                .map_or(&[], Component::interests),
        }
    }

    fn wake_at(&mut self, component: ComponentId, at: SimTime) {
        let at = at.max(self.now);
        if self.wakes.get(&component).is_none_or(|known| at < *known) {
            self.wakes.insert(component, at);
            self.queue.push(at, Event::Wake(component));
        }
    }

    fn wake(&mut self, component: ComponentId) {
        match component {
            ComponentId::ControllerManager
                if self.stopped.contains(&Part::KubeControllerManager) => {}
            ComponentId::Scheduler if self.stopped.contains(&Part::KubeScheduler) => {}
            ComponentId::ControllerManager => {
                self.with_ctx(component, "kube-controller-manager", |cluster, ctx| {
                    cluster.controllers.wake(ctx);
                });
            }
            ComponentId::Scheduler => {
                self.with_ctx(component, "kube-scheduler", |cluster, ctx| {
                    cluster.scheduler.wake(ctx);
                });
            }
            ComponentId::Kubelet(node) => {
                self.with_kubelet(node, |kubelet, ctx| kubelet.wake(ctx));
                self.carry_calls(node);
            }
            ComponentId::Dns => {
                self.with_ctx(component, "coredns", |parts, ctx| parts.dns.wake(ctx))
            }
            ComponentId::Proxy(node) => self.wake_proxy(node),
            ComponentId::Definitions => self.with_ctx(component, "kube-apiserver", |_, ctx| {
                DefinitionControllers.wake(ctx);
            }),
        }
    }

    fn wake_proxy(&mut self, node: u8) {
        let at = usize::from(node);
        let running = self.kubelets.get(at).is_some_and(Kubelet::is_running);
        let Some(kubelet) = self.kubelets.get(at).filter(|_| running) else {
            return;
        };
        let actor = format!("kube-proxy/{}", kubelet.config().name);
        self.with_ctx(ComponentId::Proxy(node), &actor, |parts, ctx| {
            if let Some(proxy) = parts.proxies.get_mut(at) {
                proxy.wake(ctx);
            }
        });
    }

    /// Gives the kubelet of `node` its hands.
    fn with_kubelet<T: Default>(
        &mut self,
        node: u8,
        act: impl FnOnce(&mut Kubelet, &mut Ctx<'_>) -> T,
    ) -> T {
        let Some(kubelet) = self.kubelets.get(usize::from(node)) else {
            return T::default();
        };
        let actor = format!("kubelet/{}", kubelet.config().name);
        let result = self.with_ctx(
            ComponentId::Kubelet(node),
            &actor,
            |cluster, ctx| match cluster.kubelets.get_mut(usize::from(node)) {
                Some(kubelet) => act(kubelet, ctx),
                None => T::default(),
            },
        );
        if node == fault::CONTROL_PLANE_INDEX {
            self.follow_parts();
        }
        result
    }

    /// Runs `act` with a component's hands, then plans what it asked for and tells the watchers of
    /// what it wrote.
    fn with_ctx<T>(
        &mut self,
        component: ComponentId,
        actor: &str,
        act: impl FnOnce(&mut Parts<'_>, &mut Ctx<'_>) -> T,
    ) -> T {
        let mut agenda = Agenda::default();
        let mut rng = self.rng.fork(actor);
        self.rng.next_u64();
        let mut ctx = Ctx {
            now: self.now,
            api: &mut self.api,
            rng: &mut rng,
            agenda: &mut agenda,
            actor: actor.into(),
            cause: None,
        };
        let mut parts = Parts {
            controllers: &mut self.controllers,
            scheduler: &mut self.scheduler,
            kubelets: &mut self.kubelets,
            proxies: &mut self.proxies,
            dns: &mut self.dns,
        };
        let result = act(&mut parts, &mut ctx);
        if let Some(at) = agenda.next() {
            self.wake_at(component, at);
        }
        self.spread();
        result
    }

    /// Notes new writes in the trace and wakes their watchers, one watch latency from now.
    fn spread(&mut self) {
        let read = self.trace.read();
        if self.api.etcd().revision() == read {
            return;
        }
        let mut kinds = SortedSet::new();
        if let Ok(events) = self.api.etcd().events_since(read) {
            for event in events {
                kinds.insert(event.key.kind);
                self.trace.note(event);
            }
        }
        let latency = SimDuration::millis(u64::from(self.config.watch_latency_ms));
        for component in self.components() {
            let interests = self.interests(component);
            if kinds.iter().any(|kind| is_watched(interests, *kind)) {
                self.wake_at(component, self.now + latency);
            }
        }
    }
}

/// The parts that can be handed out while the API server is in use.
struct Parts<'a> {
    controllers: &'a mut ControllerManager,
    scheduler: &'a mut Scheduler,
    kubelets: &'a mut Vec<Kubelet>,
    proxies: &'a mut Vec<KubeProxy>,
    dns: &'a mut Dns,
}

impl Door for Cluster {
    fn server(&self) -> &ApiServer {
        &self.api
    }
}

impl ApiHandle for Cluster {
    fn handle(&mut self, request: Request, now: SimTime) -> Result<Response, Status> {
        let answer = self.api.handle(request, now);
        self.spread();
        answer
    }

    fn warnings(&self, new: &Object, old: &Object) -> Vec<String> {
        self.api.warnings(new, old)
    }

    fn kinds(&self) -> Kinds<'_> {
        self.api.kinds()
    }

    fn request_token(
        &mut self,
        account: &NamespacedName,
        request: serde_json::Value,
        now: SimTime,
    ) -> Result<serde_json::Value, Status> {
        self.api.request_token(account, request, now)
    }

    fn access(&self) -> Result<Access<'_>, Status> {
        self.api.access()
    }

    fn components(&self) -> Result<Vec<apiserver::component::Component>, Status> {
        let runs = |part: Part| !self.stopped.contains(&part);
        let (scheduler, controllers) =
            (runs(Part::KubeScheduler), runs(Part::KubeControllerManager));
        self.api.components_where(scheduler, controllers)
    }

    fn pod_log(
        &mut self,
        pod: &NamespacedName,
        options: &LogOptions,
        now: SimTime,
    ) -> Result<String, Status> {
        self.read_log(pod, options, now)
    }

    fn pod_exec(
        &mut self,
        pod: &NamespacedName,
        call: &ExecCall,
        now: SimTime,
    ) -> Result<ExecProgress, Status> {
        self.exec(pod, call, now)
    }
}
