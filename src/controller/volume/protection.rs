//! Keeps claims that Pods use and volumes that are bound from going away: they have a finalizer, which
//! is taken off when nothing needs them any more.
//!
//! Upstream: pkg/controller/volume/{pvcprotection,pvprotection}, v1.36: two controllers, which write
//! under their own names here too.

use super::{key_of, stored};
use crate::api::meta::MetaExt;
use crate::api::volume::{claims_of, volume_phase};
use crate::api::{Kind, Object, ObjectKey, Status};
use crate::client::{Ctx, WorkQueue};
use crate::controller::manager::{Controller, one_queue};
use crate::controller::pods::node_name;
use crate::controller::{Change, Informers};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{PersistentVolume, Pod};
use serde::Serialize;

/// The controller that protects claims, and the one that protects volumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ProtectionController {
    queue: WorkQueue<ObjectKey>,
}

/// What is to be done with the finalizer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Plan {
    Add,
    /// If nothing uses the object.
    Remove,
    Nothing,
}

const fn finalizer(kind: Kind) -> &'static str {
    match kind {
        Kind::PersistentVolume => "kubernetes.io/pv-protection",
        _ => "kubernetes.io/pvc-protection",
    }
}

fn plan_finalizer(object: &Object) -> Plan {
    let finalizer = finalizer(object.kind());
    let mut known = object.meta().finalizers.iter().flatten();
    match (object.is_terminating(), known.any(|one| one == finalizer)) {
        (false, false) => Plan::Add,
        (true, true) => Plan::Remove,
        _ => Plan::Nothing,
    }
}

impl Controller for ProtectionController {
    fn name(&self) -> &'static str {
        "pvc-protection-controller"
    }

    fn handle(&mut self, change: &Change, _: &Informers, _: SimTime) {
        match change {
            Change::Other(change) if is_protected(change.kind) => {
                let concerns = change.new.as_ref().map(plan_finalizer);
                if concerns.is_some_and(|plan| plan != Plan::Nothing)
                    && let Some(key) = key_of(change)
                {
                    self.queue.add(key, Some(change.revision));
                }
            }
            Change::Pod(delta) if delta.new.is_none() => {
                for claim in claims_of(delta.latest()) {
                    let key = claim.of(Kind::PersistentVolumeClaim);
                    self.queue.add(key, Some(delta.revision));
                }
            }
            _ => {}
        }
    }

    one_queue!(|_, key, ctx, _| reconcile(key, ctx));
}

fn is_protected(kind: Kind) -> bool {
    matches!(kind, Kind::PersistentVolume | Kind::PersistentVolumeClaim)
}

fn reconcile(key: &ObjectKey, ctx: &mut Ctx<'_>) -> Result<(), Status> {
    ctx.actor = match key.kind {
        Kind::PersistentVolume => "pv-protection-controller".into(),
        _ => "pvc-protection-controller".into(),
    };
    let Some(mut object) = stored(ctx, key)? else {
        return Ok(());
    };
    let finalizer = finalizer(key.kind);
    match plan_finalizer(&object) {
        Plan::Nothing => return Ok(()),
        Plan::Add => {
            let finalizers = object.meta_mut().finalizers.get_or_insert_default();
            finalizers.push(finalizer.to_owned());
        }
        Plan::Remove => {
            let used = match object.get::<PersistentVolume>() {
                Some(volume) => volume_phase(volume) == "Bound",
                None => {
                    let pods = ctx.list_in(Kind::Pod, &key.namespace)?;
                    let mut pods = pods.iter().filter_map(Object::get::<Pod>);
                    pods.any(|pod| uses(pod, &key.name))
                }
            };
            if used {
                return Ok(());
            }
            let finalizers = object.meta_mut().finalizers.get_or_insert_default();
            finalizers.retain(|known| known != finalizer);
        }
    }
    Status::ignore_not_found(ctx.update_object(object))
}

/// Whether a kubelet may have mounted the claim for the Pod.
fn uses(pod: &Pod, claim: &str) -> bool {
    !node_name(pod).is_empty() && claims_of(pod).any(|name| name.name == claim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::PersistentVolumeClaim;

    #[test]
    fn the_finalizer_comes_at_once_and_goes_with_the_deletion() {
        let claim = |json| {
            let claim: PersistentVolumeClaim = serde_json::from_value(json).expect("a claim");
            plan_finalizer(&Object::new(claim))
        };
        let none = serde_json::json!({"metadata": {"name": "a"}});
        assert_eq!(claim(none), Plan::Add);
        let held = ["kubernetes.io/pvc-protection"];
        let kept = serde_json::json!({"metadata": {"name": "a", "finalizers": held}});
        assert_eq!(claim(kept), Plan::Nothing);
        let at = "2026-01-01T00:00:00Z";
        let going = serde_json::json!({"metadata": {
            "name": "a", "finalizers": held, "deletionTimestamp": at}});
        assert_eq!(claim(going), Plan::Remove);
        let others = serde_json::json!({"metadata": {
            "name": "a", "finalizers": ["example.com/mine"], "deletionTimestamp": at}});
        assert_eq!(claim(others), Plan::Nothing);
    }

    #[test]
    fn only_a_pod_on_a_node_uses_a_claim() {
        let pod = |node: &str| -> Pod {
            serde_json::from_value(serde_json::json!({
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {"nodeName": node, "containers": [], "volumes": [
                    {"name": "a", "persistentVolumeClaim": {"claimName": "mine"}},
                    {"name": "scratch", "ephemeral": {}}
                ]}
            }))
            .expect("a Pod")
        };
        assert!(uses(&pod("worker-1"), "mine"));
        assert!(uses(&pod("worker-1"), "web-scratch"));
        assert!(!uses(&pod("worker-1"), "other"));
        assert!(!uses(&pod(""), "mine"));
    }
}
