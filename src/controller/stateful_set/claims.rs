//! The volume claims of a StatefulSet's Pods, and whose they are.
//!
//! Upstream: pkg/controller/statefulset/stateful_set_utils.go (getPersistentVolumeClaims,
//! updateStorage, isClaimOwnerUpToDate, updateClaimOwnerRefForSetAndPod, hasStaleOwnerRef), v1.36.

use crate::api::Kind;
use crate::api::meta::MetaExt;
use crate::api::owner;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Pod, PodSpec, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

/// The claims of the Pod with this number, each with the name of its volume.
pub fn of(set: &StatefulSet, ordinal: i32) -> Vec<(String, PersistentVolumeClaim)> {
    let spec = set.spec.as_ref();
    let templates = spec.and_then(|spec| spec.volume_claim_templates.as_deref());
    let selected = spec.and_then(|spec| spec.selector.match_labels.as_ref());
    let templates = templates.unwrap_or_default().iter();
    let claims = templates.map(|template| {
        let mut claim = template.clone();
        let volume = template.name().to_owned();
        let number = ordinal.to_string();
        claim.metadata.name = Some([&volume, "-", set.name(), "-", &number].concat());
        claim.metadata.namespace = Some(set.namespace().to_owned());
        let labels = claim.metadata.labels.get_or_insert_default();
        let selected = selected.into_iter().flatten();
        labels.extend(selected.map(|(key, value)| (key.clone(), value.clone())));
        (volume, claim)
    });
    claims.collect()
}

/// Makes the claims a Pod's volumes; they take the place of volumes with their names.
pub fn mount(claims: &[(String, PersistentVolumeClaim)], spec: &mut PodSpec) {
    let mut volumes: Vec<Volume> = claims
        .iter()
        .map(|(name, claim)| Volume {
            name: name.clone(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: claim.name().to_owned(),
                read_only: None,
            }),
            ..Volume::default()
        })
        .collect();
    let others = spec.volumes.take().into_iter().flatten();
    volumes.extend(others.filter(|one| claims.iter().all(|(name, _)| *name != one.name)));
    spec.volumes = Some(volumes).filter(|all| !all.is_empty());
}

/// When claims are deleted: with their set, and when their Pod is scaled away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// With the set.
    pub when_deleted: bool,
    /// With a Pod that is scaled away.
    pub when_scaled: bool,
}

impl Retention {
    /// What `set` asks for.
    pub fn of(set: &StatefulSet) -> Self {
        let spec = set.spec.as_ref();
        let policy = spec.and_then(|s| s.persistent_volume_claim_retention_policy.as_ref());
        let deletes = |word: Option<&String>| word.is_some_and(|word| word == "Delete");
        Self {
            when_deleted: deletes(policy.and_then(|p| p.when_deleted.as_ref())),
            when_scaled: deletes(policy.and_then(|p| p.when_scaled.as_ref())),
        }
    }
}

/// Whether a reference is to an object of that kind and name.
fn names(reference: &OwnerReference, kind: &str, name: &str) -> bool {
    reference.kind == kind && reference.name == name
}

/// Whether a claim of a Pod that is still to be made waits to be deleted with the Pod before it.
pub fn is_stale(claim: &PersistentVolumeClaim, pod: &str) -> bool {
    let mut owners = claim.metadata.owner_references.iter().flatten();
    owners.any(|owner| names(owner, "Pod", pod))
}

/// The owners that a claim should have; `None` where they are right. `goes`: the Pod's number is not
/// among the set's any more. What belonged to a set or a Pod of the same name before is left to the
/// garbage collector, and what something else controls is let go.
pub fn plan_owners(
    retention: Retention,
    set: &OwnerReference,
    pod: &Pod,
    goes: bool,
    claim: &PersistentVolumeClaim,
) -> Option<Vec<OwnerReference>> {
    let pod = owner::reference(Kind::Pod, &pod.metadata);
    let old = claim
        .metadata
        .owner_references
        .as_deref()
        .unwrap_or_default();
    let ours = [set, &pod];
    let mut new = Vec::new();
    for owner in old {
        match ours.iter().find(|own| names(owner, &own.kind, &own.name)) {
            Some(own) if own.uid != owner.uid => return None,
            Some(_) => {}
            None => new.push(owner.clone()),
        }
    }
    if !new.iter().any(|owner| owner.controller == Some(true)) {
        match goes && retention.when_scaled {
            true => new.push(pod),
            false if retention.when_deleted => new.push(set.clone()),
            false => {}
        }
    }
    (new != old).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claim_belongs_to_what_it_is_to_go_with() {
        let reference = |kind: &str, name: &str, uid: &str| OwnerReference {
            api_version: if kind == "Pod" { "v1" } else { "apps/v1" }.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        };
        let set = reference("StatefulSet", "web", "s");
        let of_pod = reference("Pod", "web-0", "p");
        let other = reference("Backup", "b", "x");
        let mut pod = Pod::default();
        pod.metadata.name = Some("web-0".to_owned());
        pod.metadata.uid = Some("p".to_owned());
        let plan = |[deleted, scaled]: [bool; 2], goes, owners: &[&OwnerReference]| {
            let mut claim = PersistentVolumeClaim::default();
            let owners = owners.iter().map(|owner| (*owner).clone()).collect();
            claim.metadata.owner_references = Some(owners);
            let retention = Retention {
                when_deleted: deleted,
                when_scaled: scaled,
            };
            plan_owners(retention, &set, &pod, goes, &claim)
        };
        let (keep, deleted, scaled, both) =
            ([false, false], [true, false], [false, true], [true, true]);
        assert_eq!(plan(keep, false, &[]), None);
        assert_eq!(plan(keep, true, &[&set]), Some(vec![]));
        assert_eq!(plan(deleted, false, &[]), Some(vec![set.clone()]));
        assert_eq!(plan(deleted, true, &[&set]), None);
        assert_eq!(plan(scaled, false, &[]), None);
        assert_eq!(plan(scaled, true, &[]), Some(vec![of_pod.clone()]));
        assert_eq!(plan(scaled, false, &[&of_pod]), Some(vec![]));
        assert_eq!(plan(both, false, &[]), Some(vec![set.clone()]));
        assert_eq!(plan(both, true, &[&set]), Some(vec![of_pod.clone()]));
        assert_eq!(plan(both, true, &[&of_pod]), None);
        let stale = reference("StatefulSet", "web", "before");
        assert_eq!(plan(both, false, &[&stale]), None);
        assert_eq!(plan(both, false, &[&other]), None);
        assert_eq!(
            plan(both, false, &[&other, &set]),
            Some(vec![other.clone()])
        );
    }

    #[test]
    fn a_claim_is_named_after_its_template_and_its_pod() {
        let set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": "db", "namespace": "shop"},
            "spec": {"serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": {},
                "volumeClaimTemplates": [{"metadata": {"name": "data", "labels": {"a": "b"}}}]},
        }))
        .expect("a StatefulSet");
        let claims = of(&set, 2);
        let (volume, claim) = &claims[0];
        assert_eq!((volume.as_str(), claim.name()), ("data", "data-db-2"));
        assert_eq!(
            (claim.label("app"), claim.label("a")),
            (Some("db"), Some("b"))
        );
        assert!(!is_stale(claim, "db-2"));
        let mut spec: PodSpec = serde_json::from_value(json!({
            "containers": [], "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
        }))
        .expect("a spec");
        mount(&claims, &mut spec);
        let volumes = spec.volumes.expect("two");
        let names: Vec<&str> = volumes.iter().map(|volume| volume.name.as_str()).collect();
        assert_eq!(names, ["data", "tmp"]);
        assert!(volumes[0].empty_dir.is_none());
    }
}
