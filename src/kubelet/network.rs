//! What the network knows of a node's Pods: who has which address, and who listens there.

use super::Kubelet;
use crate::api::NamespacedName;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;

/// Who takes connections at an address and port.
#[derive(Clone, Copy, Debug)]
pub struct Listener<'a> {
    /// The Pod.
    pub pod: &'a NamespacedName,
    /// The image of the container that listens.
    pub image: &'a str,
}

impl Kubelet {
    /// A Pod of this node, and its address once it has one.
    pub fn pod(&self, name: &NamespacedName) -> Option<(&Arc<Pod>, Option<&str>)> {
        let worker = self.workers.get(name)?;
        Some((&worker.pod, worker.ip.as_deref()))
    }

    /// The Pod whose own address is `ip`; Pods that share the node's address have none.
    pub fn pod_at(&self, ip: &str) -> Option<&NamespacedName> {
        let mut workers = self.workers.iter();
        let found = workers.find(|(_, w)| w.ip.as_deref() == Some(ip) && !w.uses_host_network());
        found.map(|(name, _)| name)
    }

    /// Whether a Pod of this node has the address `ip`, be it the node's own.
    pub fn has_address(&self, ip: &str) -> bool {
        self.workers.values().any(|w| w.ip.as_deref() == Some(ip))
    }

    /// Who takes connections at `ip:port`.
    pub fn listener(&self, ip: &str, port: u16, now: SimTime) -> Option<Listener<'_>> {
        let (pod, index) = self.listening(ip, port, now)?;
        let container = self.workers.get(pod)?.containers.get(index)?;
        Some(Listener {
            pod,
            image: &container.image,
        })
    }

    /// The Pod and the number of the container that listens at `ip:port`. Pods that share the
    /// node's address share its ports.
    pub(super) fn listening(
        &self,
        ip: &str,
        port: u16,
        now: SimTime,
    ) -> Option<(&NamespacedName, usize)> {
        let workers = self
            .workers
            .iter()
            .filter(|(_, w)| w.ip.as_deref() == Some(ip));
        let mut containers = workers.flat_map(|(pod, worker)| {
            let containers = worker.containers.iter().enumerate();
            containers.map(move |(index, container)| (pod, worker, index, container))
        });
        let found = containers.find(|(_, worker, _, container)| {
            let spec = worker.spec(&container.name);
            spec.is_some_and(|spec| container.listens(spec, port, now))
        });
        found.map(|(pod, _, index, _)| (pod, index))
    }
}
