//! Which Pods stand behind a Service, and on which of their ports. Both controllers of endpoints
//! ask the same questions.
//!
//! Upstream: staging/src/k8s.io/endpointslice/util/controller_utils.go, v1.36.

use super::pods;
use crate::api::meta::MetaExt;
use crate::api::owner;
use crate::api::selector::Selector;
use k8s_openapi::api::core::v1::{ObjectReference, Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Set on the endpoints of a Service without a cluster IP.
pub const HEADLESS: &str = "service.kubernetes.io/headless";

/// A Service without a selector selects nothing: somebody else writes its endpoints.
pub fn selector(service: &Service) -> Selector {
    let spec = service.spec.as_ref();
    if spec.and_then(|spec| spec.type_.as_deref()) == Some("ExternalName") {
        return Selector::nothing();
    }
    let labels = spec.and_then(|spec| spec.selector.as_ref());
    labels
        .filter(|labels| !labels.is_empty())
        .map_or(Selector::nothing(), Selector::from_map)
}

/// Whether what endpoints say of a Pod may differ between two of its versions.
pub fn matters(old: &Pod, new: &Pod) -> bool {
    if address(old).is_empty() && address(new).is_empty() {
        return false;
    }
    old.uid() != new.uid()
        || old.metadata.labels != new.metadata.labels
        || old.is_terminating() != new.is_terminating()
        || address(old) != address(new)
        || pods::is_finished(old) != pods::is_finished(new)
        || pods::is_ready(old) != pods::is_ready(new)
        || pods::node_name(old) != pods::node_name(new)
}

/// The Pod's address; empty before it has one.
pub fn address(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.pod_ip.as_deref())
        .unwrap_or_default()
}

/// Whether a request can reach it: it has an address and has not finished.
pub fn is_reachable(pod: &Pod) -> bool {
    !address(pod).is_empty() && !pods::is_finished(pod)
}

/// The number of the container port that a Service port leads to in `pod`.
pub fn target(pod: &Pod, port: &ServicePort) -> Option<i32> {
    match port.target_port.as_ref() {
        Some(IntOrString::String(name)) => pod
            .spec
            .iter()
            .flat_map(|spec| &spec.containers)
            .flat_map(|container| container.ports.iter().flatten())
            .find(|p| p.name.as_deref() == Some(name) && p.protocol == port.protocol)
            .map(|p| p.container_port),
        Some(IntOrString::Int(number)) if *number != 0 => Some(*number),
        _ => Some(port.port),
    }
}

/// The Service's ports that exist in `pod`, each with its number there.
pub fn ports<'a>(
    service: &'a Service,
    pod: &'a Pod,
) -> impl Iterator<Item = (&'a ServicePort, i32)> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter());
    ports
        .flatten()
        .filter_map(|port| Some((port, target(pod, port)?)))
}

/// Whether the Service's ports lead to the same numbers in every Pod: none of them goes by a name.
pub fn has_fixed_ports(service: &Service) -> bool {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter());
    let by_name = |port: &ServicePort| matches!(port.target_port, Some(IntOrString::String(_)));
    !ports.flatten().any(by_name)
}

/// Whether Pods get requests before they are ready, and while they end.
pub fn publishes_not_ready(service: &Service) -> bool {
    service
        .spec
        .as_ref()
        .and_then(|s| s.publish_not_ready_addresses)
        == Some(true)
}

/// Whether the Service has no address of its own.
pub fn is_headless(service: &Service) -> bool {
    let ip = service
        .spec
        .as_ref()
        .and_then(|spec| spec.cluster_ip.as_deref());
    matches!(ip, None | Some("" | "None"))
}

/// The name that the Pod has below the Service's: its `hostname`, where its `subdomain` is the
/// Service.
pub fn hostname<'a>(service: &Service, pod: &'a Pod) -> Option<&'a str> {
    let spec = pod.spec.as_ref()?;
    let hostname = spec.hostname.as_deref().filter(|name| !name.is_empty())?;
    (spec.subdomain.as_deref() == Some(service.name())).then_some(hostname)
}

/// What an endpoint says of the Pod behind it.
pub fn target_ref(pod: &Pod) -> ObjectReference {
    ObjectReference {
        kind: Some("Pod".to_owned()),
        namespace: pod.metadata.namespace.clone(),
        name: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

/// Whether `reference` is what [`target_ref`] would say.
pub fn refers_to(reference: Option<&ObjectReference>, pod: &Pod) -> bool {
    reference.is_some_and(|r| r.name == pod.metadata.name && r.uid == pod.metadata.uid)
}

/// Whether `meta` belongs to `service` itself, not to an earlier one of its name.
pub fn is_owned(
    meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    service: &Service,
) -> bool {
    owner::is_controlled_by(meta, service.uid())
}
