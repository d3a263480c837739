//! A Pod needs its claims bound, and a node that can reach their volumes. Claims that wait for their
//! first consumer are bound, or get a volume made, for the node that is chosen.
//!
//! Upstream: pkg/scheduler/framework/plugins/volumebinding/{volume_binding,binder}.go, v1.36. Left out:
//! scores, storage capacity, and volumes that several Pods of one batch want (a write that comes too
//! late is refused, and the Pod is tried again).

use crate::api::meta::{self, MetaExt};
use crate::api::volume::{
    NO_PROVISIONER, SELECTED_NODE, Seeker, annotate, bound_volume, claim_class, claim_of,
    claim_phase, find, is_bound, is_delayed, requested, volume_name,
};
use crate::api::{Kind, Object, ObjectKey, node_affinity, quantity};
use crate::client::ObjectInformer;
use crate::scheduler::NodeInfo;
use crate::sim::order;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use std::cmp::Ordering;

/// Upstream's name.
pub const NAME: &str = "VolumeBinding";

/// What a Pod's claims ask of a node.
pub struct PodVolumes<'a> {
    /// The volumes of its bound claims; `None` for one that is not there.
    bound: Vec<Option<&'a PersistentVolume>>,
    /// Its claims that wait for it, the smallest first, and their classes.
    unbound: Vec<(&'a PersistentVolumeClaim, Option<&'a StorageClass>)>,
    /// Every volume there is.
    volumes: Vec<&'a PersistentVolume>,
}

/// What one claim gets on the chosen node.
pub enum Share<'a> {
    /// This volume.
    Volume(&'a PersistentVolumeClaim, &'a PersistentVolume),
    /// A volume that is made for it.
    New(&'a PersistentVolumeClaim),
}

impl<'a> PodVolumes<'a> {
    /// The claims of `pod` among what is `known`.
    ///
    /// # Errors
    /// Why no node can take the Pod, in upstream's words.
    pub fn of(pod: &Pod, known: &'a ObjectInformer) -> Result<Self, String> {
        let mut found = Self {
            bound: Vec::new(),
            unbound: Vec::new(),
            volumes: Vec::new(),
        };
        let mut immediate = false;
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter());
        for volume in volumes.flatten() {
            let Some(name) = claim_of(pod, volume) else {
                continue;
            };
            let key = ObjectKey::new(Kind::PersistentVolumeClaim, pod.namespace(), &name);
            let claim = known
                .get(&key)
                .and_then(Object::get::<PersistentVolumeClaim>);
            let Some(claim) = claim else {
                return Err(match volume.ephemeral {
                    Some(_) => format!(
                        "waiting for ephemeral volume controller to create the persistentvolumeclaim {name:?}"
                    ),
                    None => format!("persistentvolumeclaim {name:?} not found"),
                });
            };
            let of_claim = volume_name(claim);
            if claim_phase(claim) == "Lost" {
                return Err(format!(
                    "persistentvolumeclaim {name:?} bound to non-existent persistentvolume {of_claim:?}"
                ));
            }
            if claim.is_terminating() {
                return Err(format!("persistentvolumeclaim {name:?} is being deleted"));
            }
            let class = claim_class(claim).unwrap_or_default();
            let class = known.get(&ObjectKey::new(Kind::StorageClass, "", class));
            let class = class
                .and_then(Object::get::<StorageClass>)
                .map(AsRef::as_ref);
            if is_bound(claim) {
                let volume = known.get(&ObjectKey::new(Kind::PersistentVolume, "", of_claim));
                let volume = volume.and_then(Object::get::<PersistentVolume>);
                found.bound.push(volume.map(AsRef::as_ref));
            } else if is_delayed(class) && of_claim.is_empty() {
                found.unbound.push((claim, class));
            } else {
                immediate = true;
            }
        }
        if immediate {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
        if !found.unbound.is_empty() {
            order::sort_by(&mut found.unbound, |(a, _), (b, _)| {
                match (requested(a), requested(b)) {
                    (Some(a), Some(b)) => quantity::compare(a, b),
                    _ => Ordering::Equal,
                }
            });
            let volumes = known.of_kind(Kind::PersistentVolume);
            let volumes = volumes.filter_map(Object::get::<PersistentVolume>);
            found.volumes = volumes.map(AsRef::as_ref).collect();
        }
        Ok(found)
    }

    /// What the unbound claims get on `node`.
    ///
    /// # Errors
    /// Why the Pod cannot be there.
    pub fn shares(&self, node: &NodeInfo) -> Result<Vec<Share<'a>>, &'static str> {
        for volume in &self.bound {
            match volume {
                None => {
                    return Err(
                        "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
                    );
                }
                Some(volume) if !reaches(node, volume) => {
                    return Err("node(s) didn't match PersistentVolume's node affinity");
                }
                Some(_) => {}
            }
        }
        let mut shares: Vec<Share<'a>> = Vec::new();
        for (claim, class) in &self.unbound {
            let selected = claim.annotation(SELECTED_NODE);
            let free = self.volumes.iter().copied().filter(|volume| {
                let taken = |share: &Share<'_>| matches!(share, Share::Volume(_, by) if by.name() == volume.name());
                !shares.iter().any(taken)
            });
            let near = |volume: &PersistentVolume| reaches(node, volume);
            let found = match selected {
                Some(_) => None,
                None => find(claim, free, Seeker::Scheduler(&near)),
            };
            let can_be_made = selected.is_none_or(|name| name == node.node.name())
                && class.is_some_and(|class| is_made_for(class, node));
            shares.push(match found {
                Some(volume) => Share::Volume(claim, volume),
                None if can_be_made => Share::New(claim),
                None => return Err("node(s) didn't find available persistent volumes to bind"),
            });
        }
        Ok(shares)
    }
}

/// Whether volumes of `class` are made, and can be used on this node.
fn is_made_for(class: &StorageClass, node: &NodeInfo) -> bool {
    let labels = meta::labels(&node.node.metadata);
    let topologies = class.allowed_topologies.as_deref().unwrap_or_default();
    let allowed = topologies.is_empty()
        || topologies.iter().any(|topology| {
            let mut all = topology.match_label_expressions.iter().flatten();
            all.all(|one| labels.get(&one.key).is_some_and(|v| one.values.contains(v)))
        });
    allowed && class.provisioner != NO_PROVISIONER
}

fn reaches(node: &NodeInfo, volume: &PersistentVolume) -> bool {
    let affinity = volume.spec.as_ref().and_then(|s| s.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| affinity.required.as_ref());
    required.is_none_or(|selector| {
        let mut terms = selector.node_selector_terms.iter();
        terms.any(|term| node_affinity::meets(term, &node.node))
    })
}

/// What has to be written so that the claims get their shares on `node`.
pub fn writes(shares: &[Share<'_>], node: &str) -> Vec<Object> {
    let writes = shares.iter().filter_map(|share| match share {
        Share::Volume(claim, volume) => bound_volume(volume, claim).map(Object::new),
        Share::New(claim) if claim.annotation(SELECTED_NODE) == Some(node) => None,
        Share::New(claim) => {
            let mut marked = PersistentVolumeClaim::clone(claim);
            annotate(&mut marked.metadata, SELECTED_NODE, node);
            Some(Object::new(marked))
        }
    });
    writes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiType;
    use crate::scheduler::snapshot::Snapshot;
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn put<K: ApiType + serde::de::DeserializeOwned>(known: &mut Vec<Object>, json: Value) {
        let object: K = serde_json::from_value(json).expect("an object");
        known.push(Object::new(object));
    }

    fn claim(name: &str, spec: Value, annotations: Value) -> Value {
        let mut whole = json!({
            "metadata": {"name": name, "namespace": "default", "uid": name,
                "resourceVersion": "1", "annotations": annotations},
            "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}}}});
        for (field, value) in spec.as_object().into_iter().flatten() {
            whole["spec"][field] = value.clone();
        }
        whole
    }

    fn volume(name: &str, class: &str, host: &str) -> Value {
        let terms = json!([{"matchExpressions": [
            {"key": "host", "operator": "In", "values": [host]}]}]);
        json!({"metadata": {"name": name, "resourceVersion": "1"},
            "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                "storageClassName": class,
                "nodeAffinity": {"required": {"nodeSelectorTerms": terms}}},
            "status": {"phase": "Available"}})
    }

    fn known() -> ObjectInformer {
        let mut claims = Vec::new();
        let done = json!({"pv.kubernetes.io/bind-completed": "yes"});
        let none = json!({});
        for (name, spec, annotations) in [
            ("bound", json!({"volumeName": "near"}), done.clone()),
            ("astray", json!({"volumeName": "gone"}), done),
            ("now", json!({"storageClassName": "fast"}), none.clone()),
            ("late", json!({"storageClassName": "late"}), none.clone()),
            ("second", json!({"storageClassName": "late"}), none.clone()),
            ("local", json!({"storageClassName": "local"}), none.clone()),
            ("local-2", json!({"storageClassName": "local"}), none),
        ] {
            put::<PersistentVolumeClaim>(&mut claims, claim(name, spec, annotations));
        }
        let chosen = json!({SELECTED_NODE: "b"});
        let late = json!({"storageClassName": "late"});
        put::<PersistentVolumeClaim>(&mut claims, claim("chosen", late, chosen));
        let mut lost = claim("lost", json!({"volumeName": "gone"}), json!({}));
        lost["status"] = json!({"phase": "Lost"});
        put::<PersistentVolumeClaim>(&mut claims, lost);
        let mut classes = Vec::new();
        let wait = "WaitForFirstConsumer";
        for (name, provisioner, mode) in [
            ("fast", "example.com/disk", "Immediate"),
            ("late", "example.com/disk", wait),
            ("local", NO_PROVISIONER, wait),
        ] {
            let class = json!({"metadata": {"name": name, "resourceVersion": "1"},
                "provisioner": provisioner, "volumeBindingMode": mode});
            put::<StorageClass>(&mut classes, class);
        }
        let mut volumes = Vec::new();
        put::<PersistentVolume>(&mut volumes, volume("near", "", "a"));
        put::<PersistentVolume>(&mut volumes, volume("disk-a", "local", "a"));
        let mut known = ObjectInformer::default();
        known.replace(Kind::PersistentVolumeClaim, &claims, 1);
        known.replace(Kind::StorageClass, &classes, 1);
        known.replace(Kind::PersistentVolume, &volumes, 1);
        known
    }

    fn pod(claims: &[&str]) -> Pod {
        let volumes = claims
            .iter()
            .map(|claim| json!({"name": claim, "persistentVolumeClaim": {"claimName": claim}}));
        let volumes: Vec<Value> = volumes.collect();
        serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"containers": [], "volumes": volumes}
        }))
        .expect("a Pod")
    }

    fn nodes() -> Snapshot {
        let mut snapshot = Snapshot::default();
        for name in ["a", "b"] {
            let node = json!({"metadata": {"name": name, "labels": {"host": name}}});
            let node = serde_json::from_value(node).expect("a node");
            snapshot.set_node(&Arc::new(node));
        }
        snapshot
    }

    /// What the Pod with these claims is told: of no node, or of the nodes a and b.
    fn told(claims: &[&str]) -> Vec<String> {
        let known = known();
        let volumes = match PodVolumes::of(&pod(claims), &known) {
            Ok(volumes) => volumes,
            Err(why) => return vec![why],
        };
        let nodes = nodes();
        let told = nodes.nodes().map(|node| match volumes.shares(node) {
            Ok(shares) => {
                let share = shares.iter().map(|share| match share {
                    Share::Volume(claim, volume) => [claim.name(), "=", volume.name()].concat(),
                    Share::New(claim) => [claim.name(), "=new"].concat(),
                });
                share.collect::<Vec<_>>().join(" ")
            }
            Err(why) => why.to_owned(),
        });
        told.collect()
    }

    /// Upstream's cases of volume_binding_test.go.
    #[test]
    fn claims_decide_where_a_pod_can_be() {
        let conflict = "node(s) didn't match PersistentVolume's node affinity";
        let nothing = "node(s) didn't find available persistent volumes to bind";
        let absent = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
        let rows: [(&[&str], &[&str]); 11] = [
            (&[], &["", ""]),
            (&["none"], &["persistentvolumeclaim \"none\" not found"]),
            (
                &["now", "bound"],
                &["pod has unbound immediate PersistentVolumeClaims"],
            ),
            (
                &["lost"],
                &["persistentvolumeclaim \"lost\" bound to non-existent persistentvolume \"gone\""],
            ),
            (&["bound"], &["", conflict]),
            (&["astray"], &[absent, absent]),
            (
                &["late", "second"],
                &["late=new second=new", "late=new second=new"],
            ),
            (&["chosen"], &[nothing, "chosen=new"]),
            (&["local"], &["local=disk-a", nothing]),
            // One volume is not enough for two.
            (&["local", "local-2"], &[nothing, nothing]),
            (&["local", "late"], &["local=disk-a late=new", nothing]),
        ];
        for (claims, expected) in rows {
            assert_eq!(told(claims), expected, "{claims:?}");
        }
    }

    #[test]
    fn the_chosen_node_is_written_down_once() {
        let known = known();
        let web = pod(&["late", "chosen"]);
        let volumes = PodVolumes::of(&web, &known).expect("it can wait");
        let nodes = nodes();
        let b = nodes.nodes().nth(1).expect("two nodes");
        let shares = volumes.shares(b).expect("it fits");
        let written = writes(&shares, "b");
        let names: Vec<&str> = written.iter().map(MetaExt::name).collect();
        assert_eq!(names, ["late"]);
        assert_eq!(written[0].annotation(SELECTED_NODE), Some("b"));
    }

    #[test]
    fn a_claim_made_for_the_pod_is_waited_for() {
        let mut pod = pod(&[]);
        let volumes = json!([{"name": "scratch", "ephemeral": {}}]);
        let spec = pod.spec.get_or_insert_default();
        spec.volumes = serde_json::from_value(volumes).expect("volumes");
        let known = known();
        let why = PodVolumes::of(&pod, &known).err().expect("it is missing");
        let text = "waiting for ephemeral volume controller to create the persistentvolumeclaim \"web-scratch\"";
        assert_eq!(why, text);
    }
}
