//! A packet's route in words, and what its rule chose among.

use super::way::Way;
use crate::cluster::Cluster;
use crate::network::latency;
use crate::network::packet::{Choice, Hop, Packet, Spot, Stage};
use crate::network::proxy::{Backend, PortRules, Through};
use crate::network::route::{NodeNet, Route, Verdict};
use crate::sim::SimDuration;

/// A certainty, in the unit of chances.
const CERTAIN: u32 = 10_000;

impl Cluster {
    /// Puts a packet's route into words.
    pub(super) fn explain(
        &self,
        packet: &Packet,
        route: &Route<'_>,
        nodes: &[NodeNet<'_>],
        way: &mut Way,
    ) {
        let Some(entry) = route.entry else {
            way.pass(SimDuration::ZERO, || error(unroutable(packet)));
            return;
        };
        let name = nodes[entry].name;
        let outside = packet.from == crate::network::ipam::OUTSIDE_CLIENT;
        if outside {
            way.pass(latency::OUTSIDE_TO_NODE, || {
                let text = format!("reaches {name} for {}:{}", packet.to, packet.port);
                hop(Stage::Node, Spot::Node(name.to_owned()), text)
            });
        } else {
            way.took = way.took + latency::POD_TO_NODE;
        }
        if let Some((rules, through)) = route.rules {
            self.explain_rules(packet, route, (rules, through), nodes, way);
        }
        match route.verdict {
            Verdict::Deliver {
                node,
                ip,
                port,
                source,
            } => {
                let over = node != entry;
                if over {
                    way.pass(latency::NODE_TO_NODE, || {
                        let text = format!("{name} sends it on to {}", nodes[node].name);
                        hop(Stage::Node, Spot::Node(nodes[node].name.to_owned()), text)
                    });
                }
                let pod = self
                    .kubelets
                    .get(node)
                    .and_then(|k| k.pod_at(&ip.to_string()))
                    .cloned();
                way.pass(latency::POD_TO_NODE, || {
                    let seen = match source == packet.from {
                        true => format!("the sender reads {source}"),
                        false => format!(
                            "the sender reads {source}, the node's own address (masquerade)"
                        ),
                    };
                    match pod {
                        Some(pod) => {
                            let text = format!("pod {} at {ip}:{port}; {seen}", pod.name);
                            hop(Stage::Pod, Spot::Pod(pod), text)
                        }
                        None => {
                            let at = nodes[node].name.to_owned();
                            hop(Stage::Node, Spot::Node(at), format!("{ip}:{port}; {seen}"))
                        }
                    }
                });
            }
            verdict => way.pass(SimDuration::ZERO, || error(why(packet, verdict, nodes))),
        }
    }

    fn explain_rules(
        &self,
        packet: &Packet,
        route: &Route<'_>,
        (rules, through): (&PortRules, Through),
        nodes: &[NodeNet<'_>],
        way: &mut Way,
    ) {
        let what = match through {
            Through::ClusterIp => "the virtual address",
            Through::NodePort => "the node port",
            Through::External => "an external address",
        };
        way.pass(SimDuration::ZERO, || {
            let text = format!(
                "{}:{} is {what} of {}",
                packet.to, packet.port, rules.service.name
            );
            hop(Stage::Service, Spot::Service(rules.service.clone()), text)
        });
        let Some(chosen) = route.chosen.and_then(|index| route.candidates.get(index)) else {
            way.took = way.took + latency::RULES;
            return;
        };
        let entry = route.entry.map_or("", |at| nodes[at].name);
        way.pass(latency::RULES, || {
            let all = route.candidates.len();
            let text = match route.sticky {
                true => format!(
                    "{entry}: the client stays with {}:{}",
                    chosen.ip, chosen.port
                ),
                false => format!(
                    "{entry}: endpoint {} of {all}, each with probability 1/{all}: {}:{}",
                    route.chosen.unwrap_or(0) + 1,
                    chosen.ip,
                    chosen.port
                ),
            };
            Hop {
                choices: rules
                    .all
                    .iter()
                    .map(|b| self.choice(b, route, chosen, nodes))
                    .collect(),
                ..hop(Stage::Rule, Spot::Node(entry.to_owned()), text)
            }
        });
    }

    fn choice(
        &self,
        backend: &Backend,
        route: &Route<'_>,
        chosen: &Backend,
        nodes: &[NodeNet<'_>],
    ) -> Choice {
        let all = u32::try_from(route.candidates.len())
            .unwrap_or(u32::MAX)
            .max(1);
        let in_play = route.candidates.contains(backend);
        let is_chosen = backend == chosen;
        let chance = match (in_play, route.sticky) {
            (false, _) => 0,
            (true, false) => CERTAIN / all,
            (true, true) => CERTAIN * u32::from(is_chosen),
        };
        let node = nodes
            .iter()
            .position(|n| n.ip == backend.ip || n.has_pod_ip(backend.ip));
        let pod = node.and_then(|at| self.kubelets.get(at)?.pod_at(&backend.ip.to_string()));
        Choice {
            pod: pod.cloned(),
            node: node.map_or(String::new(), |at| nodes[at].name.to_owned()),
            address: format!("{}:{}", backend.ip, backend.port),
            chance,
            chosen: is_chosen,
            ready: backend.ready,
            reason: match (in_play, chance) {
                (true, 0) => "the client stays with another",
                (true, _) => "",
                (false, _) if backend.ready => "on another node",
                (false, _) if backend.terminating => "ending",
                (false, _) => "not ready",
            },
        }
    }
}

fn hop(stage: Stage, spot: Spot, text: String) -> Hop {
    Hop::new(stage, spot, SimDuration::ZERO, text)
}

fn error(text: String) -> Hop {
    hop(Stage::Error, Spot::None, text)
}

fn unroutable(packet: &Packet) -> String {
    let to = packet.to;
    format!("{to} exists only inside the cluster: from outside the connection times out")
}

fn why(packet: &Packet, verdict: Verdict, nodes: &[NodeNet<'_>]) -> String {
    match verdict {
        Verdict::Rejected => {
            "no ready endpoint: the connection is refused (REJECT rule)".to_owned()
        }
        Verdict::Dropped if crate::network::ipam::PODS.contains(packet.to) => {
            format!("no node has {}: the connection times out", packet.to)
        }
        Verdict::Dropped => {
            "no endpoint on this node, or no such port: the packet is dropped, the connection times out"
                .to_owned()
        }
        Verdict::NodeOff(node) => {
            format!("{} does not answer: the connection times out", nodes[node].name)
        }
        Verdict::Nobody => format!("no route to host: nobody has {}", packet.to),
        Verdict::Unroutable => unroutable(packet),
        Verdict::Outside | Verdict::Deliver { .. } => {
            format!("{} belongs to the world outside, which is not simulated", packet.to)
        }
    }
}
