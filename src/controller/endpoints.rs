//! Keeps a Service's Endpoints, the older kind, equal to the Pods it selects.
//!
//! Upstream: pkg/controller/endpoint/endpoints_controller.go, v1.36. Left out: IPv6.

use super::manager::{Controller, one_queue};
use super::selected_pods::{
    Behind, News, Selected, SelectedPods, order_of_addresses, sort_by_address,
};
use super::service_pods::{
    self, HEADLESS, address, has_fixed_ports, hostname, is_headless, ports, publishes_not_ready,
    refers_to, target_ref,
};
use super::trigger_time::{TriggerTimes, annotate};
use super::{Change, Informers, pods};
use crate::api::endpoints::{EndpointSubset, Endpoints};
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Status};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, WorkQueue};
use crate::sim::{SimTime, SortedMap};
use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

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

    one_queue!(|this, key, ctx, informers| {
        let done = this.reconcile(key, ctx, informers);
        done.inspect_err(|_| this.pods.unsettle(key))
    });
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
                return Status::ignore_not_found(
                    ctx.delete(key.of(Kind::Endpoints), DeleteOptions::default()),
                );
            }
            return Ok(());
        };
        if service_pods::selector(service) == Selector::nothing() {
            return Ok(());
        }
        let (news, behind) = self.pods.look(service, informers);
        let trigger = self.triggers.compute(service, &news);
        let labels = labels(service);
        let Some(old) = existing else {
            let planned = plan_subsets(service, &behind.by_address());
            let mut metadata = ObjectMeta {
                name: Some(key.name.clone()),
                namespace: Some(key.namespace.clone()),
                labels: Some(labels),
                annotations: over_capacity(None, planned.truncated),
                ..ObjectMeta::default()
            };
            annotate(&mut metadata, trigger);
            let subsets = planned.write(service);
            return match ctx.create(Endpoints { metadata, subsets }) {
                Err(status) if status.is_namespace_terminating() => Ok(()),
                other => self.settle(key, other?.revision()),
            };
        };
        let settled = [(key.name.as_str(), old.revision())];
        let settled = !news.of_all && behind.is_settled(settled.into_iter());
        let any = behind.any().filter(|_| settled && has_fixed_ports(service));
        let changes = any.and_then(|any| plan_changes(service, any, &news, old));
        let (truncated, subsets) = match changes {
            Some(subsets) => (false, subsets),
            None => plan_all(service, behind, old),
        };
        let annotations = over_capacity(old.metadata.annotations.as_ref(), truncated);
        if subsets == Subsets::Keep
            && meta::labels(&old.metadata) == &labels
            && old.metadata.annotations == annotations
        {
            return self.settle(key, old.revision());
        }
        let mut metadata = old.metadata.clone();
        metadata.labels = Some(labels);
        metadata.annotations = annotations;
        annotate(&mut metadata, trigger);
        let subsets = match subsets {
            Subsets::Keep => old.subsets.clone(),
            Subsets::Write(subsets) => subsets,
        };
        let written = ctx.update(Endpoints { metadata, subsets })?;
        self.settle(key, written.revision())
    }

    fn settle(&mut self, key: &NamespacedName, revision: u64) -> Result<(), Status> {
        let written = SortedMap::from_iter([(key.name.clone(), revision)]);
        self.pods.settle(key, written);
        Ok(())
    }
}

/// What to do about an object's subsets.
#[derive(Debug, PartialEq)]
enum Subsets {
    /// They are right.
    Keep,
    /// They should be these.
    Write(Option<Vec<EndpointSubset>>),
}

/// What `old` should have: the subsets of all the Pods in `behind`; and whether there are more than
/// fit.
fn plan_all(service: &Service, behind: &Behind, old: &Endpoints) -> (bool, Subsets) {
    let selected = behind.by_address();
    let planned = plan_subsets(service, &selected);
    let says = planned.says(service, old.subsets.as_deref().unwrap_or_default());
    let subsets = match says {
        true => Subsets::Keep,
        false => Subsets::Write(planned.write(service)),
    };
    (planned.truncated, subsets)
}

/// The same where `old` says the truth of every Pod that is not in `news`, and all have the ports
/// that `any` of them has. `None` where that cannot be told from these alone.
fn plan_changes(
    service: &Service,
    any: &Selected,
    news: &News<'_>,
    old: &Endpoints,
) -> Option<Subsets> {
    let stored = old.subsets.as_deref().unwrap_or_default();
    let [stored] = stored else {
        return None;
    };
    let ready = stored.addresses.as_deref().unwrap_or_default();
    let not_ready = stored.not_ready_addresses.as_deref().unwrap_or_default();
    let truncated = old.annotation(OVER_CAPACITY).is_some();
    if truncated || ready.len() + not_ready.len() + news.pods.len() > ADDRESS_LIMIT as usize {
        return None;
    }
    let publish = publishes_not_ready(service);
    let listed = news.pods.iter().filter_map(|(_, pod)| *pod);
    let mut listed: Vec<&Selected> = listed
        .filter(|pod| publish || !pod.is_terminating())
        .collect();
    sort_by_address(&mut listed);
    let is_ready = |pod: &&&Selected| publish || pod.ready;
    let of_ready: Vec<&Selected> = listed.iter().filter(is_ready).copied().collect();
    let others: Vec<&Selected> = listed.iter().filter(|p| !is_ready(p)).copied().collect();
    let [ready, not_ready] = [ready, not_ready].map(|addresses| Stored::new(addresses, news));
    if ready.says(service, &of_ready) && not_ready.says(service, &others) {
        return Some(Subsets::Keep);
    }
    let subset = EndpointSubset {
        addresses: ready.merge(service, &of_ready),
        not_ready_addresses: not_ready.merge(service, &others),
        ports: Some(write_ports(service, any)),
    };
    let is_empty = subset.addresses.is_none() && subset.not_ready_addresses.is_none();
    Some(Subsets::Write(Some(vec![subset]).filter(|_| !is_empty)))
}

/// Addresses that are stored, in their order.
struct Stored<'a> {
    addresses: &'a [Arc<EndpointAddress>],
    /// The places of those of the Pods that there is news about.
    of_news: Vec<usize>,
}

impl<'a> Stored<'a> {
    fn new(addresses: &'a [Arc<EndpointAddress>], news: &News<'_>) -> Self {
        let is_news = |address: &EndpointAddress| {
            let reference = address.target_ref.as_ref();
            let name = reference.and_then(|reference| reference.name.as_deref());
            news.of(name.unwrap_or_default()).is_some()
        };
        let places = 0..addresses.len();
        let of_news = places.filter(|place| is_news(&addresses[*place])).collect();
        Self { addresses, of_news }
    }

    /// Whether what they say of the Pods in the news is that these are `pods`.
    fn says(&self, service: &Service, pods: &[&Selected]) -> bool {
        let places = self.of_news.iter();
        self.of_news.len() == pods.len()
            && places.zip(pods).all(|(place, pod)| {
                let given = &self.addresses[*place];
                says_pod(service, pod, given)
            })
    }

    /// They without those of the Pods in the news, and with `pods`, which are in order.
    fn merge(&self, service: &Service, pods: &[&Selected]) -> Option<Vec<Arc<EndpointAddress>>> {
        let mut merged = Vec::with_capacity(self.addresses.len() + pods.len());
        let mut from = 0;
        for pod in pods {
            let until = order_of_addresses(pod);
            let is_before = |address: &Arc<EndpointAddress>| {
                let reference = address.target_ref.as_ref();
                let uid = reference.and_then(|reference| reference.uid.as_deref());
                (address.ip.as_str(), uid.unwrap_or_default()) < until
            };
            let to = from + self.addresses[from..].partition_point(is_before);
            self.copy(from..to, &mut merged);
            merged.push(write_pod(service, pod));
            from = to;
        }
        self.copy(from..self.addresses.len(), &mut merged);
        Some(merged).filter(|addresses| !addresses.is_empty())
    }

    fn copy(&self, places: Range<usize>, into: &mut Vec<Arc<EndpointAddress>>) {
        let mut from = places.start;
        for &place in self.of_news.iter().filter(|place| places.contains(place)) {
            into.extend_from_slice(&self.addresses[from..place]);
            from = place + 1;
        }
        into.extend_from_slice(&self.addresses[from..places.end]);
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

fn write_pods(service: &Service, pods: &[&Pod]) -> Option<Vec<Arc<EndpointAddress>>> {
    let addresses = pods.iter().map(|pod| write_pod(service, pod));
    let addresses: Vec<Arc<EndpointAddress>> = addresses.collect();
    Some(addresses).filter(|addresses| !addresses.is_empty())
}

fn write_pod(service: &Service, pod: &Pod) -> Arc<EndpointAddress> {
    Arc::new(EndpointAddress {
        hostname: hostname(service, pod).map(str::to_owned),
        ip: address(pod).to_owned(),
        node_name: Some(pods::node_name(pod).to_owned()),
        target_ref: Some(target_ref(pod)),
    })
}

fn says_pods(service: &Service, pods: &[&Pod], given: Option<&[Arc<EndpointAddress>]>) -> bool {
    let given = given.unwrap_or_default();
    pods.len() == given.len()
        && pods
            .iter()
            .zip(given)
            .all(|(pod, given)| says_pod(service, pod, given))
}

fn says_pod(service: &Service, pod: &Pod, given: &EndpointAddress) -> bool {
    given.ip == address(pod)
        && refers_to(given.target_ref.as_ref(), pod)
        && given.node_name.as_deref().unwrap_or_default() == pods::node_name(pod)
        && given.hostname.as_deref() == hostname(service, pod)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{SimRng, SortedSet};
    use serde_json::json;

    fn pod(name: u64, ip: u64, ready: bool) -> Selected {
        let ready = if ready { "True" } else { "False" };
        let json = json!({
            "metadata": {"name": format!("p{name}"), "namespace": "default", "uid": format!("u{name}-{ip}")},
            "spec": {"nodeName": "n", "containers": []},
            "status": {"phase": "Running", "podIP": format!("10.0.0.{ip}"),
                "conditions": [{"type": "Ready", "status": ready}]},
        });
        Selected::new(Arc::new(serde_json::from_value(json).expect("a Pod")))
    }

    /// What would be written for all the Pods.
    fn all(service: &Service, pods: &SortedMap<String, Selected>) -> Option<Vec<EndpointSubset>> {
        let mut pods: Vec<&Selected> = pods.values().collect();
        sort_by_address(&mut pods);
        plan_subsets(service, &pods).write(service)
    }

    #[test]
    fn what_changed_leads_to_the_same_as_all_that_there_is() {
        let json = json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"clusterIP": "10.96.0.9", "ports": [{"port": 80, "protocol": "TCP"}]},
        });
        let service: Service = serde_json::from_value(json).expect("a Service");
        let mut rng = SimRng::new(7);
        let mut pods: SortedMap<String, Selected> = SortedMap::new();
        let mut endpoints = Endpoints::default();
        let mut by_changes = 0;
        for _ in 0..2_000 {
            let mut names = SortedSet::new();
            for _ in 0..rng.next_u64() % 4 {
                let number = rng.next_u64() % 12;
                let name = format!("p{number}");
                match rng.next_u64() % 4 {
                    0 => pods.remove(&name),
                    chance => {
                        let ip = 200 + (number + rng.next_u64() % 2) % 12;
                        pods.insert(name.clone(), pod(number, ip, chance != 1))
                    }
                };
                names.insert(name);
            }
            let news = News::about(names, &pods);
            let wanted = all(&service, &pods);
            let any = pods.values().next();
            let planned = any.and_then(|any| plan_changes(&service, any, &news, &endpoints));
            if let Some(planned) = planned {
                by_changes += 1;
                match planned {
                    Subsets::Keep => assert_eq!(endpoints.subsets, wanted),
                    Subsets::Write(subsets) => assert_eq!(subsets, wanted),
                }
            }
            endpoints.subsets = wanted;
        }
        assert!(by_changes > 1_500, "{by_changes}");
    }
}
