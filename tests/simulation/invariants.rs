//! What must hold after every event, whatever was done.

use crate::jobs::Ledger;
use crate::rollout;
use crate::sets::Surging;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use kubarium::api::meta::MetaExt;
use kubarium::api::quantity::{milli_value, value};
use kubarium::api::watch::{WatchEvent, WatchVerb};
use kubarium::api::{Kind, Object, ObjectKey};
use kubarium::cluster::Cluster;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The objects as they were before the latest event.
pub type Before = BTreeMap<ObjectKey, Object>;

/// Follows a cluster's writes.
#[derive(Clone)]
pub struct Watcher {
    revision: u64,
    before: Before,
    surging: Surging,
    jobs: Ledger,
}

impl Watcher {
    pub fn new(cluster: &Cluster) -> Self {
        let etcd = cluster.api().etcd();
        let before = etcd.objects().map(|o| (o.key(), o.clone())).collect();
        Self {
            revision: etcd.revision(),
            before,
            surging: Surging::default(),
            jobs: Ledger::default(),
        }
    }

    /// Checks everything that was written since the last call.
    pub fn look(&mut self, cluster: &Cluster) -> Result<(), String> {
        let etcd = cluster.api().etcd();
        if etcd.revision() == self.revision {
            return Ok(());
        }
        let events = etcd.events_since(self.revision);
        let events: Vec<&WatchEvent> = events.map_err(|_| "history lost")?.collect();
        let mut revision = self.revision;
        for event in &events {
            one_write(event, revision)?;
            self.surging.look(event, cluster)?;
            revision = event.revision;
        }
        rollout::check(&self.before, &events, cluster)?;
        self.jobs.check(&self.before, &events)?;
        for event in &events {
            let key = event.key.clone();
            match event.verb {
                WatchVerb::Deleted => self.before.remove(&key),
                _ => self.before.insert(key, event.object.clone()),
            };
        }
        self.revision = revision;
        if self.before.len() != etcd.objects().count() {
            return Err("the writes do not add up to what is stored".to_owned());
        }
        let touched = |kind: Kind| events.iter().any(|event| event.key.kind == kind);
        if touched(Kind::Pod) || touched(Kind::Node) {
            addresses(cluster)?;
            capacity(cluster)?;
        }
        if touched(Kind::Service) {
            services(cluster)?;
        }
        Ok(())
    }
}

/// Revisions grow by one; identity stays; what has begun to end does not come back; a Pod never
/// changes its node.
fn one_write(event: &WatchEvent, revision: u64) -> Result<(), String> {
    let (key, at) = (&event.key, event.revision);
    if at != revision + 1 || event.object.revision() != at {
        return Err(format!("{key}: revision {at} after {revision}"));
    }
    let Some(previous) = &event.previous else {
        return match event.verb {
            WatchVerb::Added => Ok(()),
            _ => Err(format!("{key}: changed without having been there")),
        };
    };
    let (old, new) = (previous.meta(), event.object.meta());
    if previous.revision() >= at {
        return Err(format!(
            "{key}: its version {} is not before {at}",
            previous.revision()
        ));
    }
    if old.uid != new.uid || old.creation_timestamp != new.creation_timestamp {
        return Err(format!("{key}: became another object"));
    }
    if old.deletion_timestamp.is_some() && new.deletion_timestamp.is_none() {
        return Err(format!("{key}: is no longer being deleted"));
    }
    if old.generation > new.generation {
        return Err(format!("{key}: generation went back"));
    }
    if let (Some(old), Some(new)) = (previous.get::<Pod>(), event.object.get::<Pod>()) {
        let (was, is) = (node_of(old), node_of(new));
        if !was.is_empty() && was != is {
            return Err(format!("{key}: moved from {was} to {is}"));
        }
        if is_over(old) && !is_over(new) {
            return Err(format!("{key}: came back to life"));
        }
    }
    Ok(())
}

pub fn list<K: kubarium::api::ApiType>(cluster: &Cluster) -> impl Iterator<Item = &Arc<K>> {
    let etcd = cluster.api().etcd();
    etcd.list(<K as kubarium::api::ApiType>::KIND, None)
        .filter_map(Object::get::<K>)
}

pub fn node_of(pod: &Pod) -> &str {
    let spec = pod.spec.as_ref();
    spec.and_then(|s| s.node_name.as_deref())
        .unwrap_or_default()
}

/// Whether the Pod's containers have ended for good.
pub fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Two Pods that live never have one address.
fn addresses(cluster: &Cluster) -> Result<(), String> {
    let mut taken = BTreeMap::new();
    for pod in list::<Pod>(cluster).filter(|pod| !is_over(pod)) {
        let host = pod.spec.as_ref().and_then(|s| s.host_network) == Some(true);
        let ip = pod.status.as_ref().and_then(|s| s.pod_ip.as_deref());
        let Some(ip) = ip.filter(|ip| !ip.is_empty() && !host) else {
            continue;
        };
        if let Some(other) = taken.insert(ip, pod.name()) {
            return Err(format!("address {ip} of {other} and {}", pod.name()));
        }
    }
    Ok(())
}

/// What the Pods of a node ask for never exceeds what the node has.
fn capacity(cluster: &Cluster) -> Result<(), String> {
    let mut used: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
    for pod in list::<Pod>(cluster).filter(|pod| !is_over(pod)) {
        let sum = used.entry(node_of(pod)).or_default();
        sum.2 += 1;
        for container in pod.spec.iter().flat_map(|spec| &spec.containers) {
            let resources = container.resources.as_ref();
            let requests = resources.and_then(|r| r.requests.as_ref());
            let get = |name: &str| requests.and_then(|r| r.get(name));
            sum.0 += get("cpu").map_or(0, milli_value);
            sum.1 += get("memory").map_or(0, value);
        }
    }
    for node in list::<Node>(cluster) {
        let allocatable = node.status.as_ref().and_then(|s| s.allocatable.as_ref());
        let get = |name: &str| allocatable.and_then(|a| a.get(name));
        let has = (
            get("cpu").map_or(0, milli_value),
            get("memory").map_or(0, value),
            get("pods").map_or(0, value),
        );
        let uses = used.get(node.name()).copied().unwrap_or_default();
        if uses.0 > has.0 || uses.1 > has.1 || uses.2 > has.2 {
            return Err(format!(
                "{} has {has:?}, its Pods ask for {uses:?}",
                node.name()
            ));
        }
    }
    Ok(())
}

/// Cluster IPs and node ports are given once.
fn services(cluster: &Cluster) -> Result<(), String> {
    let mut taken = BTreeMap::new();
    for service in list::<Service>(cluster) {
        let spec = service.spec.as_ref();
        let ip = spec
            .and_then(|s| s.cluster_ip.clone())
            .filter(|ip| ip != "None");
        let ports = spec.and_then(|s| s.ports.as_ref()).into_iter().flatten();
        let ports = ports
            .filter_map(|port| port.node_port)
            .map(|port| port.to_string());
        for what in ip.into_iter().chain(ports) {
            if let Some(other) = taken.insert(what.clone(), service.namespaced_name()) {
                return Err(format!(
                    "{what} of {other} and {}",
                    service.namespaced_name()
                ));
            }
        }
    }
    Ok(())
}
