//! A Deployment and its rollout, and what was chosen on the stage.

use super::{Place, Spot, TraceView};
use serde::{Deserialize, Serialize};

/// A condition of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionView {
    /// Its type.
    pub name: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// Since when, as text.
    pub since: String,
}

/// A revision of a Deployment: a ReplicaSet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionView {
    /// Its number.
    pub revision: i64,
    /// The ReplicaSet.
    pub name: String,
    /// Whether it is the one that the Deployment asks for now.
    pub present: bool,
    /// Its first container's image.
    pub image: String,
    /// Pods asked for.
    pub desired: i32,
    /// Pods that are there.
    pub current: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// Pods that are available.
    pub available: i32,
    /// Why it was made, where somebody said so.
    pub cause: String,
}

/// A Deployment and its rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutView {
    /// Where it is.
    pub at: Place,
    /// `Complete`, `Rolling out`, `Scaling`, `Paused`, `Stalled`: the word for how it goes.
    pub state: String,
    /// What `kubectl rollout status` says.
    pub status: String,
    /// Why it does not get on, where it does not, in short and in full; the clearest reason first.
    pub troubles: Vec<(String, String)>,
    /// `RollingUpdate` or `Recreate`.
    pub strategy: String,
    /// Pods asked for.
    pub desired: i32,
    /// Pods that are there, of every revision.
    pub current: i32,
    /// Pods of the present template.
    pub updated: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// Pods that are available.
    pub available: i32,
    /// How many Pods over `desired` there may be.
    pub max_surge: i32,
    /// How many Pods may be unavailable.
    pub max_unavailable: i32,
    /// How long a Pod has to be ready before it counts as available, in seconds.
    pub min_ready_seconds: i32,
    /// After how many seconds without progress it counts as stalled.
    pub deadline_seconds: i32,
    /// Whether it is paused.
    pub paused: bool,
    /// Its conditions.
    pub conditions: Vec<ConditionView>,
    /// Its image.
    pub image: String,
    /// Its first container's name.
    pub container: String,
    /// Its ReplicaSets, the newest first.
    pub revisions: Vec<RevisionView>,
}

/// An object that runs Pods, or a Pod, with what it owns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedView {
    /// Its kind.
    pub kind: String,
    /// Where it is.
    pub at: Place,
    /// What kubectl's columns say of it: their headings and cells.
    pub facts: Vec<(String, String)>,
    /// `ready`, `busy`, `failing` or `ending`: how its Pods are, the one that needs most attention first.
    pub mood: String,
    /// Its conditions; a Pod's are not among them.
    pub conditions: Vec<ConditionView>,
    /// What it owns.
    pub children: Vec<OwnedView>,
    /// How many more it owns.
    pub more: u32,
}

/// A container of the Pod chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerView {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// `Running`, or the reason for which it waits or has ended.
    pub state: String,
    /// More about that: a message, an exit code.
    pub note: String,
    /// Whether it is ready.
    pub ready: bool,
    /// How often it was started again.
    pub restarts: i32,
}

/// The Pod, node or part chosen on the stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailView {
    /// What was chosen.
    pub spot: Spot,
    /// Whether it is gone.
    pub gone: bool,
    /// Name and value of what is worth knowing, in order.
    pub facts: Vec<(String, String)>,
    /// A Pod's containers.
    pub containers: Vec<ContainerView>,
    /// Its conditions.
    pub conditions: Vec<ConditionView>,
    /// Why the scheduler finds no node for it, or why the one it has; one line per node.
    pub verdicts: Vec<String>,
    /// The latest lines of its log.
    pub log: Vec<String>,
    /// The writes that led to it, the first cause first, then its own.
    pub chain: Vec<TraceView>,
    /// Whether somebody made its readiness fail.
    pub broken: bool,
    /// Whether it runs: a node or part that is on, a Pod with a running container.
    pub on: bool,
    /// Whether no new Pods come to it, as it is cordoned.
    pub cordoned: bool,
}
