//! A request's way through the cluster, hop by hop.
//!
//! Upstream: pkg/proxy/iptables/proxier.go, v1.36: each ready endpoint is as likely as any other.
//! The rules are read from the store as every node's kube-proxy sees them once it has caught up;
//! a proxy that lags behind, `Local` traffic policies and session affinity are left out so far.

use super::Cluster;
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, ObjectKey};
use crate::network::http::{HttpRequest, HttpResponse};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde::{Deserialize, Serialize};

/// Where a request comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestOrigin {
    /// From outside the cluster, to this node's address.
    Outside {
        /// The node's name.
        node: String,
    },
    /// From a Pod.
    Pod(NamespacedName),
}

/// A step of a request's way: what happened, in one word and in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// `client`, `dns`, `service`, `rule`, `pod`, `answer` or `error`.
    pub stage: &'static str,
    /// What happened there.
    pub text: String,
}

/// A request's whole way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RequestTrace {
    /// The steps.
    pub hops: Vec<Hop>,
    /// The Pod that answered.
    pub pod: Option<NamespacedName>,
    /// What it answered.
    pub response: Option<HttpResponse>,
}

impl RequestTrace {
    fn hop(&mut self, stage: &'static str, text: impl Into<String>) {
        self.hops.push(Hop {
            stage,
            text: text.into(),
        });
    }
}

struct Backend {
    ip: String,
    port: u16,
    node: String,
    pod: NamespacedName,
}

impl Cluster {
    /// Sends `GET path` to `port` of `service` (its node port, where it comes from outside).
    pub fn send_request(
        &mut self,
        origin: &RequestOrigin,
        service: &NamespacedName,
        port: u16,
        path: &str,
    ) -> RequestTrace {
        let mut trace = RequestTrace::default();
        let Some(found) = self.service(service) else {
            trace.hop("error", format!("services \"{}\" not found", service.name));
            return trace;
        };
        let spec = found.spec.clone().unwrap_or_default();
        let ports = spec.ports.unwrap_or_default();
        let chosen = ports
            .iter()
            .find(|p| p.port == i32::from(port))
            .or(ports.first());
        let Some(chosen) = chosen.cloned() else {
            trace.hop("error", "the Service has no port");
            return trace;
        };
        let Some(client_ip) = self.enter(origin, service, &chosen, &spec.cluster_ip, &mut trace)
        else {
            return trace;
        };
        let backends = self.backends(service, chosen.name.as_deref().unwrap_or_default());
        if backends.is_empty() {
            trace.hop(
                "error",
                "no ready endpoint: the connection is refused (REJECT rule)",
            );
            return trace;
        }
        let index = self.rng.below(backends.len() as u64) as usize;
        let backend = &backends[index];
        let (nth, all) = (index + 1, backends.len());
        let target = format!("{}:{}", backend.ip, backend.port);
        trace.hop(
            "rule",
            format!("endpoint {nth} of {all}, each with probability 1/{all}: {target}"),
        );
        self.deliver(backend, client_ip, path, &mut trace);
        trace
    }

    fn service(&self, name: &NamespacedName) -> Option<Service> {
        let object = self.api.etcd().get(&name.of(Kind::Service))?;
        object
            .get::<Service>()
            .map(|service| Service::clone(service))
    }

    /// The request enters the cluster network; answers the client's address.
    fn enter(
        &mut self,
        origin: &RequestOrigin,
        service: &NamespacedName,
        port: &k8s_openapi::api::core::v1::ServicePort,
        cluster_ip: &Option<String>,
        trace: &mut RequestTrace,
    ) -> Option<String> {
        match origin {
            RequestOrigin::Outside { node } => {
                let at = self.node_index(node).map(usize::from);
                let kubelet = at.and_then(|at| self.kubelets.get(at));
                let Some(kubelet) = kubelet.filter(|kubelet| kubelet.is_running()) else {
                    trace.hop(
                        "error",
                        format!("{node} does not answer: connection timed out"),
                    );
                    return None;
                };
                let ip = kubelet.config().internal_ip.clone();
                let Some(node_port) = port.node_port else {
                    trace.hop(
                        "error",
                        "the Service has no node port: it is reached only from inside",
                    );
                    return None;
                };
                trace.hop(
                    "client",
                    format!("from outside to {node} at {ip}:{node_port}"),
                );
                Some(ip)
            }
            RequestOrigin::Pod(pod) => {
                let key = pod.of(Kind::Pod);
                let stored = self.api.etcd().get(&key)?.get::<Pod>().cloned()?;
                let Some(ip) = stored
                    .status
                    .as_ref()
                    .and_then(|status| status.pod_ip.clone())
                else {
                    trace.hop("error", format!("pod {} has no address yet", pod.name));
                    return None;
                };
                trace.hop("client", format!("from pod {} at {ip}", pod.name));
                let host = format!("{}.{}.svc.cluster.local", service.name, service.namespace);
                let virtual_ip = cluster_ip.clone().unwrap_or_default();
                trace.hop("dns", format!("{host} is {virtual_ip}"));
                trace.hop(
                    "service",
                    format!("virtual address {virtual_ip}:{}", port.port),
                );
                Some(ip)
            }
        }
    }

    /// The endpoints that a kube-proxy sends to: the ready ones.
    fn backends(&self, service: &NamespacedName, port_name: &str) -> Vec<Backend> {
        let slices = self
            .api
            .etcd()
            .list(Kind::EndpointSlice, Some(&service.namespace))
            .filter_map(|object| object.get::<EndpointSlice>())
            .filter(|slice| slice.label("kubernetes.io/service-name") == Some(&service.name));
        let mut backends = Vec::new();
        for slice in slices {
            let port = slice
                .ports
                .iter()
                .flatten()
                .find(|p| p.name.as_deref().unwrap_or_default() == port_name)
                .and_then(|p| p.port)
                .and_then(|p| u16::try_from(p).ok());
            let Some(port) = port else { continue };
            for endpoint in slice.endpoints.iter().flatten() {
                if endpoint.conditions.as_ref().and_then(|c| c.ready) != Some(true) {
                    continue;
                }
                let target = endpoint.target_ref.as_ref();
                let name = target.and_then(|t| t.name.clone()).unwrap_or_default();
                backends.push(Backend {
                    ip: endpoint.addresses.first().cloned().unwrap_or_default(),
                    port,
                    node: endpoint.node_name.clone().unwrap_or_default(),
                    pod: NamespacedName::new(service.namespace.as_str(), name),
                });
            }
        }
        backends
    }

    fn deliver(
        &mut self,
        backend: &Backend,
        client_ip: String,
        path: &str,
        trace: &mut RequestTrace,
    ) {
        let now = self.now;
        trace.hop(
            "pod",
            format!("pod {} on {}", backend.pod.name, backend.node),
        );
        let at = self.node_index(&backend.node).map(usize::from);
        let Some(kubelet) = at
            .and_then(|at| self.kubelets.get_mut(at))
            .filter(|k| k.is_running())
        else {
            trace.hop("error", "the node does not answer: connection timed out");
            return;
        };
        let request = HttpRequest::get(path, &client_ip);
        match kubelet.serve_http(&backend.ip, backend.port, &request, now) {
            Some(response) => {
                trace.hop(
                    "answer",
                    format!("{}: {}", response.status, response.body.trim_end()),
                );
                trace.pod = Some(backend.pod.clone());
                trace.response = Some(response);
            }
            None => trace.hop("error", "connection refused"),
        }
    }

    /// Whether an object is stored.
    pub fn has(&self, key: &ObjectKey) -> bool {
        self.api.etcd().get(key).is_some()
    }
}
