//! What travels through the cluster: a request hop by hop, and a steady load.

use super::Place;
use serde::{Deserialize, Serialize};

/// Where a hop happens, so that it can be drawn there.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    /// `outside`, `node`, `pod`, `service` or `part` (of the control plane); empty where it is
    /// nowhere in particular.
    pub kind: String,
    /// Which one; a node has no namespace.
    pub at: Place,
}

impl Spot {
    /// The spot of this kind and name; all but Pods and Services stand in no namespace.
    pub fn named(kind: &str, namespace: &str, name: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            at: Place {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            },
        }
    }

    /// The spot of a Pod.
    pub fn pod(at: &Place) -> Self {
        Self::named("pod", &at.namespace, &at.name)
    }

    /// Whether it is of this kind.
    pub fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    /// What the stage marks the place with where it is drawn: `pod/default/web`.
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.kind, self.at.namespace, self.at.name)
    }
}

/// An endpoint that a rule chooses among, or leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceView {
    /// The Pod; without a name where the endpoint is no Pod.
    pub pod: Place,
    /// Its node.
    pub node: String,
    /// Address and port.
    pub address: String,
    /// How likely it was to be chosen, in ten-thousandths.
    pub chance: u32,
    /// Whether it was chosen.
    pub chosen: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// Why it has no chance: `not ready`, `on another node`, …; empty where it has one.
    pub reason: String,
}

/// One step of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopView {
    /// The sort of step: `client`, `dns`, `service`, `rule`, `pod`, `answer` or `error`.
    pub stage: String,
    /// Where it happens.
    pub spot: Spot,
    /// What happened.
    pub text: String,
    /// How long it took, in microseconds.
    pub latency: u32,
    /// For a `rule`: what it chose among.
    pub choices: Vec<ChoiceView>,
}

/// The last request that a person sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestView {
    /// Counts the requests, so that a new one is told from the last one shown.
    pub id: u32,
    /// The Service; without a name where it was sent elsewhere.
    pub to: Place,
    /// Where it was sent, as it would stand on a command line: `http://web:8080/`.
    pub url: String,
    /// The steps.
    pub hops: Vec<HopView>,
    /// Whether a server answered, whatever its status.
    pub answered: bool,
    /// The HTTP status; 0 where nobody answered.
    pub status: u16,
    /// What was answered.
    pub body: String,
}

/// One request of a load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketView {
    /// Where it comes from: a node that it enters at from outside, or a Pod.
    pub from: Spot,
    /// The node it entered the cluster's network at, or its Pod's node.
    pub node: String,
    /// The Pod it reached; without a name where it reached none.
    pub pod: Place,
    /// The node of that Pod.
    pub to_node: String,
    /// Whether it was answered with a status below 500.
    pub ok: bool,
}

/// What a load counts for one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadCountView {
    /// The Pod.
    pub pod: Place,
    /// Its node.
    pub node: String,
    /// Requests it answered with a status below 500.
    pub answered: u64,
    /// Requests it answered with an error, or did not answer.
    pub failed: u64,
}

/// What a load counts for one sort of failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureView {
    /// `connection refused`, `timed out`, `HTTP 500`, …
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// A steady load on a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadView {
    /// The Service.
    pub to: Place,
    /// A node that it enters at from outside, or a Pod.
    pub from: Spot,
    /// The path.
    pub path: String,
    /// Requests per second.
    pub per_second: u32,
    /// Requests sent.
    pub sent: u64,
    /// Of those, answered with a status below 500.
    pub answered: u64,
    /// What went wrong with the others.
    pub failures: Vec<FailureView>,
    /// By endpoint.
    pub endpoints: Vec<LoadCountView>,
}

/// A port of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortView {
    /// Its name; empty where it needs none.
    pub name: String,
    /// The port of the virtual address.
    pub port: i32,
    /// The Pods' port, a number or a name.
    pub target: String,
    /// The port of every node; 0 for none.
    pub node_port: i32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

/// An endpoint of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointView {
    /// The Pod; without a name where it is none.
    pub pod: Place,
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
    /// Its ports.
    pub ports: Vec<PortView>,
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
    /// Endpoints that are ready, of all.
    pub ready: (u32, u32),
    /// Its first endpoints, where this is the Service shown.
    pub endpoints: Vec<EndpointView>,
}
