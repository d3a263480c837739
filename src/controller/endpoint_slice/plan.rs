//! Which slices to write so that every Pod behind a Service is in one, with as few slices changed
//! as can be.
//!
//! Upstream: staging/src/k8s.io/endpointslice/reconciler.go, `reconcileByPortMapping`, v1.36.
//! Nothing is copied for a slice that stays as it is.

use super::places::Places;
use crate::api::endpoints::EndpointSlice;
use crate::api::meta::MetaExt;
use crate::controller::pods;
use crate::controller::selected_pods::{News, Selected};
use crate::controller::service_pods::{
    address, has_fixed_ports, hostname, is_owned, ports, publishes_not_ready, refers_to, target_ref,
};
use crate::sim::order;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort};
use std::sync::Arc;

/// How many endpoints one slice holds.
const SLICE_LIMIT: u32 = 100;

/// What a slice is to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The ports; `None` for a slice that only says that there is no endpoint.
    pub ports: Option<Vec<EndpointPort>>,
    /// The endpoints.
    pub endpoints: Vec<Arc<Endpoint>>,
}

impl Content {
    fn has_room(&self) -> bool {
        self.endpoints.len() < SLICE_LIMIT as usize
    }
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan<'a> {
    /// Slices to create.
    pub create: Vec<Content>,
    /// Slices to change, with what they are to hold.
    pub update: Vec<(&'a EndpointSlice, Content)>,
    /// Slices to delete.
    pub delete: Vec<&'a EndpointSlice>,
}

/// Pods that have the same port numbers.
struct Group<'a> {
    ports: Vec<EndpointPort>,
    pods: Vec<&'a Selected>,
}

/// Plans the slices of `service` for the Pods in `selected`, which are in the order of their names.
/// `stale` says of a slice that its labels are to be written anew.
pub fn plan_slices<'a>(
    service: &Service,
    selected: &[&Selected],
    existing: &[&'a EndpointSlice],
    stale: impl Fn(&EndpointSlice) -> bool,
) -> Plan<'a> {
    let groups = group(service, selected);
    let mut plan = Plan::default();
    for slice in existing {
        let kept = groups
            .iter()
            .any(|group| has_ports(slice.ports.as_deref(), &group.ports));
        if !kept || slice.address_type != "IPv4" {
            plan.delete.push(slice);
        }
    }
    for group in &groups {
        let own: Vec<&EndpointSlice> = existing
            .iter()
            .filter(|s| s.address_type == "IPv4" && has_ports(s.ports.as_deref(), &group.ports))
            .copied()
            .collect();
        plan_group(service, group, &own, &stale, &mut plan);
    }
    keep_one(existing, stale, &mut plan);
    recycle(service, &mut plan);
    plan
}

fn has_ports(given: Option<&[EndpointPort]>, wanted: &[EndpointPort]) -> bool {
    given.unwrap_or_default() == wanted
}

fn group<'a>(service: &Service, selected: &[&'a Selected]) -> Vec<Group<'a>> {
    let fixed = has_fixed_ports(service);
    let mut groups: Vec<Group<'a>> = Vec::new();
    for pod in selected {
        let same = |group: &&mut Group<'a>| {
            if fixed {
                return true;
            }
            let mut wanted = ports(service, pod);
            let equal = group.ports.iter().all(|known| {
                wanted.next().is_some_and(|(port, number)| {
                    known.port == Some(number)
                        && known.name.as_deref() == Some(port.name.as_deref().unwrap_or_default())
                })
            });
            equal && wanted.next().is_none()
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.pods.push(pod),
            None => groups.push(Group {
                ports: write_ports(service, pod),
                pods: vec![pod],
            }),
        }
    }
    groups
}

fn write_ports(service: &Service, pod: &Selected) -> Vec<EndpointPort> {
    let ports = ports(service, pod).map(|(port, number)| EndpointPort {
        name: Some(port.name.clone().unwrap_or_default()),
        port: Some(number),
        protocol: port.protocol.clone(),
        app_protocol: port.app_protocol.clone(),
    });
    ports.collect()
}

/// Plans what [`plan_slices`] would, where all the Pods have the ports that `any` of them has and
/// `existing` says the truth of every Pod that is not in `news`. `None` where a slice is for other
/// ports: then there is more to do than that.
pub fn plan_changes<'a>(
    service: &Service,
    any: &Selected,
    news: &News<'_>,
    existing: &[&'a EndpointSlice],
) -> Option<Plan<'a>> {
    let publish = publishes_not_ready(service);
    let ports = write_ports(service, any);
    let fits = |slice: &&EndpointSlice| has_ports(slice.ports.as_deref(), &ports);
    if !existing.iter().all(fits) {
        return None;
    }
    let mut plan = Plan::default();
    let mut placed = vec![false; news.pods.len()];
    let mut changed: Vec<(&EndpointSlice, Content)> = Vec::new();
    let mut unchanged: Vec<&EndpointSlice> = Vec::new();
    for slice in existing {
        match with_news(service, slice, news, &mut placed) {
            None => unchanged.push(slice),
            Some(content) if content.endpoints.is_empty() => plan.delete.push(slice),
            Some(content) => changed.push((slice, content)),
        }
    }
    let left = news.pods.iter().zip(&placed);
    let left = left.filter_map(|((_, pod), placed)| pod.filter(|_| !placed));
    let left = left.map(|pod| endpoint(service, pod, publish));
    place(left, changed, unchanged, &mut plan, &ports);
    keep_one(existing, |_| false, &mut plan);
    recycle(service, &mut plan);
    Some(plan)
}

/// What `slice` is to hold because of `news`, or `None` where it says the truth already. Notes in
/// `placed` which of them are in it.
fn with_news(
    service: &Service,
    slice: &EndpointSlice,
    news: &News<'_>,
    placed: &mut [bool],
) -> Option<Content> {
    let publish = publishes_not_ready(service);
    let mut content: Option<Content> = None;
    let endpoints = slice.endpoints.as_deref().unwrap_or_default();
    // From behind, so that what is taken out moves nothing that is still to be looked at.
    for (at, given) in endpoints.iter().enumerate().rev() {
        let reference = given.target_ref.as_ref();
        let name = reference.and_then(|r| r.name.as_deref());
        let Some((number, pod)) = news.of(name.unwrap_or_default()) else {
            continue;
        };
        match pod.filter(|pod| refers_to(reference, pod)) {
            Some(pod) => {
                placed[number] = true;
                if !says(given, service, pod, publish) {
                    let content = content.get_or_insert_with(|| content_of(slice));
                    content.endpoints[at] = endpoint(service, pod, publish);
                }
            }
            None => {
                let content = content.get_or_insert_with(|| content_of(slice));
                content.endpoints.remove(at);
            }
        }
    }
    content
}

fn plan_group<'a>(
    service: &Service,
    group: &Group<'_>,
    existing: &[&'a EndpointSlice],
    stale: impl Fn(&EndpointSlice) -> bool,
    plan: &mut Plan<'a>,
) {
    let publish = publishes_not_ready(service);
    let mut unplaced = Places::new(&group.pods);
    let mut changed: Vec<(&EndpointSlice, Content)> = Vec::new();
    let mut unchanged: Vec<&EndpointSlice> = Vec::new();
    for slice in existing {
        match compare(service, slice, &mut unplaced) {
            None if stale(slice) => changed.push((slice, content_of(slice))),
            None => unchanged.push(slice),
            Some(pods) if pods.is_empty() => plan.delete.push(slice),
            Some(pods) => {
                let endpoints = pods.iter().map(|pod| endpoint(service, pod, publish));
                let endpoints = endpoints.collect();
                let ports = slice.ports.clone();
                changed.push((slice, Content { ports, endpoints }));
            }
        }
    }
    let left = unplaced.left();
    let left = left.map(|pod| endpoint(service, pod, publish));
    place(left, changed, unchanged, plan, &group.ports);
}

/// Puts the endpoints that are in no slice yet into those that change, else into one that has room
/// for all of them, else into new ones.
fn place<'a>(
    mut left: impl Iterator<Item = Arc<Endpoint>>,
    mut changed: Vec<(&'a EndpointSlice, Content)>,
    mut unchanged: Vec<&'a EndpointSlice>,
    plan: &mut Plan<'a>,
    ports: &[EndpointPort],
) {
    // The fullest first.
    order::sort_by_key(&mut changed, |(_, content)| {
        std::cmp::Reverse(content.endpoints.len())
    });
    for (_, content) in &mut changed {
        while content.has_room()
            && let Some(endpoint) = left.next()
        {
            content.endpoints.push(endpoint);
        }
    }
    let left: Vec<Arc<Endpoint>> = left.collect();
    if !left.is_empty()
        && let Some(at) = slice_to_fill(&unchanged, left.len())
    {
        let slice = unchanged.remove(at);
        let mut content = content_of(slice);
        content.endpoints.extend(left);
        changed.push((slice, content));
    } else {
        for endpoints in left.chunks(SLICE_LIMIT as usize) {
            plan.create.push(Content {
                ports: Some(ports.to_vec()),
                endpoints: endpoints.to_vec(),
            });
        }
    }
    plan.update.extend(changed);
}

fn content_of(slice: &EndpointSlice) -> Content {
    Content {
        ports: slice.ports.clone(),
        endpoints: slice.endpoints.clone().unwrap_or_default(),
    }
}

/// The Pods that are to stay in `slice`, or `None` where it says the truth already. Takes them out of
/// `unplaced`.
fn compare<'p>(
    service: &Service,
    slice: &EndpointSlice,
    unplaced: &mut Places<'p>,
) -> Option<Vec<&'p Selected>> {
    let publish = publishes_not_ready(service);
    let endpoints = slice.endpoints.as_deref().unwrap_or_default();
    let mut stay = Vec::with_capacity(endpoints.len());
    let mut same = true;
    for endpoint in endpoints {
        let reference = endpoint.target_ref.as_ref();
        let name = reference.and_then(|r| r.name.as_deref());
        let name = name.unwrap_or_default();
        let Some(pod) = unplaced.take_if(name, |pod| refers_to(reference, pod)) else {
            same = false;
            continue;
        };
        stay.push(pod);
        same = same && says(endpoint, service, pod, publish);
    }
    (!same).then_some(stay)
}

fn conditions(pod: &Selected, publish: bool) -> EndpointConditions {
    let terminating = pod.is_terminating();
    EndpointConditions {
        ready: Some(publish || (pod.ready && !terminating)),
        serving: Some(pod.ready),
        terminating: Some(terminating),
    }
}

/// Whether `given` is what [`endpoint`] would make of `pod`.
fn says(given: &Endpoint, service: &Service, pod: &Selected, publish: bool) -> bool {
    given.addresses.len() == 1
        && given.addresses[0] == address(pod)
        && given.conditions.as_ref() == Some(&conditions(pod, publish))
        && given.node_name.as_deref().unwrap_or_default() == pods::node_name(pod)
        && given.hostname.as_deref() == hostname(service, pod)
}

fn endpoint(service: &Service, pod: &Selected, publish: bool) -> Arc<Endpoint> {
    Arc::new(Endpoint {
        addresses: vec![address(pod).to_owned()],
        conditions: Some(conditions(pod, publish)),
        hostname: hostname(service, pod).map(str::to_owned),
        node_name: Some(pods::node_name(pod).to_owned()),
        target_ref: Some(target_ref(pod)),
        ..Endpoint::default()
    })
}

/// The fullest of `slices` that has room for all of `count` endpoints.
fn slice_to_fill(slices: &[&EndpointSlice], count: usize) -> Option<usize> {
    let length = |slice: &EndpointSlice| slice.endpoints.as_ref().map_or(0, Vec::len);
    (0..slices.len())
        .filter(|at| length(slices[*at]) + count <= SLICE_LIMIT as usize)
        .max_by_key(|at| length(slices[*at]))
}

/// A Service always has a slice, be it an empty one.
fn keep_one(
    existing: &[&EndpointSlice],
    stale: impl Fn(&EndpointSlice) -> bool,
    plan: &mut Plan<'_>,
) {
    if existing.len() != plan.delete.len() || !plan.create.is_empty() {
        return;
    }
    if let [only] = plan.delete.as_slice()
        && only.endpoints.as_ref().is_none_or(Vec::is_empty)
        && only.ports.as_ref().is_none_or(Vec::is_empty)
        && !stale(only)
    {
        plan.delete.clear();
        return;
    }
    plan.create.push(Content {
        ports: None,
        endpoints: Vec::new(),
    });
}

/// Turns deletions and creations into changes, as far as they meet.
fn recycle(service: &Service, plan: &mut Plan<'_>) {
    let mut at = 0;
    while at < plan.delete.len() && !plan.create.is_empty() {
        let slice = plan.delete[at];
        if is_owned(&slice.metadata, service) && slice.address_type == "IPv4" {
            plan.delete.remove(at);
            plan.update
                .extend(plan.create.pop().map(|new| (slice, new)));
        } else {
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{SimRng, SortedMap, SortedSet};
    use serde_json::{Value, json};

    fn service() -> Service {
        let json = json!({
            "metadata": {"name": "web", "namespace": "default", "uid": "s"},
            "spec": {"clusterIP": "10.96.0.9", "ports": [{"port": 80, "protocol": "TCP", "targetPort": "http"}]}
        });
        serde_json::from_value(json).expect("a Service")
    }

    fn pod(name: &str, port: i32, ready: bool) -> Selected {
        let status = if ready { "True" } else { "False" };
        let json: Value = json!({
            "metadata": {"name": name, "namespace": "default", "uid": name},
            "spec": {"nodeName": "n", "containers": [
                {"name": "c", "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}]}
            ]},
            "status": {"phase": "Running", "podIP": format!("10.0.0.{}", name.len()), "conditions": [
                {"type": "Ready", "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z"}
            ]}
        });
        let pod = serde_json::from_value(json).expect("a Pod");
        Selected::new(Arc::new(pod))
    }

    fn slice(name: &str, content: &Content) -> EndpointSlice {
        let json = json!({"metadata": {"name": name, "ownerReferences": [
            {"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "s", "controller": true}
        ]}, "addressType": "IPv4", "endpoints": []});
        let mut slice: EndpointSlice = serde_json::from_value(json).expect("a slice");
        slice.ports.clone_from(&content.ports);
        slice.endpoints = Some(content.endpoints.clone());
        slice
    }

    fn names(content: &Content) -> Vec<&str> {
        let targets = content
            .endpoints
            .iter()
            .filter_map(|e| e.target_ref.as_ref());
        targets.filter_map(|t| t.name.as_deref()).collect()
    }

    #[test]
    fn a_hundred_and_one_pods_take_two_slices_and_stay_where_they_are() {
        let pods: Vec<Selected> = (0..101)
            .map(|n| pod(&format!("p{n:03}"), 8080, true))
            .collect();
        let all: Vec<&Selected> = pods.iter().collect();
        let plan = plan_slices(&service(), &all, &[], |_| false);
        let sizes: Vec<usize> = plan.create.iter().map(|c| c.endpoints.len()).collect();
        assert_eq!(sizes, [100, 1]);

        let slices = [slice("a", &plan.create[0]), slice("b", &plan.create[1])];
        let existing: Vec<&EndpointSlice> = slices.iter().collect();
        let still = plan_slices(&service(), &all, &existing, |_| false);
        assert_eq!(still, Plan::default(), "nothing to do when all is said");

        let without: Vec<&Selected> = all.iter().skip(1).copied().collect();
        let plan = plan_slices(&service(), &without, &existing, |_| false);
        assert_eq!(
            plan.update.len(),
            1,
            "only the slice that lost a Pod is written"
        );
        assert_eq!(plan.update[0].0.metadata.name.as_deref(), Some("a"));
        assert_eq!(plan.update[0].1.endpoints.len(), 99);
    }

    #[test]
    fn an_unready_pod_stays_listed_but_not_ready() {
        let pods = [pod("a", 80, true), pod("bb", 80, true)];
        let all: Vec<&Selected> = pods.iter().collect();
        let created = plan_slices(&service(), &all, &[], |_| false)
            .create
            .remove(0);
        let old = slice("s", &created);
        let pods = [
            pod("a", 80, false),
            pod("bb", 80, true),
            pod("ccc", 80, true),
        ];
        let all: Vec<&Selected> = pods.iter().collect();
        let plan = plan_slices(&service(), &all, &[&old], |_| false);
        assert_eq!(names(&plan.update[0].1), ["a", "bb", "ccc"]);
        let ready = |at: usize| {
            let conditions = plan.update[0].1.endpoints[at].conditions.as_ref();
            conditions.and_then(|c| c.ready)
        };
        assert_eq!([ready(0), ready(1)], [Some(false), Some(true)]);
    }

    #[test]
    fn pods_with_other_port_numbers_get_their_own_slice() {
        let pods = [pod("a", 80, true), pod("bb", 81, true)];
        let all: Vec<&Selected> = pods.iter().collect();
        let plan = plan_slices(&service(), &all, &[], |_| false);
        assert_eq!(plan.create.len(), 2);
    }

    #[test]
    fn a_service_without_pods_keeps_one_empty_slice() {
        let plan = plan_slices(&service(), &[], &[], |_| false);
        assert_eq!((plan.create.len(), &plan.create[0].ports), (1, &None));
        let empty = slice("s", &plan.create[0]);
        assert_eq!(
            plan_slices(&service(), &[], &[&empty], |_| false),
            Plan::default()
        );
        let pods = [pod("a", 80, true)];
        let plan = plan_slices(&service(), &[&pods[0]], &[&empty], |_| false);
        assert_eq!(plan.update.len(), 1, "the empty slice is used");
        let full = slice("s", &plan.update[0].1);
        let plan = plan_slices(&service(), &[], &[&full], |_| false);
        assert_eq!(plan.update[0].1.endpoints.len(), 0);
        assert!(plan.delete.is_empty() && plan.create.is_empty());
    }

    #[test]
    fn what_changed_leads_to_the_same_as_all_that_there_is() {
        let mut service = service();
        service.spec.as_mut().expect("a spec").ports = None;
        let mut rng = SimRng::new(3);
        let mut pods: SortedMap<String, Selected> = SortedMap::new();
        let mut slices: Vec<EndpointSlice> = Vec::new();
        let mut by_changes = 0;
        for round in 0..600 {
            let mut names = SortedSet::new();
            for _ in 0..rng.next_u64() % 30 {
                let name = format!("p{:03}", rng.next_u64() % 250);
                match rng.next_u64() % 5 {
                    0 => pods.remove(&name),
                    chance => pods.insert(name.clone(), pod(&name, 80, chance != 1)),
                };
                names.insert(name);
            }
            let pods_now: Vec<&Selected> = pods.values().collect();
            let news = News::about(names, &pods);
            let existing: Vec<&EndpointSlice> = slices.iter().collect();
            let plan = plan_slices(&service, &pods_now, &existing, |_| false);
            if let Some(any) = pods_now.first()
                && round > 0
            {
                let changes = plan_changes(&service, any, &news, &existing);
                by_changes += u32::from(changes.is_some());
                assert_eq!(changes.as_ref(), Some(&plan), "round {round}");
            }
            let mut next = Vec::new();
            for old in &slices {
                let name = old.metadata.name.as_deref().unwrap_or_default();
                if plan.delete.contains(&old) {
                    continue;
                }
                let update = plan.update.iter().find(|(slice, _)| *slice == old);
                next.push(match update {
                    Some((_, content)) => slice(name, content),
                    None => old.clone(),
                });
            }
            for (number, content) in plan.create.iter().enumerate() {
                next.push(slice(&format!("s{round}-{number}"), content));
            }
            slices = next;
        }
        assert!(by_changes > 500, "{by_changes}");
    }
}
