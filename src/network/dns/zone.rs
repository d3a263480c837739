//! The records of the cluster's domain, worked out for each question.
//!
//! Upstream: coredns/coredns plugin/kubernetes/{kubernetes,parse,reverse,handler}.go,
//! plugin/backend_lookup.go, v1.14. Left out: IPv6, TXT, SOA and NS records, transfers, topology
//! zones.

use super::Dns;
use crate::api::NamespacedName;
use crate::api::endpoints::EndpointSlice;
use crate::api::meta::MetaExt;
use crate::network::call::{DnsRecord, RecordType};
use crate::network::proxy::SERVICE_NAME;
use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use k8s_openapi::api::discovery::v1::Endpoint;
use std::net::Ipv4Addr;

/// The cluster's domain.
pub const CLUSTER_DOMAIN: &str = "cluster.local";
const TTL: u32 = 30;
/// How many names a name may stand for in turn.
const ALIAS_LIMIT: u32 = 8;
/// Top-level domains of the world outside, besides those of two letters.
const TOP_LEVEL: [&str; 16] = [
    "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "name", "dev", "app", "cloud",
    "tech", "online", "site",
];

/// How a question ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rcode {
    /// The name exists; it may have no record of the sort asked for.
    NoError,
    /// The name does not exist.
    NxDomain,
    /// The name belongs to the world outside, which is not simulated.
    Outside,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// How it ends.
    pub rcode: Rcode,
    /// The records found on the way.
    pub records: Vec<DnsRecord>,
}

impl Reply {
    fn new(rcode: Rcode) -> Self {
        Self {
            rcode,
            records: Vec::new(),
        }
    }

    /// The addresses found.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        let a = self
            .records
            .iter()
            .filter(|record| record.record == RecordType::A);
        a.filter_map(|record| record.value.parse().ok())
    }
}

/// A name below the cluster's domain, in its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Question<'a> {
    pod: bool,
    namespace: &'a str,
    service: &'a str,
    endpoint: &'a str,
    port: &'a str,
    protocol: &'a str,
}

/// One thing that a name leads to.
struct Found {
    name: String,
    host: String,
    port: i32,
}

impl Dns {
    /// Answers a question as any CoreDNS Pod does.
    pub fn answer(&self, name: &str, record: RecordType) -> Reply {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if let Some(address) = name.strip_suffix(".in-addr.arpa") {
            return self.reverse(&name, address, record);
        }
        let base = match name.strip_suffix(CLUSTER_DOMAIN) {
            Some("") => return Reply::new(Rcode::NoError),
            Some(base) if base.ends_with('.') => base.trim_end_matches('.'),
            _ => return Reply::new(outside(&name)),
        };
        let Some(question) = parse(base) else {
            return Reply::new(Rcode::NxDomain);
        };
        let Some(question) = question else {
            return Reply::new(Rcode::NoError);
        };
        let namespace = NamespacedName::new("", question.namespace);
        if self.namespaces.get(&namespace).is_none() {
            return Reply::new(Rcode::NxDomain);
        }
        if question.service.is_empty() {
            return Reply::new(Rcode::NoError);
        }
        match question.pod {
            true => pod_record(&name, question.service, record),
            false => self.service(&name, &question, record),
        }
    }

    fn service(&self, name: &str, question: &Question<'_>, record: RecordType) -> Reply {
        let key = NamespacedName::new(question.namespace, question.service);
        let Some(service) = self.services.get(&key) else {
            return Reply::new(Rcode::NxDomain);
        };
        let none = ServiceSpec::default();
        let spec = service.spec.as_ref().unwrap_or(&none);
        if spec.type_.as_deref() == Some("ExternalName") {
            return self.external(name, question, spec, record);
        }
        let cluster_ip = spec.cluster_ip.as_deref().unwrap_or_default();
        let found = match cluster_ip == "None" || !question.endpoint.is_empty() {
            true => self.endpoints(&key, question),
            false => virtual_address(service, cluster_ip, question),
        };
        if found.is_empty() {
            return Reply::new(Rcode::NxDomain);
        }
        Reply {
            rcode: Rcode::NoError,
            records: records(name, &found, record),
        }
    }

    /// The name stands for another one, which may be anywhere.
    fn external(
        &self,
        name: &str,
        question: &Question<'_>,
        spec: &ServiceSpec,
        record: RecordType,
    ) -> Reply {
        let target = spec.external_name.as_deref().unwrap_or_default();
        let target = target.trim_end_matches('.');
        if !question.endpoint.is_empty() || target.parse::<Ipv4Addr>().is_ok() {
            return Reply::new(Rcode::NxDomain);
        }
        if record == RecordType::Srv {
            return Reply::new(Rcode::NoError);
        }
        let alias = new_record(name, RecordType::Cname, target.to_owned());
        let mut reply = match record {
            RecordType::Cname => Reply::new(Rcode::NoError),
            _ => self.follow(target, record),
        };
        reply.records.insert(0, alias);
        reply
    }

    fn follow(&self, target: &str, record: RecordType) -> Reply {
        let mut aliases = Vec::new();
        let mut name = target.to_owned();
        for _ in 0..ALIAS_LIMIT {
            let Some(next) = self.alias(&name) else {
                let mut reply = self.answer(&name, record);
                reply.records.splice(0..0, aliases);
                return reply;
            };
            aliases.push(new_record(&name, RecordType::Cname, next.clone()));
            name = next;
        }
        Reply {
            rcode: Rcode::NoError,
            records: aliases,
        }
    }

    /// What a name of an `ExternalName` Service stands for.
    fn alias(&self, name: &str) -> Option<String> {
        let base = name.strip_suffix(CLUSTER_DOMAIN)?.strip_suffix('.')?;
        let question = parse(base)??;
        let key = NamespacedName::new(question.namespace, question.service);
        let spec = self.services.get(&key)?.spec.as_ref()?;
        let external =
            spec.type_.as_deref() == Some("ExternalName") && question.endpoint.is_empty();
        let target = spec.external_name.as_deref().filter(|_| external)?;
        Some(target.trim_end_matches('.').to_owned())
    }

    fn slices<'a>(&'a self, key: &'a NamespacedName) -> impl Iterator<Item = &'a EndpointSlice> {
        let all = self.slices.in_namespace(&key.namespace);
        all.map(|slice| slice.as_ref())
            .filter(|slice| slice.label(SERVICE_NAME) == Some(&key.name))
            .filter(|slice| slice.address_type == "IPv4")
    }

    /// The ready endpoints of a Service, once for each of their ports.
    fn endpoints(&self, key: &NamespacedName, question: &Question<'_>) -> Vec<Found> {
        let mut found = Vec::new();
        for slice in self.slices(key) {
            for endpoint in slice.endpoints.iter().flatten().filter(|e| is_ready(e)) {
                let host = endpoint.addresses.first().cloned().unwrap_or_default();
                let label = hostname(endpoint);
                if !question.endpoint.is_empty() && !question.endpoint.eq_ignore_ascii_case(&label)
                {
                    continue;
                }
                let name = format!(
                    "{label}.{}.{}.svc.{CLUSTER_DOMAIN}",
                    key.name, key.namespace
                );
                let ports = slice.ports.iter().flatten();
                let asked = ports.filter(|port| {
                    let (name, protocol) = (port.name.as_deref(), port.protocol.as_deref());
                    matches(
                        question,
                        name.unwrap_or_default(),
                        protocol.unwrap_or("TCP"),
                    )
                });
                let mut numbers: Vec<i32> = asked.filter_map(|port| port.port).collect();
                if slice.ports.iter().flatten().next().is_none() && question.port.is_empty() {
                    numbers.push(0);
                }
                found.extend(numbers.into_iter().map(|port| Found {
                    name: name.clone(),
                    host: host.clone(),
                    port,
                }));
            }
        }
        found
    }

    /// Whose name an address has.
    fn reverse(&self, name: &str, address: &str, record: RecordType) -> Reply {
        let octets: Vec<&str> = address.rsplit('.').collect();
        let Ok(ip) = octets.join(".").parse::<Ipv4Addr>() else {
            return Reply::new(Rcode::NxDomain);
        };
        let ip = ip.to_string();
        let virtual_ip = self.services.iter().find(|service| {
            let spec = service.spec.as_ref();
            spec.and_then(|spec| spec.cluster_ip.as_deref()) == Some(ip.as_str())
        });
        let mut names: Vec<String> = virtual_ip
            .into_iter()
            .map(|s| full_name(s.as_ref()))
            .collect();
        if names.is_empty() {
            for slice in self.slices.iter() {
                let Some(service) = slice.label(SERVICE_NAME) else {
                    continue;
                };
                let owned = slice.endpoints.iter().flatten();
                let owned = owned.filter(|e| is_ready(e) && e.addresses.first() == Some(&ip));
                names.extend(owned.map(|endpoint| {
                    let (label, namespace) = (hostname(endpoint), slice.namespace());
                    format!("{label}.{service}.{namespace}.svc.{CLUSTER_DOMAIN}")
                }));
            }
        }
        if names.is_empty() {
            return Reply::new(Rcode::NxDomain);
        }
        let records = names
            .into_iter()
            .map(|value| new_record(name, RecordType::Ptr, value));
        Reply {
            rcode: Rcode::NoError,
            records: records.filter(|_| record == RecordType::Ptr).collect(),
        }
    }
}

/// Whether the world outside may know `name`: a name whose last part is no top-level domain exists
/// nowhere.
fn outside(name: &str) -> Rcode {
    let last = name.rsplit('.').next().unwrap_or_default();
    let country = last.len() == 2 && last.bytes().all(|b| b.is_ascii_alphabetic());
    match name.contains('.') && (country || TOP_LEVEL.contains(&last)) {
        true => Rcode::Outside,
        false => Rcode::NxDomain,
    }
}

/// `None`: there can be no such name; `Some(None)`: the name is a branch without records.
fn parse(base: &str) -> Option<Option<Question<'_>>> {
    let mut labels: Vec<&str> = base.split('.').collect();
    let pod = match labels.pop()? {
        "svc" => false,
        "pod" => true,
        _ => return None,
    };
    let Some(namespace) = labels.pop() else {
        return Some(None);
    };
    let mut question = Question {
        pod,
        namespace,
        service: labels.pop().unwrap_or_default(),
        ..Question::default()
    };
    match labels.as_slice() {
        [] => {}
        [endpoint] => question.endpoint = endpoint,
        [port, protocol] => {
            question.port = port.strip_prefix('_').unwrap_or(port);
            question.protocol = protocol.strip_prefix('_').unwrap_or(protocol);
        }
        _ => return None,
    }
    Some(Some(question))
}

fn full_name(service: &Service) -> String {
    format!(
        "{}.{}.svc.{CLUSTER_DOMAIN}",
        service.name(),
        service.namespace()
    )
}

fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|c| c.ready) != Some(false)
}

/// The first part of an endpoint's name: its hostname, or its address with dashes.
fn hostname(endpoint: &Endpoint) -> String {
    let given = endpoint.hostname.clone().filter(|name| !name.is_empty());
    given.unwrap_or_else(|| {
        endpoint
            .addresses
            .first()
            .map_or(String::new(), |ip| ip.replace('.', "-"))
    })
}

fn matches(question: &Question<'_>, name: &str, protocol: &str) -> bool {
    let fits = |asked: &str, has: &str| asked.is_empty() || asked.eq_ignore_ascii_case(has);
    fits(question.port, name) && fits(question.protocol, protocol)
}

fn virtual_address(service: &Service, ip: &str, question: &Question<'_>) -> Vec<Found> {
    let ports = service
        .spec
        .iter()
        .flat_map(|spec| spec.ports.iter().flatten());
    let asked = ports.filter(|port| {
        let (name, protocol) = (port.name.as_deref(), port.protocol.as_deref());
        matches(
            question,
            name.unwrap_or_default(),
            protocol.unwrap_or("TCP"),
        )
    });
    asked
        .map(|port| Found {
            name: full_name(service),
            host: ip.to_owned(),
            port: port.port,
        })
        .collect()
}

fn new_record(name: &str, record: RecordType, value: String) -> DnsRecord {
    DnsRecord {
        name: name.to_owned(),
        record,
        value,
        ttl: TTL,
    }
}

fn records(name: &str, found: &[Found], record: RecordType) -> Vec<DnsRecord> {
    let mut records = Vec::new();
    for one in found {
        let value = match record {
            RecordType::A => one.host.clone(),
            RecordType::Srv => format!("0 {} {} {}", 100 / found.len(), one.port, one.name),
            RecordType::Aaaa | RecordType::Cname | RecordType::Ptr => continue,
        };
        let new = new_record(name, record, value);
        if !records.contains(&new) {
            records.push(new);
        }
    }
    records
}

/// `10-244-1-7.shop.pod.cluster.local`: true of any address, whether a Pod has it or not.
fn pod_record(name: &str, label: &str, record: RecordType) -> Reply {
    match label.replace('-', ".").parse::<Ipv4Addr>() {
        Err(_) => Reply::new(Rcode::NxDomain),
        Ok(ip) => {
            let found = Found {
                name: name.to_owned(),
                host: ip.to_string(),
                port: 0,
            };
            Reply {
                rcode: Rcode::NoError,
                records: records(name, &[found], record),
            }
        }
    }
}
