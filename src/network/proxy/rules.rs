//! What a node's packet rules hold: for every Service port, its addresses and its endpoints.
//!
//! Upstream: pkg/proxy/{serviceport,topology,endpointslicecache}.go, pkg/proxy/iptables/proxier.go,
//! v1.36. As in iptables, a rule knows an endpoint's address and port and nothing of its Pod. Left
//! out: IPv6, topology hints, source ranges of load balancers, connections that outlive a change.

use super::slices::{Slice, merge};
use crate::api::NamespacedName;
use crate::api::meta::MetaExt;
use crate::sim::{SortedMap, order};
use k8s_openapi::api::core::v1::{Service, ServicePort as Spec};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::sync::Arc;

const PROXY_NAME_LABEL: &str = "service.kubernetes.io/service-proxy-name";
/// How long a client stays with its endpoint, where the Service does not say.
const AFFINITY_SECONDS: u32 = 10_800;

/// How a packet is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP
    #[default]
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

impl Protocol {
    /// The protocol that manifests call `name`; TCP where they do not say.
    pub fn of_name(name: Option<&str>) -> Self {
        match name {
            Some("UDP") => Self::Udp,
            Some("SCTP") => Self::Sctp,
            _ => Self::Tcp,
        }
    }
}

/// An endpoint as a rule knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Backend {
    /// Its address.
    pub ip: Ipv4Addr,
    /// Its port.
    pub port: u16,
    /// Whether it is on the node of the rules.
    pub local: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it could answer, though it may be ending.
    pub serving: bool,
    /// Whether it is ending.
    pub terminating: bool,
}

/// How a packet's destination leads to a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Through {
    /// By its virtual address.
    ClusterIp,
    /// By its port on the node's own address.
    NodePort,
    /// By an address of a load balancer or one given by hand.
    External,
}

/// The rules of one port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortRules {
    /// The Service.
    pub service: NamespacedName,
    /// The port's name; empty where it has none.
    pub name: String,
    /// How its packets are carried.
    pub protocol: Protocol,
    /// The Service's virtual address.
    pub cluster_ip: Ipv4Addr,
    /// The port at the virtual and the external addresses.
    pub port: u16,
    /// The port on every node's address.
    pub node_port: Option<u16>,
    /// External addresses.
    pub external_ips: Vec<Ipv4Addr>,
    /// Seconds that a client stays with its endpoint; `None`: each connection is chosen for anew.
    pub affinity_seconds: Option<u32>,
    /// From outside only to endpoints of the same node.
    pub external_local: bool,
    /// From inside only to endpoints of the same node.
    pub internal_local: bool,
    /// The endpoints for the `Cluster` policy.
    pub cluster: Vec<Backend>,
    /// The endpoints for the `Local` policy.
    pub local: Vec<Backend>,
    /// Whether any node has an endpoint.
    pub has_any: bool,
    /// Every endpoint, used or not.
    pub all: Vec<Backend>,
}

impl PortRules {
    const fn externally_accessible(&self) -> bool {
        self.node_port.is_some() || !self.external_ips.is_empty()
    }

    /// Even with the external policy `Local`, traffic that begins inside goes to any endpoint.
    const fn uses_cluster(&self) -> bool {
        !self.internal_local || self.externally_accessible()
    }

    const fn uses_local(&self) -> bool {
        self.internal_local || (self.external_local && self.externally_accessible())
    }

    /// Sorts `all` into the endpoints of each policy: ready ones, and where there is none, those
    /// that still serve while they are ending.
    fn categorize(&mut self) {
        let ending = |b: &&Backend| !b.ready && b.serving && b.terminating;
        let pick = |of: &dyn Fn(&Backend) -> bool| -> Vec<Backend> {
            let of = |b: &&Backend| of(b);
            let ready: Vec<Backend> = self
                .all
                .iter()
                .filter(of)
                .filter(|b| b.ready)
                .copied()
                .collect();
            match ready.is_empty() {
                true => self.all.iter().filter(of).filter(ending).copied().collect(),
                false => ready,
            }
        };
        let cluster = pick(&|_| true);
        if self.uses_local() {
            self.local = pick(&|b| b.local);
        }
        self.has_any = !cluster.is_empty();
        if self.uses_cluster() {
            self.cluster = cluster;
        }
    }
}

/// The packet rules of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rules {
    #[serde(serialize_with = "crate::sim::as_pairs")]
    services: SortedMap<NamespacedName, Arc<Vec<PortRules>>>,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    addresses: SortedMap<(Ipv4Addr, Protocol, u16), (NamespacedName, usize)>,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    node_ports: SortedMap<(Protocol, u16), (NamespacedName, usize)>,
}

impl Rules {
    /// The rules that take a packet to `ip:port`, on a node whose own address is `node_ip`.
    pub fn find(
        &self,
        node_ip: Ipv4Addr,
        ip: Ipv4Addr,
        protocol: Protocol,
        port: u16,
    ) -> Option<(&PortRules, Through)> {
        let of =
            |(service, index): &(NamespacedName, usize)| self.services.get(service)?.get(*index);
        if let Some(rules) = self.addresses.get(&(ip, protocol, port)).and_then(of) {
            let through = match rules.cluster_ip == ip {
                true => Through::ClusterIp,
                false => Through::External,
            };
            return Some((rules, through));
        }
        let rules = self
            .node_ports
            .get(&(protocol, port))
            .filter(|_| ip == node_ip)?;
        of(rules).map(|rules| (rules, Through::NodePort))
    }

    /// Whether `ip` is an address of some Service, whatever the port.
    pub fn is_service_ip(&self, ip: Ipv4Addr) -> bool {
        let from = (ip, Protocol::Tcp, 0);
        let next = self.addresses.range(from..).next();
        next.is_some_and(|((found, ..), _)| *found == ip)
    }

    /// The rules of a Service's ports.
    pub fn of_service(&self, service: &NamespacedName) -> Option<&[PortRules]> {
        self.services.get(service).map(|ports| ports.as_slice())
    }

    /// Puts `ports` in the place of a Service's rules; answers whether that changed anything.
    pub fn replace(&mut self, service: &NamespacedName, ports: Vec<PortRules>) -> bool {
        let old = self.services.get(service);
        if old.map_or(ports.is_empty(), |old| **old == ports) {
            return false;
        }
        if old.is_some() {
            self.addresses.retain(|_, (owner, _)| owner != service);
            self.node_ports.retain(|_, (owner, _)| owner != service);
            self.services.remove(service);
        }
        if ports.is_empty() {
            return true;
        }
        for (index, port) in ports.iter().enumerate() {
            let at = (service.clone(), index);
            let ips = [port.cluster_ip]
                .into_iter()
                .chain(port.external_ips.iter().copied());
            for ip in ips {
                self.addresses
                    .entry((ip, port.protocol, port.port))
                    .or_insert_with(|| at.clone());
            }
            if let Some(number) = port.node_port {
                self.node_ports.entry((port.protocol, number)).or_insert(at);
            }
        }
        self.services.insert(service.clone(), Arc::new(ports));
        true
    }

    /// How many Services have rules.
    pub fn len(&self) -> usize {
        self.services.len()
    }

    /// Whether no Service has rules.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }
}

/// The rules that a node should have for `service`, whose slices it has read: none for a Service
/// without a virtual address (headless, `ExternalName`) or that another proxy serves.
pub fn plan_service(service: &Service, slices: &[&Slice]) -> Vec<PortRules> {
    let Some(spec) = &service.spec else {
        return Vec::new();
    };
    let cluster_ip = spec.cluster_ip.as_deref().and_then(|ip| ip.parse().ok());
    let Some(cluster_ip) = cluster_ip.filter(|_| {
        spec.type_.as_deref() != Some("ExternalName") && service.label(PROXY_NAME_LABEL).is_none()
    }) else {
        return Vec::new();
    };
    let sticky = spec.session_affinity.as_deref() == Some("ClientIP");
    let given = spec.session_affinity_config.as_ref();
    let given = given.and_then(|config| config.client_ip.as_ref()?.timeout_seconds);
    let seconds = given
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(AFFINITY_SECONDS);
    let external_ips = external_ips(service);
    let plan = |port: &Spec| {
        let name = port.name.clone().unwrap_or_default();
        let protocol = Protocol::of_name(port.protocol.as_deref());
        let mut rules = PortRules {
            service: service.namespaced_name(),
            protocol,
            cluster_ip,
            port: u16::try_from(port.port).ok()?,
            node_port: port
                .node_port
                .and_then(|n| u16::try_from(n).ok())
                .filter(|n| *n != 0),
            external_ips: external_ips.clone(),
            affinity_seconds: sticky.then_some(seconds),
            external_local: spec.external_traffic_policy.as_deref() == Some("Local"),
            internal_local: spec.internal_traffic_policy.as_deref() == Some("Local"),
            cluster: Vec::new(),
            local: Vec::new(),
            has_any: false,
            all: backends(slices, &name, protocol),
            name,
        };
        rules.categorize();
        Some(rules)
    };
    spec.ports.iter().flatten().filter_map(plan).collect()
}

/// Addresses given by hand, and those of load balancers that leave the packet's destination as it
/// is (`ipMode: VIP`).
fn external_ips(service: &Service) -> Vec<Ipv4Addr> {
    let by_hand = service
        .spec
        .iter()
        .flat_map(|spec| spec.external_ips.iter().flatten());
    let balancer = service
        .status
        .iter()
        .filter_map(|status| status.load_balancer.as_ref());
    let ingress = balancer.flat_map(|balancer| balancer.ingress.iter().flatten());
    let ingress = ingress.filter(|ingress| ingress.ip_mode.as_deref() != Some("Proxy"));
    let all = by_hand.chain(ingress.filter_map(|ingress| ingress.ip.as_ref()));
    let mut ips: Vec<Ipv4Addr> = all.filter_map(|ip| ip.parse().ok()).collect();
    order::sort(&mut ips);
    ips.dedup();
    ips
}

/// Every endpoint of one port, by address.
fn backends(slices: &[&Slice], port_name: &str, protocol: Protocol) -> Vec<Backend> {
    let mut lists = Vec::new();
    for slice in slices {
        let ports = slice.object.ports.iter().flatten().filter(|port| {
            port.name.as_deref().unwrap_or_default() == port_name
                && Protocol::of_name(port.protocol.as_deref()) == protocol
        });
        let numbers = ports.filter_map(|port| u16::try_from(port.port?).ok());
        lists.extend(numbers.map(|number| (*slice, number)));
    }
    merge(&lists)
}
