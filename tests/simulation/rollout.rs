//! The controllers' decisions: never more Pods than a rollout may have, never fewer available ones
//! than it must keep, as far as the controllers could know.

use crate::invariants::{Before, is_over};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kubarium::api::meta::MetaExt;
use kubarium::api::watch::{WatchEvent, WatchVerb};
use kubarium::api::{Kind, Object, ObjectKey, owner};
use kubarium::cluster::Cluster;
use std::sync::Arc;

const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";

/// Checks what `events` decided, on the state `before` that their writer had seen.
pub fn check(before: &Before, events: &[&WatchEvent], cluster: &Cluster) -> Result<(), String> {
    for event in events {
        match (&event.object, &*event.origin.actor) {
            (Object::ReplicaSet(set), "deployment-controller") => {
                sized(before, event, set, cluster)?;
            }
            (Object::Pod(pod), "replicaset-controller") if event.verb == WatchVerb::Added => {
                not_too_many(before, pod, cluster)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn size(set: &ReplicaSet) -> i64 {
    i64::from(set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1))
}

fn available(set: &ReplicaSet) -> i64 {
    let status = set.status.as_ref();
    i64::from(status.and_then(|s| s.available_replicas).unwrap_or(0))
}

/// `maxSurge` rounds up, `maxUnavailable` down; both 0 means one may be unavailable.
fn budget(deployment: &Deployment) -> (i64, i64, i64) {
    let spec = deployment.spec.clone().unwrap_or_default();
    let wanted = i64::from(spec.replicas.unwrap_or(1));
    let rolling = spec
        .strategy
        .and_then(|s| s.rolling_update)
        .unwrap_or_default();
    let resolve = |value: Option<IntOrString>, add: i64| match value {
        Some(IntOrString::Int(n)) => i64::from(n),
        Some(IntOrString::String(text)) => {
            let percent: i64 = text.trim_end_matches('%').parse().expect("a percentage");
            (percent * wanted + add) / 100
        }
        None => 0,
    };
    let surge = resolve(rolling.max_surge, 99);
    let unavailable = resolve(rolling.max_unavailable, 0).min(wanted);
    match (surge, unavailable) {
        (0, 0) => (wanted, 0, 1),
        (surge, unavailable) => (wanted, surge, unavailable),
    }
}

/// A set got another size from the Deployment controller.
fn sized(
    before: &Before,
    event: &WatchEvent,
    set: &ReplicaSet,
    cluster: &Cluster,
) -> Result<(), String> {
    let Some(reference) = owner::controller_of(&set.metadata) else {
        return Ok(());
    };
    let key = ObjectKey::new(Kind::Deployment, set.namespace(), reference.name.as_str());
    let Some(deployment) = before.get(&key).and_then(Object::get::<Deployment>) else {
        return Ok(());
    };
    let spec = deployment.spec.clone().unwrap_or_default();
    if event.verb == WatchVerb::Deleted || deployment.uid() != reference.uid {
        return Ok(());
    }
    let old_size = before
        .get(&event.key)
        .and_then(Object::get::<ReplicaSet>)
        .map_or(0, |set| size(set));
    let recreate = spec.strategy.as_ref().and_then(|s| s.type_.as_deref()) == Some("Recreate");
    if recreate {
        let starts = old_size == 0 && size(set) > 0 && spec.paused != Some(true);
        return match starts {
            true => nothing_old_runs(before, set, deployment),
            false => Ok(()),
        };
    }
    let siblings = owned(before, deployment, cluster);
    let (wanted, surge, unavailable) = budget(deployment);
    let total: i64 = siblings.iter().map(|(_, now)| size(now)).sum();
    let name = deployment.namespaced_name();
    if size(set) > old_size && total > wanted + surge {
        return Err(format!(
            "{name}: sized up to {total} Pods, at most {wanted}+{surge}"
        ));
    }
    let resized = siblings.iter().any(|(old, _)| {
        let desired = old.annotation(DESIRED).and_then(|text| text.parse().ok());
        size(old) > 0 && desired.is_some_and(|desired: i64| desired != wanted)
    });
    if size(set) >= old_size || resized || old_size > wanted && total >= wanted {
        return Ok(());
    }
    // As the status says, which may lag behind the size: upstream reckons so, too. What is not
    // available goes first and costs nothing.
    let had: i64 = siblings.iter().map(|(old, _)| available(old)).sum();
    let lost = |old: &ReplicaSet, now: &ReplicaSet| {
        let unhealthy = (size(old) - available(old)).max(0);
        (size(old) - size(now) - unhealthy).max(0)
    };
    let kept = had
        - siblings
            .iter()
            .map(|(old, now)| lost(old, now))
            .sum::<i64>();
    let must = (wanted - unavailable).min(had);
    if kept < must {
        return Err(format!(
            "{name}: sized down to {kept} available Pods, {wanted}-{unavailable} must stay and {had} were"
        ));
    }
    Ok(())
}

/// The Deployment's sets, as they were before and as they are.
fn owned(
    before: &Before,
    deployment: &Deployment,
    cluster: &Cluster,
) -> Vec<(Arc<ReplicaSet>, Arc<ReplicaSet>)> {
    let sets = cluster
        .api()
        .etcd()
        .list(Kind::ReplicaSet, Some(deployment.namespace()));
    sets.filter_map(Object::get::<ReplicaSet>)
        .filter(|set| owner::is_controlled_by(&set.metadata, deployment.uid()))
        .map(|now| {
            let key = now.namespaced_name().of(Kind::ReplicaSet);
            let old = before.get(&key).and_then(Object::get::<ReplicaSet>);
            (old.unwrap_or(now).clone(), now.clone())
        })
        .collect()
}

/// `Recreate`: no Pod of an older template runs when the first new one is asked for.
fn nothing_old_runs(
    before: &Before,
    new: &ReplicaSet,
    deployment: &Deployment,
) -> Result<(), String> {
    for pod in before.values().filter_map(Object::get::<Pod>) {
        let Some(owner) = owner::controller_of(&pod.metadata) else {
            continue;
        };
        let key = ObjectKey::new(Kind::ReplicaSet, pod.namespace(), owner.name.as_str());
        let set = before.get(&key).and_then(Object::get::<ReplicaSet>);
        let old = set.filter(|set| {
            set.uid() == owner.uid
                && set.uid() != new.uid()
                && owner::is_controlled_by(&set.metadata, deployment.uid())
        });
        if old.is_some() && !is_over(pod) {
            return Err(format!(
                "{}: recreated while {} still ran",
                deployment.namespaced_name(),
                pod.name()
            ));
        }
    }
    Ok(())
}

/// A set never makes more Pods than it wants.
fn not_too_many(before: &Before, pod: &Pod, cluster: &Cluster) -> Result<(), String> {
    let Some(owner) = owner::controller_of(&pod.metadata) else {
        return Err(format!("{}: made without an owner", pod.name()));
    };
    let key = ObjectKey::new(Kind::ReplicaSet, pod.namespace(), owner.name.as_str());
    let seen = before.get(&key).and_then(Object::get::<ReplicaSet>);
    let Some(set) = seen.filter(|set| set.uid() == owner.uid) else {
        return Err(format!("{}: made for a set that was not there", pod.name()));
    };
    let pods = cluster.api().etcd().list(Kind::Pod, Some(pod.namespace()));
    let active = pods
        .filter_map(Object::get::<Pod>)
        .filter(|pod| owner::is_controlled_by(&pod.metadata, set.uid()))
        .filter(|pod| !pod.is_terminating() && !is_over(pod))
        .count() as i64;
    if active > size(set) {
        return Err(format!(
            "{}: has {active} Pods, wants {}",
            set.name(),
            size(set)
        ));
    }
    Ok(())
}
