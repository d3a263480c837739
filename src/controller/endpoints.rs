//! Keeps a Service's Endpoints, the older kind, equal to the Pods it selects.
//!
//! Upstream: pkg/controller/endpoint/endpoints_controller.go, v1.36. Left out: IPv6.

use super::manager::Controller;
use super::selected_pods::{Selected, SelectedPods};
use super::service_pods::{
    self, HEADLESS, address, has_fixed_ports, hostname, is_headless, ports, publishes_not_ready,
    refers_to, target_ref,
};
use super::trigger_time::{TriggerTimes, annotate};
use super::{Change, Informers, pods};
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Reason, Status};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, WorkQueue};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Pod, Service,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use std::collections::BTreeMap;

const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpoint-controller";
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
/// How many addresses one Endpoints object holds.
const ADDRESS_LIMIT: u32 = 1_000;

/// The endpoints controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EndpointsController {
    queue: WorkQueue<NamespacedName>,
    triggers: TriggerTimes,
    #[serde(skip)]
    pods: SelectedPods,
}

impl Controller for EndpointsController {
    fn name(&self) -> &'static str {
        CONTROLLER
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        if let Change::Endpoints(delta) = change {
            // Upstream looks at a deletion only: its own writes change nothing.
            if delta.new.is_none() {
                self.queue.add(delta.name(), Some(delta.revision));
            }
            return;
        }
        self.pods.observe(change, informers, &mut self.queue);
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        while let Some(item) = self.queue.pop(ctx.now) {
            ctx.cause = item.cause;
            match self.reconcile(&item.key, ctx, informers) {
                Ok(()) => self.queue.forget(&item.key),
                Err(_) => self.queue.add_rate_limited(item.key, ctx.now),
            }
        }
    }

    fn next_at(&self) -> Option<SimTime> {
        self.queue.next_at()
    }
}

impl EndpointsController {
    fn reconcile(
        &mut self,
        key: &NamespacedName,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let existing = informers.endpoints.get(key);
        let Some(service) = informers.services.get(key) else {
            self.triggers.forget(key);
            if existing.is_some() {
                return match ctx.delete(key.of(Kind::Endpoints), DeleteOptions::default()) {
                    Err(status) if status.reason != Reason::NotFound => Err(status),
                    _ => Ok(()),
                };
            }
            return Ok(());
        };
        if service_pods::selector(service) == Selector::nothing() {
            return Ok(());
        }
        let trigger = self
            .triggers
            .compute(service, self.pods.news(service, informers));
        let selected = self.pods.by_address(service, informers);
        let planned = plan_subsets(service, &selected);
        let truncated = planned.truncated;
        let labels = labels(service);
        let Some(old) = existing else {
            let mut metadata = ObjectMeta {
                name: Some(key.name.clone()),
                namespace: Some(key.namespace.clone()),
                labels: Some(labels),
                annotations: over_capacity(None, truncated),
                ..ObjectMeta::default()
            };
            annotate(&mut metadata, trigger);
            let subsets = planned.write(service);
            return match ctx.create(Endpoints { metadata, subsets }) {
                Err(status) if status.is_namespace_terminating() => Ok(()),
                other => other.map(|_| ()),
            };
        };
        let annotations = over_capacity(old.metadata.annotations.as_ref(), truncated);
        if planned.says(service, old.subsets.as_deref().unwrap_or_default())
            && meta::labels(&old.metadata) == &labels
            && old.metadata.annotations == annotations
        {
            return Ok(());
        }
        let mut metadata = old.metadata.clone();
        metadata.labels = Some(labels);
        metadata.annotations = annotations;
        annotate(&mut metadata, trigger);
        let subsets = planned.write(service);
        ctx.update(Endpoints { metadata, subsets }).map(|_| ())
    }
}

fn labels(service: &Service) -> BTreeMap<String, String> {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.remove(HEADLESS);
    if is_headless(service) {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels.insert(MANAGED_BY.to_owned(), CONTROLLER.to_owned());
    labels
}

fn over_capacity(
    given: Option<&BTreeMap<String, String>>,
    truncated: bool,
) -> Option<BTreeMap<String, String>> {
    let mut annotations = given.cloned().unwrap_or_default();
    annotations.remove(OVER_CAPACITY);
    if truncated {
        annotations.insert(OVER_CAPACITY.to_owned(), "truncated".to_owned());
    }
    Some(annotations).filter(|annotations| !annotations.is_empty())
}

/// The subsets that there should be, as the Pods that are in them: nothing is copied until it is
/// known that something has to be written.
struct Planned<'a> {
    groups: Vec<Group<'a>>,
    truncated: bool,
}

/// Pods with the same port numbers, by address.
#[derive(Default)]
struct Group<'a> {
    ready: Vec<&'a Pod>,
    not_ready: Vec<&'a Pod>,
}

/// Plans the subsets for the Pods in `selected`, which are in the order of their addresses.
fn plan_subsets<'a>(service: &Service, selected: &[&'a Selected]) -> Planned<'a> {
    let publish = publishes_not_ready(service);
    let is_listed = |pod: &&Selected| publish || !pod.is_terminating();
    let is_ready = |pod: &Selected| publish || pod.ready;
    let listed = selected.iter().copied().filter(is_listed);
    let ready = listed.clone().filter(|pod| is_ready(pod)).count();
    let truncated = listed.clone().count() > ADDRESS_LIMIT as usize;
    // Where not all fit, ready ones go before others.
    let mut room_for_ready = ready.min(ADDRESS_LIMIT as usize);
    let mut room_for_others = ADDRESS_LIMIT as usize - room_for_ready;
    let fixed = has_fixed_ports(service);
    let mut groups: Vec<Group<'a>> = Vec::new();
    for pod in listed {
        let room = match is_ready(pod) {
            true => &mut room_for_ready,
            false => &mut room_for_others,
        };
        if *room == 0 {
            continue;
        }
        *room -= 1;
        let same = |group: &Group<'a>| {
            let other = group.any();
            fixed || other.is_some_and(|other| same_ports(service, pod, other))
        };
        let at = groups.iter().position(same).unwrap_or_else(|| {
            groups.push(Group::default());
            groups.len() - 1
        });
        match is_ready(pod) {
            true => groups[at].ready.push(pod),
            false => groups[at].not_ready.push(pod),
        }
    }
    Planned { groups, truncated }
}

fn same_ports(service: &Service, a: &Pod, b: &Pod) -> bool {
    let numbers = |pod| ports(service, pod).map(|(port, number)| (&port.name, number));
    numbers(a).eq(numbers(b))
}

impl Planned<'_> {
    fn says(&self, service: &Service, subsets: &[EndpointSubset]) -> bool {
        self.groups.len() == subsets.len()
            && self.groups.iter().zip(subsets).all(|(group, subset)| {
                says_ports(service, group, subset.ports.as_deref())
                    && says_pods(service, &group.ready, subset.addresses.as_deref())
                    && says_pods(
                        service,
                        &group.not_ready,
                        subset.not_ready_addresses.as_deref(),
                    )
            })
    }

    fn write(&self, service: &Service) -> Option<Vec<EndpointSubset>> {
        let subsets = self.groups.iter().map(|group| EndpointSubset {
            addresses: write_pods(service, &group.ready),
            not_ready_addresses: write_pods(service, &group.not_ready),
            ports: group.any().map(|pod| write_ports(service, pod)),
        });
        let subsets: Vec<EndpointSubset> = subsets.collect();
        Some(subsets).filter(|subsets| !subsets.is_empty())
    }
}

impl<'a> Group<'a> {
    fn any(&self) -> Option<&'a Pod> {
        self.ready.first().or(self.not_ready.first()).copied()
    }
}

fn write_ports(service: &Service, pod: &Pod) -> Vec<EndpointPort> {
    ports(service, pod)
        .map(|(port, number)| EndpointPort {
            name: port.name.clone().filter(|name| !name.is_empty()),
            port: number,
            protocol: port.protocol.clone(),
            app_protocol: port.app_protocol.clone(),
        })
        .collect()
}

fn says_ports(service: &Service, group: &Group<'_>, given: Option<&[EndpointPort]>) -> bool {
    let Some(pod) = group.any() else {
        return false;
    };
    given.unwrap_or_default() == write_ports(service, pod)
}

fn write_pods(service: &Service, pods: &[&Pod]) -> Option<Vec<EndpointAddress>> {
    let addresses = pods.iter().map(|pod| EndpointAddress {
        hostname: hostname(service, pod).map(str::to_owned),
        ip: address(pod).to_owned(),
        node_name: Some(pods::node_name(pod).to_owned()),
        target_ref: Some(target_ref(pod)),
    });
    let addresses: Vec<EndpointAddress> = addresses.collect();
    Some(addresses).filter(|addresses| !addresses.is_empty())
}

fn says_pods(service: &Service, pods: &[&Pod], given: Option<&[EndpointAddress]>) -> bool {
    let given = given.unwrap_or_default();
    pods.len() == given.len()
        && pods.iter().zip(given).all(|(pod, given)| {
            given.ip == address(pod)
                && refers_to(given.target_ref.as_ref(), pod)
                && given.node_name.as_deref().unwrap_or_default() == pods::node_name(pod)
                && given.hostname.as_deref() == hostname(service, pod)
        })
}
