//! Where a packet goes: decided from the rules of the node it meets first, and from who has which
//! address. Changes nothing.
//!
//! Upstream: the chains that pkg/proxy/iptables/proxier.go writes, v1.36, and what a network plugin
//! that routes between nodes makes of an address. A rewritten source is always the node's own
//! address; which interface's it is differs from plugin to plugin.

use super::ipam;
use super::packet::Packet;
use super::proxy::{Backend, PortRules, Recent, Rules, Through};
use crate::sim::{SimRng, SimTime};
use std::net::Ipv4Addr;

/// A node as a packet meets it.
#[derive(Clone, Copy, Debug)]
pub struct NodeNet<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its own address.
    pub ip: Ipv4Addr,
    /// The first address of its Pods' range of 256.
    pub pods: Ipv4Addr,
    /// Whether it is switched on.
    pub running: bool,
    /// The rules that its kube-proxy has written.
    pub rules: &'a Rules,
    /// The clients that it remembers.
    pub recent: &'a Recent,
}

impl NodeNet<'_> {
    /// Whether `ip` is of the range of this node's Pods.
    pub fn has_pod_ip(&self, ip: Ipv4Addr) -> bool {
        ip.octets()[..3] == self.pods.octets()[..3]
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It reaches `ip:port` on the node with this index; its sender's address reads `source`.
    Deliver {
        /// The node's index.
        node: usize,
        /// The address it is for in the end.
        ip: Ipv4Addr,
        /// The port.
        port: u16,
        /// The sender's address as the receiver sees it.
        source: Ipv4Addr,
    },
    /// A rule refuses it: the Service has no endpoint at all.
    Rejected,
    /// A rule drops it: the policy is `Local`, and no endpoint is on this node.
    Dropped,
    /// A node on its way is switched off.
    NodeOff(usize),
    /// It is for an address inside that nobody has.
    Nobody,
    /// It leaves the cluster.
    Outside,
    /// It comes from outside and is for an address that exists only inside.
    Unroutable,
}

/// A packet's way.
#[derive(Clone, Debug)]
pub struct Route<'a> {
    /// The node whose rules it met; `None` where it never met a node.
    pub entry: Option<usize>,
    /// The rules that took it, and by which address.
    pub rules: Option<(&'a PortRules, Through)>,
    /// What was chosen among.
    pub candidates: &'a [Backend],
    /// Which of them was chosen.
    pub chosen: Option<usize>,
    /// Whether it was chosen because the client came before.
    pub sticky: bool,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// The node where `packet` meets its first rules: the sender's for a sender inside, the one whose
/// address it is sent to for one outside. `gateway` is the node to which the world outside sends
/// packets for external addresses.
fn entry(packet: &Packet, nodes: &[NodeNet<'_>], gateway: Option<usize>) -> Option<usize> {
    let inside = nodes
        .iter()
        .position(|node| node.ip == packet.from || node.has_pod_ip(packet.from));
    let addressed = || nodes.iter().position(|node| node.ip == packet.to);
    inside.or_else(addressed).or(gateway)
}

/// Decides where `packet` goes. `gateway` is the node that the world outside sends packets for
/// external addresses of Services to.
pub fn route<'a>(
    packet: &Packet,
    nodes: &[NodeNet<'a>],
    gateway: Option<usize>,
    now: SimTime,
    rng: &mut SimRng,
) -> Route<'a> {
    let mut route = Route {
        entry: entry(packet, nodes, gateway),
        rules: None,
        candidates: &[],
        chosen: None,
        sticky: false,
        verdict: Verdict::Unroutable,
    };
    let Some(at) = route.entry else {
        return route;
    };
    let node = &nodes[at];
    if !node.running {
        route.verdict = Verdict::NodeOff(at);
        return route;
    }
    // A node's own rules see packets for the node they are on; a packet for another node's address
    // meets that node's rules when it gets there.
    let found = node
        .rules
        .find(node.ip, packet.to, packet.protocol, packet.port);
    if let Some((rules, through)) = found {
        route.rules = Some((rules, through));
        choose(packet, node, rules, through, now, rng, &mut route);
        let chosen = route.chosen.map(|index| route.candidates[index]);
        if let Some(backend) = chosen {
            let source = source(packet, nodes, at, rules, through, &backend);
            route.verdict = deliver(backend.ip, backend.port, source, nodes);
        }
        return route;
    }
    if let Some(other) = nodes.iter().position(|other| other.ip == packet.to)
        && other != at
        && nodes[at].ip != packet.from
        && node.has_pod_ip(packet.from)
    {
        return pod_to_node(packet, nodes, other, now, rng, route);
    }
    route.verdict = if node.rules.is_service_ip(packet.to) {
        // A virtual address takes no packets but those of its ports; nothing answers.
        Verdict::Dropped
    } else if !from_inside(packet, nodes) && !nodes.iter().any(|node| node.ip == packet.to) {
        Verdict::Unroutable
    } else {
        deliver(packet.to, packet.port, packet.from, nodes)
    };
    route
}

/// A Pod's packet for another node's address leaves its own node under that node's address and
/// meets the other node's rules there.
fn pod_to_node<'a>(
    packet: &Packet,
    nodes: &[NodeNet<'a>],
    other: usize,
    now: SimTime,
    rng: &mut SimRng,
    mut route: Route<'a>,
) -> Route<'a> {
    let packet = &Packet {
        from: route.entry.map_or(packet.from, |own| nodes[own].ip),
        ..*packet
    };
    let node = &nodes[other];
    route.entry = Some(other);
    if !node.running {
        route.verdict = Verdict::NodeOff(other);
        return route;
    }
    let Some((rules, through)) = node
        .rules
        .find(node.ip, packet.to, packet.protocol, packet.port)
    else {
        route.verdict = deliver(packet.to, packet.port, packet.from, nodes);
        return route;
    };
    route.rules = Some((rules, through));
    choose(packet, node, rules, through, now, rng, &mut route);
    if let Some(backend) = route.chosen.map(|index| route.candidates[index]) {
        let source = source(packet, nodes, other, rules, through, &backend);
        route.verdict = deliver(backend.ip, backend.port, source, nodes);
    }
    route
}

fn from_inside(packet: &Packet, nodes: &[NodeNet<'_>]) -> bool {
    nodes
        .iter()
        .any(|node| node.ip == packet.from || node.has_pod_ip(packet.from))
}

/// Picks the endpoint: the one that the client stays with, or any with the same chance.
fn choose<'a>(
    packet: &Packet,
    node: &NodeNet<'a>,
    rules: &'a PortRules,
    through: Through,
    now: SimTime,
    rng: &mut SimRng,
    route: &mut Route<'a>,
) {
    // Any Pod, and the node itself, may go round the external policy `Local`.
    let inside = node.ip == packet.from || ipam::PODS.contains(packet.from);
    let local = match through {
        Through::ClusterIp => rules.internal_local,
        Through::NodePort | Through::External => rules.external_local && !inside,
    };
    route.candidates = if local { &rules.local } else { &rules.cluster };
    if route.candidates.is_empty() {
        route.verdict = if rules.has_any {
            Verdict::Dropped
        } else {
            Verdict::Rejected
        };
        return;
    }
    let stays = node
        .recent
        .endpoint(rules, route.candidates, packet.from, now);
    route.sticky = stays.is_some();
    route.chosen = stays.or_else(|| usize::try_from(rng.below(route.candidates.len() as u64)).ok());
}

/// The sender's address as the endpoint sees it: the node's own where the answer could not find its
/// way back otherwise.
fn source(
    packet: &Packet,
    nodes: &[NodeNet<'_>],
    at: usize,
    rules: &PortRules,
    through: Through,
    backend: &Backend,
) -> Ipv4Addr {
    let node = &nodes[at];
    let pod = ipam::PODS.contains(packet.from);
    let hairpin = backend.ip == packet.from;
    let masquerade = match through {
        Through::ClusterIp => !pod,
        Through::NodePort | Through::External => {
            let own = node.ip == packet.from;
            !rules.external_local || own
        }
    };
    if hairpin || masquerade {
        node.ip
    } else {
        packet.from
    }
}

/// Takes a packet to whoever has `ip`.
fn deliver(ip: Ipv4Addr, port: u16, source: Ipv4Addr, nodes: &[NodeNet<'_>]) -> Verdict {
    let owner = nodes
        .iter()
        .position(|node| node.ip == ip || node.has_pod_ip(ip));
    match owner {
        None if ipam::PODS.contains(ip) || ipam::SERVICES.contains(ip) => Verdict::Dropped,
        None if ipam::NODES.contains(ip) => Verdict::Nobody,
        None => Verdict::Outside,
        Some(node) if !nodes[node].running => Verdict::NodeOff(node),
        Some(node) => Verdict::Deliver {
            node,
            ip,
            port,
            source,
        },
    }
}

#[cfg(test)]
mod tests;
