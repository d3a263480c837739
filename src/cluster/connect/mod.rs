//! Requests through the cluster's network: from outside, from Pods, from the programs in them.
//!
//! A name is asked of CoreDNS by a packet of its own; every packet meets the rules of a node's
//! kube-proxy as they are there at that moment.

mod call;
mod dial;
mod explain;
mod resolve;
mod way;

use super::Cluster;
use crate::api::{Kind, NamespacedName, ObjectKey};
use crate::network::call::CallOutcome;
use crate::network::http::HttpRequest;
use crate::network::packet::{Hop, PacketTrace, Spot, Stage};
use crate::sim::SimDuration;
use k8s_openapi::api::core::v1::{Service, ServicePort};
use serde::{Deserialize, Serialize};
use way::Way;

/// The longest URL that a request may name.
const URL_LIMIT: usize = 2_048;

/// Where a request comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RequestOrigin {
    /// From outside the cluster, to this node's address where it does not say another.
    Outside {
        /// The node's name.
        node: String,
    },
    /// From a Pod.
    Pod(NamespacedName),
}

/// What is asked of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What is asked; the client's address is filled in on the way.
    pub request: HttpRequest,
}

impl Target {
    /// Reads a URL as curl does: without a scheme it is HTTP, without a port it is 80 (443 for
    /// HTTPS).
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse(url: &str) -> Result<Self, String> {
        if url.len() > URL_LIMIT {
            return Err(format!("the URL is longer than {URL_LIMIT} bytes"));
        }
        let (rest, standard) = match url.split_once("://") {
            None => (url, 80),
            Some(("http", rest)) => (rest, 80),
            Some(("https", rest)) => (rest, 443),
            Some((scheme, _)) => return Err(format!("Protocol \"{scheme}\" not supported")),
        };
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        let (host, port) = match authority.rsplit_once(':') {
            None => (authority, standard),
            Some((host, port)) => (host, port.parse().map_err(|_| {
                format!("URL rejected: Port number was not a decimal number between 0 and 65535: {port}")
            })?),
        };
        let wrong = |c: char| !c.is_ascii_alphanumeric() && !".-_".contains(c);
        if host.is_empty() || host.contains(wrong) {
            return Err(format!(
                "URL rejected: no host part or a bad one in {url:?}"
            ));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            request: HttpRequest::get(&path, ""),
        })
    }

    /// As it stands on a command line.
    pub fn url(&self) -> String {
        let port = if self.port == 80 {
            String::new()
        } else {
            format!(":{}", self.port)
        };
        format!("http://{}{port}{}", self.host, self.request.path)
    }
}

impl Cluster {
    /// Sends `GET path` to `port` of `service` (0: its first port). From outside it goes to the
    /// node's address and the Service's node port, from a Pod to the Service's name.
    pub fn send_request(
        &mut self,
        origin: &RequestOrigin,
        service: &NamespacedName,
        port: u16,
        path: &str,
    ) -> PacketTrace {
        match self.target(origin, service, port, path) {
            Ok(target) => self.request(origin, target, true),
            Err(message) => failed(message),
        }
    }

    /// Sends a request to any name or address. Without a Pod it comes from outside.
    ///
    /// # Errors
    /// What is wrong with the URL, for a person.
    pub fn fetch(
        &mut self,
        from: Option<&NamespacedName>,
        url: &str,
    ) -> Result<PacketTrace, String> {
        let target = Target::parse(url)?;
        let origin = match from {
            Some(pod) => RequestOrigin::Pod(pod.clone()),
            None => RequestOrigin::Outside {
                node: String::new(),
            },
        };
        Ok(self.request(&origin, target, true))
    }

    /// Where a request to a Service is sent.
    ///
    /// # Errors
    /// Why it cannot be sent at all.
    pub fn target(
        &self,
        origin: &RequestOrigin,
        service: &NamespacedName,
        port: u16,
        path: &str,
    ) -> Result<Target, String> {
        let stored = self.api.etcd().get(&service.of(Kind::Service));
        let stored = stored.and_then(|object| object.get::<Service>());
        let spec = stored.and_then(|stored| stored.spec.as_ref());
        let Some(spec) = spec else {
            return Err(format!("services \"{}\" not found", service.name));
        };
        let ports = spec.ports.as_deref().unwrap_or_default();
        let chosen = ports
            .iter()
            .find(|p| p.port == i32::from(port))
            .or(ports.first());
        let number = |port: Option<i32>| port.and_then(|n| u16::try_from(n).ok());
        let port = number(chosen.map(|chosen| chosen.port));
        let (host, port) = match origin {
            RequestOrigin::Outside { node } => {
                let at = self
                    .node_index(node)
                    .and_then(|at| self.kubelets.get(usize::from(at)));
                let Some(kubelet) = at else {
                    return Err(format!("nodes \"{node}\" not found"));
                };
                let node_port = number(chosen.and_then(|chosen| chosen.node_port));
                let Some(node_port) = node_port.filter(|port| *port != 0) else {
                    return Err(
                        "the Service has no node port: it is reached only from inside".into(),
                    );
                };
                (kubelet.config().internal_ip.clone(), node_port)
            }
            RequestOrigin::Pod(pod) => {
                let host = match pod.namespace == service.namespace {
                    true => service.name.clone(),
                    false => format!("{}.{}", service.name, service.namespace),
                };
                let headless = spec.cluster_ip.as_deref() == Some("None");
                let target = chosen.filter(|_| headless).and_then(target_number);
                (host, target.or(port).unwrap_or(80))
            }
        };
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        Ok(Target {
            host,
            port,
            request: HttpRequest::get(&path, ""),
        })
    }

    /// Sends a request and follows it. `told`: whether the hops are put into words.
    pub(super) fn request(
        &mut self,
        origin: &RequestOrigin,
        target: Target,
        told: bool,
    ) -> PacketTrace {
        let mut rng = self.rng.fork("network");
        self.rng.next_u64();
        let mut way = Way::new(told);
        let outcome = match self.client(origin, &mut way) {
            Ok(client) => self.http(&client, target, &mut rng, &mut way),
            Err(message) => return failed(message),
        };
        way.end(outcome)
    }

    /// Whether an object is stored.
    pub fn has(&self, key: &ObjectKey) -> bool {
        self.api.etcd().get(key).is_some()
    }
}

/// Behind a headless Service there is no rule to change a packet's port: a client has to know the
/// Pods' own.
fn target_number(port: &ServicePort) -> Option<u16> {
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    match port.target_port.as_ref()? {
        IntOrString::Int(number) => u16::try_from(*number).ok(),
        IntOrString::String(_) => None,
    }
}

/// A request that could not even be sent.
pub(super) fn failed(message: String) -> PacketTrace {
    let hop = Hop::new(Stage::Error, Spot::None, SimDuration::ZERO, message.clone());
    PacketTrace {
        hops: vec![hop],
        pod: None,
        node: None,
        via: None,
        outcome: CallOutcome::NotSent { reason: message },
        took: SimDuration::ZERO,
    }
}
