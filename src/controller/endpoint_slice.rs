//! Keeps a Service's Endpoints and EndpointSlice equal to the Pods it selects.
//!
//! Upstream: pkg/controller/endpointslice, pkg/controller/endpoint, v1.36. One controller writes
//! both kinds here. Left out: dual stack, topology hints, the trigger-time annotation.

use super::manager::Controller;
use super::{Change, Informers, pods};
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{ApiType, Kind, NamespacedName, Reason, Status, owner};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, WorkQueue, reference};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort as OldPort, EndpointSubset, Endpoints, Pod, Service, ServicePort,
};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;
use std::sync::Arc;

const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// How many endpoints one slice holds.
const SLICE_LIMIT: u32 = 100;

/// The endpoints and endpoint slice controllers in one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EndpointSliceController {
    queue: WorkQueue<NamespacedName>,
}

impl Controller for EndpointSliceController {
    fn name(&self) -> &'static str {
        "endpointslice-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        match change {
            Change::Service(delta) => self.queue.add(delta.name(), Some(delta.revision)),
            Change::EndpointSlice(delta) => {
                if let Some(name) = delta.latest().label(SERVICE_NAME) {
                    let key = NamespacedName::new(delta.latest().namespace(), name);
                    self.queue.add(key, Some(delta.revision));
                }
            }
            Change::Pod(delta) => {
                let pod = delta.latest();
                for service in informers.services.in_namespace(pod.namespace()) {
                    let versions = [delta.old.as_ref(), delta.new.as_ref()];
                    let selector = selector(service);
                    let selected = |pod: &&Arc<Pod>| selector.matches(meta::labels(&pod.metadata));
                    if versions.iter().flatten().any(selected) {
                        self.queue
                            .add(service.namespaced_name(), Some(delta.revision));
                    }
                }
            }
            _ => {}
        }
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        while let Some(item) = self.queue.pop(ctx.now) {
            ctx.cause = item.cause;
            match reconcile(&item.key, ctx, informers) {
                Ok(()) => self.queue.forget(&item.key),
                Err(_) => self.queue.add_rate_limited(item.key, ctx.now),
            }
        }
    }

    fn next_at(&self) -> Option<SimTime> {
        self.queue.next_at()
    }
}

/// A Service without a selector selects nothing: somebody else writes its endpoints.
fn selector(service: &Service) -> Selector {
    let labels = service
        .spec
        .as_ref()
        .and_then(|spec| spec.selector.as_ref());
    labels
        .filter(|labels| !labels.is_empty())
        .map_or(Selector::nothing(), Selector::from_map)
}

fn reconcile(key: &NamespacedName, ctx: &mut Ctx<'_>, informers: &Informers) -> Result<(), Status> {
    let existing: Vec<Arc<EndpointSlice>> = informers
        .endpoint_slices
        .in_namespace(&key.namespace)
        .filter(|slice| slice.label(SERVICE_NAME) == Some(&key.name))
        .cloned()
        .collect();
    let Some(service) = informers.services.get(key) else {
        for slice in &existing {
            remove(ctx, slice.as_ref())?;
        }
        if let Some(endpoints) = informers.endpoints.get(key) {
            remove(ctx, endpoints.as_ref())?;
        }
        return Ok(());
    };
    let selector = selector(service);
    let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
    if selector == Selector::nothing() || kind == Some("ExternalName") {
        return Ok(());
    }
    let selected: Vec<&Arc<Pod>> = informers
        .pods
        .in_namespace(&key.namespace)
        .filter(|pod| selector.matches(meta::labels(&pod.metadata)) && has_address(pod))
        .collect();
    write_slices(service, &selected, &existing, ctx)?;
    write_endpoints(service, &selected, informers.endpoints.get(key), ctx)
}

fn remove<K: ApiType>(ctx: &mut Ctx<'_>, object: &K) -> Result<(), Status> {
    let key = object.namespaced_name().of(<K as ApiType>::KIND);
    match ctx.delete(key, DeleteOptions::default()) {
        Err(status) if status.reason != Reason::NotFound => Err(status),
        _ => Ok(()),
    }
}

fn address(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.pod_ip.as_deref())
        .unwrap_or_default()
}

fn has_address(pod: &Pod) -> bool {
    !address(pod).is_empty() && !matches!(pods::phase(pod), "Succeeded" | "Failed")
}

/// The number of the container port that a Service port leads to in `pod`.
fn target(pod: &Pod, port: &ServicePort) -> Option<i32> {
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

/// The (name, number, protocol) of the ports that the Service has in `pod`.
fn ports_of(service: &Service, pod: &Pod) -> Vec<EndpointPort> {
    let ports = service
        .spec
        .iter()
        .flat_map(|spec| spec.ports.iter().flatten());
    ports
        .filter_map(|port| {
            Some(EndpointPort {
                name: Some(port.name.clone().unwrap_or_default()),
                port: Some(target(pod, port)?),
                protocol: port.protocol.clone(),
                app_protocol: port.app_protocol.clone(),
            })
        })
        .collect()
}

fn endpoint(pod: &Pod, publish: bool) -> Endpoint {
    let serving = pods::is_ready(pod);
    let terminating = pod.is_terminating();
    let mut target = reference(pod);
    (target.api_version, target.resource_version) = (None, None);
    Endpoint {
        addresses: vec![address(pod).to_owned()],
        conditions: Some(EndpointConditions {
            ready: Some(publish || (serving && !terminating)),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        node_name: Some(pods::node_name(pod).to_owned()),
        target_ref: Some(target),
        ..Endpoint::default()
    }
}

fn publishes_not_ready(service: &Service) -> bool {
    service
        .spec
        .as_ref()
        .and_then(|s| s.publish_not_ready_addresses)
        == Some(true)
}

/// The slices that a Service should have: Pods with the same port numbers share slices.
fn plan_slices(
    service: &Service,
    selected: &[&Arc<Pod>],
) -> Vec<(Vec<EndpointPort>, Vec<Endpoint>)> {
    let publish = publishes_not_ready(service);
    let mut groups: Vec<(Vec<EndpointPort>, Vec<Endpoint>)> = Vec::new();
    for pod in selected {
        let ports = ports_of(service, pod);
        let free = |(group, endpoints): &&mut (Vec<EndpointPort>, Vec<Endpoint>)| {
            *group == ports && endpoints.len() < SLICE_LIMIT as usize
        };
        match groups.iter_mut().find(free) {
            Some((_, endpoints)) => endpoints.push(endpoint(pod, publish)),
            None => groups.push((ports, vec![endpoint(pod, publish)])),
        }
    }
    if groups.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    groups
}

fn write_slices(
    service: &Service,
    selected: &[&Arc<Pod>],
    existing: &[Arc<EndpointSlice>],
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    let planned = plan_slices(service, selected);
    for (index, (ports, endpoints)) in planned.iter().enumerate() {
        let (ports, endpoints) = (Some(ports.clone()), Some(endpoints.clone()));
        match existing.get(index) {
            Some(old) if old.endpoints == endpoints && old.ports == ports => {}
            Some(old) => {
                let mut slice = EndpointSlice::clone(old);
                (slice.ports, slice.endpoints) = (ports, endpoints);
                ctx.update(slice)?;
            }
            None => {
                let labels = [
                    (SERVICE_NAME, service.name()),
                    (
                        "endpointslice.kubernetes.io/managed-by",
                        "endpointslice-controller.k8s.io",
                    ),
                ];
                ctx.create(EndpointSlice {
                    metadata: ObjectMeta {
                        generate_name: Some(format!("{}-", service.name())),
                        namespace: Some(service.namespace().to_owned()),
                        labels: Some(
                            labels
                                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                                .into_iter()
                                .collect(),
                        ),
                        owner_references: Some(vec![owner::controller_ref(service)]),
                        ..ObjectMeta::default()
                    },
                    address_type: "IPv4".to_owned(),
                    ports,
                    endpoints,
                })?;
            }
        }
    }
    for slice in existing.iter().skip(planned.len()) {
        remove(ctx, slice.as_ref())?;
    }
    Ok(())
}

/// The subsets of the older Endpoints kind: ready and not ready addresses by port numbers.
fn plan_subsets(service: &Service, selected: &[&Arc<Pod>]) -> Vec<EndpointSubset> {
    let publish = publishes_not_ready(service);
    let mut subsets: Vec<EndpointSubset> = Vec::new();
    for pod in selected {
        if pod.is_terminating() && !publish {
            continue;
        }
        let ports: Vec<OldPort> = ports_of(service, pod)
            .into_iter()
            .map(|port| OldPort {
                name: port.name.filter(|name| !name.is_empty()),
                port: port.port.unwrap_or(0),
                protocol: port.protocol,
                app_protocol: port.app_protocol,
            })
            .collect();
        let at = subsets
            .iter()
            .position(|s| s.ports.as_ref() == Some(&ports));
        let at = at.unwrap_or_else(|| {
            subsets.push(EndpointSubset {
                ports: Some(ports),
                ..EndpointSubset::default()
            });
            subsets.len() - 1
        });
        let mut target = reference(pod.as_ref());
        (target.api_version, target.resource_version) = (None, None);
        let address = EndpointAddress {
            ip: address(pod).to_owned(),
            node_name: Some(pods::node_name(pod).to_owned()),
            target_ref: Some(target),
            hostname: None,
        };
        let list = match publish || pods::is_ready(pod) {
            true => &mut subsets[at].addresses,
            false => &mut subsets[at].not_ready_addresses,
        };
        list.get_or_insert_default().push(address);
    }
    subsets
}

fn write_endpoints(
    service: &Service,
    selected: &[&Arc<Pod>],
    existing: Option<&Arc<Endpoints>>,
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    let subsets = Some(plan_subsets(service, selected)).filter(|subsets| !subsets.is_empty());
    match existing {
        Some(old) if old.subsets == subsets => Ok(()),
        Some(old) => {
            let mut endpoints = Endpoints::clone(old);
            endpoints.subsets = subsets;
            ctx.update(endpoints).map(|_| ())
        }
        None => {
            let mut labels = service.metadata.labels.clone().unwrap_or_default();
            let manager = "endpoint-controller".to_owned();
            labels.insert("endpoints.kubernetes.io/managed-by".to_owned(), manager);
            let key = service.namespaced_name().of(Kind::Endpoints);
            let endpoints = Endpoints {
                metadata: ObjectMeta {
                    name: Some(key.name),
                    namespace: Some(key.namespace),
                    labels: Some(labels),
                    ..ObjectMeta::default()
                },
                subsets,
            };
            match ctx.create(endpoints) {
                Err(status) if status.reason == Reason::AlreadyExists => Ok(()),
                other => other.map(|_| ()),
            }
        }
    }
}
