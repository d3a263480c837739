//! What a change means for Pod security: which changes of a Pod are looked at, and what is said of the
//! Pods of a namespace that begins to enforce more.
//!
//! Upstream: staging/src/k8s.io/pod-security-admission/admission/admission.go (isSignificantPodUpdate,
//! EvaluatePodsInNamespace), v1.36. Left out: the limit on the time that the look at the Pods takes.

use super::{LEVELS, findings, policy};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object};
use crate::etcd::Etcd;
use crate::sim::{SortedMap, order};
use k8s_openapi::api::core::v1::{Container, Namespace, Pod};

/// How many Pods of a namespace are looked at.
const PODS_LIMIT: usize = 3_000;
const SECCOMP_OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// Whether what changed of a Pod may break a standard: images and seccomp profiles.
pub fn matters(new: &Pod, old: &Pod) -> bool {
    let changed = |key: &str| new.annotation(key) != old.annotation(key);
    let (Some(new), Some(old)) = (&new.spec, &old.spec) else {
        return true;
    };
    let containers_differ = |new: &[Container], old: &[Container]| {
        let differs = |(new, old): (&Container, &Container)| {
            new.image != old.image || changed(&[SECCOMP_OF_CONTAINER, &new.name].concat())
        };
        new.len() != old.len() || new.iter().zip(old).any(differs)
    };
    let first = |spec: &Option<Vec<Container>>| spec.clone().unwrap_or_default();
    let mut others = new.ephemeral_containers.iter().flatten();
    let known = old.ephemeral_containers.as_deref().unwrap_or_default();
    changed(SECCOMP_OF_POD)
        || containers_differ(&new.containers, &old.containers)
        || containers_differ(&first(&new.init_containers), &first(&old.init_containers))
        || others.any(|new| {
            let before = known.iter().find(|old| old.name == new.name);
            before.is_none_or(|old| old.image != new.image)
                || changed(&[SECCOMP_OF_CONTAINER, &new.name].concat())
        })
}

/// What is said to whoever makes a namespace enforce more: which of its Pods would be refused now.
pub fn warnings(new: &Namespace, old: &Namespace, etcd: &Etcd) -> Vec<String> {
    let (level, version) = policy(new);
    let before = policy(old);
    let rank = |level: &str| LEVELS.iter().position(|known| *known == level);
    let relaxed = version == before.1 && rank(level) <= rank(before.0);
    if level == "privileged" || relaxed {
        return Vec::new();
    }
    let pods: Vec<&Object> = etcd.list(Kind::Pod, Some(new.name())).collect();
    // The first Pod's name, and how many there are, by what is wrong with them. Upstream sorts the
    // lines with their names.
    let mut found: SortedMap<String, (&str, usize)> = SortedMap::new();
    for object in pods.iter().take(PODS_LIMIT) {
        let Object::Pod(pod) = object else { continue };
        let Some(spec) = &pod.spec else { continue };
        let reasons = findings(level, spec);
        if !reasons.is_empty() {
            let reasons: Vec<&str> = reasons.iter().map(|one| one.reason).collect();
            let (_, count) = found.entry(reasons.join(", ")).or_insert((pod.name(), 0));
            *count += 1;
        }
    }
    let mut warnings = Vec::new();
    if pods.len() > PODS_LIMIT {
        warnings.push(format!(
            "new PodSecurity enforce level only checked against the first {PODS_LIMIT} of {} existing pods",
            pods.len()
        ));
    }
    if !found.is_empty() {
        warnings.push(format!(
            "existing pods in namespace \"{}\" violate the new PodSecurity enforce level \"{level}:{version}\"",
            new.name()
        ));
    }
    let mut lines: Vec<String> = found
        .into_iter()
        .map(|(reasons, (name, count))| match count {
            1 => format!("{name}: {reasons}"),
            2 => format!("{name} (and 1 other pod): {reasons}"),
            more => format!("{name} (and {} other pods): {reasons}", more - 1),
        })
        .collect();
    order::sort(&mut lines);
    warnings.extend(lines);
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use crate::apiserver::testing;
    use serde_json::{Value, json};

    fn pod(change: impl FnOnce(&mut Value)) -> Pod {
        let mut json = json!({
            "metadata": {"name": "p", "annotations": {}, "labels": {}},
            "spec": {"containers": [{"name": "c", "image": "i:1"}]},
        });
        change(&mut json);
        codec::from_value(json).expect("a Pod")
    }

    #[test]
    fn new_images_and_profiles_matter() {
        let old = pod(|_| {});
        let labelled = pod(|pod| pod["metadata"]["labels"]["a"] = json!("b"));
        assert!(!matters(&labelled, &old));
        let tolerant = pod(|pod| {
            pod["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
            pod["spec"]["activeDeadlineSeconds"] = json!(5);
        });
        assert!(!matters(&tolerant, &old));
        let image = pod(|pod| pod["spec"]["containers"][0]["image"] = json!("i:2"));
        assert!(matters(&image, &old));
        for key in [
            "seccomp.security.alpha.kubernetes.io/pod",
            "container.seccomp.security.alpha.kubernetes.io/c",
        ] {
            let profile = pod(|pod| pod["metadata"]["annotations"][key] = json!("x"));
            assert!(matters(&profile, &old), "{key}");
        }
        let debugged = pod(|pod| {
            pod["spec"]["ephemeralContainers"] = json!([{"name": "d", "image": "i"}]);
        });
        assert!(matters(&debugged, &old) && !matters(&debugged, &debugged));
    }

    #[test]
    fn the_pods_of_a_stricter_namespace_are_told() {
        let mut api = testing::server();
        for name in ["a", "b", "c", "d"] {
            let host = name == "d";
            testing::create(
                &mut api,
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
                    "spec": {"hostNetwork": host, "containers": [{"name": "c", "image": "i"}]}}),
            )
            .expect("accepted");
        }
        let namespace = |level: &str| -> Namespace {
            let labels = json!({"pod-security.kubernetes.io/enforce": level});
            codec::from_value(json!({"metadata": {"name": "default", "labels": labels}}))
                .expect("a namespace")
        };
        let told = |new: &str, old: &str| warnings(&namespace(new), &namespace(old), api.etcd());
        assert_eq!(
            told("baseline", "privileged"),
            [
                "existing pods in namespace \"default\" violate the new PodSecurity enforce level \"baseline:latest\"",
                "d: host namespaces",
            ]
        );
        let plain = "allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile";
        assert_eq!(
            told("restricted", "baseline")[1],
            format!("a (and 2 other pods): {plain}")
        );
        assert_eq!(told("baseline", "restricted"), [""; 0]);
        assert_eq!(told("privileged", "restricted"), [""; 0]);
        assert_eq!(told("restricted", "restricted"), [""; 0]);
    }
}
