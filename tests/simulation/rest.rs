//! What must hold once everything is healed and has come to rest.

use crate::invariants::{is_over, list, node_of};
use crate::jobs;
use crate::sets;
use crate::world::World;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Node, Pod, Service};
use kubarium::api::endpoints::{EndpointSlice, Endpoints};
use kubarium::api::meta::{self, MetaExt};
use kubarium::api::selector::Selector;
use kubarium::api::{Kind, Object, ObjectKey, codec, condition, owner};
use kubarium::cluster::Cluster;
use kubarium::sim::SimDuration;
use serde_json::Value;
use std::collections::BTreeSet;

/// How long a healed cluster may take: a node's Pods are evicted after 350 s, crashing containers
/// wait up to 300 s, a rollout's deadline is 60 s.
const BOUND: SimDuration = SimDuration::secs(900);
const LOOK: SimDuration = SimDuration::secs(20);

/// Heals everything and waits until the cluster is at rest; errors are what does not hold then.
pub fn converge(world: &mut World) -> Result<(), String> {
    world.heal();
    let end = world.now() + BOUND;
    loop {
        world.run(LOOK)?;
        world.mend_readiness();
        match at_rest(&world.cluster) {
            Ok(()) => return Ok(()),
            Err(why) if world.now() >= end => return Err(format!("never at rest: {why}")),
            Err(_) => {}
        }
    }
}

fn at_rest(cluster: &Cluster) -> Result<(), String> {
    for object in cluster.api().etcd().objects() {
        nothing_ends(object)?;
        owners_exist(object, cluster)?;
    }
    list::<Node>(cluster).try_for_each(|node| healthy(node))?;
    list::<Deployment>(cluster).try_for_each(|deployment| settled(deployment, cluster))?;
    list::<ReplicaSet>(cluster).try_for_each(|set| filled(set, cluster))?;
    sets::at_rest(cluster)?;
    list::<Job>(cluster).try_for_each(|job| jobs::ended(job, cluster))?;
    list::<Pod>(cluster).try_for_each(|pod| on_a_node(pod, cluster))?;
    list::<Service>(cluster).try_for_each(|service| reached(service, cluster))?;
    idle(cluster)
}

fn nothing_ends(object: &Object) -> Result<(), String> {
    match object.is_terminating() {
        true => Err(format!("{} still ends", object.key())),
        false => Ok(()),
    }
}

fn owners_exist(object: &Object, cluster: &Cluster) -> Result<(), String> {
    let owners = object.meta().owner_references.iter().flatten();
    for reference in owners {
        let kind = Kind::of_manifest(&reference.api_version, &reference.kind)
            .ok_or_else(|| format!("{} is owned by a {}", object.key(), reference.kind))?;
        let namespace = if kind.is_namespaced() {
            object.namespace()
        } else {
            ""
        };
        let key = ObjectKey::new(kind, namespace, reference.name.as_str());
        let owner = cluster.api().etcd().get(&key);
        if owner.is_none_or(|owner| owner.uid() != reference.uid) {
            return Err(format!("{} is owned by {key}, which is gone", object.key()));
        }
    }
    Ok(())
}

fn healthy(node: &Node) -> Result<(), String> {
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_ref());
    let taints = node.spec.as_ref().and_then(|s| s.taints.as_ref());
    let lost = taints
        .into_iter()
        .flatten()
        .any(|t| t.key.contains("unreachable") || t.key.contains("not-ready"));
    match condition::is_true(conditions, "Ready") && !lost {
        true => Ok(()),
        false => Err(format!("node {} is not ready, or tainted", node.name())),
    }
}

/// Complete, or stalled and saying so, or paused.
fn settled(deployment: &Deployment, cluster: &Cluster) -> Result<(), String> {
    let spec = deployment.spec.clone().unwrap_or_default();
    let status = deployment.status.clone().unwrap_or_default();
    let name = deployment.namespaced_name();
    if status.observed_generation != deployment.metadata.generation {
        return Err(format!("Deployment {name}: generation not observed"));
    }
    let wanted = spec.replicas.unwrap_or(1);
    let counts = [
        status.replicas,
        status.updated_replicas,
        status.available_replicas,
    ];
    let complete = counts.iter().all(|count| count.unwrap_or(0) == wanted);
    let progressing = condition::find(status.conditions.as_ref(), "Progressing");
    let reason = progressing
        .and_then(|c| c.reason.as_deref())
        .unwrap_or_default();
    let fits = match reason {
        // What was said before a pause stays said.
        _ if spec.paused == Some(true) => true,
        // A complete rollout stays so when it is resized, whatever becomes of the further Pods.
        "NewReplicaSetAvailable" => status.updated_replicas.unwrap_or(0) == wanted,
        "ProgressDeadlineExceeded" => !complete,
        _ => false,
    };
    match fits || waits_forever(deployment, cluster) {
        true => Ok(()),
        false => Err(format!(
            "Deployment {name}: {reason}, wants {wanted}, has {counts:?}"
        )),
    }
}

/// A Deployment that was resized in the middle of a rolling update and made `Recreate` before its
/// sets were sized anew: upstream takes it for a scaling event again and again and moves nothing.
fn waits_forever(deployment: &Deployment, cluster: &Cluster) -> bool {
    let spec = deployment.spec.clone().unwrap_or_default();
    let wanted = spec.replicas.unwrap_or(1).to_string();
    let active: Vec<_> = list::<ReplicaSet>(cluster)
        .filter(|set| owner::is_controlled_by(&set.metadata, deployment.uid()))
        .filter(|set| set.spec.as_ref().and_then(|s| s.replicas) != Some(0))
        .collect();
    let desired = "deployment.kubernetes.io/desired-replicas";
    spec.strategy.and_then(|s| s.type_).as_deref() == Some("Recreate")
        && active.len() > 1
        && active
            .iter()
            .any(|set| set.annotation(desired) != Some(&wanted))
}

fn filled(set: &ReplicaSet, cluster: &Cluster) -> Result<(), String> {
    let wanted = set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
    let pods: Vec<_> = list::<Pod>(cluster)
        .filter(|pod| owner::is_controlled_by(&pod.metadata, set.uid()) && !is_over(pod))
        .collect();
    let ready = pods.iter().filter(|pod| is_ready(pod)).count() as i32;
    let status = set.status.clone().unwrap_or_default();
    let told = (status.replicas, status.ready_replicas.unwrap_or(0));
    match pods.len() as i32 == wanted && told == (wanted, ready) {
        true => Ok(()),
        false => Err(format!(
            "ReplicaSet {}: wants {wanted}, {} are there, {ready} ready, its status says {told:?}",
            set.namespaced_name(),
            pods.len()
        )),
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
    condition::is_true(conditions, "Ready")
}

/// Every Pod is where its kubelet knows of it, or waits because nothing has room.
fn on_a_node(pod: &Pod, cluster: &Cluster) -> Result<(), String> {
    let name = pod.namespaced_name();
    let node = node_of(pod);
    if node.is_empty() {
        let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
        let scheduled = condition::find(conditions, "PodScheduled");
        let reason = scheduled.and_then(|c| c.reason.as_deref());
        return match reason {
            Some("Unschedulable") => Ok(()),
            _ => Err(format!("Pod {name}: nobody says why it waits")),
        };
    }
    let key = ObjectKey::new(Kind::Node, "", node);
    if !cluster.has(&key) {
        return Err(format!("Pod {name}: its node {node} is gone"));
    }
    let statuses = pod
        .status
        .as_ref()
        .and_then(|s| s.container_statuses.as_ref());
    let waits = |status: &ContainerStatus| status.state.clone()?.waiting?.reason;
    let reasons: Vec<_> = statuses.into_iter().flatten().map(waits).collect();
    let no_image = |reason: &Option<String>| {
        matches!(reason.as_deref(), Some("ImagePullBackOff" | "ErrImagePull"))
    };
    match is_ready(pod) || is_over(pod) || reasons.iter().any(no_image) {
        true => Ok(()),
        false => Err(format!("Pod {name}: not ready, {reasons:?}")),
    }
}

/// Endpoints and slices hold the addresses of the ready Pods, and no other.
fn reached(service: &Service, cluster: &Cluster) -> Result<(), String> {
    let selector = service.spec.as_ref().and_then(|s| s.selector.as_ref());
    let Some(selector) = selector.map(Selector::from_map) else {
        return Ok(());
    };
    let name = service.namespaced_name();
    let ready: BTreeSet<String> = list::<Pod>(cluster)
        .filter(|pod| pod.namespace() == name.namespace && is_ready(pod))
        .filter(|pod| selector.matches(meta::labels(&pod.metadata)))
        .filter_map(|pod| pod.status.as_ref()?.pod_ip.clone())
        .collect();
    let slices = list::<EndpointSlice>(cluster)
        .filter(|slice| slice.namespace() == name.namespace)
        .filter(|slice| slice.label("kubernetes.io/service-name") == Some(&name.name));
    let in_slices: BTreeSet<String> = slices
        .flat_map(|slice| slice.endpoints.iter().flatten())
        .filter(|e| e.conditions.as_ref().and_then(|c| c.ready) == Some(true))
        .flat_map(|endpoint| endpoint.addresses.clone())
        .collect();
    let object = cluster.api().etcd().get(&name.of(Kind::Endpoints));
    let endpoints = object.and_then(Object::get::<Endpoints>);
    let addresses: BTreeSet<String> = endpoints
        .iter()
        .flat_map(|endpoints| endpoints.subsets.iter().flatten())
        .flat_map(|subset| subset.addresses.iter().flatten())
        .map(|address| address.ip.clone())
        .collect();
    match ready == in_slices && ready == addresses {
        true => Ok(()),
        false => Err(format!(
            "Service {name}: ready {ready:?}, slices {in_slices:?}, Endpoints {addresses:?}"
        )),
    }
}

/// No controller has anything left to do or to try again.
fn idle(cluster: &Cluster) -> Result<(), String> {
    let all = codec::to_value(cluster.controllers());
    let controllers = all.pointer("/controllers");
    let controllers = controllers
        .and_then(Value::as_object)
        .expect("the controllers");
    let mut queues = 0;
    for (name, controller) in controllers {
        let queue = controller.get("queue");
        let Some(queue) = queue.or_else(|| controller.pointer("/sets/queue")) else {
            continue;
        };
        queues += 1;
        for part in ["queued", "delayed", "failures"] {
            let waiting = queue.get(part).and_then(Value::as_array).expect("a queue");
            if !waiting.is_empty() {
                return Err(format!("{name}: {part} {waiting:?}"));
            }
        }
    }
    assert!(queues >= 6, "the controllers' queues are looked at");
    Ok(())
}
