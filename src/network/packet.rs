//! A packet's way as a person sees it: hop by hop, with what each rule chose among.

use super::call::CallOutcome;
use super::http::HttpResponse;
use super::proxy::Protocol;
use crate::api::NamespacedName;
use crate::sim::SimDuration;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// How many hops a trace keeps.
pub const HOP_LIMIT: u32 = 64;

/// The first packet of a connection, or a question to a name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The sender's address.
    pub from: Ipv4Addr,
    /// Its destination.
    pub to: Ipv4Addr,
    /// The destination's port.
    pub port: u16,
    /// How it is carried.
    pub protocol: Protocol,
}

/// The sort of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Where it begins.
    Client,
    /// A name is asked for, or answered.
    Dns,
    /// An address of a Service is met.
    Service,
    /// A rule chooses an endpoint.
    Rule,
    /// It goes over to another node.
    Node,
    /// It reaches a Pod.
    Pod,
    /// It is answered.
    Answer,
    /// It ends without an answer.
    Error,
}

impl Stage {
    /// The word that the screen knows it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Dns => "dns",
            Self::Service => "service",
            Self::Rule => "rule",
            Self::Node => "node",
            Self::Pod => "pod",
            Self::Answer => "answer",
            Self::Error => "error",
        }
    }
}

/// Where a hop happens.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Spot {
    /// Nowhere in particular.
    #[default]
    None,
    /// In the world outside.
    Outside,
    /// On a node.
    Node(String),
    /// In a Pod.
    Pod(NamespacedName),
    /// At a Service, which is nowhere: its address stands in every node's rules.
    Service(NamespacedName),
}

/// An endpoint that a rule chose, might have chosen, or left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The Pod that has the address now.
    pub pod: Option<NamespacedName>,
    /// The node that the address belongs to.
    pub node: String,
    /// The address and port that the rule names.
    pub address: String,
    /// How likely it was, in ten-thousandths.
    pub chance: u32,
    /// Whether it was chosen.
    pub chosen: bool,
    /// Whether the rules hold it for ready.
    pub ready: bool,
    /// Why it has no chance; empty where it has one.
    pub reason: &'static str,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// Its sort.
    pub stage: Stage,
    /// Where it happens.
    pub spot: Spot,
    /// What happened.
    pub text: String,
    /// How long it took.
    pub latency: SimDuration,
    /// What a rule chose among.
    pub choices: Vec<Choice>,
}

impl Hop {
    /// A step that chose nothing.
    pub fn new(stage: Stage, spot: Spot, latency: SimDuration, text: impl Into<String>) -> Self {
        Self {
            stage,
            spot,
            text: text.into(),
            latency,
            choices: Vec::new(),
        }
    }
}

/// A request's whole way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PacketTrace {
    /// The steps, at most [`HOP_LIMIT`].
    pub hops: Vec<Hop>,
    /// The Pod that was reached.
    pub pod: Option<NamespacedName>,
    /// The node on which it was reached.
    pub node: Option<String>,
    /// The Service whose rules led there, and the endpoint's address.
    pub via: Option<(NamespacedName, Ipv4Addr)>,
    /// What became of it.
    pub outcome: CallOutcome,
    /// How long it took.
    pub took: SimDuration,
}

impl PacketTrace {
    /// What was answered.
    pub const fn response(&self) -> Option<&HttpResponse> {
        match &self.outcome {
            CallOutcome::Answered(response) => Some(response),
            _ => None,
        }
    }
}
