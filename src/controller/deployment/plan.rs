//! The decisions of a Deployment that read and change nothing.
//!
//! Upstream: pkg/controller/deployment/util/deployment_util.go, sync.go, v1.36.

use super::Sets;
use crate::api::meta::MetaExt;
use crate::controller::int_or_percent;
use crate::sim::order;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::Arc;

/// The label that tells the Pods of one template from those of another.
pub const HASH_LABEL: &str = "pod-template-hash";
/// The annotation that numbers a template.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The annotation with the size the Deployment had when the set was last sized.
pub const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// The annotation with that size plus the surge.
pub const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// `spec.replicas`.
pub fn wanted(deployment: &Deployment) -> i32 {
    deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1)
}

/// `spec.replicas` of a set.
pub fn replicas(set: &ReplicaSet) -> i32 {
    set.spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1)
}

/// The set's Pods that count as available.
pub fn available(set: &ReplicaSet) -> i32 {
    set.status
        .as_ref()
        .and_then(|status| status.available_replicas)
        .unwrap_or(0)
}

/// Whether the rollout is paused.
pub fn is_paused(deployment: &Deployment) -> bool {
    deployment.spec.as_ref().and_then(|spec| spec.paused) == Some(true)
}

/// Whether all old Pods go before the first new one comes.
pub fn is_recreate(deployment: &Deployment) -> bool {
    let strategy = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.strategy.as_ref());
    strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
}

/// (maxSurge, maxUnavailable) as numbers. Where both come out as 0, one Pod may be unavailable:
/// otherwise nothing could ever move. With 10 replicas, 25% and 25% give 3 and 2.
pub fn budget(deployment: &Deployment) -> (i32, i32) {
    let Some(spec) = &deployment.spec else {
        return (0, 0);
    };
    let Some(rolling) = spec
        .strategy
        .as_ref()
        .and_then(|s| s.rolling_update.as_ref())
    else {
        return (0, 0);
    };
    let total = wanted(deployment);
    let surge = int_or_percent(rolling.max_surge.as_ref(), total, true);
    let unavailable = int_or_percent(rolling.max_unavailable.as_ref(), total, false);
    match (surge, unavailable) {
        (0, 0) => (0, 1),
        (surge, unavailable) => (surge, unavailable.min(total)),
    }
}

/// Whether two templates are one, apart from the hash label that a set's copy carries.
fn same_template(a: &PodTemplateSpec, b: &PodTemplateSpec) -> bool {
    let plain = |template: &PodTemplateSpec| {
        let mut metadata = template.metadata.clone();
        if let Some(labels) = metadata.as_mut().and_then(|m| m.labels.as_mut()) {
            labels.remove(HASH_LABEL);
        }
        metadata
    };
    a.spec == b.spec && plain(a) == plain(b)
}

/// Finds the set with the Deployment's template (the oldest, where several have it) among `owned`.
pub fn sort_sets(deployment: &Deployment, mut owned: Vec<Arc<ReplicaSet>>) -> Sets {
    order::sort_by(&mut owned, |a, b| {
        a.created_at()
            .cmp(&b.created_at())
            .then_with(|| a.name().cmp(b.name()))
    });
    let wanted = deployment.spec.as_ref().map(|spec| &spec.template);
    let is_new = |set: &Arc<ReplicaSet>| {
        let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
        match (template, wanted) {
            (Some(template), Some(wanted)) => same_template(template, wanted),
            (template, wanted) => template.is_none() && wanted.is_none(),
        }
    };
    let new = owned.iter().position(is_new).map(|at| owned.remove(at));
    Sets { new, old: owned }
}

/// Whether `spec.replicas` changed since the active sets were sized.
pub fn is_scaling(deployment: &Deployment, sets: &Sets) -> bool {
    sets.all().filter(|set| replicas(set) > 0).any(|set| {
        let desired = set
            .annotation(DESIRED)
            .and_then(|text| text.parse::<i32>().ok());
        desired.is_some_and(|desired| desired != wanted(deployment))
    })
}

/// Notes the Deployment's size on a set; answers whether that changed anything.
pub fn annotate_size(set: &mut ObjectMeta, deployment: &Deployment) -> bool {
    let (surge, _) = budget(deployment);
    let wanted = wanted(deployment);
    let mut changed = false;
    let annotations = set.annotations.get_or_insert_default();
    for (key, value) in [
        (DESIRED, wanted.to_string()),
        (MAX, (wanted + surge).to_string()),
    ] {
        changed |= annotations.insert(key.to_owned(), value.clone()) != Some(value);
    }
    changed
}

/// The size each set takes after `spec.replicas` changed.
pub fn plan_scale(deployment: &Deployment, sets: &Sets) -> Vec<(Arc<ReplicaSet>, i32)> {
    let mut active: Vec<_> = sets
        .all()
        .filter(|set| replicas(set) > 0)
        .cloned()
        .collect();
    if active.len() <= 1 {
        let only = active.pop().or_else(|| sets.new.clone());
        return only
            .map(|set| vec![(set, wanted(deployment))])
            .unwrap_or_default();
    }
    let saturated = sets.new.as_ref().is_some_and(|new| {
        let desired = new
            .annotation(DESIRED)
            .and_then(|text| text.parse::<i32>().ok());
        replicas(new) == wanted(deployment)
            && desired == Some(wanted(deployment))
            && available(new) == wanted(deployment)
    });
    if saturated {
        return sets
            .old
            .iter()
            .filter(|s| replicas(s) > 0)
            .map(|s| (s.clone(), 0))
            .collect();
    }
    if is_recreate(deployment) {
        return Vec::new();
    }
    proportional(deployment, active)
}

/// Shares the change out in proportion to the sets' sizes, the largest first; what rounding leaves
/// over goes to the largest.
fn proportional(
    deployment: &Deployment,
    mut active: Vec<Arc<ReplicaSet>>,
) -> Vec<(Arc<ReplicaSet>, i32)> {
    let total: i32 = active.iter().map(|set| replicas(set)).sum();
    let (surge, _) = budget(deployment);
    let allowed = if wanted(deployment) > 0 {
        wanted(deployment) + surge
    } else {
        0
    };
    let to_add = allowed - total;
    order::sort_by(&mut active, |a, b| {
        let newer = b.created_at().cmp(&a.created_at());
        let by_age = if to_add > 0 { newer } else { newer.reverse() };
        replicas(b).cmp(&replicas(a)).then(by_age)
    });
    let mut sizes = Vec::new();
    let mut added = 0;
    for set in active {
        let size = replicas(&set);
        let mut share = 0;
        if to_add != 0 && size > 0 {
            let base = set
                .annotation(MAX)
                .and_then(|t| t.parse::<i64>().ok())
                .unwrap_or(0);
            let base = if base > 0 {
                base
            } else {
                i64::from(total.max(1))
            };
            let exact = 2 * i64::from(size) * i64::from(allowed) + base;
            let rounded = exact.div_euclid(2 * base);
            share = i32::try_from(rounded).unwrap_or(i32::MAX) - size;
            let left = to_add - added;
            share = if to_add > 0 {
                share.min(left).max(0)
            } else {
                share.max(left).min(0)
            };
        }
        added += share;
        sizes.push((set, size + share));
    }
    if let Some(first) = sizes.first_mut() {
        first.1 = (first.1 + to_add - added).max(0);
    }
    sizes
}

/// The unused sets beyond the history limit, oldest revision first.
pub fn plan_clean_up(deployment: &Deployment, sets: &Sets) -> Vec<Arc<ReplicaSet>> {
    let limit = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.revision_history_limit);
    let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else {
        return Vec::new();
    };
    let mut alive: Vec<_> = sets
        .old
        .iter()
        .filter(|set| !set.is_terminating())
        .cloned()
        .collect();
    let excess = alive.len().saturating_sub(limit);
    order::sort_by_key(&mut alive, |set| revision(&set.metadata));
    alive.truncate(excess);
    alive.retain(|set| {
        let status = set.status.as_ref().map_or(0, |status| status.replicas);
        let generation = set
            .status
            .as_ref()
            .and_then(|status| status.observed_generation);
        replicas(set) == 0 && status == 0 && generation >= set.metadata.generation
    });
    alive
}

/// The revision that a set carries; 0 where it has none.
pub fn revision(metadata: &ObjectMeta) -> i64 {
    let annotations = metadata.annotations.as_ref();
    annotations
        .and_then(|annotations| annotations.get(REVISION)?.parse().ok())
        .unwrap_or(0)
}

/// The sizes of all sets together.
pub fn wanted_total(sets: &Sets) -> i32 {
    sets.all().map(|set| replicas(set)).sum()
}

/// How a Deployment's Pods stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pods of all templates.
    pub replicas: i32,
    /// Pods of the present template.
    pub updated: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// Pods that are available.
    pub available: i32,
    /// Pods that are terminating; `None` where a set has not counted them yet.
    pub terminating: Option<i32>,
}

/// Adds up the statuses of the sets.
pub fn compute_counts(_deployment: &Deployment, sets: &Sets) -> Counts {
    let mut counts = Counts::default();
    for set in sets.all() {
        let Some(status) = &set.status else { continue };
        counts.replicas += status.replicas;
        counts.ready += status.ready_replicas.unwrap_or(0);
        counts.available += status.available_replicas.unwrap_or(0);
    }
    let terminating = sets
        .all()
        .map(|set| set.status.as_ref()?.terminating_replicas);
    counts.terminating = terminating.sum();
    counts.updated = sets
        .new
        .as_ref()
        .and_then(|new| new.status.as_ref())
        .map_or(0, |status| status.replicas);
    counts
}

/// Whether every Pod is of the present template and available.
pub fn is_complete(deployment: &Deployment, counts: &Counts) -> bool {
    let wanted = wanted(deployment);
    counts.updated == wanted && counts.replicas == wanted && counts.available == wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::apps::v1::{
        DeploymentSpec, DeploymentStrategy, ReplicaSetSpec, RollingUpdateDeployment,
    };
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

    /// A Deployment of `replicas` with a budget of `surge` and `unavailable`.
    pub fn deployment(replicas: i32, surge: &str, unavailable: &str) -> Deployment {
        let value = |text: &str| match text.parse() {
            Ok(number) => IntOrString::Int(number),
            Err(_) => IntOrString::String(text.to_owned()),
        };
        Deployment {
            spec: Some(DeploymentSpec {
                replicas: Some(replicas),
                strategy: Some(DeploymentStrategy {
                    type_: Some("RollingUpdate".to_owned()),
                    rolling_update: Some(RollingUpdateDeployment {
                        max_surge: Some(value(surge)),
                        max_unavailable: Some(value(unavailable)),
                    }),
                }),
                ..DeploymentSpec::default()
            }),
            ..Deployment::default()
        }
    }

    #[test]
    fn surge_rounds_up_and_unavailable_down() {
        for (replicas, surge, unavailable, want) in [
            (10, "1", "1", (1, 1)),
            (10, "25%", "25%", (3, 2)),
            (1, "25%", "25%", (1, 0)),
            (3, "0", "10%", (0, 1)),
            (2, "0", "5", (0, 2)),
        ] {
            assert_eq!(budget(&deployment(replicas, surge, unavailable)), want);
        }
    }

    #[test]
    fn scaling_in_mid_rollout_is_shared_in_proportion() {
        let set = |name: &str, size: i32, max: &str| {
            let mut set = ReplicaSet::default();
            set.metadata.name = Some(name.to_owned());
            let annotations = set.metadata.annotations.get_or_insert_default();
            annotations.insert(MAX.to_owned(), max.to_owned());
            set.spec = Some(ReplicaSetSpec {
                replicas: Some(size),
                ..Default::default()
            });
            Arc::new(set)
        };
        let sets = Sets {
            new: Some(set("new", 5, "12")),
            old: vec![set("old", 7, "12")],
        };
        let sizes = plan_scale(&deployment(20, "2", "0"), &sets);
        let total: i32 = sizes.iter().map(|(_, size)| size).sum();
        assert_eq!(total, 22);
        assert_eq!(
            sizes
                .iter()
                .map(|(s, n)| (s.name(), *n))
                .collect::<Vec<_>>(),
            [("old", 13), ("new", 9)]
        );
    }
}
