//! What a node keeps over a restart of everything else: images, Pods and their containers, leases of
//! addresses, logs. A cluster restored from a backup goes on from it, and no container notices.
//!
//! Upstream: the container runtime's and the kubelet's checkpoints below /var/lib/kubelet, v1.36;
//! pkg/kubelet/kubelet.go reads a Pod's own fields from the API server, and so does this. Left out:
//! all but the last lines of each log, and which events were recorded (the same event again makes a
//! new object). What comes in is not trusted: each number is brought inside its bounds.

use super::backoff::Backoff;
use super::container::{Container, Ending, Exited, LogLine, Phase, ProbeState};
use super::images::Images;
use super::static_pod::{self, Manifests};
use super::worker::PodWorker;
use super::{Kubelet, NodeConfig, Timer};
use crate::api::NamespacedName;
use crate::api::meta::MetaExt;
use crate::sim::{EventQueue, SimDuration, SimTime, SortedMap, SortedSet, order::map_of};
use k8s_openapi::api::core::v1::Pod;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many lines that a container is going to print are put back.
const COMING_LINES: u32 = 1_000;
/// How many lines of a log are kept.
pub const DISK_LOG_LINES: u32 = 50;
const TEXT_LIMIT: usize = 4_096;
const COUNT_LIMIT: u32 = 1_000_000_000;
/// The furthest moment that anything on a node waits for.
const AHEAD_LIMIT: SimDuration = SimDuration::secs(24 * 3_600);

/// What is on a node's disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeDisk {
    /// The node.
    pub name: String,
    /// Whether it is switched on.
    pub on: bool,
    /// Whether it has said that it is there.
    pub registered: bool,
    /// When it says next that it lives.
    pub heartbeat: Option<SimTime>,
    /// Images that need no pull, the least recently used first.
    pub images: Vec<String>,
    /// When the pulls under way are done.
    pub pulls_free_at: SimTime,
    /// The number of the address that the next Pod gets.
    pub next_address: u32,
    /// Static Pods, and when their manifests were found.
    pub manifests: Vec<(NamespacedName, String)>,
    /// Static Pods whose manifests are gone and whose mirrors may still be there.
    pub removed: Vec<NamespacedName>,
    /// Its Pods.
    pub pods: Vec<PodDisk>,
}

/// What is on a node's disk of a Pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodDisk {
    /// Its name.
    pub at: NamespacedName,
    /// Its uid; empty for a static Pod that nobody was told of yet.
    pub uid: String,
    /// When the kubelet took it on.
    pub accepted: SimTime,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// When its sandbox is up, where it is not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SimTime>,
    /// When what still runs of it is killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill_at: Option<SimTime>,
    /// Its containers.
    pub containers: Vec<ContainerDisk>,
}

/// What is on a node's disk of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerDisk {
    /// Its name.
    pub name: String,
    /// The image that it runs.
    pub image: String,
    /// Where it is in its life.
    pub phase: Option<Phase>,
    /// How it ended the time before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Exited>,
    /// How often it was started again.
    pub restarts: i32,
    /// How often its process was started.
    pub starts: u32,
    /// Its process ended and is to be started again.
    pub again: bool,
    /// It waits for that in `CrashLoopBackOff`.
    pub held: bool,
    /// Why its process ends.
    pub ending: Ending,
    /// How long it waits after an end.
    pub backoff: Backoff,
    /// Requests since its process started.
    pub requests: u32,
    /// Somebody made its readiness fail.
    pub readiness_broken: bool,
    /// How its readiness probe has gone.
    pub readiness: ProbeState,
    /// How its liveness probe has gone.
    pub liveness: ProbeState,
    /// Failed pulls in a row.
    pub pull_failures: u32,
    /// The last lines of its log.
    pub log: Vec<LogLine>,
    /// What its process is going to print.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coming: Vec<LogLine>,
    /// When its image is there, or its next start is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<SimTime>,
    /// When its process ends by itself, and with which code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<(SimTime, i32)>,
    /// When its readiness is probed next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<SimTime>,
    /// When its liveness is probed next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness_probe: Option<SimTime>,
}

/// What else a node is restored from: the Pods that the store has, and the manifests that a static
/// Pod may have.
pub struct Stored<'a> {
    /// Every Pod.
    pub pods: &'a BTreeMap<NamespacedName, Arc<Pod>>,
    /// Every manifest there is, by the name of its static Pod without the node's.
    pub manifests: &'a [Pod],
    /// The present.
    pub now: SimTime,
}

impl Stored<'_> {
    fn past(&self, at: SimTime) -> SimTime {
        at.min(self.now)
    }

    fn soon(&self, at: SimTime) -> SimTime {
        at.max(self.now).min(self.now + AHEAD_LIMIT)
    }

    fn exited(&self, exited: &Exited) -> Exited {
        Exited {
            started: self.past(exited.started),
            finished: self.past(exited.finished),
            code: exited.code,
            reason: bounded(&exited.reason),
        }
    }

    fn phase(&self, phase: &Phase) -> Phase {
        match phase {
            Phase::Waiting => Phase::Waiting,
            Phase::Pulling(since) => Phase::Pulling(self.past(*since)),
            Phase::PullFailed {
                message,
                backing_off,
                until,
            } => Phase::PullFailed {
                message: bounded(message),
                backing_off: *backing_off,
                until: (*until).min(self.now + SimDuration::secs(600)),
            },
            Phase::Running(since, listens) => Phase::Running(
                self.past(*since),
                (*listens).min(self.now + SimDuration::secs(600)),
            ),
            Phase::Exited(exited) => Phase::Exited(self.exited(exited)),
        }
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).collect()
}

fn probe_state(state: &ProbeState) -> ProbeState {
    ProbeState {
        failures: state.failures.min(COUNT_LIMIT),
        successes: state.successes.min(COUNT_LIMIT),
        passed: state.passed,
    }
}

impl Kubelet {
    /// What is on the node's disk.
    pub fn disk(&self) -> NodeDisk {
        let workers = self.workers.iter();
        let mut pods =
            SortedMap::from_iter(workers.map(|(name, worker)| (name, pod_disk(name, worker))));
        let mut heartbeat = None;
        for (at, timer) in self.timers.iter() {
            match timer {
                Timer::Heartbeat => heartbeat = Some(at),
                timer => note_timer(&mut pods, at, timer),
            }
        }
        let manifests = self.manifests.present();
        NodeDisk {
            name: self.config.name.clone(),
            on: self.running,
            registered: self.registered,
            heartbeat,
            images: self.images.names(),
            pulls_free_at: self.pulls_free_at,
            next_address: self.next_address,
            manifests: manifests
                .map(|(name, seen)| (name.clone(), seen.to_owned()))
                .collect(),
            removed: self.manifests.removed().iter().cloned().collect(),
            pods: pods.into_values().collect(),
        }
    }

    /// A node with this disk. A Pod that the store no longer has, or has anew, is not restored; a
    /// container that ran goes on running.
    pub fn restore(config: NodeConfig, disk: &NodeDisk, stored: &Stored<'_>) -> Self {
        let mut kubelet = Self::new(config);
        kubelet.running = disk.on;
        kubelet.registered = disk.registered && disk.on;
        let images = disk.images.iter().filter(|name| name.len() <= TEXT_LIMIT);
        kubelet.images = Images::restored(images.cloned().collect());
        kubelet.pulls_free_at = disk.pulls_free_at.min(stored.now + AHEAD_LIMIT);
        kubelet.next_address = disk.next_address.clamp(2, 254);
        kubelet.manifests = manifests(&kubelet.config.name, disk, stored);
        for pod in &disk.pods {
            kubelet.restore_pod(pod, stored);
        }
        if kubelet.running {
            let mut timers = EventQueue::default();
            if kubelet.registered {
                let at = disk.heartbeat.unwrap_or(stored.now);
                timers.push(stored.soon(at), Timer::Heartbeat);
            }
            for pod in &disk.pods {
                if let Some(worker) = kubelet.workers.get(&pod.at) {
                    plan_timers(worker, pod, stored, &mut timers);
                }
            }
            kubelet.timers = timers;
            kubelet.dirty = SortedSet::from_iter(kubelet.workers.keys().cloned());
        }
        kubelet
    }

    fn restore_pod(&mut self, disk: &PodDisk, stored: &Stored<'_>) {
        let known = stored
            .pods
            .get(&disk.at)
            .filter(|pod| pod.uid() == disk.uid && super::is_on(pod, &self.config.name));
        let pod = match (known, self.manifests.get(&disk.at)) {
            (Some(pod), _) => pod.clone(),
            (None, Some(manifest)) => manifest.clone(),
            (None, None) => return,
        };
        let mut worker = PodWorker::new(pod, stored.past(disk.accepted));
        worker.kill_at = disk.kill_at.map(|at| at.min(stored.now + AHEAD_LIMIT));
        worker.ip = match worker.uses_host_network() {
            true => disk.ip.as_ref().map(|_| self.config.internal_ip.clone()),
            false => disk.ip.clone().filter(|ip| self.take_address(ip)),
        };
        for container in &mut worker.containers {
            let found = disk.containers.iter().find(|c| c.name == container.name);
            if let Some(found) = found {
                restore_container(container, found, stored);
            }
            // What has no address cannot have started.
            if worker.ip.is_none() && container.is_running() {
                container.phase = Phase::Waiting;
            }
            if !self.running && container.is_running() {
                container.exit(stored.now, 255, Some("Unknown"));
            }
        }
        self.workers.insert(disk.at.clone(), worker);
    }

    /// Leases an address that a Pod had; answers whether it could.
    fn take_address(&mut self, ip: &str) -> bool {
        let number = ip
            .strip_prefix(&self.config.pod_prefix)
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|number| number.parse::<u32>().ok());
        number.is_some_and(|number| {
            (2..=254).contains(&number)
                && ip == format!("{}.{number}", self.config.pod_prefix)
                && self.addresses.insert(number)
        })
    }
}

fn pod_disk(name: &NamespacedName, worker: &PodWorker) -> PodDisk {
    let containers = worker.containers.iter();
    PodDisk {
        at: name.clone(),
        uid: worker.pod.uid().to_owned(),
        accepted: worker.accepted,
        ip: worker.ip.clone(),
        sandbox: None,
        kill_at: worker.kill_at,
        containers: containers.map(container_disk).collect(),
    }
}

fn container_disk(container: &Container) -> ContainerDisk {
    ContainerDisk {
        name: container.name.clone(),
        image: container.image.clone(),
        phase: Some(container.phase.clone()),
        last: container.last.clone(),
        restarts: container.restarts,
        starts: container.starts,
        again: container.again,
        held: container.held,
        ending: container.ending,
        backoff: container.backoff.clone(),
        requests: container.requests,
        readiness_broken: container.readiness_broken,
        readiness: container.readiness.clone(),
        liveness: container.liveness.clone(),
        pull_failures: container.pull_failures,
        log: container.log(DISK_LOG_LINES).cloned().collect(),
        coming: container.coming().to_vec(),
        ..ContainerDisk::default()
    }
}

/// Notes what a timer waits for with its Pod or container.
fn note_timer(pods: &mut SortedMap<&NamespacedName, PodDisk>, at: SimTime, timer: &Timer) {
    let (Timer::Sandbox(name)
    | Timer::Pulled(name, ..)
    | Timer::Start(name, _)
    | Timer::Exit(name, ..)
    | Timer::Probe(name, ..)) = timer
    else {
        return;
    };
    let Some(pod) = pods.get_mut(name) else {
        return;
    };
    let index = match timer {
        Timer::Pulled(_, index, _)
        | Timer::Start(_, index)
        | Timer::Exit(_, index, ..)
        | Timer::Probe(_, index, ..) => *index,
        _ => {
            pod.sandbox = pod.sandbox.or(Some(at));
            return;
        }
    };
    if let Some(container) = pod.containers.get_mut(index) {
        note_container_timer(container, at, timer);
    }
}

/// Notes what a timer of a container waits for; timers of its earlier lives are gone. The queue
/// gives the soonest first.
fn note_container_timer(container: &mut ContainerDisk, at: SimTime, timer: &Timer) {
    match timer {
        Timer::Pulled(..) if matches!(container.phase, Some(Phase::Pulling(_))) => {
            container.next = container.next.or(Some(at));
        }
        Timer::Start(..)
            if matches!(
                container.phase,
                Some(Phase::Waiting | Phase::PullFailed { .. } | Phase::Exited(_))
            ) =>
        {
            container.next = container.next.or(Some(at));
        }
        Timer::Exit(_, _, start, code) if container.starts == *start => {
            container.exit = container.exit.or(Some((at, *code)));
        }
        Timer::Probe(_, _, start, true) if container.starts == *start => {
            container.liveness_probe = container.liveness_probe.or(Some(at));
        }
        Timer::Probe(_, _, start, false) if container.starts == *start => {
            container.readiness_probe = container.readiness_probe.or(Some(at));
        }
        _ => {}
    }
}

/// The directory of manifests: those of this build, found when the backup says.
fn manifests(node: &str, disk: &NodeDisk, stored: &Stored<'_>) -> Manifests {
    let own = |manifest: &Pod| {
        let name = format!("{}-{node}", manifest.name());
        NamespacedName::new(manifest.namespace(), name)
    };
    let names = SortedSet::from_iter(stored.manifests.iter().map(own));
    let present = stored.manifests.iter().filter_map(|manifest| {
        let name = own(manifest);
        let (_, seen) = disk.manifests.iter().find(|(known, _)| *known == name)?;
        let seen = crate::api::meta::parse_rfc3339(seen).unwrap_or(stored.now);
        Some(static_pod::read(manifest.clone(), node, stored.past(seen)))
    });
    let present = map_of(present);
    let removed = disk
        .removed
        .iter()
        .filter(|name| names.contains(name) && !present.contains_key(name));
    let removed: Vec<_> = removed.cloned().collect();
    Manifests::restore(present, removed)
}

fn restore_container(container: &mut Container, disk: &ContainerDisk, stored: &Stored<'_>) {
    if disk.image.len() <= TEXT_LIMIT && !disk.image.is_empty() {
        container.image.clone_from(&disk.image);
    }
    container.phase = disk
        .phase
        .as_ref()
        .map_or(Phase::Waiting, |phase| stored.phase(phase));
    container.last = disk.last.as_ref().map(|last| stored.exited(last));
    container.restarts = disk.restarts.clamp(0, 1_000_000_000);
    container.starts = disk.starts.min(COUNT_LIMIT);
    (container.again, container.held) = (disk.again, disk.held);
    container.ending = disk.ending;
    container.backoff = disk.backoff.bounded(stored.now);
    container.requests = disk.requests.min(COUNT_LIMIT);
    container.readiness_broken = disk.readiness_broken;
    container.readiness = probe_state(&disk.readiness);
    container.liveness = probe_state(&disk.liveness);
    container.pull_failures = disk.pull_failures.min(COUNT_LIMIT);
    let skip = disk.log.len().saturating_sub(DISK_LOG_LINES as usize);
    container.set_log(disk.log.iter().skip(skip).map(|line| LogLine {
        at: stored.past(line.at),
        text: bounded(&line.text),
    }));
    for line in disk.coming.iter().take(COMING_LINES as usize) {
        container.will_say(stored.soon(line.at), bounded(&line.text));
    }
}

/// Lets a Pod wait for what it waited for.
fn plan_timers(
    worker: &PodWorker,
    disk: &PodDisk,
    stored: &Stored<'_>,
    timers: &mut EventQueue<Timer>,
) {
    let name = &disk.at;
    if let Some(at) = worker.kill_at {
        let at = if worker.is_stopped() { stored.now } else { at };
        timers.push(stored.soon(at), Timer::Kill(name.clone()));
    } else if worker.ip.is_none() {
        if !worker.pod.is_terminating() {
            let at = disk.sandbox.unwrap_or(stored.now);
            timers.push(stored.soon(at), Timer::Sandbox(name.clone()));
        }
        return;
    }
    for (index, container) in worker.containers.iter().enumerate() {
        let found = disk.containers.iter().find(|c| c.name == container.name);
        let fresh = ContainerDisk::default();
        let disk = found.unwrap_or(&fresh);
        plan_container(worker, index, disk, stored, timers, name);
    }
}

fn plan_container(
    worker: &PodWorker,
    index: usize,
    disk: &ContainerDisk,
    stored: &Stored<'_>,
    timers: &mut EventQueue<Timer>,
    name: &NamespacedName,
) {
    let container = &worker.containers[index];
    let start = container.starts;
    let next = disk.next.unwrap_or(stored.now);
    match &container.phase {
        Phase::Exited(_) if !container.again => {}
        Phase::Waiting | Phase::Exited(_) if worker.kill_at.is_none() => {
            timers.push(stored.soon(next), Timer::Start(name.clone(), index));
        }
        Phase::Pulling(since) if worker.kill_at.is_none() => {
            timers.push(
                stored.soon(next),
                Timer::Pulled(name.clone(), index, *since),
            );
        }
        // A name that no image can have is not tried again.
        Phase::PullFailed { .. } if disk.next.is_some() && worker.kill_at.is_none() => {
            timers.push(stored.soon(next), Timer::Start(name.clone(), index));
        }
        Phase::Running(since, _) => {
            let own = worker.own_exit(index).map(|exit| {
                let after = SimDuration::secs(u64::from(exit.after));
                (*since + after, exit.code)
            });
            if let Some((at, code)) = disk.exit.or(own) {
                let timer = Timer::Exit(name.clone(), index, start, code);
                timers.push(stored.soon(at), timer);
            }
            for at in container.coming_at() {
                timers.push(at, Timer::Log(name.clone(), index));
            }
            for (liveness, at) in [(false, disk.readiness_probe), (true, disk.liveness_probe)] {
                let planned = at.is_some() || container.ending == Ending::Own;
                if planned && worker.probe(&container.name, liveness).is_some() {
                    let timer = Timer::Probe(name.clone(), index, start, liveness);
                    timers.push(stored.soon(at.unwrap_or(stored.now)), timer);
                }
            }
        }
        _ => {}
    }
}
