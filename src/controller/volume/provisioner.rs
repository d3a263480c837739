//! Makes volumes for claims whose class has a provisioner, and deletes them when their claims are gone.
//!
//! Upstream: kubernetes-sigs/sig-storage-lib-external-provisioner, controller/controller.go, v10. A
//! provisioner does not belong to Kubernetes; this one is simulated, answers for every one that a class
//! can name and needs some seconds for each volume. Its volumes are of the CSI driver of that name, or,
//! where it cannot be a driver's, directories on the node. Left out: failures, finalizers on volumes.

use super::{key_of, stored};
use crate::api::meta::MetaExt;
use crate::api::volume::{
    PROVISIONED_BY, PROVISIONER, SELECTED_NODE, annotate, bound_volume, claim_class, is_delayed,
    requested, volume_name, volume_phase,
};
use crate::api::{Kind, Object, ObjectKey, Reason, Status};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, EventType, Recorder, WorkQueue, reference};
use crate::controller::manager::{Controller, one_queue};
use crate::controller::{Change, Informers};
use crate::sim::{SimDuration, SimTime, SortedMap};
use k8s_openapi::api::core::v1::{
    CSIPersistentVolumeSource, HostPathVolumeSource, PersistentVolume, PersistentVolumeClaim,
};
use k8s_openapi::api::storage::v1::StorageClass;
use serde::Serialize;
use std::collections::BTreeMap;

/// How long it takes to make a volume, or to delete one, in milliseconds.
const WORK_MS: (u64, u64) = (2_000, 5_000);

/// The simulated provisioner.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ExternalProvisioner {
    /// Claims and volumes.
    queue: WorkQueue<ObjectKey>,
    /// What is being made or deleted, and until when.
    #[serde(serialize_with = "crate::sim::as_pairs")]
    work: SortedMap<ObjectKey, SimTime>,
}

/// Who is to make a volume for the claim now; `None` where nobody is.
fn plan_making<'a>(claim: &'a PersistentVolumeClaim, class: &StorageClass) -> Option<&'a str> {
    let ready = !is_delayed(Some(class)) || claim.annotation(SELECTED_NODE).is_some();
    let open = volume_name(claim).is_empty() && !claim.is_terminating();
    let provisioner = claim.annotation(PROVISIONER);
    provisioner.filter(|_| open && ready)
}

/// The volume for a claim.
fn new_volume(
    claim: &PersistentVolumeClaim,
    class: &StorageClass,
    provisioner: &str,
) -> PersistentVolume {
    let mut volume = PersistentVolume::default();
    let name = ["pvc-", claim.uid()].concat();
    annotate(&mut volume.metadata, PROVISIONED_BY, provisioner);
    let spec = volume.spec.get_or_insert_default();
    if provisioner.contains('/') {
        let place = [claim.namespace(), "/", claim.name()].concat();
        spec.host_path = Some(HostPathVolumeSource {
            path: ["/tmp/hostpath-provisioner/", &place].concat(),
            type_: None,
        });
    } else {
        spec.csi = Some(CSIPersistentVolumeSource {
            driver: provisioner.to_owned(),
            volume_handle: name.clone(),
            ..CSIPersistentVolumeSource::default()
        });
    }
    let asked = claim.spec.as_ref();
    spec.access_modes = asked.and_then(|spec| spec.access_modes.clone());
    spec.volume_mode = asked.and_then(|spec| spec.volume_mode.clone());
    let size = requested(claim).cloned().unwrap_or_default();
    spec.capacity = Some(BTreeMap::from([("storage".to_owned(), size)]));
    spec.storage_class_name.clone_from(&class.metadata.name);
    spec.mount_options.clone_from(&class.mount_options);
    let policy = class.reclaim_policy.as_deref().unwrap_or("Delete");
    spec.persistent_volume_reclaim_policy = Some(policy.to_owned());
    volume.metadata.name = Some(name);
    // Its own claim: nobody else bound it.
    let mut volume = bound_volume(&volume, claim).unwrap_or(volume);
    let annotations = volume.metadata.annotations.as_mut();
    annotations.map(|all| all.remove(crate::api::volume::BOUND_BY_CONTROLLER));
    volume
}

/// Whether it is this provisioner's to delete the volume.
fn is_to_go(volume: &PersistentVolume) -> bool {
    let spec = volume.spec.as_ref();
    let policy = spec.and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref());
    volume.annotation(PROVISIONED_BY).is_some()
        && policy == Some("Delete")
        && volume_phase(volume) == "Released"
        && !volume.is_terminating()
}

impl Controller for ExternalProvisioner {
    fn name(&self) -> &'static str {
        "external-provisioner"
    }

    fn handle(&mut self, change: &Change, _: &Informers, _: SimTime) {
        let Change::Other(change) = change else {
            return;
        };
        let Some(key) = key_of(change) else { return };
        let concerns = match &change.new {
            Some(Object::PersistentVolumeClaim(claim)) => {
                claim.annotation(PROVISIONER).is_some() && volume_name(claim).is_empty()
            }
            Some(Object::PersistentVolume(volume)) => is_to_go(volume),
            _ => false,
        };
        if concerns {
            self.queue.add(key, Some(change.revision));
        } else if !self.work.is_empty() {
            self.work.remove(&key);
        }
    }

    one_queue!(|this, key, ctx, _| match stored(ctx, key)? {
        Some(Object::PersistentVolumeClaim(claim)) => this.make(key, &claim, ctx),
        Some(Object::PersistentVolume(volume)) if is_to_go(&volume) => {
            if !this.is_done(key, ctx) {
                return Ok(());
            }
            let options = DeleteOptions::default();
            Status::ignore_not_found(ctx.delete(key.clone(), options))
        }
        _ => Ok(()),
    });
}

impl ExternalProvisioner {
    /// Whether the work on `key` is done; begins with it otherwise.
    fn is_done(&mut self, key: &ObjectKey, ctx: &mut Ctx<'_>) -> bool {
        let until = match self.work.get(key) {
            Some(until) => *until,
            None => {
                let (least, most) = WORK_MS;
                let until = ctx.now + SimDuration::millis(ctx.rng.between(least, most));
                self.work.insert(key.clone(), until);
                until
            }
        };
        let done = until <= ctx.now;
        if !done {
            self.queue.add_at(key.clone(), until);
        }
        done
    }

    fn make(
        &mut self,
        key: &ObjectKey,
        claim: &PersistentVolumeClaim,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let class = claim_class(claim).unwrap_or_default();
        let class = stored(ctx, &ObjectKey::new(Kind::StorageClass, "", class))?;
        let Some(class) = class.as_ref().and_then(Object::get::<StorageClass>) else {
            return Ok(());
        };
        let Some(provisioner) = plan_making(claim, class) else {
            return Ok(());
        };
        let fresh = !self.work.contains_key(key);
        let done = self.is_done(key, ctx);
        let volume = new_volume(claim, class, provisioner);
        let (reason, message) = if done {
            let made = ["Successfully provisioned volume ", volume.name()].concat();
            match ctx.create_object(Object::new(volume)) {
                Err(status) if status.reason == Reason::AlreadyExists => return Ok(()),
                created => created?,
            }
            ("ProvisioningSucceeded", made)
        } else if fresh {
            let name = claim.namespaced_name();
            let message =
                format!("External provisioner is provisioning volume for claim \"{name}\"");
            ("Provisioning", message)
        } else {
            return Ok(());
        };
        // Each provisioner speaks for itself, and says everything once.
        let mut recorder = Recorder::new(provisioner, "");
        recorder.event_at(ctx, reference(claim), EventType::Normal, reason, message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::volume::{BOUND_BY_CONTROLLER, is_bound_to};
    use serde_json::{Value, json};

    fn claim(annotations: Value) -> PersistentVolumeClaim {
        serde_json::from_value(json!({
            "metadata": {"name": "mine", "namespace": "default", "uid": "u1",
                "annotations": annotations},
            "spec": {"accessModes": ["ReadWriteMany"], "storageClassName": "fast",
                "resources": {"requests": {"storage": "1Gi"}}}
        }))
        .expect("a claim")
    }

    fn class(mode: &str) -> StorageClass {
        serde_json::from_value(json!({
            "metadata": {"name": "fast"}, "provisioner": "disk.example.com",
            "reclaimPolicy": "Retain", "volumeBindingMode": mode, "mountOptions": ["ro"]
        }))
        .expect("a class")
    }

    #[test]
    fn a_volume_is_made_when_the_claim_asks_and_its_node_is_known() {
        let (now, late) = (class("Immediate"), class("WaitForFirstConsumer"));
        let asks = claim(json!({PROVISIONER: "disk.example.com"}));
        let chosen = claim(json!({PROVISIONER: "disk.example.com", SELECTED_NODE: "a"}));
        assert_eq!(plan_making(&claim(json!({})), &now), None);
        assert_eq!(plan_making(&asks, &now), Some("disk.example.com"));
        assert_eq!(plan_making(&asks, &late), None);
        assert_eq!(plan_making(&chosen, &late), Some("disk.example.com"));
    }

    #[test]
    fn a_new_volume_is_its_claims() {
        let claim = claim(json!({}));
        let volume = new_volume(&claim, &class("Immediate"), "disk.example.com");
        assert_eq!(volume.name(), "pvc-u1");
        assert!(is_bound_to(&volume, &claim));
        assert_eq!(volume.annotation(PROVISIONED_BY), Some("disk.example.com"));
        assert_eq!(volume.annotation(BOUND_BY_CONTROLLER), None);
        let spec = volume.spec.expect("it has one");
        let expected = json!({
            "accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Gi"},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": "mine",
                "namespace": "default", "uid": "u1"},
            "csi": {"driver": "disk.example.com", "volumeHandle": "pvc-u1"},
            "mountOptions": ["ro"], "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "fast"
        });
        assert_eq!(serde_json::to_value(spec).expect("JSON"), expected);
        let other = new_volume(&claim, &class("Immediate"), "example.com/disk");
        let path = other
            .spec
            .and_then(|spec| spec.host_path)
            .map(|host| host.path);
        let expected = "/tmp/hostpath-provisioner/default/mine";
        assert_eq!(path.as_deref(), Some(expected));
    }

    #[test]
    fn only_its_own_released_volumes_go() {
        let volume = |policy: &str, phase: &str, by: Value| -> bool {
            let volume = json!({"metadata": {"name": "a", "annotations": by},
                "spec": {"persistentVolumeReclaimPolicy": policy}, "status": {"phase": phase}});
            is_to_go(&serde_json::from_value(volume).expect("a volume"))
        };
        let own = json!({PROVISIONED_BY: "disk.example.com"});
        assert!(volume("Delete", "Released", own.clone()));
        assert!(!volume("Retain", "Released", own.clone()));
        assert!(!volume("Delete", "Bound", own));
        assert!(!volume("Delete", "Released", json!({})));
    }
}
