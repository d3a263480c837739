//! A Pod's `resolv.conf`: which name server it asks, and for which names.
//!
//! Upstream: pkg/kubelet/network/dns/dns.go, v1.36; the order of tries is the C library's
//! (resolv.conf(5)). Left out: the limits' events, a second name server when the first is silent.

use super::{CLUSTER_DNS, zone::CLUSTER_DOMAIN};
use crate::api::meta::MetaExt;
use k8s_openapi::api::core::v1::Pod;
use std::fmt;

/// The name server that nodes ask: outside the cluster.
const NODE_SERVER: &str = "192.168.64.1";
const SERVERS_LIMIT: usize = 3;
const SEARCH_LIMIT: usize = 32;
/// How many dots a name must have before it is tried as it is, where nothing else is said.
const NDOTS: usize = 1;

/// What stands in `/etc/resolv.conf`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// Addresses of name servers.
    pub servers: Vec<String>,
    /// Domains that are added to short names.
    pub search: Vec<String>,
    /// Options, such as `ndots` and its value.
    pub options: Vec<(String, Option<String>)>,
}

impl ResolvConf {
    /// The node's own.
    pub fn of_node() -> Self {
        Self {
            servers: vec![NODE_SERVER.to_owned()],
            ..Self::default()
        }
    }

    /// What the kubelet writes into a Pod's containers.
    pub fn of_pod(pod: &Pod) -> Self {
        let spec = pod.spec.as_ref();
        let policy = spec.and_then(|spec| spec.dns_policy.as_deref());
        let host_network = spec.and_then(|spec| spec.host_network) == Some(true);
        let mut conf = match policy.unwrap_or("ClusterFirst") {
            "None" => Self::default(),
            "Default" => Self::of_node(),
            "ClusterFirst" if host_network => Self::of_node(),
            _ => Self {
                servers: vec![CLUSTER_DNS.to_string()],
                search: vec![
                    format!("{}.svc.{CLUSTER_DOMAIN}", pod.namespace()),
                    format!("svc.{CLUSTER_DOMAIN}"),
                    CLUSTER_DOMAIN.to_owned(),
                ],
                options: vec![("ndots".to_owned(), Some("5".to_owned()))],
            },
        };
        if let Some(config) = spec.and_then(|spec| spec.dns_config.as_ref()) {
            let add = |list: &mut Vec<String>, more: &Option<Vec<String>>| {
                for item in more.iter().flatten() {
                    if !list.contains(item) {
                        list.push(item.clone());
                    }
                }
            };
            add(&mut conf.servers, &config.nameservers);
            add(&mut conf.search, &config.searches);
            for option in config.options.iter().flatten() {
                let name = option.name.clone().unwrap_or_default();
                conf.options.retain(|(known, _)| *known != name);
                conf.options.push((name, option.value.clone()));
            }
        }
        conf.servers.truncate(SERVERS_LIMIT);
        conf.search.truncate(SEARCH_LIMIT);
        conf
    }

    fn ndots(&self) -> usize {
        let value = self.options.iter().find(|(name, _)| name == "ndots");
        let value = value.and_then(|(_, value)| value.as_ref()?.parse().ok());
        value.unwrap_or(NDOTS)
    }

    /// The full names that a resolver asks for, in order, until one of them exists.
    pub fn candidates(&self, name: &str, search: bool) -> Vec<String> {
        if let Some(full) = name.strip_suffix('.') {
            return vec![full.to_owned()];
        }
        if !search {
            return vec![name.to_owned()];
        }
        let mut names: Vec<String> = self
            .search
            .iter()
            .map(|domain| format!("{name}.{}", domain.trim_matches('.')))
            .collect();
        match name.matches('.').count() >= self.ndots() {
            true => names.insert(0, name.to_owned()),
            false => names.push(name.to_owned()),
        }
        names
    }
}

impl fmt::Display for ResolvConf {
    /// As the file reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.search.is_empty() {
            writeln!(f, "search {}", self.search.join(" "))?;
        }
        for server in &self.servers {
            writeln!(f, "nameserver {server}")?;
        }
        if self.options.is_empty() {
            return Ok(());
        }
        let options = self.options.iter().map(|(name, value)| match value {
            Some(value) => format!("{name}:{value}"),
            None => name.clone(),
        });
        writeln!(f, "options {}", options.collect::<Vec<_>>().join(" "))
    }
}
