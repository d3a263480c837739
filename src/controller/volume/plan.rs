//! What becomes of claims and volumes: the binder's decisions alone.
//!
//! Upstream: pkg/controller/volume/persistentvolume/pv_controller.go, v1.36.

use crate::api::Object;
use crate::api::meta::MetaExt;
use crate::api::volume::{
    BIND_COMPLETED, PROVISIONED_BY, SELECTED_NODE, Seeker, claim_class, claim_ref, find,
    is_bound_to, is_delayed, mismatch, volume_name,
};
use crate::client::EventType;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;

/// The provisioners that once were Kubernetes' own, and who does their work now.
const MIGRATED: [(&str, &str); 7] = [
    ("aws-ebs", "ebs.csi.aws.com"),
    ("azure-disk", "disk.csi.azure.com"),
    ("azure-file", "file.csi.azure.com"),
    ("cinder", "cinder.csi.openstack.org"),
    ("gce-pd", "pd.csi.storage.gke.io"),
    ("portworx-volume", "pxd.portworx.com"),
    ("vsphere-volume", "csi.vsphere.vmware.com"),
];
const DEFAULT_CLASS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];

/// What people are told: how serious it is, the reason and the message.
pub type Told = (EventType, &'static str, String);

/// What is to be done with a claim.
#[derive(Debug, PartialEq)]
pub enum ClaimPlan<'a> {
    /// It gets this volume.
    Bind(&'a PersistentVolume),
    /// It stays pending.
    Wait(Option<Told>),
    /// Its volume is lost: reason and message.
    Lost(&'static str, &'static str),
    /// It gets the default class.
    Assign(String),
    /// Somebody else makes a volume for it: the provisioner.
    Provision(String),
}

/// Everything that a claim's fate depends on.
pub struct Around<'a> {
    /// Every volume.
    pub volumes: &'a [Object],
    /// Every class.
    pub classes: &'a [Object],
    /// Pods without a node that use it.
    pub waiting: &'a [String],
}

impl Around<'_> {
    fn volumes(&self) -> impl Iterator<Item = &PersistentVolume> {
        let volumes = self.volumes.iter();
        volumes.filter_map(|one| one.get::<PersistentVolume>().map(AsRef::as_ref))
    }

    fn class(&self, name: Option<&str>) -> Option<&StorageClass> {
        let mut classes = self.classes.iter().filter_map(Object::get::<StorageClass>);
        let found = classes.find(|class| Some(class.name()) == name);
        found.map(AsRef::as_ref)
    }

    /// The newest default class.
    fn default_class(&self) -> Option<&str> {
        let is_default = |class: &&Object| {
            let marks = DEFAULT_CLASS.iter();
            let mut values = marks.filter_map(|mark| class.annotation(mark));
            values.any(|value| value == "true")
        };
        let classes = self.classes.iter().filter(is_default);
        let newest = classes.max_by_key(|c| (c.created_at(), std::cmp::Reverse(c.name())));
        newest.map(MetaExt::name)
    }
}

/// What is to be done with a claim: it is bound, stays pending, is lost, or somebody makes a volume.
pub fn plan_claim<'a>(claim: &PersistentVolumeClaim, around: &'a Around<'_>) -> ClaimPlan<'a> {
    let name = volume_name(claim);
    let named = around.volumes().find(|volume| volume.name() == name);
    match (claim.annotation(BIND_COMPLETED), name) {
        (Some(_), "") => ClaimPlan::Lost(
            "ClaimLost",
            "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!",
        ),
        (Some(_), _) => plan_bound(claim, named),
        (None, "") => plan_unbound(claim, around),
        (None, _) => match named {
            None => ClaimPlan::Wait(None),
            Some(volume) => plan_named(claim, volume),
        },
    }
}

fn plan_bound<'a>(
    claim: &PersistentVolumeClaim,
    volume: Option<&'a PersistentVolume>,
) -> ClaimPlan<'a> {
    let Some(volume) = volume else {
        let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
        return ClaimPlan::Lost("ClaimLost", message);
    };
    match claim_ref(volume) {
        Some(of) if of.uid.as_deref() != Some(claim.uid()) => ClaimPlan::Lost(
            "ClaimMisbound",
            "Two claims are bound to the same volume, this one is bound incorrectly",
        ),
        _ => ClaimPlan::Bind(volume),
    }
}

/// A claim that asks for this very volume.
fn plan_named<'a>(claim: &PersistentVolumeClaim, volume: &'a PersistentVolume) -> ClaimPlan<'a> {
    let name = volume.name();
    if is_bound_to(volume, claim) {
        return ClaimPlan::Bind(volume);
    }
    if claim_ref(volume).is_some() {
        let message = format!("volume {name:?} already bound to a different claim.");
        return ClaimPlan::Wait(Some((EventType::Warning, "FailedBinding", message)));
    }
    match mismatch(volume, claim) {
        why if why.is_empty() => ClaimPlan::Bind(volume),
        why => {
            let message = format!("Cannot bind to requested volume {name:?}: {why}");
            ClaimPlan::Wait(Some((EventType::Warning, "VolumeMismatch", message)))
        }
    }
}

/// A claim that takes any volume that suits it.
fn plan_unbound<'a>(claim: &PersistentVolumeClaim, around: &'a Around<'_>) -> ClaimPlan<'a> {
    let wanted = claim_class(claim);
    let class = around.class(wanted);
    let delayed = is_delayed(class);
    let seeker = match delayed {
        true => Seeker::DelayedBinder,
        false => Seeker::Binder,
    };
    if let Some(volume) = find(claim, around.volumes(), seeker) {
        return ClaimPlan::Bind(volume);
    }
    if wanted.is_none()
        && let Some(class) = around.default_class()
    {
        return ClaimPlan::Assign(class.to_owned());
    }
    let wanted = wanted.unwrap_or_default();
    let normal = EventType::Normal;
    if delayed && claim.annotation(SELECTED_NODE).is_none() {
        return ClaimPlan::Wait(Some(match around.waiting {
            [] => {
                let message = "waiting for first consumer to be created before binding";
                (normal, "WaitForFirstConsumer", message.to_owned())
            }
            pods => {
                let more = if pods.len() > 1 { "s" } else { "" };
                let pods = pods.join(",");
                let message = format!("waiting for pod{more} {pods} to be scheduled");
                (normal, "WaitForPodScheduled", message)
            }
        }));
    }
    if wanted.is_empty() {
        let message =
            "no persistent volumes available for this claim and no storage class is set".to_owned();
        return ClaimPlan::Wait(Some((normal, "FailedBinding", message)));
    }
    let failed = match class {
        Some(class) => match plan_provisioner(&class.provisioner) {
            Ok(provisioner) => return ClaimPlan::Provision(provisioner.to_owned()),
            Err(message) => message,
        },
        None => ["storageclass.storage.k8s.io \"", wanted, "\" not found"].concat(),
    };
    ClaimPlan::Wait(Some((EventType::Warning, "ProvisioningFailed", failed)))
}

/// Who makes the volumes of a class.
fn plan_provisioner(named: &str) -> Result<&str, String> {
    let Some(own) = named.strip_prefix("kubernetes.io/") else {
        return Ok(named);
    };
    let migrated = MIGRATED.iter().find(|(name, _)| *name == own);
    migrated
        .map(|(_, driver)| *driver)
        .ok_or_else(|| ["no volume plugin matched name: ", named].concat())
}

/// What is to be done with a volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VolumePlan {
    /// It is in this phase.
    Phase(&'static str),
    /// Its claim is to be looked at.
    Claim,
    /// Its claim has another volume: it is free again.
    Unbind,
    /// Its claim is gone.
    Reclaim,
}

/// What is to be done with a volume whose claim, if it is there, is `claim`.
pub fn plan_volume(volume: &PersistentVolume, claim: Option<&PersistentVolumeClaim>) -> VolumePlan {
    let uid = claim_ref(volume).and_then(|of| of.uid.as_deref());
    let Some(uid) = uid.filter(|uid| !uid.is_empty()) else {
        return VolumePlan::Phase("Available");
    };
    let Some(claim) = claim.filter(|claim| claim.uid() == uid) else {
        return VolumePlan::Reclaim;
    };
    match volume_name(claim) {
        "" => VolumePlan::Claim,
        name if name == volume.name() => VolumePlan::Phase("Bound"),
        _ if volume.annotation(PROVISIONED_BY).is_some() && policy(volume) == "Delete" => {
            VolumePlan::Reclaim
        }
        _ => VolumePlan::Unbind,
    }
}

fn policy(volume: &PersistentVolume) -> &str {
    let spec = volume.spec.as_ref();
    spec.and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref())
        .unwrap_or_default()
}

/// How a volume is reclaimed.
#[derive(Clone, Debug, PartialEq)]
pub enum ReclaimPlan {
    /// It stays as it is, or somebody else deletes it.
    Nothing,
    /// It is emptied and free again.
    Recycle,
    /// It is deleted.
    Delete,
    /// Nobody can: reason and message.
    Fail(&'static str, String),
}

/// How a volume whose claim is gone is reclaimed.
pub fn plan_reclaim(volume: &PersistentVolume) -> ReclaimPlan {
    let Some(spec) = &volume.spec else {
        return ReclaimPlan::Nothing;
    };
    match policy(volume) {
        "Recycle" if spec.host_path.is_some() || spec.nfs.is_some() => ReclaimPlan::Recycle,
        "Recycle" => {
            let message = "No recycler plugin found for the volume!".to_owned();
            ReclaimPlan::Fail("VolumeFailedRecycle", message)
        }
        "Delete" if volume.annotation(PROVISIONED_BY).is_some() || spec.csi.is_some() => {
            ReclaimPlan::Nothing
        }
        "Delete" => {
            let message = if let Some(host) = &spec.host_path {
                match host.path.split_once("/tmp/") {
                    Some((_, rest)) if !rest.is_empty() => return ReclaimPlan::Delete,
                    _ => [
                        "host_path deleter only supports /tmp/.+ but received provided ",
                        &host.path,
                    ]
                    .concat(),
                }
            } else {
                let deletable = match spec.nfs.is_some() || spec.local.is_some() {
                    true => "deletable ",
                    false => "",
                };
                format!(
                    "error getting deleter volume plugin for volume {:?}: no {deletable}volume plugin matched",
                    volume.name()
                )
            };
            ReclaimPlan::Fail("VolumeFailedDelete", message)
        }
        _ => ReclaimPlan::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn volume(name: &str, spec: Value, annotations: Value) -> PersistentVolume {
        let mut whole = json!({"metadata": {"name": name, "annotations": annotations},
            "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]},
            "status": {"phase": "Available"}});
        for (field, value) in spec.as_object().into_iter().flatten() {
            whole["spec"][field] = value.clone();
        }
        serde_json::from_value(whole).expect("a volume")
    }

    fn claim(spec: Value, annotations: Value) -> PersistentVolumeClaim {
        let mut whole = json!({
            "metadata": {"name": "mine", "namespace": "default", "uid": "u1",
                "annotations": annotations},
            "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}}}});
        for (field, value) in spec.as_object().into_iter().flatten() {
            whole["spec"][field] = value.clone();
        }
        serde_json::from_value(whole).expect("a claim")
    }

    fn class(name: &str, provisioner: &str, more: Value) -> Object {
        let mut whole = json!({"metadata": {"name": name}, "provisioner": provisioner});
        for (field, value) in more.as_object().into_iter().flatten() {
            whole[field] = value.clone();
        }
        let class: StorageClass = serde_json::from_value(whole).expect("a class");
        Object::new(class)
    }

    fn of(uid: &str, name: &str) -> Value {
        json!({"claimRef": {"namespace": "default", "name": name, "uid": uid}})
    }

    /// What becomes of `claim`, in a few words.
    fn outcome(
        claim: &PersistentVolumeClaim,
        volumes: &[PersistentVolume],
        pods: &[&str],
    ) -> String {
        let volumes: Vec<Object> = volumes.iter().cloned().map(Object::new).collect();
        let wait = json!({"volumeBindingMode": "WaitForFirstConsumer"});
        let classes = [
            class("fast", "example.com/disk", json!({})),
            class("gce", "kubernetes.io/gce-pd", json!({})),
            class("late", "example.com/disk", wait),
            class("local", "kubernetes.io/no-provisioner", json!({})),
        ];
        let waiting: Vec<String> = pods.iter().map(|pod| (*pod).to_owned()).collect();
        let around = Around {
            volumes: &volumes,
            classes: &classes,
            waiting: &waiting,
        };
        match plan_claim(claim, &around) {
            ClaimPlan::Bind(volume) => format!("bind {}", volume.name()),
            ClaimPlan::Wait(None) => "wait".to_owned(),
            ClaimPlan::Wait(Some((_, reason, message))) => format!("{reason}: {message}"),
            ClaimPlan::Lost(reason, _) => reason.to_owned(),
            ClaimPlan::Assign(class) => format!("assign {class}"),
            ClaimPlan::Provision(provisioner) => format!("provision {provisioner}"),
        }
    }

    /// Upstream's sets 1 and 2 of binder_test.go.
    #[test]
    fn an_unbound_claim_is_bound_or_told_why_not() {
        let free = volume("free", json!({}), json!({}));
        let named = json!({"volumeName": "free"});
        let in_class = |name: &str| claim(json!({"storageClassName": name}), json!({}));
        let none = json!({});
        let plain = claim(none.clone(), none.clone());
        let asks = claim(named.clone(), none.clone());
        let big = json!({"volumeName": "free", "resources": {"requests": {"storage": "2Gi"}}});
        let rows = [
            (plain.clone(), Some(free.clone()), "bind free"),
            (
                plain.clone(),
                None,
                "FailedBinding: no persistent volumes available for this claim and no storage class is set",
            ),
            (asks.clone(), None, "wait"),
            (asks.clone(), Some(free.clone()), "bind free"),
            (
                asks.clone(),
                Some(volume("free", of("", "mine"), none.clone())),
                "bind free",
            ),
            (
                asks.clone(),
                Some(volume("free", of("u9", "other"), none.clone())),
                "FailedBinding: volume \"free\" already bound to a different claim.",
            ),
            (
                claim(big, none.clone()),
                Some(free.clone()),
                "VolumeMismatch: Cannot bind to requested volume \"free\": requested PV is too small",
            ),
            (
                in_class("fast"),
                Some(free.clone()),
                "provision example.com/disk",
            ),
            (in_class("gce"), None, "provision pd.csi.storage.gke.io"),
            (
                in_class("local"),
                None,
                "ProvisioningFailed: no volume plugin matched name: kubernetes.io/no-provisioner",
            ),
            (
                in_class("gone"),
                None,
                "ProvisioningFailed: storageclass.storage.k8s.io \"gone\" not found",
            ),
            (
                in_class("late"),
                None,
                "WaitForFirstConsumer: waiting for first consumer to be created before binding",
            ),
        ];
        for (claim, volume, expected) in rows {
            let volumes: Vec<_> = volume.into_iter().collect();
            assert_eq!(outcome(&claim, &volumes, &[]), expected);
        }
        let late = in_class("late");
        let one = "WaitForPodScheduled: waiting for pod web to be scheduled";
        assert_eq!(outcome(&late, &[], &["web"]), one);
        let two = "WaitForPodScheduled: waiting for pods a,b to be scheduled";
        assert_eq!(outcome(&late, &[], &["a", "b"]), two);
        let chosen = json!({SELECTED_NODE: "worker-1"});
        let late = claim(json!({"storageClassName": "late"}), chosen);
        assert_eq!(outcome(&late, &[], &[]), "provision example.com/disk");
    }

    #[test]
    fn a_claim_without_a_class_gets_the_newest_default() {
        let classes = [
            ("old", "2026-01-01T00:00:00Z"),
            ("new", "2026-01-02T00:00:00Z"),
        ];
        let classes = classes.map(|(name, at)| {
            let marks = json!({DEFAULT_CLASS[0]: "true"});
            let meta = json!({"name": name, "creationTimestamp": at, "annotations": marks});
            class(name, "example.com/disk", json!({"metadata": meta}))
        });
        let around = Around {
            volumes: &[],
            classes: &classes,
            waiting: &[],
        };
        let unset = claim(json!({}), json!({}));
        let assigned = ClaimPlan::Assign("new".to_owned());
        assert_eq!(plan_claim(&unset, &around), assigned);
        let none = claim(json!({"storageClassName": ""}), json!({}));
        assert!(matches!(plan_claim(&none, &around), ClaimPlan::Wait(_)));
    }

    /// Upstream's set 3.
    #[test]
    fn a_bound_claim_keeps_its_volume_or_is_lost() {
        let done = json!({BIND_COMPLETED: "yes"});
        let bound = claim(json!({"volumeName": "free"}), done.clone());
        let volume = |spec| vec![volume("free", spec, json!({}))];
        assert_eq!(outcome(&claim(json!({}), done), &[], &[]), "ClaimLost");
        assert_eq!(outcome(&bound, &[], &[]), "ClaimLost");
        assert_eq!(outcome(&bound, &volume(json!({})), &[]), "bind free");
        assert_eq!(outcome(&bound, &volume(of("u1", "mine")), &[]), "bind free");
        let other = volume(of("u9", "other"));
        assert_eq!(outcome(&bound, &other, &[]), "ClaimMisbound");
    }

    /// Upstream's set 4.
    #[test]
    fn a_volume_follows_its_claim() {
        let none = json!({});
        let named = |name: &str| claim(json!({"volumeName": name}), json!({}));
        let plan = |volume: &PersistentVolume, claim: Option<&PersistentVolumeClaim>| {
            plan_volume(volume, claim)
        };
        let available = VolumePlan::Phase("Available");
        let free = volume("free", none.clone(), none.clone());
        assert_eq!(plan(&free, None), available);
        let reserved = volume("free", of("", "mine"), none.clone());
        assert_eq!(plan(&reserved, Some(&named(""))), available);
        let taken = volume("free", of("u1", "mine"), none.clone());
        assert_eq!(plan(&taken, None), VolumePlan::Reclaim);
        assert_eq!(plan(&taken, Some(&named(""))), VolumePlan::Claim);
        assert_eq!(
            plan(&taken, Some(&named("free"))),
            VolumePlan::Phase("Bound")
        );
        assert_eq!(plan(&taken, Some(&named("else"))), VolumePlan::Unbind);
        let before = volume("free", of("u0", "mine"), none);
        assert_eq!(plan(&before, Some(&named("free"))), VolumePlan::Reclaim);
        let mut made = of("u1", "mine");
        made["persistentVolumeReclaimPolicy"] = json!("Delete");
        let made = volume("free", made, json!({PROVISIONED_BY: "example.com/disk"}));
        assert_eq!(plan(&made, Some(&named("else"))), VolumePlan::Reclaim);
    }

    /// Upstream's recycle_test.go and delete_test.go.
    #[test]
    fn a_volume_is_reclaimed_as_its_policy_says() {
        let plan = |policy: &str, source: Value, made: bool| {
            let mut spec = source;
            spec["persistentVolumeReclaimPolicy"] = json!(policy);
            let marks = match made {
                true => json!({PROVISIONED_BY: "example.com/disk"}),
                false => json!({}),
            };
            plan_reclaim(&volume("pv", spec, marks))
        };
        let host = |path: &str| json!({"hostPath": {"path": path}});
        let nfs = || json!({"nfs": {"path": "/", "server": "a"}});
        assert_eq!(plan("Retain", host("/tmp/a"), false), ReclaimPlan::Nothing);
        assert_eq!(plan("Recycle", host("/data"), false), ReclaimPlan::Recycle);
        assert_eq!(plan("Delete", host("/tmp/a"), false), ReclaimPlan::Delete);
        assert_eq!(plan("Delete", host("/data"), true), ReclaimPlan::Nothing);
        let failed = |plan| match plan {
            ReclaimPlan::Fail(reason, message) => format!("{reason}: {message}"),
            other => panic!("{other:?}"),
        };
        let block = json!({"iscsi": {"iqn": "a", "lun": 0, "targetPortal": "b"}});
        assert_eq!(
            failed(plan("Recycle", block.clone(), false)),
            "VolumeFailedRecycle: No recycler plugin found for the volume!"
        );
        assert_eq!(
            failed(plan("Delete", host("/data"), false)),
            "VolumeFailedDelete: host_path deleter only supports /tmp/.+ but received provided /data"
        );
        assert_eq!(
            failed(plan("Delete", nfs(), false)),
            "VolumeFailedDelete: error getting deleter volume plugin for volume \"pv\": no deletable volume plugin matched"
        );
        assert_eq!(
            failed(plan("Delete", block, false)),
            "VolumeFailedDelete: error getting deleter volume plugin for volume \"pv\": no volume plugin matched"
        );
    }
}
