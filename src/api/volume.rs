//! Which volume suits which claim, and the marks that bind them to each other.
//!
//! Upstream: staging/src/k8s.io/component-helpers/storage/volume/{pv_helpers,helpers}.go and
//! pkg/controller/volume/persistentvolume/index.go, v1.36.

use super::meta::{self, MetaExt};
use super::selector::Selector;
use super::{Kind, NamespacedName, quantity};
use k8s_openapi::api::core::v1::{
    ObjectReference, PersistentVolume, PersistentVolumeClaim, Pod, Volume,
};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::cmp::Ordering;

/// On a claim: it was bound once.
pub const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// On a claim or a volume: the cluster bound it, not a person.
pub const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// On a volume: which provisioner made it.
pub const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// On a claim: which provisioner is to make its volume.
pub const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
/// The same under its older name.
pub const PROVISIONER_BETA: &str = "volume.beta.kubernetes.io/storage-provisioner";
/// On a claim: the node that the scheduler chose for its first consumer.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// The provisioner of classes whose volumes nobody makes.
pub const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
const CLASS_BETA: &str = "volume.beta.kubernetes.io/storage-class";

/// Sets an annotation; answers whether it was missing.
pub fn annotate(meta: &mut ObjectMeta, key: &str, value: &str) -> bool {
    let annotations = meta.annotations.get_or_insert_default();
    annotations
        .insert(key.to_owned(), value.to_owned())
        .is_none()
}

/// The class that a claim asks for; `None` where it leaves that to the default, empty for none.
pub fn claim_class(claim: &PersistentVolumeClaim) -> Option<&str> {
    let spec = claim.spec.as_ref();
    claim
        .annotation(CLASS_BETA)
        .or_else(|| spec?.storage_class_name.as_deref())
}

/// The class of a volume; empty for none.
pub fn volume_class(volume: &PersistentVolume) -> &str {
    let spec = volume.spec.as_ref();
    let class = volume
        .annotation(CLASS_BETA)
        .or_else(|| spec?.storage_class_name.as_deref());
    class.unwrap_or_default()
}

/// The volume that a claim names; empty for none.
pub fn volume_name(claim: &PersistentVolumeClaim) -> &str {
    let spec = claim.spec.as_ref();
    spec.and_then(|spec| spec.volume_name.as_deref())
        .unwrap_or_default()
}

/// What a volume says of its claim.
pub fn claim_ref(volume: &PersistentVolume) -> Option<&ObjectReference> {
    volume.spec.as_ref()?.claim_ref.as_ref()
}

/// The phase of a volume; empty before it has one.
pub fn volume_phase(volume: &PersistentVolume) -> &str {
    let status = volume.status.as_ref();
    status.and_then(|s| s.phase.as_deref()).unwrap_or_default()
}

/// The phase of a claim; empty before it has one.
pub fn claim_phase(claim: &PersistentVolumeClaim) -> &str {
    let status = claim.status.as_ref();
    status.and_then(|s| s.phase.as_deref()).unwrap_or_default()
}

/// How much storage a claim asks for.
pub fn requested(claim: &PersistentVolumeClaim) -> Option<&Quantity> {
    let resources = claim.spec.as_ref()?.resources.as_ref()?;
    resources.requests.as_ref()?.get("storage")
}

/// How much storage a volume has.
pub fn capacity(volume: &PersistentVolume) -> Option<&Quantity> {
    volume.spec.as_ref()?.capacity.as_ref()?.get("storage")
}

/// Whether a claim names its volume and the binding is complete on its side.
pub fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    !volume_name(claim).is_empty() && claim.annotation(BIND_COMPLETED).is_some()
}

/// Whether volumes of `class` wait for the first Pod that uses them.
pub fn is_delayed(class: Option<&StorageClass>) -> bool {
    let mode = class.and_then(|class| class.volume_binding_mode.as_deref());
    mode == Some("WaitForFirstConsumer")
}

/// The claim that a Pod's volume needs: one that it names, or the one made for it.
pub fn claim_of(pod: &Pod, volume: &Volume) -> Option<String> {
    match &volume.persistent_volume_claim {
        Some(claim) => Some(claim.claim_name.clone()),
        None => volume
            .ephemeral
            .as_ref()
            .map(|_| [pod.name(), "-", &volume.name].concat()),
    }
}

/// The claims that a Pod's volumes need.
pub fn claims_of(pod: &Pod) -> impl Iterator<Item = NamespacedName> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter());
    let names = volumes.flatten().filter_map(|volume| claim_of(pod, volume));
    names.map(|name| NamespacedName::new(pod.namespace(), name))
}

/// Whether a volume is meant for this claim: by name, and by uid where it has one.
pub fn is_bound_to(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    claim_ref(volume).is_some_and(|of| {
        let uid = of.uid.as_deref().unwrap_or_default();
        of.name.as_deref() == Some(claim.name())
            && of.namespace.as_deref() == Some(claim.namespace())
            && (uid.is_empty() || uid == claim.uid())
    })
}

/// `volume` with the claim's name in it; `None` where it has that already.
pub fn bound_volume(
    volume: &PersistentVolume,
    claim: &PersistentVolumeClaim,
) -> Option<PersistentVolume> {
    let ours = is_bound_to(volume, claim);
    let complete = claim_ref(volume).is_some_and(|of| of.uid.as_deref() == Some(claim.uid()));
    if ours && complete {
        return None;
    }
    let mut bound = volume.clone();
    if !ours {
        annotate(&mut bound.metadata, BOUND_BY_CONTROLLER, "yes");
    }
    let kind = Kind::PersistentVolumeClaim;
    bound.spec.get_or_insert_default().claim_ref = Some(ObjectReference {
        api_version: Some(kind.api_version()),
        kind: Some(kind.row().kind.to_owned()),
        name: claim.metadata.name.clone(),
        namespace: claim.metadata.namespace.clone(),
        resource_version: claim.metadata.resource_version.clone(),
        uid: claim.metadata.uid.clone(),
        field_path: None,
    });
    Some(bound)
}

fn mode(mode: Option<&String>) -> &str {
    mode.map_or("Filesystem", String::as_str)
}

fn is_large_enough(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    match (capacity(volume), requested(claim)) {
        (Some(has), Some(asks)) => quantity::compare(has, asks) != Ordering::Less,
        (has, asks) => has.is_some() || asks.is_none(),
    }
}

fn has_mode(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let of_volume = volume.spec.as_ref().and_then(|s| s.volume_mode.as_ref());
    let of_claim = claim.spec.as_ref().and_then(|s| s.volume_mode.as_ref());
    mode(of_volume) == mode(of_claim)
}

fn modes(volume: &PersistentVolume) -> &[String] {
    let spec = volume.spec.as_ref();
    spec.and_then(|s| s.access_modes.as_deref())
        .unwrap_or_default()
}

fn has_access(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let asked = claim.spec.as_ref().and_then(|s| s.access_modes.as_ref());
    let has = modes(volume);
    asked.into_iter().flatten().all(|mode| has.contains(mode))
}

/// Why a volume that a claim names cannot be its own; empty where it can.
pub fn mismatch(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> String {
    let why = if volume.is_terminating() {
        return format!("the volume is marked for deletion {:?}", volume.name());
    } else if !is_large_enough(volume, claim) {
        "requested PV is too small"
    } else if volume_class(volume) != claim_class(claim).unwrap_or_default() {
        "storageClassName does not match"
    } else if !has_mode(volume, claim) {
        "incompatible volumeMode"
    } else if !has_access(volume, claim) {
        "incompatible accessMode"
    } else {
        ""
    };
    why.to_owned()
}

/// Who looks for a volume, and so which come into question.
#[derive(Clone, Copy)]
pub enum Seeker<'a> {
    /// The binder of a claim that need not wait.
    Binder,
    /// The binder of a claim that waits for its first consumer: only what is meant for it.
    DelayedBinder,
    /// The scheduler: only what the node can reach.
    Scheduler(&'a dyn Fn(&PersistentVolume) -> bool),
}

/// The best volume for a claim: the one meant for it, else of the free ones with the fewest access
/// modes the smallest.
pub fn find<'a>(
    claim: &PersistentVolumeClaim,
    volumes: impl Iterator<Item = &'a PersistentVolume>,
    seeker: Seeker<'_>,
) -> Option<&'a PersistentVolume> {
    let selector = claim.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let selector = selector.map(|selector| Selector::from_label_selector(Some(selector)));
    let mut best: Option<&PersistentVolume> = None;
    for volume in volumes {
        let ours = is_bound_to(volume, claim);
        if (claim_ref(volume).is_some() && !ours)
            || !is_large_enough(volume, claim)
            || !has_mode(volume, claim)
            || !has_access(volume, claim)
            || volume.is_terminating()
        {
            continue;
        }
        let reachable = match seeker {
            Seeker::Scheduler(reaches) => reaches(volume),
            _ => true,
        };
        if ours {
            return reachable.then_some(volume);
        }
        let selected = match &selector {
            Some(selector) => selector
                .as_ref()
                .is_ok_and(|s| s.matches(meta::labels(&volume.metadata))),
            None => true,
        };
        if matches!(seeker, Seeker::DelayedBinder)
            || !reachable
            || !selected
            || volume_phase(volume) != "Available"
            || volume_class(volume) != claim_class(claim).unwrap_or_default()
        {
            continue;
        }
        if best.is_none_or(|best| is_better(volume, best)) {
            best = Some(volume);
        }
    }
    best
}

fn is_better(volume: &PersistentVolume, than: &PersistentVolume) -> bool {
    let smaller = match (capacity(volume), capacity(than)) {
        (Some(a), Some(b)) => quantity::compare(a, b),
        _ => Ordering::Equal,
    };
    modes(volume)
        .len()
        .cmp(&modes(than).len())
        .then(smaller)
        .is_lt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(json: serde_json::Value) -> PersistentVolumeClaim {
        let mut claim: PersistentVolumeClaim = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "mine", "namespace": "default", "uid": "u1"}, "spec": {
                "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        }))
        .expect("a claim");
        let spec = claim.spec.as_mut().expect("it has one");
        let changed: k8s_openapi::api::core::v1::PersistentVolumeClaimSpec =
            serde_json::from_value(json).expect("a spec");
        spec.selector = changed.selector;
        spec.storage_class_name = changed.storage_class_name;
        spec.volume_mode = changed.volume_mode;
        if changed.resources.is_some() {
            spec.resources = changed.resources;
        }
        if changed.access_modes.is_some() {
            spec.access_modes = changed.access_modes;
        }
        claim
    }

    fn volume(name: &str, size: &str, modes: &[&str]) -> PersistentVolume {
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": name, "labels": {"name": name}},
            "spec": {"capacity": {"storage": size}, "accessModes": modes},
            "status": {"phase": "Available"}
        }))
        .expect("a volume")
    }

    fn volumes() -> Vec<PersistentVolume> {
        let (once, many) = ("ReadWriteOnce", "ReadOnlyMany");
        let mut volumes = vec![
            volume("a-large", "10Gi", &[once]),
            volume("b-small", "1Gi", &[once, many]),
            volume("c-middle", "5Gi", &[once]),
            volume("d-fast", "1Gi", &[once]),
            volume("e-block", "1Gi", &[once]),
            volume("f-others", "1Gi", &[once]),
            volume("g-released", "1Gi", &[once]),
        ];
        let spec = |volume: &mut PersistentVolume| volume.spec.take().unwrap_or_default();
        let mut fast = spec(&mut volumes[3]);
        fast.storage_class_name = Some("fast".to_owned());
        volumes[3].spec = Some(fast);
        let mut block = spec(&mut volumes[4]);
        block.volume_mode = Some("Block".to_owned());
        volumes[4].spec = Some(block);
        let mut others = spec(&mut volumes[5]);
        others.claim_ref = Some(ObjectReference {
            name: Some("other".to_owned()),
            namespace: Some("default".to_owned()),
            ..ObjectReference::default()
        });
        volumes[5].spec = Some(others);
        let status = volumes[6].status.get_or_insert_default();
        status.phase = Some("Released".to_owned());
        volumes
    }

    fn found(json: serde_json::Value, seeker: Seeker<'_>) -> Option<String> {
        let volumes = volumes();
        let found = find(&claim(json), volumes.iter(), seeker);
        found.map(|volume| volume.name().to_owned())
    }

    /// Upstream's cases of index_test.go: size, modes, class, selector, volume mode, node.
    #[test]
    fn a_claim_gets_the_smallest_volume_that_suits_it() {
        let rows = [
            // Fewer modes come before less storage.
            (serde_json::json!({}), Some("c-middle")),
            (
                serde_json::json!({"accessModes": ["ReadOnlyMany"]}),
                Some("b-small"),
            ),
            (serde_json::json!({"accessModes": ["ReadWriteMany"]}), None),
            (
                serde_json::json!({"resources": {"requests": {"storage": "6Gi"}}}),
                Some("a-large"),
            ),
            (
                serde_json::json!({"resources": {"requests": {"storage": "11Gi"}}}),
                None,
            ),
            (
                serde_json::json!({"storageClassName": "fast"}),
                Some("d-fast"),
            ),
            (serde_json::json!({"storageClassName": "slow"}), None),
            (serde_json::json!({"volumeMode": "Block"}), Some("e-block")),
            (
                serde_json::json!({"selector": {"matchLabels": {"name": "a-large"}}}),
                Some("a-large"),
            ),
            (
                serde_json::json!({"selector": {"matchLabels": {"name": "d-fast"}}}),
                None,
            ),
        ];
        for (spec, expected) in rows {
            let found = found(spec.clone(), Seeker::Binder);
            assert_eq!(found.as_deref(), expected, "{spec}");
        }
        assert_eq!(found(serde_json::json!({}), Seeker::DelayedBinder), None);
        let near = |volume: &PersistentVolume| volume.name() == "a-large";
        let near = found(serde_json::json!({}), Seeker::Scheduler(&near));
        assert_eq!(near.as_deref(), Some("a-large"));
    }

    #[test]
    fn what_is_meant_for_a_claim_comes_first() {
        let mine = claim(serde_json::json!({}));
        let mut volumes = volumes();
        volumes[0] = bound_volume(&volumes[0], &mine).expect("a change");
        assert_eq!(volumes[0].annotation(BOUND_BY_CONTROLLER), Some("yes"));
        assert_eq!(bound_volume(&volumes[0], &mine), None);
        for seeker in [Seeker::Binder, Seeker::DelayedBinder] {
            let found = find(&mine, volumes.iter(), seeker);
            assert_eq!(found.map(MetaExt::name), Some("a-large"));
        }
        // Another claim of the same name is another claim.
        let mut reborn = mine.clone();
        reborn.metadata.uid = Some("u2".to_owned());
        assert!(!is_bound_to(&volumes[0], &reborn));
        // A person who reserved it stays its author.
        let mut reserved = volume("mine", "1Gi", &["ReadWriteOnce"]);
        reserved.spec.get_or_insert_default().claim_ref = Some(ObjectReference {
            name: Some("mine".to_owned()),
            namespace: Some("default".to_owned()),
            ..ObjectReference::default()
        });
        let bound = bound_volume(&reserved, &mine).expect("the uid is missing");
        assert_eq!(bound.annotation(BOUND_BY_CONTROLLER), None);
        let uid = claim_ref(&bound).and_then(|of| of.uid.clone());
        assert_eq!(uid.as_deref(), Some("u1"));
    }

    #[test]
    fn a_named_volume_is_refused_in_upstreams_words() {
        let named = |spec| mismatch(&volumes()[0], &claim(spec));
        let size = serde_json::json!({"resources": {"requests": {"storage": "11Gi"}}});
        assert_eq!(named(serde_json::json!({})), "");
        assert_eq!(named(size), "requested PV is too small");
        let class = serde_json::json!({"storageClassName": "fast"});
        assert_eq!(named(class), "storageClassName does not match");
        let block = serde_json::json!({"volumeMode": "Block"});
        assert_eq!(named(block), "incompatible volumeMode");
        let many = serde_json::json!({"accessModes": ["ReadWriteMany"]});
        assert_eq!(named(many), "incompatible accessMode");
    }
}
