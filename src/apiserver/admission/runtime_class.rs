//! A Pod of a RuntimeClass costs what its class costs and runs where the class runs.
//!
//! Upstream: plugin/pkg/admission/runtimeclass/admission.go, v1.36.

use super::{Surroundings, forbidden, forbidden_early, new_pod};
use crate::api::{Object, Status};
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::api::node::v1::{RuntimeClass, Scheduling};
use std::sync::Arc;

const MISMATCH: &str = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

fn class(spec: &PodSpec, around: &Surroundings<'_>) -> Result<Option<Arc<RuntimeClass>>, String> {
    let Some(name) = &spec.runtime_class_name else {
        return Ok(None);
    };
    let found = around.find::<RuntimeClass>("", name);
    match found {
        Some(class) => Ok(Some(class)),
        None => Err(format!("pod rejected: RuntimeClass {name:?} not found")),
    }
}

/// Takes overhead, node selector and tolerations over from the class of a new Pod.
///
/// # Errors
/// `Forbidden` where the class is missing or contradicts the Pod.
pub fn admit(object: &mut Object, around: &mut Surroundings<'_>) -> Result<(), Status> {
    let Some(pod) = new_pod(object, around) else {
        return Ok(());
    };
    let spec = pod.spec.get_or_insert_default();
    take_over(spec, around).map_err(|why| forbidden_early(object, why))
}

fn take_over(spec: &mut PodSpec, around: &Surroundings<'_>) -> Result<(), String> {
    let Some(class) = class(spec, around)? else {
        return Ok(());
    };
    if let Some(overhead) = &class.overhead {
        let given = spec.overhead.as_ref().filter(|given| !given.is_empty());
        if given.is_some() && given != overhead.pod_fixed.as_ref() {
            return Err(MISMATCH.to_owned());
        }
        spec.overhead.clone_from(&overhead.pod_fixed);
    }
    match &class.scheduling {
        Some(scheduling) => schedule(spec, scheduling),
        None => Ok(()),
    }
}

fn schedule(spec: &mut PodSpec, scheduling: &Scheduling) -> Result<(), String> {
    for (key, wanted) in scheduling.node_selector.iter().flatten() {
        let selector = spec.node_selector.get_or_insert_default();
        if let Some(given) = selector.get(key).filter(|given| *given != wanted) {
            return Err(format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {wanted}; pod.spec.nodeSelector[{key}] = {given}"
            ));
        }
        selector.insert(key.clone(), wanted.clone());
    }
    for toleration in scheduling.tolerations.iter().flatten() {
        let tolerations = spec.tolerations.get_or_insert_default();
        if !tolerations.contains(toleration) {
            tolerations.push(toleration.clone());
        }
    }
    Ok(())
}

/// Refuses an overhead that is not the class's.
///
/// # Errors
/// `Forbidden`.
pub fn validate(object: &Object, around: &Surroundings<'_>) -> Result<(), Status> {
    let (Object::Pod(pod), None) = (object, around.old) else {
        return Ok(());
    };
    let Some(spec) = &pod.spec else { return Ok(()) };
    let class = class(spec, around).map_err(|why| forbidden(object, why))?;
    let fixed = class.as_ref().and_then(|class| class.overhead.as_ref());
    match (fixed, &spec.overhead) {
        (Some(fixed), given) if fixed.pod_fixed != *given => Err(forbidden(object, MISMATCH)),
        (None, Some(given)) if !given.is_empty() => Err(forbidden(
            object,
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
        )),
        _ => Ok(()),
    }
}
