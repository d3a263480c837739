//! What is wrong with where a Pod wants to run: tolerations, affinity, topology spread.
//!
//! Upstream: pkg/apis/core/validation/validation.go, v1.36 (ValidateTolerations, validateAffinity,
//! validateTopologySpreadConstraints). Left out: what a changed Pod may keep, `matchLabelKeys`.

use super::meta;
use crate::api::field::{FieldError, Path};
use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, PodSpec,
    Toleration, WeightedPodAffinityTerm,
};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Validates tolerations, affinity and topology spread of a Pod spec at `path`.
pub fn placement(spec: &PodSpec, path: &Path, errors: &mut Vec<FieldError>) {
    for (index, found) in spec.tolerations.iter().flatten().enumerate() {
        toleration(found, &|| path.child("tolerations").index(index), errors);
    }
    if let Some(found) = &spec.affinity {
        affinity(found, &path.child("affinity"), errors);
    }
    for (index, found) in spec
        .topology_spread_constraints
        .iter()
        .flatten()
        .enumerate()
    {
        let at = path.child("topologySpreadConstraints").index(index);
        if found.max_skew <= 0 {
            let detail = "must be greater than zero";
            errors.push(FieldError::invalid_value(
                &at.child("maxSkew"),
                found.max_skew,
                detail,
            ));
        }
        match found.topology_key.as_str() {
            "" => errors.push(FieldError::required(
                &at.child("topologyKey"),
                "can not be empty",
            )),
            key => qualified(key, &at.child("topologyKey"), errors),
        }
        let known = ["DoNotSchedule", "ScheduleAnyway"];
        if !known.contains(&found.when_unsatisfiable.as_str()) {
            let at = at.child("whenUnsatisfiable");
            errors.push(FieldError::not_supported(
                &at,
                &found.when_unsatisfiable,
                &known,
            ));
        }
        if let Some(selector) = &found.label_selector {
            errors.extend(meta::label_selector(selector, &at.child("labelSelector")));
        }
    }
}

fn qualified(key: &str, path: &Path, errors: &mut Vec<FieldError>) {
    let wrong = meta::qualified_name(key);
    errors.extend(
        wrong
            .iter()
            .map(|wrong| FieldError::invalid(path, key, wrong)),
    );
}

fn toleration(found: &Toleration, path: &dyn Fn() -> Path, errors: &mut Vec<FieldError>) {
    let operator = found.operator.as_deref().unwrap_or_default();
    let key = found.key.as_deref().unwrap_or_default();
    let value = found.value.as_deref().unwrap_or_default();
    let effect = found.effect.as_deref().unwrap_or_default();
    if !key.is_empty() {
        qualified(key, &path().child("key"), errors);
    }
    if key.is_empty() && operator != "Exists" {
        errors.push(FieldError::invalid(
            &path().child("operator"),
            operator,
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
        ));
    }
    if found.toleration_seconds.is_some() && effect != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.push(FieldError::invalid(&path().child("effect"), effect, detail));
    }
    match operator {
        "" | "Equal" => {
            let wrong = meta::label_value(value);
            errors.extend(
                wrong
                    .iter()
                    .map(|w| FieldError::invalid(&path().child("operator"), value, w)),
            );
        }
        "Exists" if !value.is_empty() => {
            let detail = "value must be empty when `operator` is 'Exists'";
            errors.push(FieldError::invalid(
                &path().child("operator"),
                value,
                detail,
            ));
        }
        "Exists" => {}
        other => errors.push(FieldError::not_supported(
            &path().child("operator"),
            other,
            &["Equal", "Exists"],
        )),
    }
    let known = ["NoExecute", "NoSchedule", "PreferNoSchedule"];
    if !effect.is_empty() && !known.contains(&effect) {
        errors.push(FieldError::not_supported(
            &path().child("effect"),
            effect,
            &known,
        ));
    }
}

fn affinity(found: &Affinity, path: &Path, errors: &mut Vec<FieldError>) {
    if let Some(node) = &found.node_affinity {
        node_affinity(node, &path.child("nodeAffinity"), errors);
    }
    if let Some(pods) = &found.pod_affinity {
        let at = path.child("podAffinity");
        pod_terms(
            pods.required_during_scheduling_ignored_during_execution
                .as_deref(),
            pods.preferred_during_scheduling_ignored_during_execution
                .as_deref(),
            &at,
            errors,
        );
    }
    if let Some(pods) = &found.pod_anti_affinity {
        let at = path.child("podAntiAffinity");
        pod_terms(
            pods.required_during_scheduling_ignored_during_execution
                .as_deref(),
            pods.preferred_during_scheduling_ignored_during_execution
                .as_deref(),
            &at,
            errors,
        );
    }
}

fn node_affinity(found: &NodeAffinity, path: &Path, errors: &mut Vec<FieldError>) {
    if let Some(required) = &found.required_during_scheduling_ignored_during_execution {
        let at = path.child(REQUIRED).child("nodeSelectorTerms");
        if required.node_selector_terms.is_empty() {
            let detail = "must have at least one node selector term";
            errors.push(FieldError::required(&at, detail));
        }
        for (index, term) in required.node_selector_terms.iter().enumerate() {
            node_term(term, &at.index(index), errors);
        }
    }
    let preferred = found
        .preferred_during_scheduling_ignored_during_execution
        .iter();
    for (index, term) in preferred.flatten().enumerate() {
        let at = path.child(PREFERRED).index(index);
        weight(term.weight, &at, errors);
        node_term(&term.preference, &at.child("preference"), errors);
    }
}

fn weight(weight: i32, path: &Path, errors: &mut Vec<FieldError>) {
    if !(1..=100).contains(&weight) {
        let at = path.child("weight");
        errors.push(FieldError::invalid_value(
            &at,
            weight,
            "must be in the range 1-100",
        ));
    }
}

fn node_term(term: &NodeSelectorTerm, path: &Path, errors: &mut Vec<FieldError>) {
    for (index, found) in term.match_expressions.iter().flatten().enumerate() {
        let at = path.child("matchExpressions").index(index);
        node_requirement(found, &at, errors);
        qualified(&found.key, &at.child("key"), errors);
    }
}

fn node_requirement(found: &NodeSelectorRequirement, path: &Path, errors: &mut Vec<FieldError>) {
    let count = found.values.as_ref().map_or(0, Vec::len);
    let at = || path.child("values");
    match found.operator.as_str() {
        "In" | "NotIn" if count == 0 => errors.push(FieldError::required(
            &at(),
            "must be specified when `operator` is 'In' or 'NotIn'",
        )),
        "Exists" | "DoesNotExist" if count > 0 => errors.push(FieldError::forbidden(
            &at(),
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        )),
        "Gt" | "Lt" if count != 1 => errors.push(FieldError::required(
            &at(),
            "must be specified single value when `operator` is 'Lt' or 'Gt'",
        )),
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => {
            let at = path.child("operator");
            errors.push(FieldError::invalid(
                &at,
                other,
                "not a valid selector operator",
            ));
        }
    }
}

fn pod_terms(
    required: Option<&[PodAffinityTerm]>,
    preferred: Option<&[WeightedPodAffinityTerm]>,
    path: &Path,
    errors: &mut Vec<FieldError>,
) {
    for (index, term) in required.unwrap_or_default().iter().enumerate() {
        pod_term(term, &path.child(REQUIRED).index(index), errors);
    }
    for (index, term) in preferred.unwrap_or_default().iter().enumerate() {
        let at = path.child(PREFERRED).index(index);
        weight(term.weight, &at, errors);
        pod_term(
            &term.pod_affinity_term,
            &at.child("podAffinityTerm"),
            errors,
        );
    }
}

fn pod_term(term: &PodAffinityTerm, path: &Path, errors: &mut Vec<FieldError>) {
    if let Some(selector) = &term.label_selector {
        errors.extend(meta::label_selector(selector, &path.child("labelSelector")));
    }
    for name in term.namespaces.iter().flatten() {
        let at = path.child("namespace");
        let wrong = meta::dns_label(name);
        errors.extend(
            wrong
                .iter()
                .map(|wrong| FieldError::invalid(&at, name, wrong)),
        );
    }
    let at = path.child("topologyKey");
    if term.topology_key.is_empty() {
        errors.push(FieldError::required(&at, "can not be empty"));
    }
    qualified(&term.topology_key, &at, errors);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn refused(spec: Value) -> Vec<String> {
        let mut spec = spec;
        spec["containers"] = json!([]);
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        let mut errors = Vec::new();
        placement(&spec, &Path::new("spec"), &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn places_that_make_no_sense_are_refused() {
        for (spec, want) in [
            (
                json!({"tolerations": [{"key": "a", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 1}]}),
                "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set",
            ),
            (
                json!({"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}}}),
                "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
            ),
            (
                json!({"affinity": {"podAffinity": {PREFERRED: [{"weight": 200, "podAffinityTerm": {"topologyKey": "a"}}]}}}),
                "spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 200: must be in the range 1-100",
            ),
            (
                json!({"topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}]}),
                "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
            ),
        ] {
            assert_eq!(refused(spec), [want]);
        }
        let right = json!({"tolerations": [{"operator": "Exists"}, {"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 3}]});
        assert_eq!(refused(right), [""; 0]);
    }
}
