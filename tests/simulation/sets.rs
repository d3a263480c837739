//! What must hold of DaemonSets and StatefulSets, after every event and at rest.

use crate::invariants::{is_over, list, node_of};
use crate::world::WORKERS;
use k8s_openapi::api::apps::v1::{DaemonSet, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use kubarium::api::meta::MetaExt;
use kubarium::api::watch::WatchEvent;
use kubarium::api::{Kind, Object, condition, node_affinity, owner};
use kubarium::cluster::Cluster;
use std::collections::BTreeSet;

/// The DaemonSets that were ever allowed two Pods on a node.
#[derive(Clone, Default)]
pub struct Surging(BTreeSet<String>);

impl Surging {
    /// Checks one write.
    pub fn look(&mut self, event: &WatchEvent, cluster: &Cluster) -> Result<(), String> {
        if let Some(set) = event.object.get::<DaemonSet>() {
            let strategy = set.spec.as_ref().and_then(|s| s.update_strategy.as_ref());
            let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
            let surge = rolling.and_then(|r| r.max_surge.clone());
            let none = k8s_openapi::apimachinery::pkg::util::intstr::IntOrString::Int(0);
            if surge.is_some_and(|surge| surge != none) {
                self.0.insert(set.uid().to_owned());
            }
        }
        let Some(pod) = event.object.get::<Pod>() else {
            return Ok(());
        };
        let Some(owner) = owner::controller_of(&pod.metadata) else {
            return Ok(());
        };
        match owner.kind.as_str() {
            "StatefulSet" => {
                let index = pod.label("apps.kubernetes.io/pod-index").unwrap_or("none");
                let name = format!("{}-{index}", owner.name);
                if name != pod.name() {
                    return Err(format!("Pod {} is number {index} of its set", pod.name()));
                }
                let same = list::<Pod>(cluster).filter(|other| {
                    owner::is_controlled_by(&other.metadata, &owner.uid)
                        && other.label("apps.kubernetes.io/pod-index") == Some(index)
                });
                match same.count() {
                    0 | 1 => Ok(()),
                    count => Err(format!("{count} Pods are number {index} of {}", owner.name)),
                }
            }
            "DaemonSet" if event.previous.is_none() => {
                let most = 1 + usize::from(self.0.contains(&owner.uid));
                let node = target(pod);
                let live = list::<Pod>(cluster).filter(|other| {
                    owner::is_controlled_by(&other.metadata, &owner.uid)
                        && target(other) == node
                        && !is_over(other)
                        && !other.is_terminating()
                });
                match live.count() {
                    count if count <= most => Ok(()),
                    count => Err(format!("{count} Pods of {} on {node}", owner.name)),
                }
            }
            _ => Ok(()),
        }
    }
}

/// The node that a Pod is on, or is meant for.
fn target(pod: &Pod) -> String {
    let terms = pod.spec.as_ref().and_then(node_affinity::required);
    let mut fields = terms
        .into_iter()
        .flatten()
        .flat_map(|term| term.match_fields.iter().flatten());
    let named = fields.next().and_then(|field| field.values.clone()?.pop());
    match node_of(pod) {
        "" => named.unwrap_or_default(),
        node => node.to_owned(),
    }
}

fn owned<'a>(cluster: &'a Cluster, uid: &'a str) -> Vec<&'a Pod> {
    let pods = list::<Pod>(cluster).map(|pod| &**pod);
    let own = pods.filter(|pod| owner::is_controlled_by(&pod.metadata, uid));
    own.collect()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
    condition::is_true(conditions, "Ready")
}

/// Every set is complete, or waits for a Pod that does not become ready; its status says so, and no
/// more revisions are kept than it asks for.
pub fn at_rest(cluster: &Cluster) -> Result<(), String> {
    list::<DaemonSet>(cluster).try_for_each(|set| daemon_set(set, cluster))?;
    list::<StatefulSet>(cluster).try_for_each(|set| stateful_set(set, cluster))
}

fn daemon_set(set: &DaemonSet, cluster: &Cluster) -> Result<(), String> {
    let pods = owned(cluster, set.uid());
    let status = set.status.clone().unwrap_or_default();
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let nodes: BTreeSet<String> = pods.iter().map(|pod| target(pod)).collect();
    let all = usize::from(WORKERS);
    let rolls = set.spec.as_ref().and_then(|s| s.update_strategy.as_ref());
    let rolls = rolls.and_then(|s| s.type_.as_deref()) == Some("RollingUpdate");
    let updated = status.updated_number_scheduled.unwrap_or(0) as usize;
    let counts = [
        status.desired_number_scheduled,
        status.current_number_scheduled,
        status.number_misscheduled,
    ];
    let holds = status.observed_generation == set.metadata.generation
        && counts == [i32::from(WORKERS), i32::from(WORKERS), 0]
        && nodes.len() == all
        && (ready < pods.len() || pods.len() == all && status.number_ready as usize == all)
        && (!rolls || ready < pods.len() || updated == all);
    match holds && kept(cluster, set.uid()) <= pods.len() + 3 {
        true => Ok(()),
        false => Err(format!(
            "DaemonSet {}: {} Pods on {nodes:?}, {ready} ready, its status says {status:?}",
            set.namespaced_name(),
            pods.len(),
        )),
    }
}

fn stateful_set(set: &StatefulSet, cluster: &Cluster) -> Result<(), String> {
    let pods = owned(cluster, set.uid());
    let spec = set.spec.clone().unwrap_or_default();
    let status = set.status.clone().unwrap_or_default();
    let wanted = spec.replicas.unwrap_or(1);
    let start = spec.ordinals.and_then(|o| o.start).unwrap_or(0);
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let told = [status.replicas, status.ready_replicas.unwrap_or(0)];
    let mut holds = status.observed_generation == set.metadata.generation
        && told == [pods.len() as i32, ready as i32];
    // Else it waits for a Pod.
    if ready == pods.len() {
        let names: BTreeSet<&str> = pods.iter().map(|pod| pod.name()).collect();
        let right = (start..start + wanted).map(|number| format!("{}-{number}", set.name()));
        holds &= names
            == right
                .collect::<BTreeSet<_>>()
                .iter()
                .map(|n| &**n)
                .collect();
        let strategy = spec.update_strategy.unwrap_or_default();
        if strategy.type_.as_deref() == Some("RollingUpdate") {
            let partition = strategy
                .rolling_update
                .and_then(|r| r.partition)
                .unwrap_or(0);
            holds &= status.updated_replicas.unwrap_or(0) >= wanted - partition;
        }
    }
    for pod in &pods {
        let claim = format!("data-{}", pod.name());
        let key = pod.namespaced_name().of(Kind::PersistentVolumeClaim);
        let key = kubarium::api::ObjectKey { name: claim, ..key };
        holds &= cluster.has(&key);
    }
    match holds && kept(cluster, set.uid()) <= pods.len() + 4 {
        true => Ok(()),
        false => Err(format!(
            "StatefulSet {}: wants {wanted} from {start} on, has {:?}, {ready} ready, its status says {status:?}",
            set.namespaced_name(),
            pods.iter().map(|pod| pod.name()).collect::<Vec<_>>(),
        )),
    }
}

/// How many revisions a set keeps.
fn kept(cluster: &Cluster, uid: &str) -> usize {
    let all = cluster.api().etcd().list(Kind::ControllerRevision, None);
    all.map(Object::meta)
        .filter(|meta| owner::is_controlled_by(meta, uid))
        .count()
}
