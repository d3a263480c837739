//! Resource names and amounts, and what containers may ask of them.
//!
//! Upstream: pkg/apis/core/validation/validation.go and pkg/apis/core/helper/helpers.go, v1.36.

use super::{Errors, name, refuse};
use crate::api::field::{FieldError, Path};
use crate::api::quantity;
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Amounts by resource.
pub type Amounts = BTreeMap<String, Quantity>;

const STANDARD_QUOTA: [&str; 19] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
];
const INTEGERS: [&str; 9] = [
    "pods",
    "services",
    "resourcequotas",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// Whether the resource comes in huge pages.
pub fn is_huge_page(resource: &str) -> bool {
    resource.starts_with("hugepages-")
}

/// Whether Kubernetes itself knows the resource.
pub fn is_native(resource: &str) -> bool {
    !resource.contains('/') || resource.contains("kubernetes.io/")
}

fn is_extended(resource: &str) -> bool {
    !is_native(resource)
        && !resource.starts_with("requests.")
        && name::qualified_name(&format!("requests.{resource}")).is_empty()
}

/// Whether containers may ask for more of the resource than there is.
pub fn allows_overcommit(resource: &str) -> bool {
    is_native(resource) && !is_huge_page(resource)
}

/// Whether a quota may count the resource by Kubernetes' own name.
pub fn is_standard_for_quota(resource: &str) -> bool {
    STANDARD_QUOTA.contains(&resource)
        || is_huge_page(resource)
        || resource.starts_with("requests.hugepages-")
}

/// Refuses what is no resource's name; whether it was one.
pub fn resource_name(resource: &str, at: &Path<'_>, errors: &mut Errors) -> bool {
    let before = errors.len();
    refuse(name::qualified_name(resource), resource, at, errors);
    let standard = resource == "storage" || is_standard_for_quota(resource);
    if errors.len() == before && !resource.contains('/') && !standard {
        let detail = "must be a standard resource type or fully qualified";
        errors.push(FieldError::invalid(at, resource, detail));
    }
    errors.len() == before
}

/// Refuses what no container can ask for.
pub fn container_resource_name(resource: &str, at: &Path<'_>, errors: &mut Errors) {
    resource_name(resource, at, errors);
    let standard = matches!(resource, "cpu" | "memory" | "ephemeral-storage");
    if !resource.contains('/') {
        if !standard && !is_huge_page(resource) {
            let detail = "must be a standard resource for containers";
            errors.push(FieldError::invalid(at, resource, detail));
        }
    } else if !is_native(resource) && !is_extended(resource) {
        let detail = "doesn't follow extended resource name standard";
        errors.push(FieldError::invalid(at, resource, detail));
    }
}

/// Refuses a negative amount, and a fraction of what comes in whole.
pub fn amount(resource: &str, amount: &Quantity, at: &Path<'_>, errors: &mut Errors) {
    let milli = quantity::milli_value(amount);
    if milli < 0 {
        errors.push(FieldError::invalid(at, &amount.0, super::number::NEGATIVE));
    }
    let whole = INTEGERS.contains(&resource) || is_extended(resource);
    if whole && milli % 1_000 != 0 {
        errors.push(FieldError::invalid(at, &amount.0, "must be an integer"));
    }
}

/// Refuses an amount of nothing or less.
pub fn positive(amount: &Quantity, at: &Path<'_>, errors: &mut Errors) {
    if quantity::milli_value(amount) <= 0 {
        errors.push(FieldError::invalid(
            at,
            &amount.0,
            "must be greater than zero",
        ));
    }
}

fn huge_pages(resource: &str, amount: &Quantity, at: &Path<'_>, errors: &mut Errors) {
    let Some(page) = resource.strip_prefix("hugepages-") else {
        return;
    };
    let page = quantity::value(&Quantity(page.to_owned()));
    let value = quantity::value(amount);
    if page <= 0 || value % page != 0 {
        let detail = format!(
            "{} is not positive integer multiple of {resource}",
            amount.0
        );
        errors.push(FieldError::invalid(at, &amount.0, detail));
    }
}

/// Adds what is wrong with what a container asks for; `check` judges the names.
pub fn requirements(
    limits: Option<&Amounts>,
    requests: Option<&Amounts>,
    check: fn(&str, &Path<'_>, &mut Errors),
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let (of_limits, of_requests) = (at.child("limits"), at.child("requests"));
    let (mut compute, mut pages) = (false, false);
    for (list, all) in [(&of_limits, limits), (&of_requests, requests)] {
        for (resource, quantity) in all.into_iter().flatten() {
            let at = list.key(resource);
            check(resource, &at, errors);
            amount(resource, quantity, &at, errors);
            compute |= matches!(resource.as_str(), "cpu" | "memory");
            pages |= is_huge_page(resource);
            if std::ptr::eq(list, &of_requests) {
                against_limit(
                    resource,
                    quantity,
                    limits,
                    (&of_limits, &of_requests),
                    errors,
                );
            }
            huge_pages(resource, quantity, &at, errors);
        }
    }
    if pages && !compute {
        errors.push(FieldError::forbidden(at, "HugePages require cpu or memory"));
    }
}

fn against_limit(
    resource: &str,
    request: &Quantity,
    limits: Option<&Amounts>,
    (of_limits, of_requests): (&Path<'_>, &Path<'_>),
    errors: &mut Errors,
) {
    let overcommit = allows_overcommit(resource);
    let Some(limit) = limits.and_then(|limits| limits.get(resource)) else {
        if !overcommit {
            let detail = "Limit must be set for non overcommitable resources";
            errors.push(FieldError::required(of_limits, detail));
        }
        return;
    };
    let relation = match quantity::compare(request, limit) {
        Ordering::Equal => return,
        _ if !overcommit => "equal to",
        Ordering::Greater => "less than or equal to",
        Ordering::Less => return,
    };
    let detail = format!("must be {relation} {resource} limit of {}", limit.0);
    errors.push(FieldError::invalid(of_requests, &request.0, detail));
}

/// Adds what is wrong with a container's resources; `claims` are those its Pod has.
pub fn container_requirements(
    resources: &ResourceRequirements,
    claims: &SortedSet<&str>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    requirements(
        resources.limits.as_ref(),
        resources.requests.as_ref(),
        container_resource_name,
        at,
        errors,
    );
    let list = at.child("claims");
    let mut names = SortedSet::new();
    for (index, claim) in resources.claims.iter().flatten().enumerate() {
        let at = list.index(index);
        if claim.name.is_empty() {
            errors.push(FieldError::required(&at, ""));
            continue;
        }
        let key = match super::text(claim.request.as_ref()) {
            "" => claim.name.clone(),
            request => {
                refuse(
                    name::dns_label(request),
                    request,
                    &at.child("request"),
                    errors,
                );
                format!("{}/{request}", claim.name)
            }
        };
        let repeated = names.contains(&claim.name) || names.contains(&key);
        if repeated {
            errors.push(FieldError::duplicate(&at, &key));
        }
        names.insert(key);
        if !claims.contains(claim.name.as_str()) {
            let mut error = FieldError::not_found(&at, &claim.name);
            let known: Vec<&str> = claims.iter().copied().collect();
            error.detail = match known.is_empty() {
                true => {
                    "must be one of the names in pod.spec.resourceClaims which is empty".to_owned()
                }
                false => format!(
                    "must be one of the names in pod.spec.resourceClaims: {}",
                    known.join(", ")
                ),
            };
            errors.push(error);
        }
    }
}

/// Rounds amounts up to thousandths and writes them as they are stored.
pub fn round(amounts: Option<&mut Amounts>) {
    for amount in amounts.into_iter().flat_map(BTreeMap::values_mut) {
        if let Some(canonical) = quantity::canonical(&amount.0)
            && canonical != amount.0
        {
            amount.0 = canonical;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(pairs: &[(&str, &str)]) -> Amounts {
        let owned = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), Quantity((*v).to_owned())));
        owned.collect()
    }

    fn wrong(limits: &[(&str, &str)], requests: &[(&str, &str)]) -> Vec<String> {
        let (limits, requests) = (amounts(limits), amounts(requests));
        let mut errors = Vec::new();
        requirements(
            Some(&limits),
            Some(&requests),
            container_resource_name,
            &Path::new("resources"),
            &mut errors,
        );
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn requests_stay_within_limits() {
        assert!(wrong(&[("cpu", "1")], &[("cpu", "500m"), ("memory", "1Gi")]).is_empty());
        assert_eq!(
            wrong(&[("cpu", "1")], &[("cpu", "2")]),
            [
                "resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"
            ]
        );
        assert_eq!(
            wrong(&[], &[("cpu", "-1")]),
            ["resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0"]
        );
        assert_eq!(
            wrong(&[("example.com/gpu", "2")], &[("example.com/gpu", "1")]),
            [
                "resources.requests: Invalid value: \"1\": must be equal to example.com/gpu limit of 2"
            ]
        );
        assert_eq!(
            wrong(&[], &[("example.com/gpu", "1")]),
            [
                "resources.limits: Required value: Limit must be set for non overcommitable resources"
            ]
        );
    }

    #[test]
    fn names_are_standard_or_qualified() {
        assert_eq!(
            wrong(&[("storage", "1Gi")], &[]),
            [
                "resources.limits[storage]: Invalid value: \"storage\": must be a standard resource for containers"
            ]
        );
        assert_eq!(wrong(&[("foo", "1")], &[]).len(), 2);
        assert_eq!(
            wrong(&[("hugepages-2Mi", "3Mi"), ("cpu", "1")], &[]),
            [
                "resources.limits[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive integer multiple of hugepages-2Mi"
            ]
        );
    }
}
