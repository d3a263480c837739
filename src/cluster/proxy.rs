//! Requests that the API server sends on to Pods and Services (the `proxy` subresource).
//!
//! Upstream: pkg/registry/core/pod/strategy.go and pkg/registry/core/service/storage/storage.go
//! (ResourceLocation), v1.36. The API server goes to a Pod's address itself: no Service rule is met.

use super::Cluster;
use super::fault::CONTROL_PLANE_INDEX;
use crate::api::endpoints::EndpointSlice;
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Object, Reason, Status};
use crate::apiserver::rest::ProxyRequest;
use crate::network::http::{HttpRequest, HttpResponse};
use crate::network::{ipam, proxy::SERVICE_NAME};
use k8s_openapi::api::core::v1::{Pod, Service};

impl Cluster {
    /// Carries a request to the Pod that is named, or to one that is behind the Service.
    ///
    /// # Errors
    /// There is nobody to answer.
    pub fn proxy(&mut self, asked: &ProxyRequest) -> Result<HttpResponse, Status> {
        let name = NamespacedName::new(asked.namespace.as_str(), asked.name.as_str());
        let key = name.of(asked.kind);
        let found = self.api.etcd().get(&key).cloned();
        let object = found.ok_or_else(|| Status::not_found(&key))?;
        let (ip, port) = match asked.kind {
            Kind::Pod => address_of(&object, &asked.port)?,
            _ => self.endpoint_of(&object, &asked.port)?,
        };
        let request = HttpRequest {
            method: asked.method.clone(),
            path: asked.path.clone(),
            client_ip: ipam::node_ip(CONTROL_PLANE_INDEX).to_string(),
        };
        let unreachable = |why: &str| {
            let message =
                format!("error trying to reach service: dial tcp {ip}:{port}: connect: {why}");
            Status::plain(Reason::ServiceUnavailable, message)
        };
        let now = self.now;
        let there = |k: &&mut crate::kubelet::Kubelet| k.is_running() && k.has_address(&ip);
        let Some(kubelet) = self.kubelets.iter_mut().find(there) else {
            return Err(unreachable("no route to host"));
        };
        let answered = kubelet.serve_http(&ip, port, &request, now);
        answered.ok_or_else(|| unreachable("connection refused"))
    }

    /// A ready endpoint of a Service, as chance will have it.
    fn endpoint_of(&self, object: &Object, port: &str) -> Result<(String, u16), Status> {
        let (name, namespace) = (object.name(), object.namespace());
        let unavailable = |message: String| Status::plain(Reason::ServiceUnavailable, message);
        let service = object
            .get::<Service>()
            .and_then(|s| s.spec.clone())
            .unwrap_or_default();
        let ports = service.ports.unwrap_or_default();
        let is_meant = |known: &&k8s_openapi::api::core::v1::ServicePort| {
            known.name.as_deref().unwrap_or_default() == port || known.port.to_string() == port
        };
        let chosen = match (port, ports.as_slice()) {
            ("", [only]) => Some(only),
            (_, ports) => ports.iter().find(is_meant),
        };
        let Some(chosen) = chosen else {
            let message = format!("no service port {port:?} found for service {name:?}");
            return Err(unavailable(message));
        };
        let mut found = Vec::new();
        let slices = self.api.etcd().list(Kind::EndpointSlice, Some(namespace));
        for slice in slices.filter_map(|object| object.get::<EndpointSlice>()) {
            if slice.label(SERVICE_NAME) != Some(name) {
                continue;
            }
            let same = |p: &&k8s_openapi::api::discovery::v1::EndpointPort| {
                p.name.as_deref().unwrap_or_default() == chosen.name.as_deref().unwrap_or_default()
            };
            let port = slice.ports.iter().flatten().find(same).and_then(|p| p.port);
            let Some(port) = port.and_then(|port| u16::try_from(port).ok()) else {
                continue;
            };
            for endpoint in slice.endpoints.iter().flatten() {
                let ready = endpoint.conditions.as_ref().and_then(|c| c.ready) != Some(false);
                let ip = endpoint.addresses.first().filter(|_| ready);
                found.extend(ip.map(|ip| (ip.clone(), port)));
            }
        }
        let mut rng = self.rng.fork(&format!("proxy/{}", self.now.as_micros()));
        let nth = usize::try_from(rng.below(found.len() as u64)).unwrap_or(0);
        let none = || unavailable(format!("no endpoints available for service {name:?}"));
        found.get(nth).cloned().ok_or_else(none)
    }
}

/// The address and port of a Pod.
fn address_of(object: &Object, port: &str) -> Result<(String, u16), Status> {
    let pod = object.get::<Pod>();
    let ip = pod.and_then(|pod| pod.status.as_ref()?.pod_ip.clone());
    let Some(ip) = ip.filter(|ip| !ip.is_empty()) else {
        return Err(Status::bad_request("address not allowed"));
    };
    let containers = pod.and_then(|pod| Some(&pod.spec.as_ref()?.containers));
    let ports = containers
        .into_iter()
        .flatten()
        .flat_map(|c| c.ports.iter().flatten());
    let number = match port {
        "" => ports
            .map(|p| p.container_port)
            .next()
            .map_or(Some(80), |n| u16::try_from(n).ok()),
        port => port.parse().ok(),
    };
    let number = number.filter(|number| *number > 0);
    let wrong = || Status::bad_request(format!("invalid pod port {port:?}"));
    Ok((ip, number.ok_or_else(wrong)?))
}
