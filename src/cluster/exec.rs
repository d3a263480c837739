//! Commands in containers: from the API server to the kubelet of the Pod's node, and back.
//!
//! Upstream: pkg/registry/core/pod/strategy.go (ExecLocation), pkg/kubelet/kubelet_pods.go (GetExec),
//! staging/src/k8s.io/cri-streaming/pkg/streaming/remotecommand/exec.go, v1.36.

use super::Cluster;
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Object, Reason, Status};
use crate::apiserver::rest::container_of;
use crate::apiserver::{ApiHandle, ExecCall, ExecEnd, ExecProgress, Operation, Request};
use crate::kubelet::{Kubelet, Place, Process};
use crate::network::call::{Call, CallAnswer, CallOutcome, CallWhat};
use crate::network::http::HttpResponse;
use crate::sim::SimDuration;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{Pod, Service};
use serde::Serialize;

/// The port at which kubelets answer.
const KUBELET_PORT: u16 = 10_250;
/// How many processes of this sort there are at a time; the oldest gives way.
const PROCESSES_MAX: usize = 64;
/// The longest command, in bytes.
const COMMAND_LIMIT: usize = 64 * 1024;
/// What a process that was killed answers.
const KILLED: i32 = 137;

/// The processes that were started in containers from outside.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Execs {
    next: u32,
    processes: Vec<Exec>,
}

impl Execs {
    /// Whether none was ever started.
    pub const fn is_new(&self) -> bool {
        self.next == 0
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Exec {
    id: u32,
    pod: NamespacedName,
    uid: String,
    container: String,
    /// Which start of its container it belongs to.
    starts: u32,
    process: Process,
}

impl Cluster {
    pub(super) fn exec(
        &mut self,
        pod: &NamespacedName,
        call: &ExecCall,
        now: SimTime,
    ) -> Result<ExecProgress, Status> {
        match call {
            ExecCall::Start {
                container,
                command,
                stdin,
                tty,
            } => self.start_process(pod, container, command, (*stdin, *tty), now),
            ExecCall::Continue { id, input, closed } => {
                let known = |exec: &&mut Exec| exec.id == *id && exec.pod == *pod;
                let Some(exec) = self.execs.processes.iter_mut().find(known) else {
                    return Ok(killed(*id));
                };
                exec.process.feed(input, *closed);
                Ok(self.go_on(*id, now))
            }
            ExecCall::End { id } => {
                self.execs.processes.retain(|exec| exec.id != *id);
                Ok(killed(*id))
            }
        }
    }

    /// The Pod as the API server has it.
    pub(super) fn stored_pod(
        &mut self,
        name: &NamespacedName,
        now: SimTime,
    ) -> Result<Object, Status> {
        let key = name.of(Kind::Pod);
        let stored = self.handle(Request::by_user(Operation::Get(key.clone())), now)?;
        stored.object().ok_or_else(|| Status::not_found(&key))
    }

    /// The kubelet that runs a Pod, as the API server reaches it.
    ///
    /// # Errors
    /// The Pod has no node, or the node does not answer.
    pub(super) fn kubelet_of(&self, pod: &Object) -> Result<&Kubelet, Status> {
        let spec = pod.get::<Pod>().and_then(|pod| pod.spec.as_ref());
        let node = spec.and_then(|spec| spec.node_name.as_deref());
        let Some(node) = node.filter(|node| !node.is_empty()) else {
            let message = format!("pod {} does not have a host assigned", pod.name());
            return Err(Status::bad_request(message));
        };
        self.kubelet_on(node, |_, down| {
            Status::plain(Reason::Unknown, format!("error dialing backend: {down}"))
        })
    }

    /// The kubelet of a node.
    ///
    /// # Errors
    /// There is no such node; or what `refuse` makes of the address of one that is down, and of why
    /// it cannot be reached.
    pub(super) fn kubelet_on(
        &self,
        node: &str,
        refuse: impl FnOnce(&str, &str) -> Status,
    ) -> Result<&Kubelet, Status> {
        let at = self.node_index(node);
        let Some(kubelet) = at.and_then(|at| self.kubelets.get(usize::from(at))) else {
            let message = format!("nodes \"{node}\" not found");
            return Err(Status::plain(Reason::NotFound, message));
        };
        if kubelet.is_running() {
            return Ok(kubelet);
        }
        let address = format!("{}:{KUBELET_PORT}", kubelet.config().internal_ip);
        let why = format!("dial tcp {address}: connect: no route to host");
        Err(refuse(&address, &why))
    }

    fn start_process(
        &mut self,
        name: &NamespacedName,
        container: &str,
        command: &[String],
        streams: (bool, bool),
        now: SimTime,
    ) -> Result<ExecProgress, Status> {
        let length: usize = command.iter().map(String::len).sum();
        if command.is_empty() || length > COMMAND_LIMIT {
            let message = format!("a command of at most {COMMAND_LIMIT} bytes must be specified");
            return Err(Status::bad_request(message));
        }
        let pod = self.stored_pod(name, now)?;
        let container = container_of(&pod, container)?;
        let kubelet = self.kubelet_of(&pod)?;
        let place = kubelet.place(name, &container, now);
        let place = place.ok_or_else(|| not_running(&container))?;
        let id = self.execs.next;
        self.execs.next = id.wrapping_add(1);
        let pid = 30 + 3 * (id % 300);
        let process = match Process::start(pid, command.to_vec(), streams, &place) {
            Ok(process) => process,
            Err(why) => return Ok(self.failed_process(id, &why)),
        };
        self.execs.processes.push(Exec {
            id,
            pod: name.clone(),
            uid: pod.uid().to_owned(),
            container,
            starts: place.starts,
            process,
        });
        if self.execs.processes.len() > PROCESSES_MAX {
            self.execs.processes.remove(0);
        }
        Ok(self.go_on(id, now))
    }

    /// A process that could not be started, in the words of containerd and the kubelet.
    fn failed_process(&self, id: u32, why: &str) -> ExecProgress {
        let mut rng = self.rng.fork(&format!("exec/{id}"));
        let mut exec = String::new();
        (0..4).for_each(|_| crate::sim::push_hex(&mut exec, rng.next_u64(), 16));
        let message = format!(
            "Internal error occurred: error executing command in container: failed to exec in container: failed to start exec {exec:?}: {why}"
        );
        ExecProgress {
            id,
            end: Some(ExecEnd::Failed(message)),
            ..ExecProgress::default()
        }
    }

    /// Lets a process do what it can do now.
    fn go_on(&mut self, id: u32, now: SimTime) -> ExecProgress {
        let found = self.execs.processes.iter().position(|exec| exec.id == id);
        let Some(index) = found else {
            return killed(id);
        };
        let mut exec = self.execs.processes.remove(index);
        let Some(mut place) = self.place_of(&exec, now) else {
            return killed(id);
        };
        // One that waits looks at nothing.
        if exec.process.until().is_none_or(|until| until <= now) {
            let services = self.api.etcd().list(Kind::Service, None);
            let services = services.filter_map(|o| o.get::<Service>().cloned());
            place.services = services.collect();
        }
        let (pod, container) = (exec.pod.clone(), exec.container.clone());
        let mut network = |what| self.carry_for(&pod, &container, what);
        let printed = exec.process.advance(&place, &mut network);
        let code = exec.process.code();
        let progress = ExecProgress {
            id,
            stdout: printed.out,
            stderr: printed.err,
            end: code.map(ExecEnd::Code),
            until: exec.process.until(),
        };
        if code.is_none() {
            let index = index.min(self.execs.processes.len());
            self.execs.processes.insert(index, exec);
        }
        progress
    }

    /// What a process sees, as long as its container is the one in which it was started.
    fn place_of(&self, exec: &Exec, now: SimTime) -> Option<Place> {
        let mut kubelets = self.kubelets.iter().filter(|kubelet| kubelet.is_running());
        let place = kubelets.find_map(|kubelet| {
            let (pod, _) = kubelet.pod(&exec.pod)?;
            let same = pod.uid() == exec.uid;
            kubelet
                .place(&exec.pod, &exec.container, now)
                .filter(|_| same)
        })?;
        (place.starts == exec.starts).then_some(place)
    }

    /// Carries a call of a process; one to its own Pod stays inside.
    fn carry_for(&mut self, pod: &NamespacedName, container: &str, what: CallWhat) -> CallAnswer {
        if let CallWhat::Http {
            method,
            host,
            port,
            path,
            ..
        } = &what
            && matches!(host.as_str(), "localhost" | "127.0.0.1")
        {
            let answered = self.serve_inside(pod, *port, method, path);
            let outcome = match answered {
                Some(response) => CallOutcome::Answered(response),
                None => CallOutcome::Refused {
                    address: format!("127.0.0.1:{port}"),
                },
            };
            let took = SimDuration::ZERO;
            return CallAnswer { outcome, took };
        }
        self.carry(Call {
            id: 0,
            pod: pod.clone(),
            container: container.to_owned(),
            what,
        })
    }

    fn serve_inside(
        &mut self,
        pod: &NamespacedName,
        port: u16,
        method: &str,
        path: &str,
    ) -> Option<HttpResponse> {
        let now = self.now;
        let mut running = self
            .kubelets
            .iter_mut()
            .filter(|kubelet| kubelet.is_running());
        running.find_map(|kubelet| kubelet.serve_inside(pod, port, method, path, now))
    }

    /// Whether a container of the Pod listens on a port.
    pub fn listens(&self, pod: &NamespacedName, port: u16) -> bool {
        let mut running = self.kubelets.iter().filter(|kubelet| kubelet.is_running());
        running.any(|kubelet| {
            let ip = kubelet.pod(pod).and_then(|(_, ip)| ip);
            ip.is_some_and(|ip| kubelet.listener(ip, port, self.now).is_some())
        })
    }

    /// Lets a Pod answer a request that a kubelet brings into it (`kubectl port-forward`).
    ///
    /// # Errors
    /// Nothing listens there, in the container runtime's words.
    pub fn forward(
        &mut self,
        pod: &NamespacedName,
        port: u16,
        method: &str,
        path: &str,
    ) -> Result<HttpResponse, String> {
        let answered = self.serve_inside(pod, port, method, path);
        answered.ok_or_else(|| {
            format!(
                "failed to execute portforward in network namespace: failed to connect to localhost:{port} inside namespace of pod {:?}: dial tcp4 127.0.0.1:{port}: connect: connection refused",
                pod.name
            )
        })
    }

    /// Whether the API server can reach the kubelet of a Pod that runs; answers how often the
    /// container that is named was started.
    ///
    /// # Errors
    /// Why not.
    pub fn reach_pod(
        &mut self,
        name: &NamespacedName,
        container: Option<&str>,
    ) -> Result<u32, Status> {
        let now = self.now;
        let pod = self.stored_pod(name, now)?;
        let kubelet = self.kubelet_of(&pod)?;
        let starts = match container {
            Some(container) => kubelet.place(name, container, now).map(|p| p.starts),
            None => kubelet.pod(name).and_then(|(_, ip)| ip).map(|_| 0),
        };
        starts.ok_or_else(|| not_running(container.unwrap_or_default()))
    }
}

fn killed(id: u32) -> ExecProgress {
    ExecProgress {
        id,
        end: Some(ExecEnd::Code(KILLED)),
        ..ExecProgress::default()
    }
}

/// What the kubelet says; the client puts its own words before it.
fn not_running(container: &str) -> Status {
    let message =
        format!("error: unable to upgrade connection: container not found ({container:?})");
    Status::plain(Reason::Unknown, message)
}
