//! Pods as rows: readiness, the one word for what their containers do, and restarts.

use super::{Cell, Column, format};
use crate::api::condition;
use crate::api::meta::{self, MetaExt};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod, PodStatus};
use serde_json::{Value, json};

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Ready"),
    Column::text("Status"),
    Column::text("Restarts"),
    Column::text("Age"),
    Column::text("IP").wide(),
    Column::text("Node").wide(),
    Column::text("Nominated Node").wide(),
    Column::text("Readiness Gates").wide(),
];

pub(super) fn cells(pod: &Pod, now: SimTime) -> Vec<Cell> {
    let summary = Summary::of(pod);
    let spec = pod.spec.clone().unwrap_or_default();
    let status = pod.status.clone().unwrap_or_default();
    let restarts = match summary.last_restart {
        Some(at) if summary.restarts != 0 => {
            format!("{} ({} ago)", summary.restarts, format::since(at, now))
        }
        _ => summary.restarts.to_string(),
    };
    let ips = status.pod_ips.as_deref().unwrap_or_default();
    let or_none = |text: Option<&str>| Cell::Text(format::or_none(text.unwrap_or_default().into()));
    vec![
        Cell::text(pod.name()),
        Cell::Text(format!("{}/{}", summary.ready, summary.total)),
        Cell::Text(summary.word),
        Cell::Text(restarts),
        Cell::Text(format::age(pod.metadata.creation_timestamp.as_ref(), now)),
        or_none(ips.first().map(|ip| ip.ip.as_str())),
        or_none(spec.node_name.as_deref()),
        or_none(status.nominated_node_name.as_deref()),
        Cell::Text(gates(pod)),
    ]
}

/// The condition of the row of a Pod that has ended.
pub(super) fn completed(pod: &Pod) -> Option<Value> {
    let status = pod.status.as_ref();
    let (reason, message) = match status?.phase.as_deref()? {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!({"type": "Completed", "status": "True", "reason": reason, "message": message}))
}

fn gates(pod: &Pod) -> String {
    let gates = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.readiness_gates.as_ref());
    let status = pod.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    match gates.map(Vec::as_slice).unwrap_or_default() {
        [] => "<none>".to_owned(),
        gates => {
            let holds = |gate: &&k8s_openapi::api::core::v1::PodReadinessGate| {
                condition::is_true(conditions, &gate.condition_type)
            };
            format!("{}/{}", gates.iter().filter(holds).count(), gates.len())
        }
    }
}

struct Summary {
    ready: usize,
    total: usize,
    word: String,
    restarts: i64,
    last_restart: Option<SimTime>,
}

impl Summary {
    fn of(pod: &Pod) -> Self {
        let spec = pod.spec.clone().unwrap_or_default();
        let status = pod.status.clone().unwrap_or_default();
        let sidecars: Vec<&str> = spec
            .init_containers
            .iter()
            .flatten()
            .filter(|c| c.restart_policy.as_deref() == Some("Always"))
            .map(|c| c.name.as_str())
            .collect();
        let mut summary = Self {
            ready: 0,
            total: spec.containers.len() + sidecars.len(),
            word: first_word(&status),
            restarts: 0,
            last_restart: None,
        };
        let inits = spec.init_containers.as_ref().map_or(0, Vec::len);
        let initializing = summary.note_init(&status, &sidecars, inits);
        if !initializing || condition::is_true(status.conditions.as_ref(), "Initialized") {
            summary.note_containers(&status, &sidecars);
        }
        let phase = status.phase.as_deref();
        if pod.is_terminating() {
            if status.reason.as_deref() == Some("NodeLost") {
                summary.word = "Unknown".to_owned();
            } else if !matches!(phase, Some("Succeeded" | "Failed")) {
                summary.word = "Terminating".to_owned();
            }
        }
        summary
    }

    fn note_restarts(&mut self, status: &ContainerStatus) {
        self.restarts += i64::from(status.restart_count);
        let last = status.last_state.as_ref();
        let ended = last.and_then(|state| state.terminated.as_ref());
        let at = ended.and_then(|ended| ended.finished_at.as_ref());
        self.last_restart = self.last_restart.max(at.map(meta::to_sim));
    }

    /// Counts init containers up to the first that has not ended well; answers whether there is one.
    fn note_init(&mut self, status: &PodStatus, sidecars: &[&str], inits: usize) -> bool {
        let statuses = status.init_container_statuses.iter().flatten();
        for (index, container) in statuses.enumerate() {
            self.note_restarts(container);
            let state = container.state.clone().unwrap_or_default();
            let waiting = state.waiting.and_then(|waiting| waiting.reason);
            let waiting = waiting.filter(|r| !r.is_empty() && r != "PodInitializing");
            if state.terminated.as_ref().is_some_and(|t| t.exit_code == 0) {
                continue;
            }
            if sidecars.contains(&container.name.as_str()) && container.started == Some(true) {
                self.ready += usize::from(container.ready);
                continue;
            }
            let why = match (state.terminated, waiting) {
                (Some(terminated), _) => end_word(&terminated),
                (None, Some(reason)) => reason,
                (None, None) => format!("{index}/{inits}"),
            };
            self.word = format!("Init:{why}");
            return true;
        }
        false
    }

    fn note_containers(&mut self, status: &PodStatus, sidecars: &[&str]) {
        self.restarts = 0;
        self.last_restart = None;
        let inits = status.init_container_statuses.iter().flatten();
        for sidecar in inits.filter(|c| sidecars.contains(&c.name.as_str())) {
            self.note_restarts(sidecar);
        }
        let mut running = false;
        for container in status.container_statuses.iter().flatten().rev() {
            self.note_restarts(container);
            let state = container.state.clone().unwrap_or_default();
            let waiting = state.waiting.and_then(|waiting| waiting.reason);
            match (
                waiting.filter(|reason| !reason.is_empty()),
                state.terminated,
            ) {
                (Some(reason), _) => self.word = reason,
                (None, Some(terminated)) => self.word = end_word(&terminated),
                (None, None) if container.ready && state.running.is_some() => {
                    running = true;
                    self.ready += 1;
                }
                (None, None) => {}
            }
        }
        if self.word == "Completed" && running {
            let ready = condition::is_true(status.conditions.as_ref(), "Ready");
            self.word = if ready { "Running" } else { "NotReady" }.to_owned();
        }
    }
}

fn first_word(status: &PodStatus) -> String {
    let gated = status
        .conditions
        .iter()
        .flatten()
        .any(|c| c.type_ == "PodScheduled" && c.reason.as_deref() == Some("SchedulingGated"));
    let reason = status.reason.clone().filter(|reason| !reason.is_empty());
    match gated {
        true => "SchedulingGated".to_owned(),
        false => reason.or(status.phase.clone()).unwrap_or_default(),
    }
}

fn end_word(ended: &ContainerStateTerminated) -> String {
    match (ended.reason.as_deref().unwrap_or_default(), ended.signal) {
        ("", Some(signal)) if signal != 0 => format!("Signal:{signal}"),
        ("", _) => format!("ExitCode:{}", ended.exit_code),
        (reason, _) => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;

    fn row(spec: Value, status: Value, deleted: bool) -> Vec<String> {
        let deleted = deleted.then_some("1970-01-01T00:02:00Z");
        let metadata = json!({"name": "x", "creationTimestamp": "1970-01-01T00:00:00Z", "deletionTimestamp": deleted});
        let json = json!({"metadata": metadata, "spec": spec, "status": status});
        let pod = codec::from_value(json).expect("it decodes");
        let cells = cells(&pod, SimTime::from_secs(100));
        cells.iter().map(ToString::to_string).collect()
    }

    /// READY, STATUS and RESTARTS of a Pod of containers a and b in these states.
    fn told(phase: &str, a: Value, b: Value, deleted: bool) -> [String; 3] {
        let status = |name: &str, state: Value| {
            let ready = state.get("running").is_some();
            json!({"name": name, "state": state, "ready": ready, "restartCount": 0, "image": "", "imageID": ""})
        };
        let statuses = json!([status("a", a), status("b", b)]);
        let spec = json!({"containers": [{"name": "a"}, {"name": "b"}]});
        let row = row(
            spec,
            json!({"phase": phase, "containerStatuses": statuses}),
            deleted,
        );
        [row[1].clone(), row[2].clone(), row[3].clone()]
    }

    #[test]
    fn the_word_is_what_most_needs_to_be_known() {
        let running = || json!({"running": {"startedAt": "1970-01-01T00:00:10Z"}});
        let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
        let ended =
            |reason: &str, code: i32| json!({"terminated": {"exitCode": code, "reason": reason}});
        for (phase, a, b, deleted, want) in [
            (
                "Pending",
                json!({}),
                json!({}),
                false,
                ["0/2", "Pending", "0"],
            ),
            (
                "Running",
                running(),
                running(),
                false,
                ["2/2", "Running", "0"],
            ),
            (
                "Pending",
                waiting("ContainerCreating"),
                waiting("ContainerCreating"),
                false,
                ["0/2", "ContainerCreating", "0"],
            ),
            (
                "Pending",
                waiting("ImagePullBackOff"),
                running(),
                false,
                ["1/2", "ImagePullBackOff", "0"],
            ),
            (
                "Running",
                running(),
                waiting("CrashLoopBackOff"),
                false,
                ["1/2", "CrashLoopBackOff", "0"],
            ),
            (
                "Running",
                running(),
                ended("Completed", 0),
                false,
                ["1/2", "NotReady", "0"],
            ),
            (
                "Running",
                running(),
                ended("Error", 1),
                false,
                ["1/2", "Error", "0"],
            ),
            (
                "Failed",
                ended("", 3),
                ended("Error", 1),
                false,
                ["0/2", "ExitCode:3", "0"],
            ),
            (
                "Running",
                running(),
                running(),
                true,
                ["2/2", "Terminating", "0"],
            ),
            (
                "Succeeded",
                ended("Completed", 0),
                ended("Completed", 0),
                true,
                ["0/2", "Completed", "0"],
            ),
        ] {
            assert_eq!(told(phase, a, b, deleted), want);
        }
    }

    #[test]
    fn init_containers_speak_first() {
        let spec = json!({"initContainers": [{"name": "i"}, {"name": "j"}], "containers": [{"name": "a"}]});
        let status = |state: Value| {
            let init = json!({"name": "i", "state": state, "ready": false, "restartCount": 2, "image": "", "imageID": ""});
            json!({"phase": "Pending", "initContainerStatuses": [init]})
        };
        for (state, want) in [
            (json!({"running": {}}), "Init:0/2"),
            (
                json!({"waiting": {"reason": "PodInitializing"}}),
                "Init:0/2",
            ),
            (
                json!({"waiting": {"reason": "CrashLoopBackOff"}}),
                "Init:CrashLoopBackOff",
            ),
            (
                json!({"terminated": {"exitCode": 1, "reason": "Error"}}),
                "Init:Error",
            ),
            (
                json!({"terminated": {"exitCode": 1, "signal": 9}}),
                "Init:Signal:9",
            ),
        ] {
            let row = row(spec.clone(), status(state), false);
            assert_eq!((row[2].as_str(), row[3].as_str()), (want, "2"));
        }
    }

    #[test]
    fn restarts_say_when_the_last_was() {
        let status = json!({
            "name": "a", "state": {"running": {}}, "ready": true, "restartCount": 3, "image": "", "imageID": "",
            "lastState": {"terminated": {"exitCode": 1, "finishedAt": "1970-01-01T00:01:35Z"}}
        });
        let status = json!({"phase": "Running", "containerStatuses": [status], "podIPs": [{"ip": "10.244.1.2"}]});
        let row = row(
            json!({"containers": [{"name": "a"}], "nodeName": "n"}),
            status,
            false,
        );
        assert_eq!(
            row,
            [
                "x",
                "1/1",
                "Running",
                "3 (5s ago)",
                "100s",
                "10.244.1.2",
                "n",
                "<none>",
                "<none>"
            ]
        );
    }
}
