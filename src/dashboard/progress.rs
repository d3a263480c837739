//! How a rollout gets on: one word for the eye, and why it is stuck.

use super::pods;
use crate::api::meta::MetaExt;
use crate::api::owner;
use crate::cluster::Cluster;
use crate::sim::SortedMap;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;

/// The numbers that decide how far a rollout is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Pods asked for.
    pub desired: i32,
    /// Pods that are there.
    pub current: i32,
    /// Pods of the present template.
    pub updated: i32,
    /// Pods that are available.
    pub available: i32,
}

impl Counts {
    /// Those of a Deployment.
    pub fn of(deployment: &Deployment) -> Self {
        let spec = deployment.spec.as_ref();
        let status = deployment.status.clone().unwrap_or_default();
        Self {
            desired: spec.and_then(|spec| spec.replicas).unwrap_or(1),
            current: status.replicas.unwrap_or(0),
            updated: status.updated_replicas.unwrap_or(0),
            available: status.available_replicas.unwrap_or(0),
        }
    }

    const fn complete(&self) -> bool {
        self.updated == self.desired
            && self.current == self.desired
            && self.available == self.desired
    }
}

fn is_observed(deployment: &Deployment) -> bool {
    let observed = deployment
        .status
        .as_ref()
        .and_then(|s| s.observed_generation);
    deployment.metadata.generation.unwrap_or(0) <= observed.unwrap_or(0)
}

/// The one word. `sets` are its ReplicaSets, `stuck` whether something is known to hold it up.
pub fn word(deployment: &Deployment, sets: &[&ReplicaSet], stuck: bool) -> &'static str {
    let paused = deployment.spec.as_ref().and_then(|spec| spec.paused) == Some(true);
    let counts = Counts::of(deployment);
    let old = sets
        .iter()
        .skip(1)
        .any(|set| set.status.as_ref().is_some_and(|s| s.replicas > 0));
    match (paused, is_observed(deployment) && counts.complete()) {
        (true, _) => "Paused",
        (false, true) => "Complete",
        _ if stuck => "Stalled",
        _ if old || counts.updated == 0 => "Rolling out",
        _ => "Scaling",
    }
}

/// Why it does not get on: what its newest Pods fail with, then what its conditions say.
pub fn troubles(
    cluster: &Cluster,
    deployment: &Deployment,
    newest: Option<&ReplicaSet>,
) -> Vec<(String, String)> {
    let mut counts: SortedMap<(String, String), u32> = SortedMap::new();
    if let Some(set) = newest {
        let ours = |pod: &&std::sync::Arc<Pod>| owner::is_controlled_by(&pod.metadata, set.uid());
        for pod in super::objects::<Pod>(cluster).filter(ours) {
            let waiting = pods::statuses(pod)
                .iter()
                .filter_map(|status| status.state.as_ref()?.waiting.as_ref());
            for waiting in waiting {
                let reason = waiting.reason.clone().unwrap_or_default();
                if !matches!(
                    reason.as_str(),
                    "" | "ContainerCreating" | "PodInitializing"
                ) {
                    let message = waiting.message.clone().unwrap_or_default();
                    *counts.entry((reason, message)).or_insert(0) += 1;
                }
            }
        }
    }
    let pods = |count: u32| {
        if count == 1 {
            "1 Pod".to_owned()
        } else {
            format!("{count} Pods")
        }
    };
    let mut lines: Vec<(String, String)> = counts
        .into_iter()
        .map(|((reason, message), count)| (format!("{reason}: {}", pods(count)), message))
        .collect();
    let conditions = deployment
        .status
        .as_ref()
        .and_then(|s| s.conditions.as_ref());
    for condition in conditions.into_iter().flatten() {
        let bad = match condition.type_.as_str() {
            "Progressing" => condition.status == "False",
            "ReplicaFailure" => condition.status == "True",
            _ => false,
        };
        if bad {
            let reason = condition.reason.clone().unwrap_or_default();
            let message = condition.message.clone().unwrap_or_default();
            lines.push((reason, message));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::apps::v1::{DeploymentSpec, DeploymentStatus};

    fn deployment(updated: i32, current: i32, available: i32) -> Deployment {
        let mut deployment = Deployment::default();
        deployment.metadata.name = Some("web".into());
        deployment.spec = Some(DeploymentSpec {
            replicas: Some(10),
            ..DeploymentSpec::default()
        });
        deployment.status = Some(DeploymentStatus {
            updated_replicas: Some(updated),
            replicas: Some(current),
            available_replicas: Some(available),
            ..DeploymentStatus::default()
        });
        deployment
    }

    #[test]
    fn the_word_says_how_it_goes() {
        assert_eq!(word(&deployment(10, 10, 10), &[], true), "Complete");
        assert_eq!(word(&deployment(3, 11, 9), &[], true), "Stalled");
        assert_eq!(word(&deployment(4, 4, 4), &[], false), "Scaling");
        let mut paused = deployment(3, 11, 9);
        paused.spec.as_mut().expect("it has one").paused = Some(true);
        assert_eq!(word(&paused, &[], true), "Paused");
        let mut unseen = deployment(10, 10, 10);
        unseen.metadata.generation = Some(2);
        assert_eq!(word(&unseen, &[], false), "Scaling");
    }
}
