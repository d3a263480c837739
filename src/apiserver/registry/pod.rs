//! Pod: quality of service, first status, what may change.
//!
//! Upstream: pkg/registry/core/pod/strategy.go, pkg/apis/core/helper/qos/qos.go, v1.36.

use super::meta::{self, NameRule};
use super::{Strategy, pod_default, pod_validate};
use crate::api::field::{FieldError, Path};
use crate::api::{Status, quantity};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, PodStatus, Toleration};
use std::collections::BTreeMap;

const TOLERATION_SECONDS: i64 = 300;

impl Strategy for Pod {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        pod_default::pod_spec(spec);
        pod_default::requests_of_limits(spec);
        spec.enable_service_links.get_or_insert(true);
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        let spec = self.spec.get_or_insert_default();
        tolerate_lost_nodes(spec);
        spec.preemption_policy
            .get_or_insert_with(|| "PreemptLowerPriority".to_owned());
        spec.priority
            .get_or_insert(match spec.priority_class_name.as_deref() {
                Some("system-node-critical") => 2_000_001_000,
                Some("system-cluster-critical") => 2_000_000_000,
                _ => 0,
            });
        let qos = qos_class(spec).to_owned();
        self.metadata.generation = Some(1);
        self.status = Some(PodStatus {
            phase: Some("Pending".to_owned()),
            qos_class: Some(qos),
            ..PodStatus::default()
        });
        Ok(())
    }

    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        self.status.clone_from(&old.status);
        let changed = self.spec != old.spec;
        self.metadata.generation = old.metadata.generation.map(|g| g + i64::from(changed));
        Ok(())
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.clone_from(&old.metadata);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = meta::object_meta(&self.metadata, true, NameRule::Subdomain);
        if let Some(spec) = &self.spec {
            errors.extend(pod_validate::pod_spec(spec, &Path::new("spec")));
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = meta::object_meta_update(&self.metadata, &old.metadata);
        errors.extend(self.validate());
        if let (Some(new), Some(old)) = (&self.spec, &old.spec) {
            errors.extend(allowed_update(new, old));
        }
        errors
    }
}

/// The tolerations that the DefaultTolerationSeconds plugin adds.
fn tolerate_lost_nodes(spec: &mut PodSpec) {
    let tolerations = spec.tolerations.get_or_insert_default();
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let tolerated = tolerations.iter().any(|t| {
            let name = t.key.as_deref().unwrap_or_default();
            let effect = t.effect.as_deref().unwrap_or_default();
            (name == key || name.is_empty()) && matches!(effect, "NoExecute" | "")
        });
        if !tolerated {
            tolerations.push(Toleration {
                key: Some(key.to_owned()),
                operator: Some("Exists".to_owned()),
                effect: Some("NoExecute".to_owned()),
                toleration_seconds: Some(TOLERATION_SECONDS),
                ..Toleration::default()
            });
        }
    }
}

/// Of a Pod's spec, only images, tolerations (added), and two durations may change.
fn allowed_update(new: &PodSpec, old: &PodSpec) -> Vec<FieldError> {
    let mut adjusted = new.clone();
    let keep_images = |new: &mut [Container], old: &[Container]| {
        for (new, old) in new.iter_mut().zip(old) {
            new.image.clone_from(&old.image);
        }
    };
    keep_images(&mut adjusted.containers, &old.containers);
    if let (Some(new), Some(old)) = (&mut adjusted.init_containers, &old.init_containers) {
        keep_images(new, old);
    }
    adjusted.active_deadline_seconds = old.active_deadline_seconds;
    adjusted.termination_grace_period_seconds = old.termination_grace_period_seconds;
    adjusted.tolerations.clone_from(&old.tolerations);
    if adjusted == *old {
        return Vec::new();
    }
    let detail = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
    vec![FieldError::forbidden(&Path::new("spec"), detail)]
}

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub fn qos_class(spec: &PodSpec) -> &'static str {
    let (mut any, mut guaranteed) = (false, true);
    for container in spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten())
    {
        let empty = BTreeMap::new();
        let resources = container.resources.as_ref();
        let limits = resources.and_then(|r| r.limits.as_ref()).unwrap_or(&empty);
        let requests = resources
            .and_then(|r| r.requests.as_ref())
            .unwrap_or(&empty);
        for name in ["cpu", "memory"] {
            let of =
                |amounts: &BTreeMap<String, _>| amounts.get(name).map_or(0, quantity::milli_value);
            let (limit, request) = (of(limits), of(requests));
            any |= limit > 0 || request > 0;
            guaranteed &= limit > 0 && limit == request;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}
