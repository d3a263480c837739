//! A Pod's status, from what its containers do.
//!
//! Upstream: pkg/kubelet/kubelet_pods.go (generateAPIPodStatus), pkg/kubelet/status/generate.go,
//! v1.36.

use super::container::{Container, Exited, Phase};
use super::image;
use super::worker::PodWorker;
use crate::api::condition;
use crate::api::meta::{self, MetaExt};
use crate::sim::{SimTime, push_hex};
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, HostIP, PodCondition, PodIP, PodStatus,
};

/// The status that the API server should have of `worker`'s Pod.
pub fn compute(worker: &PodWorker, host_ip: &str, now: SimTime) -> PodStatus {
    let mut status = worker.pod.status.clone().unwrap_or_default();
    let statuses: Vec<ContainerStatus> = worker
        .containers
        .iter()
        .map(|c| container_status(worker, c))
        .collect();
    let phase = compute_phase(worker);
    let finished = matches!(phase, "Succeeded" | "Failed");
    let unready: Vec<&str> = statuses
        .iter()
        .filter(|s| !s.ready)
        .map(|s| s.name.as_str())
        .collect();
    let ready = unready.is_empty() && !finished;
    let mut conditions = status.conditions.take().unwrap_or_default();
    let mut set = |type_: &str, holds: bool, reason: Option<&str>, message: Option<String>| {
        let condition = PodCondition {
            type_: type_.to_owned(),
            status: if holds { "True" } else { "False" }.to_owned(),
            reason: reason.map(str::to_owned),
            message,
            observed_generation: worker.pod.metadata.generation,
            ..PodCondition::default()
        };
        condition::set(&mut conditions, condition, now);
    };
    let (reason, message) = match (ready, phase) {
        (true, _) => (None, None),
        (_, "Succeeded") => (Some("PodCompleted"), None),
        (_, "Failed") => (Some("PodFailed"), None),
        _ => {
            let names = unready.join(" ");
            let text = format!("containers with unready status: [{names}]");
            (Some("ContainersNotReady"), Some(text))
        }
    };
    set(
        "PodReadyToStartContainers",
        worker.ip.is_some() && !finished,
        None,
        None,
    );
    set("Initialized", true, None, None);
    set("Ready", ready, reason, message.clone());
    set("ContainersReady", ready, reason, message);
    status.conditions = Some(conditions);
    status.phase = Some(phase.to_owned());
    status.observed_generation = worker.pod.metadata.generation;
    status.host_ip = Some(host_ip.to_owned());
    status.host_ips = Some(vec![HostIP {
        ip: host_ip.to_owned(),
    }]);
    status.start_time = Some(meta::time(worker.accepted));
    if let Some(ip) = &worker.ip {
        status.pod_ip = Some(ip.clone());
        status.pod_ips = Some(vec![PodIP { ip: ip.clone() }]);
    }
    status.container_statuses = Some(statuses);
    status
}

fn compute_phase(worker: &PodWorker) -> &'static str {
    let policy = worker
        .pod
        .spec
        .as_ref()
        .and_then(|spec| spec.restart_policy.as_deref());
    let exits: Vec<Option<i32>> = worker
        .containers
        .iter()
        .map(|c| match &c.phase {
            Phase::Exited(exited) => Some(exited.code),
            _ => None,
        })
        .collect();
    let all_ended = exits.iter().all(Option::is_some);
    let all_succeeded = exits.iter().all(|code| *code == Some(0));
    let never_started = worker.containers.iter().any(|c| c.starts == 0);
    match (policy, all_ended) {
        _ if never_started => "Pending",
        (Some("Never"), true) if all_succeeded => "Succeeded",
        (Some("Never"), true) => "Failed",
        (Some("OnFailure"), true) if all_succeeded => "Succeeded",
        (_, true) if worker.pod.is_terminating() && all_succeeded => "Succeeded",
        (_, true) if worker.pod.is_terminating() => "Failed",
        _ => "Running",
    }
}

fn terminated(exited: &Exited, id: &str) -> ContainerState {
    ContainerState {
        terminated: Some(ContainerStateTerminated {
            container_id: Some(id.to_owned()),
            exit_code: exited.code,
            reason: Some(exited.reason.clone()),
            started_at: Some(meta::time(exited.started)),
            finished_at: Some(meta::time(exited.finished)),
            ..ContainerStateTerminated::default()
        }),
        ..ContainerState::default()
    }
}

fn waiting(reason: &str, message: Option<String>) -> ContainerState {
    ContainerState {
        waiting: Some(ContainerStateWaiting {
            reason: Some(reason.to_owned()),
            message,
        }),
        ..ContainerState::default()
    }
}

/// The id of a container's process: made from the Pod's uid and the number of its start.
pub fn container_id(worker: &PodWorker, name: &str, start: u32) -> String {
    format!("containerd://{}", digest(worker, name, start))
}

/// 256 bits that stand for a start of a container, in hexadecimal.
fn digest(worker: &PodWorker, name: &str, start: u32) -> String {
    let text = format!("{}/{name}/{start}", worker.pod.uid());
    let mut digest = String::with_capacity(64);
    for part in 0..4_u64 {
        let seed = 0xcbf2_9ce4_8422_2325_u64 ^ (part.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let hash = text.bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        push_hex(&mut digest, hash, 16);
    }
    digest
}

/// What a container does now, or waits for.
fn container_state(worker: &PodWorker, container: &Container) -> ContainerState {
    let ended = |exited: &Exited| {
        let id = container_id(worker, &container.name, container.starts);
        terminated(exited, &id)
    };
    match (&container.phase, &container.last) {
        (Phase::Exited(_), _) | (Phase::Waiting | Phase::Pulling(_), Some(_)) if container.held => {
            let wait = container.backoff.wait();
            let (name, pod) = (&container.name, &worker.pod);
            let text = format!(
                "back-off {wait} restarting failed container={name} pod={}_{}({})",
                pod.name(),
                pod.namespace(),
                pod.uid()
            );
            waiting("CrashLoopBackOff", Some(text))
        }
        // The next process is being prepared: nobody has made a container for it yet.
        (Phase::Waiting | Phase::Pulling(_), Some(exited)) => ended(exited),
        (Phase::Waiting | Phase::Pulling(_), None) => waiting("ContainerCreating", None),
        (
            Phase::PullFailed {
                message,
                backing_off: false,
                ..
            },
            _,
        ) => {
            let reason = if message.contains("InvalidImageName") {
                "InvalidImageName"
            } else {
                "ErrImagePull"
            };
            waiting(reason, Some(message.clone()))
        }
        (
            Phase::PullFailed {
                message,
                backing_off: true,
                ..
            },
            _,
        ) => {
            let text = format!(
                "Back-off pulling image \"{}\": ErrImagePull: {message}",
                container.image
            );
            waiting("ImagePullBackOff", Some(text))
        }
        (Phase::Running(at, _), _) => ContainerState {
            running: Some(ContainerStateRunning {
                started_at: Some(meta::time(*at)),
            }),
            ..ContainerState::default()
        },
        (Phase::Exited(exited), _) => ended(exited),
    }
}

fn container_status(worker: &PodWorker, container: &Container) -> ContainerStatus {
    let started = container.starts > 0;
    let id = |start| container_id(worker, &container.name, start);
    let running = container.is_running();
    let full = image::canonical(&container.image);
    let image_id = || {
        let digest = digest(worker, &container.image, 0);
        format!("{}@sha256:{digest}", image::split(&full).0)
    };
    // While it waits out a back-off, the process that ended last is the one before.
    let (last, age) = match &container.phase {
        Phase::Exited(exited) if container.held => (Some(exited), 0),
        Phase::Exited(_) | Phase::Running(..) => (container.last.as_ref(), 1),
        _ => (container.last.as_ref(), 0),
    };
    let last = last.map(|exited| terminated(exited, &id(container.starts.saturating_sub(age))));
    let current = started.then(|| id(container.starts));
    ContainerStatus {
        image_id: if started { image_id() } else { String::new() },
        state: Some(container_state(worker, container)),
        container_id: current,
        image: match started {
            true => full,
            false => container.image.clone(),
        },
        last_state: Some(last.unwrap_or_default()),
        name: container.name.clone(),
        ready: running && worker.is_ready(container),
        restart_count: container.restarts,
        started: Some(running),
        ..ContainerStatus::default()
    }
}
