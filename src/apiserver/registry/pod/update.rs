//! What of a Pod may change.
//!
//! Upstream: pkg/apis/core/validation/validation.go (ValidatePodUpdate), v1.36. The error for
//! other changes does not show the difference between the two specs, which is Go's own notation.

use super::super::rules::{Errors, number, text};
use super::{affinity, container};
use crate::api::field::{FieldError, Path};
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, Toleration};

/// Adds what is wrong with the change of `old` to `new`, which is all right in itself.
pub fn update(new: &Pod, old: &Pod, errors: &mut Errors) {
    let empty = PodSpec::default();
    let (new_spec, old_spec) = (
        new.spec.as_ref().unwrap_or(&empty),
        old.spec.as_ref().unwrap_or(&empty),
    );
    annotations(new, old, errors);
    spec(new_spec, old_spec, errors);
}

fn annotations(new: &Pod, old: &Pod, errors: &mut Errors) {
    const MIRROR: &str = "kubernetes.io/config.mirror";
    let of = |pod: &Pod| pod.metadata.annotations.as_ref()?.get(MIRROR).cloned();
    let (new, old) = (of(new), of(old));
    if new != old {
        let metadata = Path::new("metadata");
        let at = metadata.child("annotations");
        let detail = match old {
            Some(_) => "may not remove or update mirror pod annotation",
            None => "may not add mirror pod annotation",
        };
        errors.push(FieldError::forbidden(&at.key(MIRROR), detail));
    }
}

fn same_containers(
    new: &[Container],
    old: &[Container],
    at: &Path<'_>,
    errors: &mut Errors,
) -> bool {
    if new.len() != old.len() {
        let detail = "pod updates may not add or remove containers";
        errors.push(FieldError::forbidden(at, detail));
        return false;
    }
    for (index, c) in new.iter().enumerate() {
        let at = at.index(index);
        let image = text(c.image.as_ref());
        if image.is_empty() {
            errors.push(FieldError::required(&at.child("image"), ""));
        }
        container::image_is_trimmed(image, &at, errors);
    }
    true
}

fn spec(new: &PodSpec, old: &PodSpec, errors: &mut Errors) {
    let at = Path::new("spec");
    let init = |spec: &PodSpec| spec.init_containers.clone().unwrap_or_default();
    if !same_containers(
        &new.containers,
        &old.containers,
        &at.child("containers"),
        errors,
    ) || !same_containers(&init(new), &init(old), &at.child("initContainers"), errors)
        || !deadline(new, old, &at.child("activeDeadlineSeconds"), errors)
    {
        return;
    }
    let tolerations = |spec: &PodSpec| spec.tolerations.clone().unwrap_or_default();
    only_added(
        &tolerations(new),
        &tolerations(old),
        &at.child("tolerations"),
        errors,
    );
    let list = at.child("schedulingGates");
    for (index, gate) in new.scheduling_gates.iter().flatten().enumerate() {
        if !old.scheduling_gates.iter().flatten().any(|o| o == gate) {
            let detail = format!(
                "only deletion is allowed, but found new scheduling gate '{}'",
                gate.name
            );
            let at = list.index(index);
            errors.push(FieldError::forbidden(&at.child("name"), detail));
        }
    }
    if !differs_only_where_allowed(new, old) {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        errors.push(FieldError::forbidden(&at, detail));
    }
}

/// Whether the deadline was left, set or shortened.
fn deadline(new: &PodSpec, old: &PodSpec, at: &Path<'_>, errors: &mut Errors) -> bool {
    let before = errors.len();
    match (new.active_deadline_seconds, old.active_deadline_seconds) {
        (Some(new), old) => {
            number::in_range(new, 0, i32::MAX.into(), at, errors);
            if errors.len() == before && old.is_some_and(|old| old < new) {
                let detail = "must be less than or equal to previous value";
                errors.push(FieldError::invalid_value(at, new, detail));
            }
            errors.len() == before
        }
        (None, Some(_)) => {
            let detail = "must not update from a positive integer to nil value";
            errors.push(FieldError::invalid_value(at, "null", detail));
            true
        }
        (None, None) => true,
    }
}

fn only_added(new: &[Toleration], old: &[Toleration], at: &Path<'_>, errors: &mut Errors) {
    let kept = |old: &Toleration| {
        new.iter().any(|new| {
            let mut old = old.clone();
            old.toleration_seconds = new.toleration_seconds;
            old == *new
        })
    };
    if !old.iter().all(kept) {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(FieldError::forbidden(at, detail));
        return;
    }
    affinity::tolerations(new, at, errors);
}

fn differs_only_where_allowed(new: &PodSpec, old: &PodSpec) -> bool {
    let keep_images = |new: &mut [Container], old: &[Container]| {
        for (new, old) in new.iter_mut().zip(old) {
            new.image.clone_from(&old.image);
        }
    };
    let mut adjusted = new.clone();
    keep_images(&mut adjusted.containers, &old.containers);
    if let (Some(new), Some(old)) = (&mut adjusted.init_containers, &old.init_containers) {
        keep_images(new, old);
    }
    adjusted.active_deadline_seconds = old.active_deadline_seconds;
    adjusted.scheduling_gates.clone_from(&old.scheduling_gates);
    adjusted.tolerations.clone_from(&old.tolerations);
    let was_negative = old.termination_grace_period_seconds.is_some_and(|s| s < 0);
    if was_negative && adjusted.termination_grace_period_seconds == Some(1) {
        adjusted.termination_grace_period_seconds = old.termination_grace_period_seconds;
    }
    if old
        .scheduling_gates
        .as_ref()
        .is_some_and(|gates| !gates.is_empty())
    {
        gated(&mut adjusted, old);
    }
    adjusted == *old
}

/// A Pod that waits at a gate may be tied down further: node selectors are added, never changed,
/// and its affinity to nodes may come where there was none.
fn gated(adjusted: &mut PodSpec, old: &PodSpec) {
    let labels = adjusted.node_selector.clone().unwrap_or_default();
    let kept = |(key, value): (&String, &String)| labels.get(key) == Some(value);
    if old.node_selector.iter().flatten().all(kept) {
        adjusted.node_selector.clone_from(&old.node_selector);
    }
    let before = old.affinity.as_ref().and_then(|a| a.node_affinity.as_ref());
    if before.is_none()
        && let Some(affinity) = adjusted.affinity.as_mut()
    {
        affinity.node_affinity = None;
        if *affinity == Default::default() && old.affinity.is_none() {
            adjusted.affinity = None;
        }
    }
}
