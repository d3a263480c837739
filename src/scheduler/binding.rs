//! Pods that have a node and wait for the volumes of their claims.
//!
//! Upstream: pkg/scheduler/framework/plugins/volumebinding/binder.go (`BindPodVolumes`), v1.36, which
//! looks every second; here whenever a claim changes. Left out: claims whose chosen node is taken back
//! before their volume is there.

use super::Scheduler;
use crate::api::meta::MetaExt;
use crate::api::volume::{claims_of, is_bound};
use crate::api::{Kind, NamespacedName, Object};
use crate::client::{Ctx, ObjectInformer};
use crate::sim::{SimDuration, SimTime, SortedMap};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use serde::Serialize;
use std::sync::Arc;

/// How long a Pod waits for its volumes before it is scheduled anew.
const TIMEOUT: SimDuration = SimDuration::secs(600);

/// The Pods that wait: their nodes, and until when.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VolumeBindings {
    #[serde(serialize_with = "crate::sim::as_pairs")]
    waiting: SortedMap<NamespacedName, (String, SimTime)>,
}

impl VolumeBindings {
    /// Whether this Pod waits.
    pub fn has(&self, pod: &NamespacedName) -> bool {
        self.waiting.contains_key(pod)
    }
}

/// How it stands with a Pod that waits.
#[derive(Clone, Debug, PartialEq)]
enum Plan {
    /// All its claims are bound.
    Bind,
    Wait,
    /// It is scheduled anew: why.
    Fail(String),
}

fn plan_binding(pod: &Pod, known: &ObjectInformer, late: bool) -> Plan {
    let mut plan = Plan::Bind;
    for name in claims_of(pod) {
        let found = known.get(&name.of(Kind::PersistentVolumeClaim));
        match found.and_then(Object::get::<PersistentVolumeClaim>) {
            Some(claim) if is_bound(claim) => {}
            Some(_) => plan = Plan::Wait,
            None => {
                let name = &name.name;
                return Plan::Fail(format!("persistentvolumeclaim {name:?} not found"));
            }
        }
    }
    match plan {
        Plan::Wait if late => Plan::Fail("context deadline exceeded".to_owned()),
        plan => plan,
    }
}

impl Scheduler {
    /// Writes what the claims of `pod` get on `node`, and waits for them.
    pub(super) fn bind_volumes(
        &mut self,
        pod: &Arc<Pod>,
        node: String,
        writes: Vec<Object>,
        ctx: &mut Ctx<'_>,
    ) {
        let name = pod.namespaced_name();
        for object in writes {
            if ctx.update_object(object).is_err() {
                return self.cache.queue.back_off(name, ctx.now);
            }
        }
        self.cache.snapshot.assume(pod, &node);
        let until = ctx.now + TIMEOUT;
        self.bindings.waiting.insert(name, (node, until));
    }

    /// Binds every Pod whose claims are bound by now.
    pub(super) fn finish_bindings(&mut self, ctx: &mut Ctx<'_>) {
        ctx.cause = None;
        let waiting: Vec<NamespacedName> = self.bindings.waiting.keys().cloned().collect();
        for name in waiting {
            let Some((node, until)) = self.bindings.waiting.get(&name).cloned() else {
                continue;
            };
            let plan = match self.cache.pods.get(&name) {
                Some(pod) => plan_binding(pod, &self.cache.storage, until <= ctx.now),
                None => Plan::Fail(String::new()),
            };
            if plan == Plan::Wait {
                ctx.agenda.wake_at(until);
                continue;
            }
            self.bindings.waiting.remove(&name);
            self.cache.snapshot.remove_pod(&name);
            let Some(pod) = self.cache.pods.get(&name).cloned() else {
                continue;
            };
            match plan {
                Plan::Fail(why) => {
                    let message = [
                        "running PreBind plugin \"VolumeBinding\": binding volumes: ",
                        &why,
                    ];
                    self.refuse(&pod, message.concat(), ctx);
                }
                _ => self.bind(&pod, &node, ctx),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_waits_until_all_its_claims_are_bound() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"containers": [], "volumes": [
                {"name": "a", "persistentVolumeClaim": {"claimName": "a"}},
                {"name": "b", "persistentVolumeClaim": {"claimName": "b"}}]}
        }))
        .expect("a Pod");
        let claim = |name: &str, volume: &str, annotations: serde_json::Value| {
            let claim: PersistentVolumeClaim = serde_json::from_value(json!({
                "metadata": {"name": name, "namespace": "default", "resourceVersion": "1",
                    "annotations": annotations},
                "spec": {"volumeName": volume}}))
            .expect("a claim");
            Object::new(claim)
        };
        let done = json!({"pv.kubernetes.io/bind-completed": "yes"});
        let plan = |claims: &[Object], late: bool| {
            let mut known = ObjectInformer::default();
            known.replace(Kind::PersistentVolumeClaim, claims, 1);
            plan_binding(&pod, &known, late)
        };
        let a = claim("a", "disk-a", done.clone());
        let half = claim("b", "disk-b", json!({}));
        let waiting = [a.clone(), half];
        assert_eq!(plan(&waiting, false), Plan::Wait);
        let late = Plan::Fail("context deadline exceeded".to_owned());
        assert_eq!(plan(&waiting, true), late);
        let whole = [a.clone(), claim("b", "disk-b", done)];
        assert_eq!(plan(&whole, true), Plan::Bind);
        let gone = Plan::Fail("persistentvolumeclaim \"b\" not found".to_owned());
        assert_eq!(plan(&[a], false), gone);
    }
}
