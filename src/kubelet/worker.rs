//! One Pod on this node: its address, its containers, its end.
//!
//! Upstream: pkg/kubelet/pod_workers.go, v1.36.

use super::backoff::Backoff;
use super::container::{Container, Phase};
use super::image::Exit;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{Container as Spec, Pod, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;
use std::sync::Arc;

/// A Pod that this node runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PodWorker {
    /// The Pod as the API server last had it.
    pub pod: Arc<Pod>,
    /// When the kubelet took it on.
    pub accepted: SimTime,
    /// Its address, once its sandbox is up.
    pub ip: Option<String>,
    /// Its containers, in the order of its spec.
    pub containers: Vec<Container>,
    /// When what still runs is killed, once it is to end.
    pub kill_at: Option<SimTime>,
}

impl PodWorker {
    /// A Pod that was just bound to this node.
    pub fn new(pod: Arc<Pod>, now: SimTime) -> Self {
        let specs = pod
            .spec
            .as_ref()
            .map(|spec| spec.containers.as_slice())
            .unwrap_or_default();
        let containers = specs.iter().map(Container::new).collect();
        Self {
            pod,
            accepted: now,
            ip: None,
            containers,
            kill_at: None,
        }
    }

    /// What the author wrote of a container.
    pub fn spec(&self, name: &str) -> Option<&Spec> {
        self.pod
            .spec
            .as_ref()?
            .containers
            .iter()
            .find(|spec| spec.name == name)
    }

    /// Whether a running container counts as ready.
    pub fn is_ready(&self, container: &Container) -> bool {
        let probed = self
            .spec(&container.name)
            .is_some_and(|spec| spec.readiness_probe.is_some());
        !container.readiness_broken && (!probed || container.readiness.passed)
    }

    /// Whether nothing of it runs.
    pub fn is_stopped(&self) -> bool {
        !self.containers.iter().any(Container::is_running)
    }

    /// Whether a container that ended is started again.
    pub fn restarts(&self, code: i32) -> bool {
        let policy = self
            .pod
            .spec
            .as_ref()
            .and_then(|spec| spec.restart_policy.as_deref());
        match policy {
            Some("Never") => false,
            Some("OnFailure") => code != 0,
            _ => true,
        }
    }

    /// The command that the author has a container run in the place of its image's own.
    fn command(&self, container: &Container) -> Option<&[String]> {
        let command = self.spec(&container.name)?.command.as_deref()?;
        Some(command).filter(|command| !command.is_empty())
    }

    /// How the image of a container ends by itself, where that is what runs: a container's command may
    /// be another one.
    pub fn own_exit(&self, index: usize) -> Option<&'static Exit> {
        let container = self.containers.get(index)?;
        let program = container.program()?;
        let own = program.processes.first();
        let own = own.and_then(|process| process.split(' ').next());
        let is_own = |command: &[String]| own == command[0].rsplit('/').next();
        let runs = self.command(container).is_none_or(is_own);
        program.exit.as_ref().filter(|_| runs)
    }

    /// The exit code of a container that ends because it is told to: servers say that all is well, what
    /// runs a command or comes to an end by itself was cut short.
    pub fn code_when_told(&self, container: &Container) -> i32 {
        const TERMINATED: i32 = 143;
        let mut programs = container.program().into_iter();
        let ends = programs.any(|program| program.exit.is_some());
        match ends || self.command(container).is_some() {
            true => TERMINATED,
            false => 0,
        }
    }

    /// Its node was off: what its policy lets run again is to be started anew, without waiting, and
    /// what was being prepared is prepared again.
    pub fn start_again(&mut self) {
        for index in 0..self.containers.len() {
            let again = match &self.containers[index].phase {
                Phase::Exited(exited) => self.restarts(exited.code),
                _ => false,
            };
            let container = &mut self.containers[index];
            match container.phase {
                Phase::Exited(_) => (container.again, container.held) = (again, false),
                _ => container.phase = Phase::Waiting,
            }
        }
    }

    /// Whether it shares its node's address.
    pub fn uses_host_network(&self) -> bool {
        self.pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true)
    }

    /// The number of the port that a probe asks.
    pub fn probe_port(&self, container: &str, port: &IntOrString) -> Option<u16> {
        match port {
            IntOrString::Int(number) => u16::try_from(*number).ok(),
            IntOrString::String(name) => {
                let ports = self.spec(container)?.ports.as_ref()?;
                let found = ports.iter().find(|p| p.name.as_deref() == Some(name))?;
                u16::try_from(found.container_port).ok()
            }
        }
    }

    /// The container's probe of a sort.
    pub fn probe(&self, container: &str, liveness: bool) -> Option<&Probe> {
        let spec = self.spec(container)?;
        match liveness {
            true => spec.liveness_probe.as_ref(),
            false => spec.readiness_probe.as_ref(),
        }
    }

    /// Takes in a new version of its Pod; answers which containers have another image now.
    pub fn update(&mut self, pod: Arc<Pod>) -> Vec<usize> {
        self.pod = pod;
        let mut changed = Vec::new();
        for index in 0..self.containers.len() {
            let image = self
                .spec(&self.containers[index].name)
                .and_then(|spec| spec.image.clone());
            if let Some(image) = image.filter(|image| *image != self.containers[index].image) {
                self.containers[index].image = image;
                // Upstream's back-off goes by the container's hash: another image begins anew.
                self.containers[index].backoff = Backoff::default();
                changed.push(index);
            }
        }
        changed
    }
}
