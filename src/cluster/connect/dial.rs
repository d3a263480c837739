//! From a name to an answer: asks CoreDNS, sends the packet, lets the Pod answer.

use super::way::Way;
use super::{RequestOrigin, Target};
use crate::api::NamespacedName;
use crate::cluster::Cluster;
use crate::network::call::{CallOutcome, DnsRecord, RecordType};
use crate::network::dns::{self, Rcode, Reply, ResolvConf};
use crate::network::packet::{Hop, Packet, Spot, Stage};
use crate::network::proxy::{Backend, Protocol};
use crate::network::route::{NodeNet, Route, Verdict, route};
use crate::network::{ipam, latency};
use crate::sim::{SimDuration, SimRng};
use std::net::Ipv4Addr;

/// Who sends.
pub struct Client {
    ip: Ipv4Addr,
    spot: Spot,
    resolver: ResolvConf,
}

/// A packet that somebody's address took.
pub struct Arrival {
    node: usize,
    ip: Ipv4Addr,
    port: u16,
    source: Ipv4Addr,
}

/// An answer of a name server.
pub struct Resolution {
    /// The name server.
    pub server: String,
    /// The name it was asked for last.
    pub name: String,
    /// What it said.
    pub reply: Reply,
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
        let arrival = match self.send(&packet, rng, way) {
            Ok(arrival) => arrival,
            Err(outcome) => return outcome,
        };
        target.request.client_ip = arrival.source.to_string();
        let (ip, there) = (arrival.ip.to_string(), way.took);
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

    /// The address that a name stands for, as the client's resolver finds it.
    fn address_of(
        &mut self,
        client: &Client,
        name: &str,
        rng: &mut SimRng,
        way: &mut Way,
    ) -> Result<Ipv4Addr, CallOutcome> {
        let found = self.resolve(client, name, RecordType::A, true, rng, way)?;
        let addresses: Vec<Ipv4Addr> = found.reply.addresses().collect();
        // CoreDNS mixes the order of its answers (`loadbalance`); a client takes the first.
        let nth = usize::try_from(rng.below(addresses.len() as u64)).unwrap_or(0);
        addresses.get(nth).copied().ok_or(CallOutcome::NoSuchName {
            server: found.server,
            name: found.name,
        })
    }

    /// Asks the client's name server, one name of the search list after the other.
    ///
    /// # Errors
    /// No name server answered, or the name exists nowhere, or only outside.
    pub(super) fn resolve(
        &mut self,
        client: &Client,
        name: &str,
        record: RecordType,
        search: bool,
        rng: &mut SimRng,
        way: &mut Way,
    ) -> Result<Resolution, CallOutcome> {
        let Some(server) = client.resolver.servers.first().cloned() else {
            way.pass(SimDuration::ZERO, || {
                dns_error("resolv.conf names no name server")
            });
            let reason = "no name server".to_owned();
            return Err(CallOutcome::NoNameServer {
                server: String::new(),
                reason,
            });
        };
        let mut last = name.to_owned();
        let mut told = way.is_told();
        for candidate in client.resolver.candidates(name, search) {
            let mut quiet = Way::new(false);
            let way_there = if std::mem::take(&mut told) {
                &mut *way
            } else {
                &mut quiet
            };
            let reply = self.ask(client, &server, &candidate, record, rng, way_there)?;
            way.took = way.took + quiet.took;
            way.pass(SimDuration::ZERO, || told_reply(&candidate, &reply));
            let found = match reply.rcode {
                Rcode::NxDomain => false,
                // An address is wanted: a name without one is as good as none.
                Rcode::NoError => !reply.records.is_empty() || !search,
                Rcode::Outside => return Err(CallOutcome::Outside { host: candidate }),
            };
            if found {
                let name = candidate;
                return Ok(Resolution {
                    server,
                    name,
                    reply,
                });
            }
            last = candidate;
        }
        way.pass(SimDuration::ZERO, || {
            dns_error(&format!("could not resolve {name}"))
        });
        Err(CallOutcome::NoSuchName { server, name: last })
    }

    /// One question to a name server.
    fn ask(
        &mut self,
        client: &Client,
        server: &str,
        name: &str,
        record: RecordType,
        rng: &mut SimRng,
        way: &mut Way,
    ) -> Result<Reply, CallOutcome> {
        way.pass(SimDuration::ZERO, || {
            let text = format!("asks the name server {server} for {name}");
            Hop::new(Stage::Dns, client.spot.clone(), SimDuration::ZERO, text)
        });
        let silent = |reason: &str| CallOutcome::NoNameServer {
            server: server.to_owned(),
            reason: reason.to_owned(),
        };
        let Ok(to) = server.parse::<Ipv4Addr>() else {
            return Err(silent("its address is not one"));
        };
        if ipam::NODES.contains(to) && self.node_nets().iter().all(|node| node.ip != to) {
            // The name server of the network outside knows nothing of the cluster.
            let rcode = match name.ends_with(dns::CLUSTER_DOMAIN) {
                true => Rcode::NxDomain,
                false => self.dns.answer(name, record).rcode,
            };
            return Ok(Reply {
                rcode,
                records: Vec::<DnsRecord>::new(),
            });
        }
        let packet = Packet {
            from: client.ip,
            to,
            port: dns::PORT,
            protocol: Protocol::Udp,
        };
        let arrival = self
            .send(&packet, rng, way)
            .map_err(|outcome| match outcome {
                CallOutcome::Refused { .. } => silent("connection refused"),
                _ => silent("timed out"),
            });
        let arrival = match arrival {
            Ok(arrival) => arrival,
            Err(outcome) => {
                if matches!(&outcome, CallOutcome::NoNameServer { reason, .. } if reason == "timed out")
                {
                    way.took = latency::RESOLVER_TIMEOUT;
                }
                return Err(outcome);
            }
        };
        let ip = arrival.ip.to_string();
        let listener = self
            .kubelets
            .get(arrival.node)
            .and_then(|kubelet| kubelet.listener(&ip, arrival.port, self.now));
        let Some(listener) = listener else {
            way.pass(SimDuration::ZERO, || {
                dns_error("nothing listens there: connection refused")
            });
            return Err(silent("connection refused"));
        };
        if !listener.image.contains("coredns") {
            way.took = latency::RESOLVER_TIMEOUT;
            way.pass(SimDuration::ZERO, || {
                dns_error("what listens there is no name server")
            });
            return Err(silent("timed out"));
        }
        way.took = way.took + way.took + latency::NAME_SERVER;
        Ok(self.dns.answer(name, record))
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
    fn send(
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

fn dns_error(text: &str) -> Hop {
    Hop::new(Stage::Error, Spot::None, SimDuration::ZERO, text)
}

fn told_reply(name: &str, reply: &Reply) -> Hop {
    let values: Vec<&str> = reply
        .records
        .iter()
        .map(|record| record.value.as_str())
        .collect();
    let text = match reply.rcode {
        Rcode::NoError if values.is_empty() => format!("{name} has no such record"),
        Rcode::NoError => format!("{name} is {}", values.join(", ")),
        Rcode::NxDomain => format!("no such name: {name} (NXDOMAIN)"),
        Rcode::Outside => {
            format!("{name} belongs to the world outside, which is not simulated")
        }
    };
    let stage = if reply.rcode == Rcode::Outside {
        Stage::Error
    } else {
        Stage::Dns
    };
    Hop::new(stage, Spot::None, SimDuration::ZERO, text)
}
