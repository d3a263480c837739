//! What the scheduler knows of each node: what it has and what its Pods have asked for.
//!
//! Upstream: pkg/scheduler/framework/types.go, v1.36.

use crate::api::meta::MetaExt;
use crate::api::{NamespacedName, quantity};
use crate::sim::{SortedMap, SortedSet};
use k8s_openapi::api::core::v1::{Container, Node, Pod};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a Pod asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PodRequest {
    /// Thousandths of a CPU.
    pub cpu_milli: i64,
    /// Bytes of memory.
    pub memory: i64,
    /// Other resources by name, in whole units.
    pub other: BTreeMap<String, i64>,
    /// Host ports, with their protocol.
    pub host_ports: SortedSet<(String, i32)>,
}

impl PodRequest {
    /// The sum over the containers, or the largest init container where that is more.
    pub fn of(pod: &Pod) -> Self {
        let mut total = Self::default();
        let Some(spec) = &pod.spec else { return total };
        for container in &spec.containers {
            total.add(container);
        }
        for container in spec.init_containers.iter().flatten() {
            let mut one = Self::default();
            one.add(container);
            total.cpu_milli = total.cpu_milli.max(one.cpu_milli);
            total.memory = total.memory.max(one.memory);
        }
        total
    }

    fn add(&mut self, container: &Container) {
        let requests = container
            .resources
            .as_ref()
            .and_then(|r| r.requests.as_ref());
        for (name, amount) in requests.into_iter().flatten() {
            match name.as_str() {
                "cpu" => self.cpu_milli += quantity::milli_value(amount),
                "memory" => self.memory += quantity::value(amount),
                _ => *self.other.entry(name.clone()).or_default() += quantity::value(amount),
            }
        }
        for port in container.ports.iter().flatten() {
            if let Some(host) = port.host_port.filter(|port| *port > 0) {
                let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
                self.host_ports.insert((protocol, host));
            }
        }
    }
}

/// A node and the sums of its Pods.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeInfo {
    /// The node itself.
    #[serde(skip)]
    pub node: Arc<Node>,
    /// What it can give.
    pub allocatable: PodRequest,
    /// How many Pods it takes.
    pub max_pods: i64,
    /// What its Pods asked for.
    pub requested: PodRequest,
    /// The Pods on it and what each asked for.
    #[serde(serialize_with = "crate::sim::as_pairs")]
    pub pods: SortedMap<NamespacedName, PodRequest>,
}

/// All nodes, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    nodes: SortedMap<String, NodeInfo>,
    #[serde(serialize_with = "crate::sim::as_pairs")]
    homes: SortedMap<NamespacedName, String>,
    /// Pods seen on nodes that are not known (yet).
    #[serde(serialize_with = "crate::sim::as_pairs")]
    homeless: SortedMap<NamespacedName, (String, PodRequest)>,
}

impl Snapshot {
    /// The nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeInfo> {
        self.nodes.values()
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&NodeInfo> {
        self.nodes.get(name)
    }

    /// Takes in a node; answers whether anything changed that matters to scheduling.
    pub fn set_node(&mut self, node: &Arc<Node>) -> bool {
        let mut allocatable = PodRequest::default();
        let mut max_pods = 0;
        let amounts = node
            .status
            .as_ref()
            .and_then(|status| status.allocatable.as_ref());
        for (name, amount) in amounts.into_iter().flatten() {
            match name.as_str() {
                "cpu" => allocatable.cpu_milli = quantity::milli_value(amount),
                "memory" => allocatable.memory = quantity::value(amount),
                "pods" => max_pods = quantity::value(amount),
                _ => drop(
                    allocatable
                        .other
                        .insert(name.clone(), quantity::value(amount)),
                ),
            }
        }
        let name = node.name().to_owned();
        if let Some(known) = self.nodes.get_mut(&name) {
            let matters = known.allocatable != allocatable
                || known.max_pods != max_pods
                || known.node.spec != node.spec
                || known.node.metadata.labels != node.metadata.labels;
            known.node = node.clone();
            known.allocatable = allocatable;
            known.max_pods = max_pods;
            return matters;
        }
        let requested = PodRequest::default();
        let pods = SortedMap::new();
        let info = NodeInfo {
            node: node.clone(),
            allocatable,
            max_pods,
            requested,
            pods,
        };
        self.nodes.insert(name.clone(), info);
        let waiting = std::mem::take(&mut self.homeless);
        for (pod, (home, request)) in waiting {
            match home == name {
                true => self.place(pod, home, request),
                false => drop(self.homeless.insert(pod, (home, request))),
            }
        }
        true
    }

    /// Forgets a node; its Pods wait for it to come back.
    pub fn remove_node(&mut self, name: &str) {
        let Some(info) = self.nodes.remove(name) else {
            return;
        };
        for (pod, request) in info.pods {
            self.homes.remove(&pod);
            self.homeless.insert(pod, (name.to_owned(), request));
        }
    }

    /// Takes in a Pod that is on a node.
    pub fn add_pod(&mut self, pod: &Pod) {
        let name = pod.namespaced_name();
        let home = super::node_of(pod);
        if self.homes.get(&name).is_some_and(|known| known == home) {
            return;
        }
        self.remove_pod(&name);
        self.place(name, home.to_owned(), PodRequest::of(pod));
    }

    /// Counts a Pod as placed before the watch says so.
    pub fn assume(&mut self, pod: &Pod, node: &str) {
        self.place(pod.namespaced_name(), node.to_owned(), PodRequest::of(pod));
    }

    fn place(&mut self, pod: NamespacedName, home: String, request: PodRequest) {
        let Some(info) = self.nodes.get_mut(&home) else {
            self.homeless.insert(pod, (home, request));
            return;
        };
        info.requested.cpu_milli += request.cpu_milli;
        info.requested.memory += request.memory;
        for (name, amount) in &request.other {
            *info.requested.other.entry(name.clone()).or_default() += amount;
        }
        info.requested
            .host_ports
            .extend(request.host_ports.iter().cloned());
        info.pods.insert(pod.clone(), request);
        self.homes.insert(pod, home);
    }

    /// Takes a Pod off its node; answers whether it was on one.
    pub fn remove_pod(&mut self, pod: &NamespacedName) -> bool {
        self.homeless.remove(pod);
        let Some(info) = self
            .homes
            .remove(pod)
            .and_then(|home| self.nodes.get_mut(&home))
        else {
            return false;
        };
        let Some(request) = info.pods.remove(pod) else {
            return false;
        };
        info.requested.cpu_milli -= request.cpu_milli;
        info.requested.memory -= request.memory;
        for (name, amount) in &request.other {
            *info.requested.other.entry(name.clone()).or_default() -= amount;
        }
        for port in &request.host_ports {
            info.requested.host_ports.remove(port);
        }
        true
    }
}
