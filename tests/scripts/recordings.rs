//! What the real kubectl printed for the same commands: recorded on v1.20, where the recordings lie
//! beside the workspace. What differs on purpose is listed, each with its reason.

use crate::diff;
use crate::world::World;
use kubarium::sim::SimDuration;
use serde_json::Value;
use std::path::{Path, PathBuf};

mod plain;

/// The scenarios whose kinds are there.
const SCENARIOS: &[&str] = &[
    "book-deployment",
    "bad-image",
    "rollout-pause",
    "replicaset-labels",
    "services",
    "deletion",
    "daemonset-labels",
    "statefulset-ordered",
    "job-parallel",
];

/// Something that is different on purpose, or not there yet.
pub struct Exception {
    pub why: &'static str,
    /// How lines begin that only the recording has.
    pub recorded: &'static [&'static str],
    /// How lines begin that only we have.
    pub ours: &'static [&'static str],
    /// Lines that are the same from the first text on: what follows it is left out.
    pub cut: &'static [&'static str],
}

const fn exception(why: &'static str) -> Exception {
    Exception {
        why,
        recorded: &[],
        ours: &[],
        cut: &[],
    }
}

pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        recorded: &[
            "/var/run/secrets/kubernetes.io/serviceaccount from default-token-",
            "default-token-",
            "Type: Secret (a volume",
            "SecretName: default-token-",
            "Optional: false",
        ],
        ours: &[
            "/var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-",
            "kube-api-access-",
            "Type: Projected (a volume",
            "TokenExpirationSeconds: 3607",
            "ConfigMapName: kube-root-ca.crt",
            "Optional: false",
            "DownwardAPI: true",
        ],
        ..exception("v1.22 and later project an account's token instead of mounting its Secret")
    },
    Exception {
        ours: &["Service Account: default"],
        ..exception("v1.22 and later show a Pod's account")
    },
    Exception {
        ours: &[
            "Node-Selectors: <none>",
            "Node-Selectors: disk=ssd",
            "Tolerations: <none>",
        ],
        recorded: &["Node-Selectors: <none>", "Node-Selectors: disk=ssd"],
        ..exception("v1.31 shows node selectors and tolerations of templates")
    },
    Exception {
        ours: &[
            "IP Family Policy:",
            "IP Families:",
            "Internal Traffic Policy:",
        ],
        recorded: &["IP Families:"],
        ..exception(
            "v1.21 and later default and show a Service's address families and internal policy",
        )
    },
    Exception {
        ours: &["PodReadyToStartContainers"],
        ..exception("v1.29 has a condition more")
    },
    Exception {
        cut: &["Container ID:", "Image ID:"],
        ..exception("another container runtime, other ids")
    },
    Exception {
        cut: &[
            "Normal Created <age>",
            "Normal Started <age>",
            "Normal Pulled <age>",
        ],
        ..exception("the kubelet words its events anew")
    },
    Exception {
        recorded: &["Normal Pulling <age>"],
        ours: &["Normal Pulling <age>"],
        ..exception("of Pods that start together the recorded nodes pulled for one alone")
    },
    Exception {
        cut: &[
            "Normal ScalingReplicaSet <age> deployment-controller Scaled up",
            "Normal ScalingReplicaSet <age> deployment-controller Scaled down",
        ],
        ..exception(
            "the steps of a rollout depend on how long starts and stops take; v1.36 says from how many",
        )
    },
    Exception {
        recorded: &["Warning Unhealthy <age>", "Events: Warning Unhealthy <age>"],
        ours: &["Warning Unhealthy <age>", "Events: Warning Unhealthy <age>"],
        ..exception("whether a first probe comes before its container listens is chance")
    },
    Exception {
        recorded: &["Warning FailedToUpdateEndpoint"],
        ..exception("a controller met another's write, by chance")
    },
    Exception {
        cut: &["OldReplicaSets:"],
        ..exception("v1.27 and later name old ReplicaSets without Pods too")
    },
    Exception {
        cut: &["HealthCheck NodePort:"],
        ..exception("the port for health checks is drawn by chance")
    },
    Exception {
        ours: &[
            "endpoints.kubernetes.io/managed-by=",
            "Labels: endpoints.kubernetes.io/managed-by=",
        ],
        ..exception("v1.33 labels the Endpoints that the controller makes")
    },
    Exception {
        cut: &[
            "Warning Failed <age>",
            "Normal BackOff <age>",
            "Warning BackOff <age>",
        ],
        ..exception("the recordings' texts of failed pulls are not to be trusted")
    },
    Exception {
        ours: &["Warning: v1 Endpoints is deprecated"],
        ..exception("v1.33 warns of the older endpoints")
    },
    Exception {
        recorded: &["Topology:"],
        ours: &["NodeName:", "Zone:"],
        ..exception("v1 of EndpointSlice names node and zone")
    },
    Exception {
        recorded: &["headless-<n> IPv6", "db-<n> IPv6"],
        ..exception("v1.20 made an empty slice for IPv6")
    },
    Exception {
        ours: &["apps.kubernetes.io/pod-index="],
        ..exception("v1.28 labels a StatefulSet's Pods with their number")
    },
    Exception {
        ours: &["MaxUnavailable: 1"],
        ..exception("v1.35 defaults and shows how many Pods of a StatefulSet may be missing")
    },
    Exception {
        recorded: &["by-hand-<n> IPv4"],
        ..exception(
            "Endpoints made by hand get no slice here yet: there is no mirroring controller",
        )
    },
    Exception {
        ours: &[
            "Labels: batch.kubernetes.io/controller-uid=",
            "batch.kubernetes.io/job-name=",
        ],
        ..exception("v1.27 and later label a Job and its Pods with prefixed keys too")
    },
    Exception {
        ours: &["Completion Mode:", "Suspend:", "Backoff Limit:"],
        ..exception("v1.21 and later say more of a Job")
    },
];

/// Commands that have to be put differently here.
const REPHRASED: &[(&str, &str, &str)] = &[
    (
        "JSON and strategic patches are not served yet",
        "kubectl patch configmap kept --type=json -p '[{\"op\":\"remove\",\"path\":\"/metadata/finalizers\"}]'",
        "kubectl patch configmap kept --type=merge -p '{\"metadata\":{\"finalizers\":null}}'",
    ),
    (
        "JSON and strategic patches are not served yet",
        "kubectl patch service plain -p '{\"spec\":{\"selector\":{\"app\":\"none\"}}}'",
        "kubectl patch service plain --type=merge -p '{\"spec\":{\"selector\":{\"app\":\"none\"}}}'",
    ),
];

/// Texts of ours, and how they were put in the recordings.
pub const REWORDED: &[(&str, &str, &str)] = &[
    (
        "v1.27 and later label a Job and its Pods with prefixed keys too",
        "batch.kubernetes.io/controller-uid=<uid>,batch.kubernetes.io/job-name=batch,",
        "",
    ),
    (
        "v1.27 and later select by a prefixed key",
        "busybox   batch.kubernetes.io/controller-uid=",
        "busybox   controller-uid=",
    ),
    (
        "v1.33 says where a deleted object was",
        " from default namespace",
        "",
    ),
    (
        "later versions name a DaemonSet's namespace",
        "Namespace:      default\nSelector:       app=ssd-monitor\nNode-Selector:",
        "Selector:       app=ssd-monitor\nNode-Selector:",
    ),
    (
        "v1.21 and later say what a trailing dash does",
        " unlabeled\n",
        " labeled\n",
    ),
    (
        "v1.20 warned of --record on another stream",
        "Flag --record has been deprecated, --record will be removed in the future\n",
        "",
    ),
    (
        "v1.28 labels a StatefulSet's Pods with their number",
        ",apps.kubernetes.io/pod-index=0",
        "",
    ),
    (
        "v1.28 labels a StatefulSet's Pods with their number",
        ",apps.kubernetes.io/pod-index=1",
        "",
    ),
    (
        "v1.28 labels a StatefulSet's Pods with their number",
        ",apps.kubernetes.io/pod-index=2",
        "",
    ),
    (
        "the allocator of addresses was reworded",
        "[\"10.96.0.1\"]: failed to allocate IP 10.96.0.1: provided IP is already allocated",
        "[]string{\"10.96.0.1\"}: failed to allocated ip:10.96.0.1 with error:provided IP is already allocated",
    ),
];

/// Beginnings of recorded lines, and how they are put here.
pub const LINES: &[(&str, &str, &str)] = &[
    (
        "v1.27 and later label a Job and its Pods with prefixed keys too",
        "Labels: controller-uid=",
        "controller-uid=",
    ),
    (
        "v1.27 and later select by a prefixed key",
        "Selector: controller-uid=",
        "Selector: batch.kubernetes.io/controller-uid=",
    ),
    (
        "durations are told from ages by the recorder alone",
        "Duration: <dur>",
        "Duration: <age>",
    ),
    (
        "v1.23 and later count a Job's active and ready Pods",
        "Pods Statuses: 0 Running /",
        "Pods Statuses: 0 Active (0 Ready) /",
    ),
    (
        "v1.30 and later show a Job's status",
        "NAME COMPLETIONS DURATION AGE",
        "NAME STATUS COMPLETIONS DURATION AGE",
    ),
    (
        "v1.30 and later show a Job's status",
        "job.batch/batch 5/5",
        "job.batch/batch Complete 5/5",
    ),
    (
        "v1.30 and later show a Job's status",
        "batch 5/5",
        "batch Complete 5/5",
    ),
    (
        "Endpoints made by hand get no slice here yet: there is no mirroring controller",
        "Endpoints: <ip>:80,<ip>:80",
        "Endpoints: <none>",
    ),
    (
        "since v1.31 a Service whose slices hold no ready endpoint shows nothing",
        "Endpoints: <none>",
        "Endpoints:",
    ),
    (
        "ports of Endpoints stand in the order of their hashes upstream, in that of the Service here",
        "balanced <ip>:8443,<ip>:8443,<ip>:8443",
        "balanced <ip>:8080,<ip>:8080,<ip>:8080",
    ),
    (
        "ports of Endpoints stand in the order of their hashes upstream, in that of the Service here",
        "balanced <ip>:8443,<ip>:8080",
        "balanced <ip>:8080,<ip>:8443",
    ),
];

/// Steps whose state was recorded before it had come to rest, with the seconds they take here.
const UNSETTLED: &[(&str, u64)] = &[("book-deployment/01-deploy", 8)];

/// What is not compared at all.
const SKIPPED: &[(&str, &str)] = &[
    (
        "kubectl get events",
        "how long everything takes is not to be trusted, so neither is the order of events",
    ),
    ("kubectl get nodes", "they are other nodes"),
    (
        "statefulset-ordered kubectl describe services",
        "v1.20's empty slice for IPv6 hid the addresses of the other one",
    ),
    (
        "kubectl describe configmaps",
        "namespaces hold no root certificate here yet",
    ),
    (
        "kubectl describe endpoints",
        "ports of Endpoints stand in the order of their hashes upstream, in that of the Service here",
    ),
    (
        "kubectl describe endpointslices",
        "Endpoints made by hand get no slice here yet, and v1.20 made one more for IPv6",
    ),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/golden/scenarios")
}

struct Step {
    name: String,
    recorded: Value,
    settle: u64,
}

fn steps(scenario: &Path) -> Vec<Step> {
    let entries = std::fs::read_dir(scenario).expect("the scenario can be read");
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "json"));
    files.sort();
    let step = |path: PathBuf| {
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path).expect("a recording is text");
        let script = scenario.join(format!("steps/{name}.cmd"));
        let script = std::fs::read_to_string(script).unwrap_or_default();
        let settle = script
            .lines()
            .find_map(|line| line.strip_prefix("# settle: ")?.parse().ok());
        Step {
            name,
            recorded: serde_json::from_str(&text).expect("a recording is JSON"),
            settle: settle.unwrap_or(45),
        }
    };
    files.into_iter().map(step).collect()
}

/// Compares one printed text; answers what differs.
fn differences(place: &str, command: &str, recorded: &str, seen: &str) -> Option<String> {
    let (recorded, seen) = (
        plain::recorded(command, recorded),
        plain::ours(command, seen),
    );
    (recorded != seen).then(|| {
        let lines = diff::lines(&recorded, &seen);
        let changed: String = lines
            .lines()
            .filter(|line| !line.starts_with("    "))
            .map(|line| format!("{line}\n"))
            .collect();
        format!("{place}: {command}\n{changed}")
    })
}

/// Replays a scenario; answers how many texts were compared, and what differs.
fn replay(scenario: &str) -> (u32, Vec<String>) {
    let folder = folder().join(scenario);
    let mut world = World::without_cloud(&folder.join("steps"));
    let (mut compared, mut wrong) = (0, Vec::new());
    for step in steps(&folder) {
        let place = format!("{scenario}/{}", step.name);
        for command in step.recorded["commands"].as_array().into_iter().flatten() {
            let line = command["command"].as_str().unwrap_or_default();
            let rephrased = REPHRASED.iter().find(|(_, theirs, _)| *theirs == line);
            let ours = rephrased.map_or(line, |(_, _, ours)| ours);
            // The recorded nodes had other names.
            let ours = world.expand(ours).replace(" node node-", " node worker-");
            let seen = world.kubectl(&ours, None, None);
            let recorded = command["stdout"].as_str().unwrap_or_default();
            wrong.extend(differences(&place, line, recorded, &seen));
            compared += 1;
        }
        let unsettled = UNSETTLED.iter().find(|(known, _)| *known == place);
        let settle = unsettled.map_or(step.settle, |(_, seconds)| *seconds);
        let until = world.cluster.now() + SimDuration::secs(settle);
        world.cluster.run_until(until);
        for (command, recorded) in step.recorded["printed_normalized"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let here = format!("{scenario} {command}");
            let skipped = |text: &str| command.starts_with(text) || here.starts_with(text);
            if SKIPPED.iter().any(|(text, _)| skipped(text)) {
                continue;
            }
            let seen = world.kubectl(command, None, None);
            let recorded = recorded.as_str().unwrap_or_default();
            wrong.extend(differences(&place, command, recorded, &seen));
            compared += 1;
        }
    }
    (compared, wrong)
}

#[test]
fn kubectl_prints_what_the_real_one_printed() {
    if !folder().is_dir() {
        eprintln!("SKIPPED: no recordings at {}", folder().display());
        return;
    }
    for exception in EXCEPTIONS {
        println!("not compared: {}", exception.why);
    }
    for (command, why) in SKIPPED {
        println!("not compared: {command}: {why}");
    }
    let (mut compared, mut wrong) = (0, Vec::new());
    for scenario in SCENARIOS {
        let (more, differ) = replay(scenario);
        compared += more;
        wrong.extend(differ);
    }
    assert!(compared > 400, "only {compared} texts were compared");
    assert!(
        wrong.is_empty(),
        "{} of {compared} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
