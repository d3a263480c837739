//! The logs of containers, as the API server fetches them from the kubelets.
//!
//! Upstream: pkg/registry/core/pod/strategy.go (LogLocation), pkg/kubelet/kubelet_pods.go
//! (validateContainerLogStatus), v1.36. Left out: following, limits by time and size.

use super::Cluster;
use crate::api::meta::{self, MetaExt};
use crate::api::{Kind, NamespacedName, Reason, Status};
use crate::apiserver::LogOptions;
use crate::kubelet::LogLine;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

impl Cluster {
    pub(super) fn read_log(
        &mut self,
        name: &NamespacedName,
        options: &LogOptions,
        now: SimTime,
    ) -> Result<String, Status> {
        let stored = self.stored_pod(name, now)?;
        let pod = stored.get::<Pod>();
        let pod = pod.ok_or_else(|| Status::not_found(&name.of(Kind::Pod)))?;
        let container = chosen(pod, &options.container)?;
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        let Some(node) = node.filter(|node| !node.is_empty()) else {
            return Ok(String::new());
        };
        let kubelet = self.kubelet_on(node, |address, down| {
            let path = format!("{}/{}/{container}", pod.namespace(), pod.name());
            let message = format!("Get \"https://{address}/containerLogs/{path}\": {down}");
            Status::plain(Reason::InternalError, message)
        })?;
        let (from, to) = span(pod, &container, options.previous)?;
        let lines = kubelet.logs(name, &container, u32::MAX).unwrap_or_default();
        let inside = |line: &&LogLine| line.at.as_secs() >= from && line.at.as_secs() <= to;
        let lines: Vec<&LogLine> = lines.iter().filter(inside).collect();
        let keep = options.tail.map_or(lines.len(), |tail| tail as usize);
        let start = lines.len().saturating_sub(keep);
        Ok(lines[start..]
            .iter()
            .map(|line| written(line, options))
            .collect())
    }
}

fn written(line: &LogLine, options: &LogOptions) -> String {
    match options.timestamps {
        true => format!("{} {}\n", meta::micro_time(line.at).0, line.text),
        false => format!("{}\n", line.text),
    }
}

/// The container that is meant.
fn chosen(pod: &Pod, asked: &str) -> Result<String, Status> {
    let name = pod.name();
    let spec = pod.spec.as_ref();
    let own = spec
        .map(|spec| spec.containers.as_slice())
        .unwrap_or_default();
    let inits = spec.and_then(|spec| spec.init_containers.as_ref());
    let names = own.iter().chain(inits.into_iter().flatten());
    let names: Vec<&str> = names.map(|c| c.name.as_str()).collect();
    match (asked, own) {
        ("", [one]) => Ok(one.name.clone()),
        ("", _) => Err(Status::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            names.join(" ")
        ))),
        (asked, _) if names.contains(&asked) => Ok(asked.to_owned()),
        (asked, _) => {
            let message = format!("container {asked} is not valid for pod {name}");
            Err(Status::bad_request(message))
        }
    }
}

/// The seconds in which the process lived whose log is asked for.
fn span(pod: &Pod, container: &str, previous: bool) -> Result<(u64, u64), Status> {
    let status = pod.status.clone().unwrap_or_default();
    let found = status.container_statuses.into_iter().flatten();
    let found = found.into_iter().find(|status| status.name == container);
    let status = found.unwrap_or_default();
    let seconds = |time: Option<&Time>| time.map(|time| meta::to_sim(time).as_secs());
    let life = |state: &ContainerState| {
        if let Some(running) = &state.running {
            return Some((seconds(running.started_at.as_ref())?, u64::MAX));
        }
        let ended = state.terminated.as_ref()?;
        let started = seconds(ended.started_at.as_ref())?;
        Some((started, seconds(ended.finished_at.as_ref())?))
    };
    let last = status.last_state.as_ref().and_then(life);
    if previous {
        return last.ok_or_else(|| {
            Status::bad_request(format!(
                "previous terminated container \"{container}\" in pod \"{}\" not found",
                pod.name()
            ))
        });
    }
    let now = status.state.as_ref().and_then(life);
    now.or(last).ok_or_else(|| waiting(pod, container, &status))
}

fn waiting(pod: &Pod, container: &str, status: &ContainerStatus) -> Status {
    let state = status.state.as_ref();
    let reason = state.and_then(|state| state.waiting.as_ref()?.reason.as_deref());
    let why = match reason {
        Some("ErrImagePull" | "ImagePullBackOff") => "trying and failing to pull image",
        Some(reason) => reason,
        None => "ContainerCreating",
    };
    Status::bad_request(format!(
        "container \"{container}\" in pod \"{}\" is waiting to start: {why}",
        pod.name()
    ))
}
