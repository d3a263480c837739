//! How long each step of a packet's way takes. Round numbers of a small cluster on one switch, the
//! same every time: they show proportions, they were not measured.

use crate::sim::SimDuration;

/// From the world outside to a node.
pub const OUTSIDE_TO_NODE: SimDuration = SimDuration::micros(1_000);
/// From a Pod to its node, or back: one virtual cable.
pub const POD_TO_NODE: SimDuration = SimDuration::micros(30);
/// From one node to another.
pub const NODE_TO_NODE: SimDuration = SimDuration::micros(250);
/// To walk a node's rules.
pub const RULES: SimDuration = SimDuration::micros(15);
/// Until a name server has its answer.
pub const NAME_SERVER: SimDuration = SimDuration::micros(200);
/// Until a program has its answer.
pub const PROGRAM: SimDuration = SimDuration::micros(1_500);
/// Until a client gives up a connection that nobody answers (`tcp_syn_retries` 6).
pub const CONNECT_TIMEOUT: SimDuration = SimDuration::secs(127);
/// Until a resolver gives up: five seconds, twice.
pub const RESOLVER_TIMEOUT: SimDuration = SimDuration::secs(10);
/// Until a node knows that nobody has an address on its own network.
pub const NO_NEIGHBOUR: SimDuration = SimDuration::secs(3);
