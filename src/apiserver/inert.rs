//! Kinds that are stored and checked while no part of this cluster acts on them yet, and what is
//! said to whoever makes one.
//!
//! Upstream has no such list: it is what this cluster leaves out. A kind leaves the list with the
//! change that brings its controller. Kinds that are only read by others (PodTemplate,
//! ControllerRevision), that admission alone acts on (LimitRange, PriorityClass) or that Pods are
//! only given (Secret, as ConfigMap) are not on it.

use crate::api::custom_resource_definition::text_at;
use crate::api::{Kind, Object};
use serde_json::Value;

/// What does not happen to an object of `kind`, as a warning; nothing where all of it does.
pub const fn warning(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Ingress | Kind::IngressClass => {
            "no Ingress controller runs in this cluster yet: it is stored, and leads nowhere"
        }
        Kind::NetworkPolicy => {
            "the network of this cluster has no policies yet: it is stored, and keeps nobody out"
        }
        Kind::HorizontalPodAutoscaler => {
            "nothing acts on a HorizontalPodAutoscaler in this cluster yet: it is stored, and scales nothing"
        }
        Kind::RuntimeClass => {
            "every container of this cluster runs in the same way: a RuntimeClass gives its overhead and its nodes only"
        }
        _ => return None,
    })
}

/// The same for one object: what a definition asks for that nothing here carries out, else what is
/// said of its kind.
pub fn warning_of(object: &Object) -> Option<&'static str> {
    if let Object::CronJob(job) = object {
        let zone = job.spec.time_zone.as_deref().unwrap_or("UTC");
        return (!matches!(zone, "UTC" | "Etc/UTC")).then_some(
            "there is no data on time zones in this cluster: a CronJob in another than UTC never runs",
        );
    }
    let Object::CustomResourceDefinition(definition) = object else {
        return warning(object.kind());
    };
    let spec = &definition.spec;
    if text_at(spec, "/conversion/strategy") == "Webhook" {
        return Some(
            "no conversion webhook is called in this cluster: every version shows the same fields",
        );
    }
    let mut schemas = definition.versions().iter();
    let has_rules = schemas.any(|version| says(version, "x-kubernetes-validations"));
    has_rules.then_some(
        "rules in x-kubernetes-validations are not evaluated in this cluster: they are stored, and refuse nothing",
    )
}

/// Whether there is a field `name` anywhere in `value`.
fn says(value: &Value, name: &str) -> bool {
    match value {
        Value::Object(fields) => {
            fields.contains_key(name) || fields.values().any(|value| says(value, name))
        }
        Value::Array(items) => items.iter().any(|item| says(item, name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_is_not_warned_of() {
        for kind in [Kind::Pod, Kind::Deployment, Kind::Job, Kind::LimitRange] {
            assert_eq!(warning(kind), None, "{kind}");
        }
        let warning = warning(Kind::Ingress).expect("there is no Ingress controller");
        assert!(warning.contains("leads nowhere"), "{warning}");
    }
}
