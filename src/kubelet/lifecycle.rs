//! What a kubelet does when one of its timers fires: sandboxes, pulls, starts, ends.
//!
//! Upstream: pkg/kubelet/kuberuntime, pkg/kubelet/images/image_manager.go, v1.36. Pulls run one at a
//! time (serializeImagePulls), at 40 MB per second.

use super::container::{Ending, Phase};
use super::{Kubelet, Timer, image};
use crate::api::NamespacedName;
use crate::api::meta::MetaExt;
use crate::client::{Ctx, EventType};
use crate::sim::{SimDuration, SimTime, SortedSet};

const PULL_MICROS_PER_MB: u64 = 25_000;
/// How often a kubelet asks the container runtime what runs: pkg/kubelet/kubelet.go,
/// `genericPlegRelistPeriod`.
const RELIST_PERIOD: SimDuration = SimDuration::secs(1);
/// How long after an end the kubelet has noticed it and starts the container again.
const RESTART_LATENCY: SimDuration = SimDuration::millis(500);
/// The last address of a node's range; the first, 1, is the node's own end of the bridge.
const LAST_ADDRESS: u32 = 254;
/// How long a Pod waits before its sandbox is tried again.
const SANDBOX_RETRY: SimDuration = SimDuration::secs(10);
const PULL_LATENCY: SimDuration = SimDuration::millis(400);

/// How long after an error the kubelet looks at a Pod again: pkg/kubelet/kubelet.go, `backOffPeriod`,
/// with the jitter of pod_workers.go.
fn look_again(ctx: &mut Ctx<'_>) -> SimDuration {
    SimDuration::millis(ctx.rng.between(10_000, 15_000))
}

impl Kubelet {
    pub(super) fn fire(&mut self, timer: Timer, ctx: &mut Ctx<'_>) {
        match timer {
            Timer::Sandbox(name) => self.sandbox(&name, ctx),
            Timer::Pulled(name, index, since) => self.pulled(&name, index, since, ctx),
            Timer::Start(name, index) => self.prepare(&name, index, ctx),
            Timer::Exit(name, index, start, code) => {
                let worker = self.workers.get(&name);
                let container = worker.and_then(|worker| worker.containers.get(index));
                if container.is_some_and(|c| c.starts == start && c.is_running()) {
                    self.end(&name, index, code, None, ctx);
                }
            }
            Timer::Log(name, index) => {
                let worker = self.workers.get_mut(&name);
                if let Some(container) = worker.and_then(|worker| worker.containers.get_mut(index))
                {
                    container.say(ctx.now);
                }
            }
            Timer::Probe(name, index, start, liveness) => {
                self.probe(&name, index, start, liveness, ctx);
            }
            Timer::Kill(name) => self.kill(&name, ctx),
            Timer::Heartbeat => self.heartbeat(ctx),
            Timer::Relist => self.dirty.extend(std::mem::take(&mut self.unlisted)),
        }
    }

    fn sandbox(&mut self, name: &NamespacedName, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(name) else {
            return;
        };
        if worker.pod.is_terminating() {
            return;
        }
        let count = worker.containers.len();
        if worker.ip.is_none() {
            let shared = worker.uses_host_network();
            let ip = match shared {
                true => Some(self.config.internal_ip.clone()),
                false => self.lease_address(),
            };
            if ip.is_none() {
                self.lacks_address(name, ctx);
                return;
            }
            if let Some(worker) = self.workers.get_mut(name) {
                worker.ip = ip;
            }
        }
        for index in 0..count {
            self.prepare(name, index, ctx);
        }
        self.notice(name, ctx);
    }

    /// The next free address of the node's range; `None` where Pods have them all.
    fn lease_address(&mut self) -> Option<String> {
        let after = |number: u32| {
            if number >= LAST_ADDRESS {
                2
            } else {
                number + 1
            }
        };
        let candidates = std::iter::successors(Some(self.next_address), |n| Some(after(*n)));
        let mut free = candidates
            .take(LAST_ADDRESS as usize)
            .filter(|number| !self.addresses.contains(number));
        let number = free.next()?;
        self.addresses.insert(number);
        self.next_address = after(number);
        Some(format!("{}.{number}", self.config.pod_prefix))
    }

    /// A Pod whose sandbox cannot have an address: it is tried again.
    fn lacks_address(&mut self, name: &NamespacedName, ctx: &mut Ctx<'_>) {
        let prefix = &self.config.pod_prefix;
        let message = format!(
            "Failed to create pod sandbox: plugin type=\"host-local\" failed (add): failed to allocate for range 0: no IP addresses available in range set: {prefix}.1-{prefix}.254"
        );
        let reason = "FailedCreatePodSandBox";
        self.event(name, None, EventType::Warning, reason, message, ctx);
        let at = ctx.now + SANDBOX_RETRY;
        self.timers.push(at, Timer::Sandbox(name.clone()));
    }

    /// Sees to a container's image and then starts it.
    fn prepare(&mut self, name: &NamespacedName, index: usize, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(name) else {
            return;
        };
        let Some(container) = worker.containers.get(index) else {
            return;
        };
        let waits = match container.phase {
            Phase::Waiting | Phase::PullFailed { .. } => true,
            Phase::Exited(_) => container.again,
            Phase::Pulling(_) | Phase::Running(..) => false,
        };
        if worker.kill_at.is_some() || !waits {
            return;
        }
        let (label, reference) = (container.name.clone(), container.image.clone());
        let policy = worker
            .spec(&label)
            .and_then(|spec| spec.image_pull_policy.clone());
        let full = image::canonical(&reference);
        if !image::is_well_formed(&reference) {
            let message = format!(
                "Failed to apply default image tag \"{reference}\": couldn't parse image name \"{reference}\": invalid reference format"
            );
            self.event(
                name,
                Some(&label),
                EventType::Warning,
                "InspectFailed",
                message.clone(),
                ctx,
            );
            let message = format!("InvalidImageName: {message}");
            self.set_phase(
                name,
                index,
                Phase::PullFailed {
                    message,
                    backing_off: false,
                    until: ctx.now,
                },
                ctx,
            );
            return;
        }
        if self.images.has(&full) && policy.as_deref() != Some("Always") {
            self.images.note(full, ctx.now);
            let message = format!(
                "Container image \"{reference}\" already present on machine and can be accessed by the pod"
            );
            self.event(
                name,
                Some(&label),
                EventType::Normal,
                "Pulled",
                message,
                ctx,
            );
            self.start(name, index, ctx);
            return;
        }
        if !self.pull_waits(name, index, &reference, ctx) {
            self.pull(name, index, &label, &reference, ctx);
        }
    }

    fn pull(
        &mut self,
        name: &NamespacedName,
        index: usize,
        label: &str,
        reference: &str,
        ctx: &mut Ctx<'_>,
    ) {
        let message = format!("Pulling image \"{reference}\"");
        self.event(
            name,
            Some(label),
            EventType::Normal,
            "Pulling",
            message,
            ctx,
        );
        // A pull that waits for another one of the same image has nothing left to fetch.
        let full = image::canonical(reference);
        let present = self.images.has(&full) || self.is_pulling(&full);
        let transfer = match image::find(reference) {
            Ok(program) if !present => u64::from(program.size) * PULL_MICROS_PER_MB,
            _ => 0,
        };
        let from = self.pulls_free_at.max(ctx.now);
        let done = from + PULL_LATENCY + SimDuration::micros(transfer);
        self.pulls_free_at = done;
        self.set_phase(name, index, Phase::Pulling(ctx.now), ctx);
        self.timers
            .push(done, Timer::Pulled(name.clone(), index, ctx.now));
    }

    /// Marks a Pod whose containers changed: the next relist finds it. Whoever ends a Pod waits for
    /// its containers and needs no relist.
    fn notice(&mut self, name: &NamespacedName, ctx: &Ctx<'_>) {
        if self.workers.get(name).is_some_and(|w| w.kill_at.is_some()) {
            self.dirty.insert(name.clone());
            return;
        }
        if self.unlisted.is_empty() {
            let period = RELIST_PERIOD.as_micros();
            // No two nodes ask at the same moment.
            let offset = self.config.name.bytes().map(u64::from).sum::<u64>() * 137_000 % period;
            let passed = (ctx.now.as_micros() + period - offset) % period;
            let wait = SimDuration::micros(period - passed);
            self.timers.push(ctx.now + wait, Timer::Relist);
        }
        self.unlisted.insert(name.clone());
    }

    fn set_phase(&mut self, name: &NamespacedName, index: usize, phase: Phase, ctx: &Ctx<'_>) {
        if let Some(container) = self
            .workers
            .get_mut(name)
            .and_then(|worker| worker.containers.get_mut(index))
        {
            container.clear();
            container.phase = phase;
        }
        self.notice(name, ctx);
    }

    fn images_in_use(&self) -> SortedSet<String> {
        let containers = self.workers.values().flat_map(|worker| &worker.containers);
        SortedSet::from_iter(containers.map(|container| image::canonical(&container.image)))
    }

    /// Whether a Pod that is not ending waits for this image.
    fn is_pulling(&self, full: &str) -> bool {
        let alive = self.workers.values().filter(|w| w.kill_at.is_none());
        alive
            .flat_map(|worker| &worker.containers)
            .any(|container| {
                matches!(container.phase, Phase::Pulling(_))
                    && image::canonical(&container.image) == full
            })
    }

    /// The image of a container was changed: what runs of it ends, what was being prepared is begun
    /// anew with the other one.
    pub(super) fn replace(&mut self, name: &NamespacedName, index: usize, ctx: &mut Ctx<'_>) {
        let worker = self.workers.get_mut(name);
        let Some(container) = worker.and_then(|worker| worker.containers.get_mut(index)) else {
            return;
        };
        match container.phase {
            Phase::Running(..) => {
                let label = container.name.clone();
                let message = format!("Container {label} definition changed, will be restarted");
                let normal = EventType::Normal;
                self.event(name, Some(&label), normal, "Killing", message, ctx);
                self.stop(name, index, Ending::Changed, None, ctx);
                return;
            }
            Phase::Exited(_) if !container.again => return,
            Phase::Exited(_) => container.held = false,
            _ => {
                container.phase = Phase::Waiting;
                container.pull_failures = 0;
            }
        }
        self.timers.push(ctx.now, Timer::Start(name.clone(), index));
        self.notice(name, ctx);
    }

    fn pulled(&mut self, name: &NamespacedName, index: usize, asked: SimTime, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(name) else {
            return;
        };
        let Some(container) = worker.containers.get(index) else {
            return;
        };
        let Phase::Pulling(since) = container.phase else {
            return;
        };
        // Another image may have been asked for since.
        if worker.kill_at.is_some() || since != asked {
            return;
        }
        let (label, reference) = (container.name.clone(), container.image.clone());
        let took = ctx.now.since(since);
        match image::find(&reference) {
            Ok(program) => {
                self.images.note(image::canonical(&reference), ctx.now);
                if self.images.are_many() {
                    self.images.collect_garbage(&self.images_in_use(), ctx.now);
                }
                let bytes = u64::from(program.size) * 1_000_000;
                let message = format!(
                    "Successfully pulled image \"{reference}\" in {took} ({took} including waiting). Image size: {bytes} bytes."
                );
                self.event(
                    name,
                    Some(&label),
                    EventType::Normal,
                    "Pulled",
                    message,
                    ctx,
                );
                self.start(name, index, ctx);
            }
            Err(message) => self.pull_failed(name, index, &label, &reference, message, ctx),
        }
    }

    fn pull_failed(
        &mut self,
        name: &NamespacedName,
        index: usize,
        label: &str,
        reference: &str,
        message: String,
        ctx: &mut Ctx<'_>,
    ) {
        let text = format!("Failed to pull image \"{reference}\": {message}");
        self.event(name, Some(label), EventType::Warning, "Failed", text, ctx);
        self.event(
            name,
            Some(label),
            EventType::Warning,
            "Failed",
            "Error: ErrImagePull".into(),
            ctx,
        );
        let Some(container) = self
            .workers
            .get_mut(name)
            .and_then(|worker| worker.containers.get_mut(index))
        else {
            return;
        };
        container.pull_failures = container.pull_failures.saturating_add(1);
        // The first time, the runtime tells soon of the new sandbox: the kubelet looks at the Pod again.
        let look = match container.pull_failures {
            1 => RELIST_PERIOD,
            _ => look_again(ctx),
        };
        let phase = Phase::PullFailed {
            message,
            backing_off: false,
            until: ctx.now + container.pull_backoff(),
        };
        self.set_phase(name, index, phase, ctx);
        self.timers
            .push(ctx.now + look, Timer::Start(name.clone(), index));
    }

    /// What a look at a container finds whose image may not be tried yet. Says whether that is so.
    fn pull_waits(
        &mut self,
        name: &NamespacedName,
        index: usize,
        reference: &str,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        let worker = self.workers.get(name);
        let Some(container) = worker.and_then(|worker| worker.containers.get(index)) else {
            return false;
        };
        let (label, phase) = (container.name.clone(), container.phase.clone());
        let Phase::PullFailed { message, until, .. } = phase else {
            return false;
        };
        if until <= ctx.now {
            return false;
        }
        let text = format!("Back-off pulling image \"{reference}\"");
        let normal = EventType::Normal;
        self.event(name, Some(&label), normal, "BackOff", text, ctx);
        let text = "Error: ImagePullBackOff".to_owned();
        let warning = EventType::Warning;
        self.event(name, Some(&label), warning, "Failed", text, ctx);
        let phase = Phase::PullFailed {
            message,
            backing_off: true,
            until,
        };
        self.set_phase(name, index, phase, ctx);
        let look = look_again(ctx);
        self.timers
            .push(ctx.now + look, Timer::Start(name.clone(), index));
        true
    }

    fn start(&mut self, name: &NamespacedName, index: usize, ctx: &mut Ctx<'_>) {
        let jitter = SimDuration::millis(ctx.rng.between(0, 200));
        let Some(container) = self
            .workers
            .get_mut(name)
            .and_then(|worker| worker.containers.get_mut(index))
        else {
            return;
        };
        let Some(program) = container.program() else {
            return;
        };
        let listens = ctx.now + SimDuration::millis(u64::from(program.start)) + jitter;
        container.pull_failures = 0;
        container.start(ctx.now, listens);
        let (label, start) = (container.name.clone(), container.starts);
        let followed = self.follow_command(name, index, ctx).is_some();
        let worker = self.workers.get_mut(name).filter(|_| !followed);
        if let Some(worker) = worker
            && let Some(exit) = worker.own_exit(index)
        {
            let at = ctx.now + SimDuration::secs(u64::from(exit.after));
            self.timers
                .push(at, Timer::Exit(name.clone(), index, start, exit.code));
            worker.containers[index].plan_words(at);
        }
        for (reason, word) in [("Created", "created"), ("Started", "started")] {
            let message = format!("Container {word}");
            self.event(name, Some(&label), EventType::Normal, reason, message, ctx);
        }
        self.begin_probes(name, index, start, ctx);
        self.notice(name, ctx);
    }

    /// Tells a container to end; after `grace` seconds (the Pod's own where `None`) it is killed.
    pub(super) fn stop(
        &mut self,
        name: &NamespacedName,
        index: usize,
        why: Ending,
        grace: Option<i64>,
        ctx: &mut Ctx<'_>,
    ) {
        let stop = SimDuration::millis(ctx.rng.between(40, 160));
        let Some(worker) = self.workers.get_mut(name) else {
            return;
        };
        let spec = worker.pod.spec.as_ref();
        let own = spec.and_then(|spec| spec.termination_grace_period_seconds);
        let grace = grace.or(own).unwrap_or(30);
        let grace = SimDuration::secs(u64::try_from(grace).unwrap_or(0));
        let told = worker
            .containers
            .get(index)
            .map(|c| worker.code_when_told(c));
        let Some(container) = worker.containers.get_mut(index) else {
            return;
        };
        container.ending = why;
        let (after, code) = match container.ignores_sigterm() || grace < stop {
            true => (grace, 137),
            false => (stop, told.unwrap_or_default()),
        };
        let start = container.starts;
        self.timers.push(
            ctx.now + after,
            Timer::Exit(name.clone(), index, start, code),
        );
    }

    /// A container's process has ended: it is started again, or not.
    pub(super) fn end(
        &mut self,
        name: &NamespacedName,
        index: usize,
        code: i32,
        reason: Option<&str>,
        ctx: &mut Ctx<'_>,
    ) {
        self.notice(name, ctx);
        let Some(worker) = self.workers.get_mut(name) else {
            return;
        };
        let ending = worker.containers.get(index).map(|c| c.ending);
        let wanted = match ending.unwrap_or_default() {
            Ending::Own => worker.restarts(code),
            // What failed its liveness probe counts as failed, whatever it says itself.
            Ending::Unhealthy => worker.restarts(137),
            Ending::Changed => true,
        };
        let again = worker.kill_at.is_none() && wanted;
        let Some(container) = worker.containers.get_mut(index) else {
            return;
        };
        container.exit(ctx.now, code, reason);
        container.again = again;
        if !again {
            return;
        }
        let at = container.may_start(ctx.now);
        container.held = at > ctx.now;
        let (label, held) = (container.name.clone(), container.held);
        if held {
            let (pod, uid) = (worker.pod.name().to_owned(), worker.pod.uid().to_owned());
            let message = format!(
                "Back-off restarting failed container {label} in pod {pod}_{}({uid})",
                name.namespace
            );
            let warning = EventType::Warning;
            self.event(name, Some(&label), warning, "BackOff", message, ctx);
        }
        self.timers
            .push(at + RESTART_LATENCY, Timer::Start(name.clone(), index));
    }

    fn kill(&mut self, name: &NamespacedName, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(name) else {
            return;
        };
        if worker.kill_at.is_none_or(|at| at > ctx.now) && !worker.is_stopped() {
            return;
        }
        let running: Vec<usize> = worker
            .containers
            .iter()
            .enumerate()
            .filter(|(_, container)| container.is_running())
            .map(|(index, _)| index)
            .collect();
        for index in running {
            self.end(name, index, 137, None, ctx);
        }
        self.notice(name, ctx);
    }
}
