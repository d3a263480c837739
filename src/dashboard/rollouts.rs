//! Deployments with their revisions.

use super::{objects, place};
use crate::api::meta::MetaExt;
use crate::api::{condition, owner};
use crate::cluster::Cluster;
use crate::controller::rollout_budget;
use crate::protocol::{RevisionView, RolloutView};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;

fn image(template: Option<&PodTemplateSpec>) -> String {
    let spec = template.and_then(|template| template.spec.as_ref());
    spec.and_then(|spec| spec.containers.first()?.image.clone())
        .unwrap_or_default()
}

/// Every Deployment.
pub fn views(cluster: &Cluster) -> Vec<RolloutView> {
    objects::<Deployment>(cluster)
        .map(|deployment| view(cluster, deployment))
        .collect()
}

fn view(cluster: &Cluster, deployment: &Deployment) -> RolloutView {
    let spec = deployment.spec.clone().unwrap_or_default();
    let status = deployment.status.clone().unwrap_or_default();
    let mut revisions: Vec<RevisionView> = objects::<ReplicaSet>(cluster)
        .filter(|set| owner::is_controlled_by(&set.metadata, deployment.uid()))
        .map(|set| revision(set))
        .collect();
    revisions.sort_by_key(|revision| std::cmp::Reverse(revision.revision));
    let (max_surge, max_unavailable) = rollout_budget(deployment);
    let progressing = condition::find(status.conditions.as_ref(), "Progressing");
    RolloutView {
        at: place(deployment),
        desired: spec.replicas.unwrap_or(1),
        updated: status.updated_replicas.unwrap_or(0),
        ready: status.ready_replicas.unwrap_or(0),
        available: status.available_replicas.unwrap_or(0),
        max_surge,
        max_unavailable,
        paused: spec.paused == Some(true),
        progress: progressing
            .and_then(|c| c.reason.clone())
            .unwrap_or_default(),
        image: image(Some(&spec.template)),
        revisions,
    }
}

fn revision(set: &ReplicaSet) -> RevisionView {
    let number = set.annotation("deployment.kubernetes.io/revision");
    let status = set.status.clone().unwrap_or_default();
    let spec = set.spec.as_ref();
    RevisionView {
        revision: number.and_then(|text| text.parse().ok()).unwrap_or(0),
        name: set.name().to_owned(),
        image: image(spec.and_then(|spec| spec.template.as_ref())),
        desired: spec.and_then(|spec| spec.replicas).unwrap_or(1),
        current: status.replicas,
        ready: status.ready_replicas.unwrap_or(0),
        available: status.available_replicas.unwrap_or(0),
        cause: set
            .annotation("kubernetes.io/change-cause")
            .unwrap_or_default()
            .to_owned(),
    }
}
