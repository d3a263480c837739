//! From a name to an address: the questions that a client's resolver asks, and CoreDNS's answers.

use super::dial::Client;
use super::way::Way;
use crate::cluster::Cluster;
use crate::network::call::{CallOutcome, RecordType};
use crate::network::dns::{self, Rcode, Reply};
use crate::network::packet::{Hop, Packet, Spot, Stage};
use crate::network::proxy::Protocol;
use crate::network::{ipam, latency};
use crate::sim::{SimDuration, SimRng};
use std::net::Ipv4Addr;

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
    /// The address that a name stands for, as the client's resolver finds it.
    pub(super) fn address_of(
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
                records: Vec::new(),
            });
        }
        let packet = Packet {
            from: client.ip,
            to,
            port: dns::PORT,
            protocol: Protocol::Udp,
        };
        let arrival = match self.send(&packet, rng, way) {
            Ok(arrival) => arrival,
            Err(CallOutcome::Refused { .. }) => return Err(silent("connection refused")),
            Err(_) => {
                way.took = latency::RESOLVER_TIMEOUT;
                return Err(silent("timed out"));
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
