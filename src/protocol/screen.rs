//! What is on the screen.

use super::{LoadView, Place, RequestView};
use serde::{Deserialize, Serialize};

/// The clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Microseconds since the Unix epoch of the cluster's world.
    pub now: u64,
    /// The same as text.
    pub text: String,
    /// When the cluster began; the earliest moment to rewind to.
    pub start: u64,
    /// Whether time stands still.
    pub paused: bool,
    /// Thousandths of real time.
    pub speed: u32,
}

/// Whether what is done is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Storage {
    /// Not asked yet.
    #[default]
    Unknown,
    /// Everything is saved.
    Saved,
    /// Nothing can be saved, and why.
    MemoryOnly(String),
}

/// A part of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartView {
    /// Its name.
    pub name: String,
    /// What it does, for a newcomer.
    pub role: String,
    /// Whether it runs.
    pub running: bool,
}

/// A Pod on a node, or waiting for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodView {
    /// Where it is.
    pub at: Place,
    /// The word that kubectl shows as its status.
    pub status: String,
    /// `ready`, `busy`, `failing` or `ending`: what its shape shows.
    pub mood: String,
    /// How often its containers were started again.
    pub restarts: i32,
    /// Its address.
    pub ip: String,
    /// Its first container's image.
    pub image: String,
    /// Its controller's name.
    pub owner: String,
    /// Whether its readiness was made to fail.
    pub ready: bool,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// `control-plane` or `worker`.
    pub role: String,
    /// `Ready`, `NotReady` or `Off`.
    pub status: String,
    /// Whether it is switched on.
    pub on: bool,
    /// Thousandths of a CPU that its Pods asked for, of all it has.
    pub cpu: (i64, i64),
    /// Its Pods.
    pub pods: Vec<PodView>,
}

/// A revision of a Deployment: a ReplicaSet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionView {
    /// Its number.
    pub revision: i64,
    /// The ReplicaSet.
    pub name: String,
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
    /// Pods asked for.
    pub desired: i32,
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
    /// Whether it is paused.
    pub paused: bool,
    /// The Progressing condition's reason.
    pub progress: String,
    /// Its image.
    pub image: String,
    /// Its ReplicaSets, the newest first.
    pub revisions: Vec<RevisionView>,
}

/// An endpoint of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointView {
    /// The Pod.
    pub pod: String,
    /// Its node.
    pub node: String,
    /// Address and port.
    pub address: String,
    /// Whether it gets requests.
    pub ready: bool,
    /// Whether it could answer, though it may be ending.
    pub serving: bool,
    /// Whether its Pod is ending.
    pub terminating: bool,
    /// How many requests it has answered since the rules of its Service changed.
    pub hits: u32,
}

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceView {
    /// Where it is.
    pub at: Place,
    /// `ClusterIP`, `NodePort`, …
    pub kind: String,
    /// Its virtual address.
    pub cluster_ip: String,
    /// Its DNS name.
    pub dns: String,
    /// `80:30080/TCP`
    pub ports: String,
    /// Its selector, as text.
    pub selector: String,
    /// `ClusterIP: None`: it has no virtual address, its name stands for its Pods.
    pub headless: bool,
    /// What its name stands for, where that is outside the cluster.
    pub external_name: String,
    /// Addresses from outside that lead to it: a load balancer's, or given by hand.
    pub external_ips: Vec<String>,
    /// Whether a client stays with its endpoint (`sessionAffinity: ClientIP`).
    pub sticky: bool,
    /// `externalTrafficPolicy: Local`: from outside only to Pods of the same node.
    pub local_outside: bool,
    /// `internalTrafficPolicy: Local`: from inside only to Pods of the same node.
    pub local_inside: bool,
    /// Its endpoints.
    pub endpoints: Vec<EndpointView>,
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// When it last happened, as text.
    pub at: String,
    /// Whether it is a warning.
    pub warning: bool,
    /// Its reason.
    pub reason: String,
    /// What it is about.
    pub object: String,
    /// Its message.
    pub message: String,
    /// How often it happened.
    pub count: i32,
}

/// A write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceView {
    /// When, as text.
    pub at: String,
    /// Who.
    pub actor: String,
    /// `Added`, `Modified` or `Deleted`.
    pub verb: String,
    /// Which object.
    pub object: String,
    /// The revision it made.
    pub revision: u64,
    /// The revision that made the actor write; 0 for none.
    pub cause: u64,
}

/// Everything on the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// The clock.
    pub clock: Clock,
    /// Whether what is done is kept.
    pub storage: Storage,
    /// The store's revision.
    pub revision: u64,
    /// The control plane.
    pub parts: Vec<PartView>,
    /// The nodes.
    pub nodes: Vec<NodeView>,
    /// Pods without a node.
    pub waiting: Vec<PodView>,
    /// The Deployments.
    pub rollouts: Vec<RolloutView>,
    /// The Services.
    pub services: Vec<ServiceView>,
    /// The last request.
    pub request: Option<RequestView>,
    /// The steady loads.
    pub loads: Vec<LoadView>,
    /// The latest events, the newest first.
    pub events: Vec<EventView>,
    /// The latest writes, the newest first.
    pub trace: Vec<TraceView>,
    /// The log of the Pod selected.
    pub log: Vec<String>,
}
