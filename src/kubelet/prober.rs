//! Liveness and readiness probes.
//!
//! Upstream: pkg/kubelet/prober/{worker,prober}.go, v1.36. Left out so far: startup, exec and gRPC
//! probes (they count as passed), request headers.

use super::container::{Ending, ProbeState};
use super::worker::PodWorker;
use super::{Kubelet, Timer};
use crate::api::NamespacedName;
use crate::client::{Ctx, EventType};
use crate::network::http::HttpRequest;
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::core::v1::Probe;

impl Kubelet {
    /// Plans the first look of each probe of a container that was just started.
    pub(super) fn begin_probes(
        &mut self,
        name: &NamespacedName,
        index: usize,
        start: u32,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(worker) = self.workers.get(name) else {
            return;
        };
        let Some(container) = worker.containers.get(index) else {
            return;
        };
        for liveness in [false, true] {
            let Some(probe) = worker.probe(&container.name, liveness) else {
                continue;
            };
            let delay = u64::try_from(probe.initial_delay_seconds.unwrap_or(0)).unwrap_or(0);
            let period = u64::try_from(probe.period_seconds.unwrap_or(10)).unwrap_or(10);
            let jitter = SimDuration::millis(ctx.rng.below(period * 200 + 1));
            let at = ctx.now + SimDuration::secs(delay) + jitter + SimDuration::millis(100);
            self.timers
                .push(at, Timer::Probe(name.clone(), index, start, liveness));
        }
    }

    pub(super) fn probe(
        &mut self,
        name: &NamespacedName,
        index: usize,
        start: u32,
        liveness: bool,
        ctx: &mut Ctx<'_>,
    ) {
        let host = self.config.internal_ip.clone();
        let Some(worker) = self.workers.get_mut(name) else {
            return;
        };
        let runs = worker
            .containers
            .get(index)
            .is_some_and(|c| c.starts == start && c.is_running());
        if !runs || worker.kill_at.is_some() {
            return;
        }
        let label = worker.containers[index].name.clone();
        let Some(probe) = worker.probe(&label, liveness).cloned() else {
            return;
        };
        let verdict = ask(worker, index, liveness, &host, ctx.now);
        let container = &mut worker.containers[index];
        let state = if liveness {
            &mut container.liveness
        } else {
            &mut container.readiness
        };
        let was = state.passed;
        let failed = count(state, &probe, verdict.is_ok());
        if was != state.passed {
            self.dirty.insert(name.clone());
        }
        if let Err(why) = verdict {
            let word = if liveness { "Liveness" } else { "Readiness" };
            let message = format!("{word} probe failed: {why}");
            self.event(
                name,
                Some(&label),
                EventType::Warning,
                "Unhealthy",
                message,
                ctx,
            );
        }
        if liveness && failed {
            let message = format!("Container {label} failed liveness probe, will be restarted");
            self.event(
                name,
                Some(&label),
                EventType::Normal,
                "Killing",
                message,
                ctx,
            );
            let grace = probe.termination_grace_period_seconds;
            self.stop(name, index, Ending::Unhealthy, grace, ctx);
            return;
        }
        let period = u64::try_from(probe.period_seconds.unwrap_or(10))
            .unwrap_or(10)
            .max(1);
        let at = ctx.now + SimDuration::secs(period);
        self.timers
            .push(at, Timer::Probe(name.clone(), index, start, liveness));
    }
}

/// Takes in one look; answers whether the probe has failed often enough to count as failed.
fn count(state: &mut ProbeState, probe: &Probe, passed: bool) -> bool {
    let threshold = |number: Option<i32>, default: u32| {
        number
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(default)
    };
    let enough_failures = threshold(probe.failure_threshold, 3);
    if passed {
        (state.failures, state.successes) = (0, state.successes + 1);
        state.passed |= state.successes >= threshold(probe.success_threshold, 1);
    } else {
        (state.failures, state.successes) = (state.failures + 1, 0);
        state.passed &= state.failures < enough_failures;
    }
    state.failures >= enough_failures
}

/// Asks the container itself.
fn ask(
    worker: &mut PodWorker,
    index: usize,
    liveness: bool,
    host: &str,
    now: SimTime,
) -> Result<(), String> {
    let label = worker.containers[index].name.clone();
    let Some(probe) = worker.probe(&label, liveness).cloned() else {
        return Ok(());
    };
    let ip = worker.ip.clone().unwrap_or_default();
    let port = match (&probe.http_get, &probe.tcp_socket) {
        (Some(get), _) => worker.probe_port(&label, &get.port),
        (_, Some(socket)) => worker.probe_port(&label, &socket.port),
        _ => return Ok(()),
    };
    let port = port.ok_or_else(|| "couldn't find the probed port".to_owned())?;
    let Some(spec) = worker.spec(&label).cloned() else {
        return Ok(());
    };
    let hostname = worker.pod.metadata.name.clone().unwrap_or_default();
    let container = &mut worker.containers[index];
    let listens = container.listens(&spec, port, now);
    let Some(get) = &probe.http_get else {
        let refused = format!("dial tcp {ip}:{port}: connect: connection refused");
        return if listens { Ok(()) } else { Err(refused) };
    };
    let path = get.path.clone().unwrap_or_else(|| "/".to_owned());
    if !listens {
        return Err(format!(
            "Get \"http://{ip}:{port}{path}\": dial tcp {ip}:{port}: connect: connection refused"
        ));
    }
    let response = container.answer(&hostname, &HttpRequest::get(&path, host), now);
    match response.status {
        200..=399 => Ok(()),
        code => Err(format!("HTTP probe failed with statuscode: {code}")),
    }
}
