//! From an address to an answer: sends the packet where the rules lead it, lets the Pod answer.

use super::way::Way;
use super::{RequestOrigin, Target};
use crate::api::NamespacedName;
use crate::cluster::Cluster;
use crate::network::call::CallOutcome;
use crate::network::dns::ResolvConf;
use crate::network::packet::{Hop, Packet, Spot, Stage};
use crate::network::proxy::{Backend, Protocol};
use crate::network::route::{NodeNet, Route, Verdict, route};
use crate::network::{ipam, latency};
use crate::sim::{SimDuration, SimRng};
use std::net::Ipv4Addr;

/// Who sends.
pub struct Client {
    pub(super) ip: Ipv4Addr,
    pub(super) spot: Spot,
    pub(super) resolver: ResolvConf,
}

/// A packet that somebody's address took.
pub struct Arrival {
    pub(super) node: usize,
    pub(super) ip: Ipv4Addr,
    pub(super) port: u16,
    source: Ipv4Addr,
}

impl Cluster {
    /// The sender, as the network sees it.
    ///
    /// # Errors
    /// Why nothing can be sent from there.
    pub(super) fn client(&self, origin: &RequestOrigin, way: &mut Way) -> Result<Client, String> {
        let RequestOrigin::Pod(name) = origin else {
            way.pass(SimDuration::ZERO, || {
                let text = format!("from outside the cluster, {}", ipam::OUTSIDE_CLIENT);
                Hop::new(Stage::Client, Spot::Outside, SimDuration::ZERO, text)
            });
            return Ok(Client {
                ip: ipam::OUTSIDE_CLIENT,
                spot: Spot::Outside,
                resolver: ResolvConf::of_node(),
            });
        };
        let mut kubelets = self.kubelets.iter();
        let found = kubelets.find_map(|kubelet| Some((kubelet, kubelet.pod(name)?)));
        let Some((kubelet, (pod, ip))) = found else {
            return Err(format!("no node runs pod {}", name.name));
        };
        let node = &kubelet.config().name;
        if !kubelet.is_running() {
            return Err(format!(
                "{node} is switched off: nothing is sent from there"
            ));
        }
        let Some(ip) = ip.and_then(|ip| ip.parse().ok()) else {
            return Err(format!("pod {} has no address yet", name.name));
        };
        way.pass(SimDuration::ZERO, || {
            let text = format!("from pod {} on {node}, {ip}", name.name);
            Hop::new(
                Stage::Client,
                Spot::Pod(name.clone()),
                SimDuration::ZERO,
                text,
            )
        });
        Ok(Client {
            ip,
            spot: Spot::Pod(name.clone()),
            resolver: ResolvConf::of_pod(pod),
        })
    }

    /// Sends an HTTP request and lets whoever it reaches answer.
    pub(super) fn http(
        &mut self,
        client: &Client,
        mut target: Target,
        rng: &mut SimRng,
        way: &mut Way,
    ) -> CallOutcome {
        let to = match target.host.parse::<Ipv4Addr>() {
            Ok(ip) => ip,
            Err(_) => match self.address_of(client, &target.host, rng, way) {
                Ok(ip) => ip,
                Err(outcome) => return outcome,
            },
        };
        let packet = Packet {
            from: client.ip,
            to,
            port: target.port,
            protocol: Protocol::Tcp,
        };
        let address = format!("{to}:{}", target.port);
        let before = way.took;
        let arrival = match self.send(&packet, rng, way) {
            Ok(arrival) => arrival,
            Err(outcome) => return outcome,
        };
        target.request.client_ip = arrival.source.to_string();
        let (ip, there) = (arrival.ip.to_string(), way.took.saturating_sub(before));
        let now = self.now;
        let listener = self.kubelets.get(arrival.node).and_then(|kubelet| {
            kubelet
                .listener(&ip, arrival.port, now)
                .map(|listener| listener.pod.clone())
        });
        let kubelet = self.kubelets.get_mut(arrival.node);
        let answer = kubelet.and_then(|k| k.serve_http(&ip, arrival.port, &target.request, now));
        let Some(response) = answer else {
            way.pass(SimDuration::ZERO, || {
                let text = format!(
                    "connection refused: nothing listens on port {}",
                    arrival.port
                );
                Hop::new(Stage::Error, Spot::None, SimDuration::ZERO, text)
            });
            return CallOutcome::Refused { address };
        };
        way.pod = listener;
        if let Some((service, endpoint, entry)) = &way.via
            && let Some(proxy) = self.proxies.get_mut(*entry)
        {
            proxy.note_answer(service, *endpoint);
        }
        way.pass(latency::PROGRAM + there, || {
            let text = format!("{}: {}", response.status, response.body.trim_end());
            Hop::new(Stage::Answer, client.spot.clone(), SimDuration::ZERO, text)
        });
        CallOutcome::Answered(response)
    }

    /// The nodes as packets meet them.
    pub(super) fn node_nets(&self) -> Vec<NodeNet<'_>> {
        let address = |text: &str| text.parse().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let nodes = self.kubelets.iter().zip(&self.proxies);
        nodes
            .map(|(kubelet, proxy)| {
                let config = kubelet.config();
                NodeNet {
                    name: &config.name,
                    ip: address(&config.internal_ip),
                    pods: address(&format!("{}.0", config.pod_prefix)),
                    running: kubelet.is_running(),
                    rules: proxy.rules(),
                    recent: proxy.recent(),
                }
            })
            .collect()
    }

    /// The node to which the world outside sends packets for an external address: a running worker
    /// that, where the policy is `Local`, has an endpoint.
    fn gateway(&self, packet: &Packet, nodes: &[NodeNet<'_>], rng: &mut SimRng) -> Option<usize> {
        let external = packet.from == ipam::OUTSIDE_CLIENT;
        if !external || nodes.iter().any(|node| node.ip == packet.to) {
            return None;
        }
        let serves = |(index, node): &(usize, &NodeNet<'_>)| {
            let found = node
                .rules
                .find(node.ip, packet.to, packet.protocol, packet.port);
            let fits = found.is_some_and(|(rules, _)| {
                rules.cluster_ip != packet.to && (!rules.external_local || !rules.local.is_empty())
            });
            fits && node.running && (*index > 0 || nodes.len() == 1)
        };
        let fit: Vec<usize> = nodes
            .iter()
            .enumerate()
            .filter(serves)
            .map(|(at, _)| at)
            .collect();
        let nth = usize::try_from(rng.below(fit.len() as u64)).unwrap_or(0);
        fit.get(nth).copied()
    }

    /// Sends a packet to wherever the rules lead it.
    ///
    /// # Errors
    /// What the sender learns where nobody takes it.
    pub(super) fn send(
        &mut self,
        packet: &Packet,
        rng: &mut SimRng,
        way: &mut Way,
    ) -> Result<Arrival, CallOutcome> {
        let now = self.now;
        let nodes = self.node_nets();
        let gateway = self.gateway(packet, &nodes, rng);
        let route = route(packet, &nodes, gateway, now, rng);
        self.explain(packet, &route, &nodes, way);
        let verdict = route.verdict;
        let sticks = sticks(&route);
        if let Verdict::Deliver { node, .. } = verdict {
            way.node = Some(nodes[node].name.to_owned());
        }
        way.via = None;
        if let Some((entry, service, port, backend)) = sticks {
            way.via = Some((service.clone(), backend.ip, entry));
            if let (Some(port), Some(proxy)) = (port, self.proxies.get_mut(entry)) {
                proxy.note_client((&service, port), &backend, packet.from, now);
            }
        }
        self.arrive(packet, verdict, way)
    }

    fn arrive(
        &self,
        packet: &Packet,
        verdict: Verdict,
        way: &mut Way,
    ) -> Result<Arrival, CallOutcome> {
        let address = format!("{}:{}", packet.to, packet.port);
        let lost = |way: &mut Way| {
            way.took = way.took + latency::CONNECT_TIMEOUT;
            Err(CallOutcome::TimedOut {
                address: address.clone(),
            })
        };
        let unreachable = |way: &mut Way| {
            way.took = way.took + latency::NO_NEIGHBOUR;
            let address = packet.to.to_string();
            Err(CallOutcome::Unreachable { address })
        };
        match verdict {
            Verdict::Rejected => Err(CallOutcome::Refused { address }),
            Verdict::Dropped | Verdict::NodeOff(_) | Verdict::Unroutable => lost(way),
            Verdict::Nobody => unreachable(way),
            Verdict::Outside => Err(CallOutcome::Outside {
                host: packet.to.to_string(),
            }),
            Verdict::Deliver {
                node,
                ip,
                port,
                source,
            } => {
                let kubelet = self.kubelets.get(node);
                let own = kubelet.is_some_and(|k| k.config().internal_ip == ip.to_string());
                let pod = kubelet.and_then(|kubelet| kubelet.pod_at(&ip.to_string()));
                if pod.is_none() && !own {
                    way.pass(SimDuration::ZERO, || {
                        let text = format!("no route to host: no Pod has {ip} (any more)");
                        Hop::new(Stage::Error, Spot::None, SimDuration::ZERO, text)
                    });
                    return unreachable(way);
                }
                way.pod = pod.cloned();
                Ok(Arrival {
                    node,
                    ip,
                    port,
                    source,
                })
            }
        }
    }
}

/// The node of the rules, the Service, its port where clients stay with their endpoint, and the
/// endpoint chosen.
fn sticks(route: &Route<'_>) -> Option<(usize, NamespacedName, Option<u16>, Backend)> {
    let (rules, _) = route.rules?;
    let backend = *route.candidates.get(route.chosen?)?;
    let port = rules.affinity_seconds.map(|_| rules.port);
    Some((route.entry?, rules.service.clone(), port, backend))
}
