//! A Pod's priority comes from its class, or from the default class.
//!
//! Upstream: plugin/pkg/admission/priority/admission.go, v1.36. The two classes of the system are
//! known without being stored.

use super::{Surroundings, forbidden, forbidden_early};
use crate::api::meta::MetaExt;
use crate::api::{Object, Status};
use crate::apiserver::registry::SYSTEM_CLASSES;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use std::sync::Arc;

const PREEMPT: &str = "PreemptLowerPriority";

/// What a class gives: its name, its priority, whether its Pods displace others.
type Rank = (String, i32, String);

fn rank(class: &PriorityClass) -> Rank {
    let preemption = class.preemption_policy.clone();
    let preemption = preemption.unwrap_or_else(|| PREEMPT.to_owned());
    (
        class.name().to_owned(),
        class.value.unwrap_or(0),
        preemption,
    )
}

fn default_class<'a>(around: &'a Surroundings<'_>) -> Option<&'a PriorityClass> {
    let all = around.all::<PriorityClass>(None);
    all.filter(|class| class.global_default == Some(true))
        .min_by_key(|class| class.value)
}

fn named(name: &str, around: &Surroundings<'_>) -> Option<Rank> {
    if let Some(class) = around.find::<PriorityClass>("", name) {
        return Some(rank(&class));
    }
    let system = SYSTEM_CLASSES.iter().find(|(class, _)| *class == name);
    system.map(|(class, value)| ((*class).to_owned(), *value, PREEMPT.to_owned()))
}

/// Sets the priority of a new Pod; a changed one keeps what it had.
///
/// # Errors
/// `Forbidden` where the class is missing or the Pod says another priority than its class.
pub fn admit(object: &mut Object, around: &mut Surroundings<'_>) -> Result<(), Status> {
    let Object::Pod(pod) = object else {
        return Ok(());
    };
    let spec = Arc::make_mut(pod).spec.get_or_insert_default();
    if let Some(old) = around.old {
        keep(spec, old);
        return Ok(());
    }
    set(spec, around).map_err(|why| forbidden_early(object, why))
}

fn keep(spec: &mut PodSpec, old: &Object) {
    if let Object::Pod(old) = old
        && let Some(old) = &old.spec
    {
        spec.priority = spec.priority.or(old.priority);
        if spec.preemption_policy.is_none() {
            spec.preemption_policy.clone_from(&old.preemption_policy);
        }
    }
}

fn set(spec: &mut PodSpec, around: &Surroundings<'_>) -> Result<(), String> {
    let class = spec.priority_class_name.clone().unwrap_or_default();
    let (name, priority, preemption) = match class.as_str() {
        "" => default_class(around).map_or_else(|| (String::new(), 0, PREEMPT.to_owned()), rank),
        class => named(class, around)
            .ok_or_else(|| format!("no PriorityClass with name {class} was found"))?,
    };
    if let Some(given) = spec.priority.filter(|given| *given != priority) {
        return Err(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {priority} from the given PriorityClass name"
        ));
    }
    if let Some(given) = spec
        .preemption_policy
        .as_ref()
        .filter(|given| **given != preemption)
    {
        return Err(format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller computed {preemption} from the given PriorityClass name"
        ));
    }
    spec.priority_class_name = Some(name).filter(|name| !name.is_empty());
    spec.priority = Some(priority);
    spec.preemption_policy = Some(preemption);
    Ok(())
}

/// Refuses a second default class.
///
/// # Errors
/// `Forbidden`.
pub fn validate(object: &Object, around: &Surroundings<'_>) -> Result<(), Status> {
    let Object::PriorityClass(class) = object else {
        return Ok(());
    };
    if class.global_default != Some(true) {
        return Ok(());
    }
    match default_class(around).map(MetaExt::name) {
        Some(other) if around.old.is_none() || other != class.name() => Err(forbidden(
            object,
            format!(
                "PriorityClass {other} is already marked as default. Only one default can exist"
            ),
        )),
        _ => Ok(()),
    }
}
