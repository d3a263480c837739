//! Which ReplicaSets are a Deployment's: it adopts matching ones that nobody controls and lets go of
//! its own that match no more.
//!
//! Upstream: pkg/controller/controller_ref_manager.go (ReplicaSetControllerRefManager), v1.36.

use super::DeploymentController;
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Reason, Status, owner};
use crate::client::{Ctx, Delta};
use crate::controller::Informers;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use std::sync::Arc;

/// What becomes of a ReplicaSet that a Deployment looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// It is the Deployment's already.
    Keep,
    /// It becomes the Deployment's.
    Adopt,
    /// It was the Deployment's and is let go.
    Release,
    /// It is none of the Deployment's business.
    Ignore,
}

fn selector(deployment: &Deployment) -> Selector {
    let selector = deployment.spec.as_ref().map(|spec| &spec.selector);
    Selector::from_label_selector(selector).unwrap_or(Selector::nothing())
}

fn plan_claim(deployment: &Deployment, selector: &Selector, set: &ReplicaSet) -> Claim {
    let matches = selector.matches(meta::labels(&set.metadata));
    let going = deployment.is_terminating();
    match owner::controller_of(&set.metadata) {
        Some(reference) if reference.uid != deployment.uid() => Claim::Ignore,
        Some(_) if matches => Claim::Keep,
        Some(_) if going => Claim::Ignore,
        Some(_) => Claim::Release,
        None if matches && !going && !set.is_terminating() => Claim::Adopt,
        None => Claim::Ignore,
    }
}

impl DeploymentController {
    /// Queues the Deployments that a changed ReplicaSet concerns: its controller, the one before,
    /// and where it has none, every Deployment that could adopt it.
    pub(super) fn handle_set(&mut self, delta: &Delta<ReplicaSet>, informers: &Informers) {
        let revision = Some(delta.revision);
        let set = delta.latest();
        let versions = delta.old.iter().chain(&delta.new);
        for name in versions.filter_map(|set| controller_name(set)) {
            self.queue
                .add(NamespacedName::new(set.namespace(), name), revision);
        }
        if delta.new.is_none() || owner::controller_of(&set.metadata).is_some() {
            return;
        }
        for deployment in informers.deployments.in_namespace(set.namespace()) {
            if selector(deployment).matches(meta::labels(&set.metadata)) {
                self.queue.add(deployment.namespaced_name(), revision);
            }
        }
    }
}

fn controller_name(set: &Arc<ReplicaSet>) -> Option<&str> {
    owner::controller_name(&set.metadata, Kind::Deployment)
}

/// The ReplicaSets that are the Deployment's now.
pub fn claim(
    deployment: &Deployment,
    ctx: &mut Ctx<'_>,
    informers: &Informers,
) -> Result<Vec<Arc<ReplicaSet>>, Status> {
    let selector = selector(deployment);
    let mut claimed = Vec::new();
    for set in informers.replica_sets.in_namespace(deployment.namespace()) {
        match plan_claim(deployment, &selector, set) {
            Claim::Ignore => {}
            Claim::Keep => claimed.push(set.clone()),
            Claim::Adopt => {
                let present: Arc<Deployment> = ctx.get(&deployment.namespaced_name())?;
                if present.uid() == deployment.uid() && !present.is_terminating() {
                    let mut adopted = ReplicaSet::clone(set);
                    let owners = adopted.metadata.owner_references.get_or_insert_default();
                    owners.push(owner::controller_ref(deployment));
                    claimed.push(ctx.update(adopted)?);
                }
            }
            Claim::Release => {
                let mut released = ReplicaSet::clone(set);
                let owners = &mut released.metadata.owner_references;
                owners
                    .get_or_insert_default()
                    .retain(|reference| reference.uid != deployment.uid());
                match ctx.update(released) {
                    Err(status) if status.reason != Reason::NotFound => return Err(status),
                    _ => {}
                }
            }
        }
    }
    Ok(claimed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_orphans_are_adopted_and_strangers_left_alone() {
        let mut deployment = Deployment::default();
        deployment.metadata.uid = Some("me".to_owned());
        let spec = deployment.spec.get_or_insert_default();
        let labels = |app: &str| [("app".to_owned(), app.to_owned())].into();
        spec.selector.match_labels = Some(labels("web"));
        let mut going = deployment.clone();
        going.metadata.deletion_timestamp = Some(meta::time(crate::sim::SimTime::from_secs(1)));
        let me = owner::controller_ref(&deployment);
        let mut other = me.clone();
        other.uid = "other".to_owned();
        for (deployment, app, controller, want) in [
            (&deployment, "web", None, Claim::Adopt),
            (&deployment, "db", None, Claim::Ignore),
            (&deployment, "web", Some(&me), Claim::Keep),
            (&deployment, "db", Some(&me), Claim::Release),
            (&deployment, "web", Some(&other), Claim::Ignore),
            (&going, "web", None, Claim::Ignore),
            (&going, "db", Some(&me), Claim::Ignore),
        ] {
            let mut set = ReplicaSet::default();
            set.metadata.labels = Some(labels(app));
            set.metadata.owner_references = controller.map(|reference| vec![reference.clone()]);
            assert_eq!(plan_claim(deployment, &selector(deployment), &set), want);
        }
    }
}
