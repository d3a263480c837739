//! When a Job fails or succeeds before its last Pod ended: podFailurePolicy and successPolicy.
//!
//! Upstream: pkg/apis/batch/validation/validation.go, v1.36.

use super::super::rules::name::qualified_name;
use super::super::rules::{Errors, number, one_of, refuse, shown};
use crate::api::field::{FieldError, Path};
use crate::sim::SortedSet;
use k8s_openapi::api::batch::v1::{
    JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule,
    SuccessPolicy, SuccessPolicyRule,
};

const RULES_MAX: usize = 20;

/// Fills in what a policy's author left out.
pub fn default(policy: Option<&mut PodFailurePolicy>) {
    for rule in policy.into_iter().flat_map(|policy| &mut policy.rules) {
        for pattern in rule.on_pod_conditions.iter_mut().flatten() {
            super::super::pod::default::set(&mut pattern.status, "True");
        }
    }
}

/// Adds what is wrong with the rules by which failed Pods are judged.
pub fn pod_failure(policy: &PodFailurePolicy, spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    let list = at.child("rules");
    if policy.rules.len() > RULES_MAX {
        errors.push(FieldError::too_many(&list, policy.rules.len(), RULES_MAX));
    }
    for (index, rule) in policy.rules.iter().enumerate() {
        failure_rule(rule, spec, &list.index(index), errors);
    }
}

/// Refuses a missing text and one that is none of `allowed`, as these policies word it.
fn valid_value(value: &str, allowed: &[&str], at: &Path<'_>, errors: &mut Errors) {
    if value.is_empty() {
        let quoted: Vec<String> = allowed.iter().map(|value| format!("{value:?}")).collect();
        let detail = format!("valid values: [{}]", quoted.join(" "));
        errors.push(FieldError::required(at, detail));
    } else {
        one_of(value, allowed, at, errors);
    }
}

fn failure_rule(rule: &PodFailurePolicyRule, spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    let of_action = at.child("action");
    if rule.action == "FailIndex" && spec.backoff_limit_per_index.is_none() {
        let detail = "requires the backoffLimitPerIndex to be set";
        errors.push(FieldError::invalid(&of_action, &rule.action, detail));
    } else {
        let actions = ["Count", "FailIndex", "FailJob", "Ignore"];
        valid_value(&rule.action, &actions, &of_action, errors);
    }
    let conditions = rule.on_pod_conditions.as_deref().unwrap_or_default();
    if let Some(codes) = &rule.on_exit_codes {
        exit_codes(codes, spec, &at.child("onExitCodes"), errors);
    }
    let list = at.child("onPodConditions");
    if conditions.len() > RULES_MAX {
        errors.push(FieldError::too_many(&list, conditions.len(), RULES_MAX));
    }
    for (index, pattern) in conditions.iter().enumerate() {
        let at = list.index(index);
        let kind = &pattern.type_;
        refuse(qualified_name(kind), kind, &at.child("type"), errors);
        let status = super::super::rules::text(pattern.status.as_ref());
        let statuses = ["False", "True", "Unknown"];
        valid_value(status, &statuses, &at.child("status"), errors);
    }
    let detail = match (rule.on_exit_codes.is_some(), conditions.is_empty()) {
        (true, false) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (false, true) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => return,
    };
    errors.push(FieldError::invalid_without_value(at, detail));
}

fn exit_codes(
    codes: &PodFailurePolicyOnExitCodesRequirement,
    spec: &JobSpec,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    valid_value(
        &codes.operator,
        &["In", "NotIn"],
        &at.child("operator"),
        errors,
    );
    if let (Some(name), Some(pod)) = (&codes.container_name, &spec.template.spec) {
        let mut containers = pod
            .containers
            .iter()
            .chain(pod.init_containers.iter().flatten());
        if !containers.any(|container| container.name == *name) {
            let detail = "must be one of the container or initContainer names in the pod template";
            errors.push(FieldError::invalid(
                &at.child("containerName"),
                name,
                detail,
            ));
        }
    }
    let list = at.child("values");
    match codes.values.len() {
        0 => {
            let detail = "at least one value is required";
            errors.push(FieldError::invalid_value(&list, "[]", detail));
        }
        count @ 256.. => errors.push(FieldError::too_many(&list, count, 255)),
        _ => {}
    }
    let mut seen = SortedSet::new();
    for (index, code) in codes.values.iter().enumerate() {
        let at = list.index(index);
        if codes.operator == "In" && *code == 0 {
            let detail = "must not be 0 for the In operator";
            errors.push(FieldError::invalid_value(&at, code, detail));
        }
        if !seen.insert(*code) {
            errors.push(FieldError::duplicate_value(&at, code));
        }
    }
    if !codes.values.is_sorted() {
        let detail = "must be ordered";
        errors.push(FieldError::invalid_value(
            &list,
            shown(&codes.values),
            detail,
        ));
    }
}

/// Adds what is wrong with the rules by which an indexed Job succeeds early.
pub fn success(policy: &SuccessPolicy, spec: &JobSpec, at: &Path<'_>, errors: &mut Errors) {
    let list = at.child("rules");
    if policy.rules.is_empty() {
        let detail = "at least one rules must be specified when the successPolicy is specified";
        errors.push(FieldError::required(&list, detail));
    }
    if policy.rules.len() > RULES_MAX {
        errors.push(FieldError::too_many(&list, policy.rules.len(), RULES_MAX));
    }
    for (index, rule) in policy.rules.iter().enumerate() {
        success_rule(
            rule,
            spec.completions.unwrap_or(0),
            &list.index(index),
            errors,
        );
    }
}

fn success_rule(rule: &SuccessPolicyRule, completions: i32, at: &Path<'_>, errors: &mut Errors) {
    const LENGTH_MAX: u64 = 64 * 1024;
    if rule.succeeded_count.is_none() && rule.succeeded_indexes.is_none() {
        let detail = "at least one of succeededCount or succeededIndexes must be specified";
        errors.push(FieldError::required(at, detail));
    }
    let mut total = 0;
    if let Some(indexes) = &rule.succeeded_indexes {
        let at = at.child("succeededIndexes");
        if indexes.len() as u64 > LENGTH_MAX {
            errors.push(FieldError::too_long(&at, LENGTH_MAX));
        }
        match count_indexes(indexes, completions) {
            Ok(count) => total = count,
            Err(why) => {
                let detail = format!("error parsing succeededIndexes: {why}");
                errors.push(FieldError::invalid(&at, indexes, detail));
            }
        }
    }
    let Some(count) = rule.succeeded_count else {
        return;
    };
    let at = at.child("succeededCount");
    number::non_negative(Some(count), &at, errors);
    let mut at_most = |most: i32, what: &str| {
        if count > most {
            let detail = format!("must be less than or equal to {most} ({what})");
            errors.push(FieldError::invalid_value(&at, count, detail));
        }
    };
    at_most(completions, "the number of specified completions");
    if rule.succeeded_indexes.is_some() {
        at_most(
            total,
            "the number of indexes in the specified succeededIndexes field",
        );
    }
}

/// How many indexes `1,3-5` are.
fn count_indexes(text: &str, completions: i32) -> Result<i32, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let (mut last, mut total) = (None, 0);
    for part in text.split(',') {
        let number = |text: &str| -> Result<i32, String> {
            let wrong = || format!("cannot convert string to integer for index: {text:?}");
            let number: i32 = text.parse().map_err(|_| wrong())?;
            match number >= completions {
                true => Err(format!("too large index: {text:?}")),
                false => Ok(number),
            }
        };
        let mut ends = part.split('-');
        let (Some(first), second, None) = (ends.next(), ends.next(), ends.next()) else {
            return Err(format!(
                "the fragment {part:?} violates the requirement that an index interval can have at most two parts separated by '-'"
            ));
        };
        let first = number(first)?;
        if last.is_some_and(|last| last >= first) {
            return Err("non-increasing order, previous: ".to_owned()
                + &format!("{}, current: {first}", last.unwrap_or(0)));
        }
        let end = match second {
            None => first,
            Some(text) => {
                let end = number(text)?;
                if end <= first {
                    return Err(format!(
                        "non-increasing order, previous: {first}, current: {end}"
                    ));
                }
                end
            }
        };
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_rise_and_stay_in_bounds() {
        assert_eq!(count_indexes("0,2-4", 5), Ok(4));
        assert_eq!(count_indexes("", 5), Ok(0));
        assert!(count_indexes("3,2", 5).is_err());
        assert!(count_indexes("1-2-3", 5).is_err());
        assert!(count_indexes("5", 5).is_err());
        assert!(count_indexes("x", 5).is_err());
    }
}
