//! Deployments with their revisions.

use super::{objects, place, pods, progress, time_of_day};
use crate::api::meta::{self, MetaExt};
use crate::api::{condition::Condition, owner};
use crate::cluster::Cluster;
use crate::controller::rollout_budget;
use crate::protocol::{ConditionView, RevisionView, RolloutView};
use crate::sim::order;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};

fn container(template: Option<&PodTemplateSpec>) -> Option<&Container> {
    template?.spec.as_ref()?.containers.first()
}

/// Every Deployment, the newest first; those of the system come last.
pub fn views(cluster: &Cluster) -> Vec<RolloutView> {
    let mut deployments: Vec<&Deployment> = objects::<Deployment>(cluster)
        .map(|deployment| &**deployment)
        .collect();
    order::sort_by_key(&mut deployments, |deployment| {
        let system = deployment.namespace() == "kube-system";
        (system, std::cmp::Reverse(deployment.created_at()))
    });
    let views = deployments.into_iter();
    views.map(|deployment| view(cluster, deployment)).collect()
}

/// A condition as the screen shows it.
pub fn condition_view<C: Condition>(
    condition: &C,
    reason: Option<&String>,
    message: Option<&String>,
) -> ConditionView {
    let since = condition.transition_time().map(meta::to_sim);
    ConditionView {
        name: condition.type_name().to_owned(),
        status: condition.status().to_owned(),
        reason: reason.cloned().unwrap_or_default(),
        message: message.cloned().unwrap_or_default(),
        since: since.map(time_of_day).unwrap_or_default(),
    }
}

fn view(cluster: &Cluster, deployment: &Deployment) -> RolloutView {
    let spec = deployment.spec.clone().unwrap_or_default();
    let status = deployment.status.clone().unwrap_or_default();
    let mut sets: Vec<&ReplicaSet> = objects::<ReplicaSet>(cluster)
        .filter(|set| owner::is_controlled_by(&set.metadata, deployment.uid()))
        .map(|set| &**set)
        .collect();
    order::sort_by_key(&mut sets, |set| std::cmp::Reverse(pods::revision(set)));
    let (max_surge, max_unavailable) = rollout_budget(deployment);
    let troubles = progress::troubles(cluster, deployment, sets.first().copied());
    let counts = progress::Counts::of(deployment);
    let main = container(Some(&spec.template));
    let conditions = status.conditions.iter().flatten();
    RolloutView {
        at: place(deployment),
        state: progress::word(deployment, &sets, !troubles.is_empty()).to_owned(),
        status: crate::kubectl::rollout_status(deployment),
        troubles,
        strategy: spec
            .strategy
            .and_then(|strategy| strategy.type_)
            .unwrap_or_default(),
        desired: counts.desired,
        current: counts.current,
        updated: counts.updated,
        ready: status.ready_replicas.unwrap_or(0),
        available: counts.available,
        max_surge,
        max_unavailable,
        min_ready_seconds: spec.min_ready_seconds.unwrap_or(0),
        deadline_seconds: spec.progress_deadline_seconds.unwrap_or(600),
        paused: spec.paused == Some(true),
        conditions: conditions
            .map(|c| condition_view(c, c.reason.as_ref(), c.message.as_ref()))
            .collect(),
        image: main.and_then(|main| main.image.clone()).unwrap_or_default(),
        container: main.map(|main| main.name.clone()).unwrap_or_default(),
        revisions: sets
            .iter()
            .enumerate()
            .map(|(index, set)| revision(set, index == 0))
            .collect(),
    }
}

fn revision(set: &ReplicaSet, present: bool) -> RevisionView {
    let status = set.status.clone().unwrap_or_default();
    let spec = set.spec.as_ref();
    let main = container(spec.and_then(|spec| spec.template.as_ref()));
    RevisionView {
        revision: pods::revision(set),
        name: set.name().to_owned(),
        present,
        image: main.and_then(|main| main.image.clone()).unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterConfig;
    use crate::protocol::{Place, UserCommand};
    use crate::session::Session;
    use crate::sim::SimDuration;

    #[test]
    fn a_rollout_to_an_image_that_is_not_there_says_why_it_is_stuck() {
        let mut session = Session::new(ClusterConfig::default());
        session.advance(session.start() + SimDuration::secs(30), u32::MAX);
        let at = Place {
            namespace: "default".into(),
            name: "hello".into(),
        };
        let image = "nigelpoulton/k8sbook:9.9".to_owned();
        session.execute(UserCommand::SetImage {
            at,
            container: "*".into(),
            image,
        });
        session.advance(session.cluster().now() + SimDuration::secs(60), u32::MAX);
        let view = views(session.cluster()).remove(0);
        assert_eq!((view.state.as_str(), view.revisions.len()), ("Stalled", 2));
        assert!(
            view.troubles[0].0.contains("ImagePull"),
            "{:?}",
            view.troubles
        );
        assert!(view.revisions[0].present && view.revisions[0].available == 0);
        session.advance(session.cluster().now() + SimDuration::secs(700), u32::MAX);
        let late = views(session.cluster()).remove(0);
        let reasons: Vec<&str> = late.troubles.iter().map(|t| t.0.as_str()).collect();
        assert!(
            reasons.contains(&"ProgressDeadlineExceeded"),
            "{reasons:?} {:?}",
            late.conditions
        );
        let all: i32 = view.revisions.iter().map(|revision| revision.current).sum();
        assert!(all <= view.desired + view.max_surge);
    }
}
