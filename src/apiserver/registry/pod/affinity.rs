//! Affinity to nodes and Pods, tolerations, spread over a topology.
//!
//! Upstream: pkg/apis/core/validation/validation.go, v1.36.

use super::super::rules::name::{dns_label, dns_subdomain, label_value, qualified_name};
use super::super::rules::{Errors, meta, one_of, refuse, text};
use crate::api::field::{FieldError, Path};
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::{
    Affinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, Toleration,
    TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const OPERATOR: &str = "not a valid selector operator";

/// Adds what is wrong with `affinity`.
pub fn affinity(affinity: &Affinity, at: &Path<'_>, errors: &mut Errors) {
    if let Some(nodes) = &affinity.node_affinity {
        let at = at.child("nodeAffinity");
        if let Some(selector) = &nodes.required_during_scheduling_ignored_during_execution {
            node_selector(selector, &at.child(REQUIRED), errors);
        }
        let terms = &nodes.preferred_during_scheduling_ignored_during_execution;
        let list = at.child(PREFERRED);
        for (index, term) in terms.iter().flatten().enumerate() {
            let at = list.index(index);
            weight(term.weight, &at, errors);
            node_selector_term(&term.preference, true, &at.child("preference"), errors);
        }
    }
    let (pods, anti) = (&affinity.pod_affinity, &affinity.pod_anti_affinity);
    if let Some(pods) = pods {
        pod_terms(
            pods.required_during_scheduling_ignored_during_execution
                .as_ref(),
            pods.preferred_during_scheduling_ignored_during_execution
                .as_ref(),
            &at.child("podAffinity"),
            errors,
        );
    }
    if let Some(pods) = anti {
        pod_terms(
            pods.required_during_scheduling_ignored_during_execution
                .as_ref(),
            pods.preferred_during_scheduling_ignored_during_execution
                .as_ref(),
            &at.child("podAntiAffinity"),
            errors,
        );
    }
}

fn weight(weight: i32, at: &Path<'_>, errors: &mut Errors) {
    if !(1..=100).contains(&weight) {
        let detail = "must be in the range 1-100";
        errors.push(FieldError::invalid_value(
            &at.child("weight"),
            weight,
            detail,
        ));
    }
}

/// Adds what is wrong with a node selector.
pub fn node_selector(selector: &NodeSelector, at: &Path<'_>, errors: &mut Errors) {
    let list = at.child("nodeSelectorTerms");
    if selector.node_selector_terms.is_empty() {
        let detail = "must have at least one node selector term";
        errors.push(FieldError::required(&list, detail));
    }
    for (index, term) in selector.node_selector_terms.iter().enumerate() {
        node_selector_term(term, false, &list.index(index), errors);
    }
}

fn node_selector_term(term: &NodeSelectorTerm, any: bool, at: &Path<'_>, errors: &mut Errors) {
    let list = at.child("matchExpressions");
    for (index, requirement) in term.match_expressions.iter().flatten().enumerate() {
        label_requirement(requirement, any, &list.index(index), errors);
    }
    let list = at.child("matchFields");
    for (index, requirement) in term.match_fields.iter().flatten().enumerate() {
        field_requirement(requirement, &list.index(index), errors);
    }
}

/// `any`: values need not be values of labels.
fn label_requirement(
    requirement: &NodeSelectorRequirement,
    any: bool,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let values = requirement.values.as_deref().unwrap_or_default();
    let of_values = at.child("values");
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            errors.push(FieldError::required(&of_values, detail));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.push(FieldError::forbidden(&of_values, detail));
        }
        "Gt" | "Lt" if values.len() != 1 => {
            let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
            errors.push(FieldError::required(&of_values, detail));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        other => errors.push(FieldError::invalid(&at.child("operator"), other, OPERATOR)),
    }
    let key = &requirement.key;
    refuse(qualified_name(key), key, &at.child("key"), errors);
    if !any {
        for (index, value) in values.iter().enumerate() {
            refuse(label_value(value), value, &of_values.index(index), errors);
        }
    }
}

fn field_requirement(requirement: &NodeSelectorRequirement, at: &Path<'_>, errors: &mut Errors) {
    let values = requirement.values.as_deref().unwrap_or_default();
    let of_values = at.child("values");
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.len() != 1 => {
            let detail =
                "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            errors.push(FieldError::required(&of_values, detail));
        }
        "In" | "NotIn" => {}
        other => errors.push(FieldError::invalid(&at.child("operator"), other, OPERATOR)),
    }
    if requirement.key == "metadata.name" {
        for (index, value) in values.iter().enumerate() {
            refuse(dns_subdomain(value), value, &of_values.index(index), errors);
        }
    } else {
        let detail = "not a valid field selector key";
        errors.push(FieldError::invalid(
            &at.child("key"),
            &requirement.key,
            detail,
        ));
    }
}

fn pod_terms(
    required: Option<&Vec<PodAffinityTerm>>,
    preferred: Option<&Vec<WeightedPodAffinityTerm>>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let list = at.child(REQUIRED);
    for (index, term) in required.into_iter().flatten().enumerate() {
        pod_term(term, &list.index(index), errors);
    }
    let list = at.child(PREFERRED);
    for (index, term) in preferred.into_iter().flatten().enumerate() {
        let at = list.index(index);
        weight(term.weight, &at, errors);
        pod_term(
            &term.pod_affinity_term,
            &at.child("podAffinityTerm"),
            errors,
        );
    }
}

fn pod_term(term: &PodAffinityTerm, at: &Path<'_>, errors: &mut Errors) {
    for (field, selector) in [
        ("labelSelector", &term.label_selector),
        ("namespaceSelector", &term.namespace_selector),
    ] {
        if let Some(selector) = selector {
            meta::label_selector(selector, &at.child(field), errors);
        }
    }
    for namespace in term.namespaces.iter().flatten() {
        refuse(
            dns_label(namespace),
            namespace,
            &at.child("namespace"),
            errors,
        );
    }
    label_keys(term, at, errors);
    let of_key = at.child("topologyKey");
    if term.topology_key.is_empty() {
        errors.push(FieldError::required(&of_key, "can not be empty"));
    }
    refuse(
        qualified_name(&term.topology_key),
        &term.topology_key,
        &of_key,
        errors,
    );
}

fn label_keys(term: &PodAffinityTerm, at: &Path<'_>, errors: &mut Errors) {
    let matching = term.match_label_keys.as_deref().unwrap_or_default();
    let mismatching = term.mismatch_label_keys.as_deref().unwrap_or_default();
    for (field, keys) in [
        ("matchLabelKeys", matching),
        ("mismatchLabelKeys", mismatching),
    ] {
        let list = at.child(field);
        if !keys.is_empty() && term.label_selector.is_none() {
            let detail = "must not be specified when labelSelector is not set";
            errors.push(FieldError::forbidden(&list, detail));
            continue;
        }
        for (index, key) in keys.iter().enumerate() {
            refuse(qualified_name(key), key, &list.index(index), errors);
        }
    }
    if let Some(selector) = &term.label_selector {
        let mut seen = SortedSet::from_iter(keys_of_labels(selector));
        for expression in selector.match_expressions.iter().flatten() {
            let key = expression.key.as_str();
            if let Some(index) = matching.iter().position(|k| k == key)
                && seen.contains(key)
            {
                let detail = "exists in both matchLabelKeys and labelSelector";
                errors.push(FieldError::invalid(&at.index(index), key, detail));
            }
            seen.insert(key);
        }
    }
    let list = at.child("matchLabelKeys");
    for (index, key) in matching.iter().enumerate() {
        if mismatching.contains(key) {
            let detail = "exists in both matchLabelKeys and mismatchLabelKeys";
            errors.push(FieldError::invalid(&list.index(index), key, detail));
        }
    }
}

fn keys_of_labels(selector: &LabelSelector) -> impl Iterator<Item = &str> {
    let labels = selector.match_labels.iter().flatten();
    labels.map(|(key, _)| key.as_str())
}

/// Adds what is wrong with tolerations.
pub fn tolerations(tolerations: &[Toleration], list: &Path<'_>, errors: &mut Errors) {
    for (index, toleration) in tolerations.iter().enumerate() {
        let at = list.index(index);
        let (key, value) = (
            text(toleration.key.as_ref()),
            text(toleration.value.as_ref()),
        );
        let operator = text(toleration.operator.as_ref());
        let effect = text(toleration.effect.as_ref());
        let of_operator = at.child("operator");
        if !key.is_empty() {
            refuse(qualified_name(key), key, &at.child("key"), errors);
        } else if operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(FieldError::invalid(&of_operator, operator, detail));
        }
        if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(FieldError::invalid(&at.child("effect"), effect, detail));
        }
        match operator {
            "" | "Equal" => {
                let wrong = label_value(value);
                if !wrong.is_empty() {
                    errors.push(FieldError::invalid(&of_operator, value, wrong.join(";")));
                }
            }
            "Exists" if !value.is_empty() => {
                let detail = "value must be empty when `operator` is 'Exists'";
                errors.push(FieldError::invalid(&of_operator, value, detail));
            }
            "Exists" => {}
            other => one_of(other, &["Equal", "Exists"], &of_operator, errors),
        }
        if !effect.is_empty() {
            taint_effect(effect, &at.child("effect"), errors);
        }
    }
}

/// Refuses what is no effect of a taint.
pub fn taint_effect(effect: &str, at: &Path<'_>, errors: &mut Errors) {
    one_of(
        effect,
        &["NoSchedule", "PreferNoSchedule", "NoExecute"],
        at,
        errors,
    );
}

/// Adds what is wrong with topology spread constraints.
pub fn spread(constraints: &[TopologySpreadConstraint], list: &Path<'_>, errors: &mut Errors) {
    const POSITIVE: &str = "must be greater than zero";
    for (index, constraint) in constraints.iter().enumerate() {
        let at = list.index(index);
        let action = constraint.when_unsatisfiable.as_str();
        if constraint.max_skew <= 0 {
            let at = at.child("maxSkew");
            errors.push(FieldError::invalid_value(
                &at,
                constraint.max_skew,
                POSITIVE,
            ));
        }
        if constraint.topology_key.is_empty() {
            let detail = "can not be empty";
            errors.push(FieldError::required(&at.child("topologyKey"), detail));
        }
        let actions = ["DoNotSchedule", "ScheduleAnyway"];
        one_of(action, &actions, &at.child("whenUnsatisfiable"), errors);
        let same = |other: &TopologySpreadConstraint| {
            other.topology_key == constraint.topology_key && other.when_unsatisfiable == action
        };
        if constraints[index + 1..].iter().any(same) {
            let pair = format!("{{{}, {action}}}", constraint.topology_key);
            let at = at.child("{topologyKey, whenUnsatisfiable}");
            errors.push(FieldError::duplicate(&at, &pair));
        }
        if let Some(domains) = constraint.min_domains {
            let at = at.child("minDomains");
            if domains <= 0 {
                errors.push(FieldError::invalid_value(&at, domains, POSITIVE));
            }
            if action != "DoNotSchedule" {
                let detail = format!(
                    "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                );
                errors.push(FieldError::invalid_value(&at, domains, detail));
            }
        }
        for (field, policy) in [
            ("nodeAffinityPolicy", &constraint.node_affinity_policy),
            ("nodeTaintsPolicy", &constraint.node_taints_policy),
        ] {
            if let Some(policy) = policy {
                one_of(policy, &["Honor", "Ignore"], &at.child(field), errors);
            }
        }
        spread_selector(constraint, &at, errors);
    }
}

fn spread_selector(constraint: &TopologySpreadConstraint, at: &Path<'_>, errors: &mut Errors) {
    let keys = constraint.match_label_keys.as_deref().unwrap_or_default();
    let list = at.child("matchLabelKeys");
    let mut known = SortedSet::new();
    match &constraint.label_selector {
        Some(selector) => {
            known.extend(keys_of_labels(selector));
            let expressions = selector.match_expressions.iter().flatten();
            known.extend(expressions.map(|expression| expression.key.as_str()));
        }
        None if !keys.is_empty() => {
            let detail = "must not be specified when labelSelector is not set";
            errors.push(FieldError::forbidden(&list, detail));
        }
        None => {}
    }
    for (index, key) in keys.iter().enumerate() {
        let at = list.index(index);
        refuse(qualified_name(key), key, &at, errors);
        if known.contains(key.as_str()) {
            let detail = "exists in both matchLabelKeys and labelSelector";
            errors.push(FieldError::invalid(&at, key, detail));
        }
    }
    if let Some(selector) = &constraint.label_selector {
        meta::label_selector(selector, &at.child("labelSelector"), errors);
    }
}
