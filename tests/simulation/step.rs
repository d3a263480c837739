//! What may be done to a cluster in a simulated run: commands, faults, waiting.

use crate::jobs::Work;
use kubarium::api::Kind;
use kubarium::apiserver::Propagation;
use kubarium::cluster::Part;
use kubarium::sim::SimRng;
use std::fmt;

/// The namespaces that runs use.
pub const NAMESPACES: [&str; 2] = ["default", "blue"];
const NAMES: [&str; 2] = ["web", "api"];
const GOOD: [&str; 3] = ["nginx:1.25", "nginx:1.27", "nigelpoulton/k8sbook:1.0"];
const BAD: &str = "nginx:none";
/// (maxSurge, maxUnavailable) as manifests write them.
const BUDGETS: [(&str, &str); 5] = [
    ("1", "1"),
    ("0", "1"),
    ("1", "0"),
    ("\"25%\"", "\"25%\""),
    ("2", "\"50%\""),
];

/// A namespace and a name.
#[derive(Clone, Debug, PartialEq)]
pub struct At(pub &'static str, pub &'static str);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-n {} {}", self.0, self.1)
    }
}

/// What can be said of a Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    pub replicas: u32,
    pub image: &'static str,
    pub surge: &'static str,
    pub unavailable: &'static str,
    pub recreate: bool,
    pub min_ready: u32,
    pub cpu_milli: u32,
    pub grace: u32,
}

/// What can be said of a DaemonSet or a StatefulSet.
#[derive(Clone, Debug, PartialEq)]
pub struct SetShape {
    /// Whether it is a DaemonSet.
    pub daemon: bool,
    pub replicas: u32,
    pub image: &'static str,
    /// `Parallel` for a StatefulSet, a surge for a DaemonSet.
    pub bold: bool,
    pub on_delete: bool,
    /// A StatefulSet's partition.
    pub partition: u32,
    pub start: u32,
    pub min_ready: u32,
    pub grace: u32,
}

impl SetShape {
    /// What it is.
    pub fn kind(&self) -> Kind {
        if self.daemon {
            Kind::DaemonSet
        } else {
            Kind::StatefulSet
        }
    }
}

/// One thing that is done. Pods are meant by their place in the list of all Pods, so that a step
/// means something whatever came before it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Wait(u64),
    Deploy(At, Shape),
    Set(At, SetShape),
    ScaleSet(At, i32),
    UndoSet(At, bool),
    DeleteSet(At, bool, Propagation),
    Expose(At, bool),
    BarePod(At),
    Job(At, Work),
    Suspend(At, bool),
    DeleteJob(At, Propagation),
    Scale(At, i32),
    SetImage(At, &'static str),
    Pause(At, bool),
    Undo(At),
    Restart(At),
    DeleteDeployment(At, Propagation),
    DeleteReplicaSets(At, Propagation),
    DeletePod(u64, Option<i64>),
    DeleteService(At),
    DeleteNamespace,
    CreateNamespace,
    Relabel(u64),
    Crash(u64, i32),
    Readiness(u64, bool),
    Cordon(u64, bool),
    Node(u64, bool),
    Part(Part, bool),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Wait(millis) => write!(f, "advance {millis}ms"),
            Step::Deploy(at, s) => {
                let Shape {
                    replicas,
                    image,
                    surge,
                    unavailable,
                    min_ready,
                    cpu_milli,
                    grace,
                    ..
                } = s;
                write!(
                    f,
                    "deploy {at} --replicas={replicas} --image={image} surge={surge} unavailable={unavailable} minReady={min_ready} cpu={cpu_milli}m grace={grace}{}",
                    if s.recreate { " Recreate" } else { "" }
                )
            }
            Step::Set(at, s) => write!(f, "apply {at} {s:?}"),
            Step::ScaleSet(at, n) => write!(f, "scale statefulset {at} --replicas={n}"),
            Step::UndoSet(at, daemon) => write!(f, "rollout undo {at} daemon={daemon}"),
            Step::DeleteSet(at, daemon, how) => {
                write!(f, "delete set {at} daemon={daemon} {how:?}")
            }
            Step::Expose(at, node_port) => write!(f, "expose {at} nodePort={node_port}"),
            Step::BarePod(at) => write!(f, "run {at}"),
            Step::Job(at, work) => write!(f, "create job {at} {work:?}"),
            Step::Suspend(at, on) => write!(f, "suspend job {at} {on}"),
            Step::DeleteJob(at, how) => write!(f, "delete job {at} {how:?}"),
            Step::Scale(at, n) => write!(f, "scale {at} --replicas={n}"),
            Step::SetImage(at, image) => write!(f, "set image {at} *={image}"),
            Step::Pause(at, true) => write!(f, "rollout pause {at}"),
            Step::Pause(at, false) => write!(f, "rollout resume {at}"),
            Step::Undo(at) => write!(f, "rollout undo {at}"),
            Step::Restart(at) => write!(f, "rollout restart {at}"),
            Step::DeleteDeployment(at, how) => write!(f, "delete deployment {at} {how:?}"),
            Step::DeleteReplicaSets(at, how) => write!(f, "delete replicasets {at} {how:?}"),
            Step::DeletePod(nth, grace) => write!(f, "delete pod #{nth} grace={grace:?}"),
            Step::DeleteService(at) => write!(f, "delete service {at}"),
            Step::DeleteNamespace => f.write_str("delete namespace blue"),
            Step::CreateNamespace => f.write_str("create namespace blue"),
            Step::Relabel(nth) => write!(f, "label pod #{nth} app=other"),
            Step::Crash(nth, code) => write!(f, "fault crash #{nth} code={code}"),
            Step::Readiness(nth, broken) => write!(f, "fault readiness #{nth} broken={broken}"),
            Step::Cordon(nth, on) => write!(f, "cordon worker #{nth} {on}"),
            Step::Node(nth, on) => write!(f, "fault node #{nth} on={on}"),
            Step::Part(part, on) => write!(f, "fault {part} on={on}"),
        }
    }
}

fn pick<T: Copy>(rng: &mut SimRng, all: &[T]) -> T {
    all[rng.below(all.len() as u64) as usize]
}

fn at(rng: &mut SimRng) -> At {
    // Mostly one and the same Deployment: things that happen to one are what is hard.
    match rng.below(3) {
        0 => At(pick(rng, &NAMESPACES), pick(rng, &NAMES)),
        _ => At("default", "web"),
    }
}

fn shape(rng: &mut SimRng) -> Shape {
    let (surge, unavailable) = pick(rng, &BUDGETS);
    Shape {
        replicas: rng.below(7) as u32,
        image: if rng.below(8) == 0 {
            BAD
        } else {
            pick(rng, &GOOD)
        },
        surge,
        unavailable,
        recreate: rng.below(8) == 0,
        min_ready: pick(rng, &[0, 0, 2, 10]),
        cpu_milli: pick(rng, &[0, 50, 100, 400]),
        grace: pick(rng, &[0, 1, 5, 30]),
    }
}

fn set_shape(rng: &mut SimRng) -> SetShape {
    SetShape {
        daemon: rng.below(2) == 0,
        replicas: rng.below(5) as u32,
        image: if rng.below(8) == 0 {
            BAD
        } else {
            pick(rng, &GOOD)
        },
        bold: rng.below(3) == 0,
        on_delete: rng.below(6) == 0,
        partition: pick(rng, &[0, 0, 0, 2]),
        start: pick(rng, &[0, 0, 0, 3]),
        min_ready: pick(rng, &[0, 0, 2, 10]),
        grace: pick(rng, &[0, 1, 5, 30]),
    }
}

fn propagation(rng: &mut SimRng) -> Propagation {
    pick(
        rng,
        &[
            Propagation::Background,
            Propagation::Foreground,
            Propagation::Orphan,
        ],
    )
}

fn work(rng: &mut SimRng) -> Work {
    Work {
        completions: rng.below(6) as u32,
        parallelism: rng.below(4) as u32,
        indexed: rng.below(2) == 0,
        seconds: pick(rng, &[0, 1, 5, 20]),
        code: pick(rng, &[0, 0, 0, 1]),
        limit: rng.below(3) as u32,
        policy: pick(rng, &["Never", "OnFailure"]),
        ttl: pick(rng, &[None, None, Some(30)]),
    }
}

fn wait(rng: &mut SimRng) -> Step {
    // In the middle of things, after a while, after everything has come to rest.
    let most = pick(rng, &[50, 1_000, 5_000, 30_000, 120_000]);
    Step::Wait(1 + rng.below(most))
}

fn command(rng: &mut SimRng) -> Step {
    let at = at(rng);
    match rng.below(37) {
        0..=5 => Step::Deploy(at, shape(rng)),
        6 => Step::Expose(at, rng.below(2) == 0),
        7 => Step::BarePod(at),
        8..=10 => Step::Scale(at, rng.below(8) as i32),
        11 | 12 => Step::SetImage(at, pick(rng, &GOOD)),
        13 => Step::SetImage(at, BAD),
        14 => Step::Pause(at, true),
        15 => Step::Pause(at, false),
        16 => Step::Undo(at),
        17 => Step::Restart(at),
        18 => Step::DeleteDeployment(at, propagation(rng)),
        19 => Step::DeleteReplicaSets(at, propagation(rng)),
        20 => Step::DeletePod(rng.below(20), pick(rng, &[None, None, Some(0), Some(2)])),
        21 => Step::DeleteService(at),
        22 => Step::DeleteNamespace,
        23..=25 => Step::Job(at, work(rng)),
        26 => Step::Suspend(at, rng.below(3) == 0),
        27 => Step::DeleteJob(at, propagation(rng)),
        28..=32 => Step::Set(at, set_shape(rng)),
        33 => Step::ScaleSet(at, rng.below(6) as i32),
        34 => Step::UndoSet(at, rng.below(2) == 0),
        35 => Step::DeleteSet(at, rng.below(2) == 0, propagation(rng)),
        _ => Step::Relabel(rng.below(20)),
    }
}

fn fault(rng: &mut SimRng) -> Step {
    let part = pick(rng, &Part::ALL);
    match rng.below(14) {
        0..=2 => Step::Crash(rng.below(20), pick(rng, &[0, 1, 137])),
        3 | 4 => Step::Readiness(rng.below(20), true),
        5 => Step::Readiness(rng.below(20), false),
        6 => Step::Cordon(rng.below(3), rng.below(2) == 0),
        7 => Step::Node(rng.below(3), false),
        8 | 9 => Step::Node(rng.below(3), true),
        10 | 11 => Step::Part(part, false),
        _ => Step::Part(part, true),
    }
}

/// A run's steps: `count` commands and faults with waiting between them.
pub fn random(rng: &mut SimRng, count: u64, faults: bool) -> Vec<Step> {
    let mut steps = vec![
        Step::CreateNamespace,
        Step::Expose(At("default", "web"), true),
    ];
    steps.push(Step::Deploy(At("default", "web"), shape(rng)));
    for _ in 0..count {
        if rng.below(3) > 0 {
            steps.push(wait(rng));
        }
        steps.push(match faults && rng.below(5) < 2 {
            true => fault(rng),
            false => command(rng),
        });
        if matches!(steps.last(), Some(Step::DeleteNamespace)) {
            steps.push(wait(rng));
            steps.push(Step::CreateNamespace);
        }
    }
    steps
}
