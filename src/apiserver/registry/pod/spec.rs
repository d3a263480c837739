//! What is wrong with a Pod's spec, in a Pod or in a template.
//!
//! Upstream: pkg/apis/core/validation/validation.go (ValidatePodSpec,
//! ValidatePodSpecificAnnotations, ValidatePodTemplateSpec), v1.36. Left out: AppArmor's and
//! seccomp's annotations, Windows' host processes.

use super::super::rules::name::{
    dns_label, dns_subdomain, dns_subdomain_with_underscore, qualified_name,
};
use super::super::rules::{
    Errors, address, meta, number, one_of, refuse, required_one_of, resource, shown, text,
};
use super::super::volume;
use super::container::{self, Around};
use super::{affinity, resources, security};
use crate::api::field::{FieldError, Path};
use crate::api::quantity;
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::{PodDNSConfig, PodSpec, PodTemplateSpec, ResourceRequirements};
use std::collections::BTreeMap;

/// Adds what is wrong with `spec`; `pod` is the Pod's name, where it is no template's.
pub fn pod_spec(spec: &PodSpec, pod: Option<&str>, at: &Path<'_>, errors: &mut Errors) {
    if spec.termination_grace_period_seconds.is_none() {
        let at = at.child("terminationGracePeriodSeconds");
        errors.push(FieldError::required(&at, ""));
    }
    let volumes = spec.volumes.as_deref().unwrap_or_default();
    let volumes = volume::pod::volumes(volumes, pod, &at.child("volumes"), errors);
    let claims = resource_claims(spec, &at.child("resourceClaims"), errors);
    let around = Around {
        volumes,
        claims,
        spec,
    };
    container::containers(&around, &at.child("containers"), errors);
    container::init_containers(&around, &at.child("initContainers"), errors);
    container::ephemeral_containers(&around, &at.child("ephemeralContainers"), errors);
    if let Some(resources) = &spec.resources {
        pod_resources(spec, resources, &at.child("resources"), errors);
    }
    host_network(spec, pod.is_some(), at, errors);
    policies(spec, at, errors);
    meta::labels(
        spec.node_selector.as_ref(),
        &at.child("nodeSelector"),
        errors,
    );
    security::of_pod(spec, &at.child("securityContext"), errors);
    if let Some(affinity) = &spec.affinity {
        affinity::affinity(affinity, &at.child("affinity"), errors);
    }
    dns_config(spec, &at.child("dnsConfig"), errors);
    gates(spec, at, errors);
    let constraints = spec
        .topology_spread_constraints
        .as_deref()
        .unwrap_or_default();
    affinity::spread(constraints, &at.child("topologySpreadConstraints"), errors);
    security::host_and_system(spec, at, errors);
    names(spec, at, errors);
    security::system(spec, at, errors);
}

fn policies(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    let restart = text(spec.restart_policy.as_ref());
    let restarts = ["Always", "OnFailure", "Never"];
    required_one_of(restart, &restarts, &at.child("restartPolicy"), errors);
    let dns = text(spec.dns_policy.as_ref());
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    required_one_of(dns, &policies, &at.child("dnsPolicy"), errors);
}

/// The rest of the fields, in upstream's order.
fn names(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    for (field, value) in [
        ("serviceAccountName", &spec.service_account_name),
        ("nodeName", &spec.node_name),
    ] {
        let value = text(value.as_ref());
        if !value.is_empty() {
            refuse(dns_subdomain(value), value, &at.child(field), errors);
        }
    }
    if let Some(seconds) = spec.active_deadline_seconds {
        let at = at.child("activeDeadlineSeconds");
        number::in_range(seconds, 1, i32::MAX.into(), &at, errors);
    }
    for (field, value) in [("hostname", &spec.hostname), ("subdomain", &spec.subdomain)] {
        let value = text(value.as_ref());
        if !value.is_empty() {
            refuse(dns_label(value), value, &at.child(field), errors);
        }
    }
    let tolerations = spec.tolerations.as_deref().unwrap_or_default();
    affinity::tolerations(tolerations, &at.child("tolerations"), errors);
    let list = at.child("hostAliases");
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        let at = list.index(index);
        address::ip(&alias.ip, &at.child("ip"), errors);
        let list = at.child("hostnames");
        for (index, name) in alias.hostnames.iter().flatten().enumerate() {
            refuse(dns_subdomain(name), name, &list.index(index), errors);
        }
    }
    let class = text(spec.priority_class_name.as_ref());
    if !class.is_empty() {
        refuse(
            dns_subdomain(class),
            class,
            &at.child("priorityClassName"),
            errors,
        );
    }
    if let Some(class) = &spec.runtime_class_name {
        refuse(
            dns_subdomain(class),
            class,
            &at.child("runtimeClassName"),
            errors,
        );
    }
    if let Some(policy) = &spec.preemption_policy {
        let policies = ["PreemptLowerPriority", "Never"];
        required_one_of(policy, &policies, &at.child("preemptionPolicy"), errors);
    }
    if spec.overhead.is_some() {
        let check = resource::container_resource_name;
        let at = at.child("overhead");
        resource::requirements(spec.overhead.as_ref(), None, check, &at, errors);
    }
}

fn gates(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    let list = at.child("readinessGates");
    for (index, gate) in spec.readiness_gates.iter().flatten().enumerate() {
        let at = list.index(index);
        let kind = &gate.condition_type;
        refuse(
            qualified_name(kind),
            kind,
            &at.child("conditionType"),
            errors,
        );
    }
    let list = at.child("schedulingGates");
    let mut seen = SortedSet::new();
    for (index, gate) in spec.scheduling_gates.iter().flatten().enumerate() {
        let at = list.index(index);
        refuse(qualified_name(&gate.name), &gate.name, &at, errors);
        if !seen.insert(gate.name.as_str()) {
            errors.push(FieldError::duplicate(&at, &gate.name));
        }
    }
}

fn resource_claims<'a>(
    spec: &'a PodSpec,
    list: &Path<'_>,
    errors: &mut Errors,
) -> SortedSet<&'a str> {
    let mut names = SortedSet::new();
    for (index, claim) in spec.resource_claims.iter().flatten().enumerate() {
        let at = list.index(index);
        let of_name = at.child("name");
        if claim.name.is_empty() {
            errors.push(FieldError::required(&of_name, ""));
        } else if !names.insert(claim.name.as_str()) {
            errors.push(FieldError::duplicate(&of_name, &claim.name));
        } else {
            refuse(dns_label(&claim.name), &claim.name, &of_name, errors);
        }
        let (claim_name, template) = (
            &claim.resource_claim_name,
            &claim.resource_claim_template_name,
        );
        let detail = match (claim_name, template) {
            (Some(_), Some(_)) => Some(
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
            ),
            (None, None) => {
                Some("must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
            }
            _ => None,
        };
        if let Some(detail) = detail {
            errors.push(FieldError::invalid_value(&at, shown(claim), detail));
        }
        for (field, name) in [
            ("resourceClaimName", claim_name),
            ("resourceClaimTemplateName", template),
        ] {
            if let Some(name) = name {
                refuse(dns_subdomain(name), name, &at.child(field), errors);
            }
        }
    }
    names
}

fn pod_resources(spec: &PodSpec, own: &ResourceRequirements, at: &Path<'_>, errors: &mut Errors) {
    fn check(name: &str, at: &Path<'_>, errors: &mut Errors) {
        let supported = matches!(name, "cpu" | "memory") || resource::is_huge_page(name);
        if resource::resource_name(name, at, errors) && !supported {
            one_of(name, &["cpu", "hugepages-", "memory"], at, errors);
        }
    }
    if own.claims.is_some() {
        let detail = "claims cannot be set for Resources at pod-level";
        errors.push(FieldError::forbidden(&at.child("claims"), detail));
    }
    resource::requirements(
        own.limits.as_ref(),
        own.requests.as_ref(),
        check,
        at,
        errors,
    );
    let zero = quantity::from_milli(0);
    let requests = at.child("requests");
    for (name, sum) in resources::container_requests(spec) {
        let given = own.requests.as_ref().and_then(|all| all.get(&name));
        let given = given.unwrap_or(&zero);
        if quantity::compare(&sum, given).is_gt() {
            let detail = format!(
                "must be greater than or equal to aggregate container requests of {}",
                sum.0
            );
            errors.push(FieldError::invalid(&requests.key(&name), &given.0, detail));
        }
    }
    let list = at.child("containers");
    for (index, container) in spec.containers.iter().enumerate() {
        let limits = container.resources.as_ref().and_then(|r| r.limits.as_ref());
        for (name, limit) in limits.into_iter().flatten() {
            let Some(most) = own.limits.as_ref().and_then(|all| all.get(name)) else {
                continue;
            };
            if quantity::compare(limit, most).is_gt() {
                let detail = format!("must be less than or equal to pod limits of {}", most.0);
                let at = list.index(index);
                let at = at.key(name);
                errors.push(FieldError::invalid(&at.child("limits"), &limit.0, detail));
            }
        }
    }
}

fn host_network(spec: &PodSpec, is_pod: bool, at: &Path<'_>, errors: &mut Errors) {
    if spec.host_network != Some(true) {
        return;
    }
    let list = at.child("containers");
    for (index, container) in spec.containers.iter().enumerate() {
        let at = list.index(index);
        let list = at.child("ports");
        for (index, port) in container.ports.iter().flatten().enumerate() {
            let host = port.host_port.unwrap_or(0);
            if (is_pod || host != 0) && host != port.container_port {
                let at = list.index(index);
                let detail = "must match `containerPort` when `hostNetwork` is true";
                errors.push(FieldError::invalid_value(
                    &at.child("hostPort"),
                    host,
                    detail,
                ));
            }
        }
    }
}

fn dns_config(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    let servers = |config: &PodDNSConfig| config.nameservers.as_ref().map_or(0, Vec::len);
    if spec.dns_policy.as_deref() == Some("None") {
        let Some(config) = &spec.dns_config else {
            let detail = "must provide `dnsConfig` when `dnsPolicy` is None";
            errors.push(FieldError::required(at, detail));
            return;
        };
        if servers(config) == 0 {
            let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            errors.push(FieldError::required(&at.child("nameservers"), detail));
            return;
        }
    }
    let Some(config) = &spec.dns_config else {
        return;
    };
    let list = at.child("nameservers");
    if servers(config) > 3 {
        let detail = "must not have more than 3 nameservers";
        errors.push(FieldError::invalid_value(
            &list,
            shown(&config.nameservers),
            detail,
        ));
    }
    for (index, server) in config.nameservers.iter().flatten().enumerate() {
        address::ip(server, &list.index(index), errors);
    }
    let searches = config.searches.as_deref().unwrap_or_default();
    let list = at.child("searches");
    let too = |what: &str| format!("must not have more than {what}");
    if searches.len() > 32 {
        let detail = too("32 search paths");
        errors.push(FieldError::invalid_value(&list, shown(searches), detail));
    }
    if searches.join(" ").len() > 2_048 {
        let detail = too("2048 characters (including spaces) in the search list");
        errors.push(FieldError::invalid_value(&list, shown(searches), detail));
    }
    for (index, search) in searches.iter().enumerate().filter(|(_, s)| *s != ".") {
        let search = search.strip_suffix('.').unwrap_or(search);
        let wrong = dns_subdomain_with_underscore(search);
        refuse(wrong, search, &list.index(index), errors);
    }
    let list = at.child("options");
    for (index, option) in config.options.iter().flatten().enumerate() {
        if text(option.name.as_ref()).is_empty() {
            errors.push(FieldError::required(
                &list.index(index),
                "must not be empty",
            ));
        }
    }
}

/// Adds what is wrong with the annotations that mean something for a Pod.
pub fn annotations(
    annotations: Option<&BTreeMap<String, String>>,
    spec: &PodSpec,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    const MIRROR: &str = "kubernetes.io/config.mirror";
    const COST: &str = "controller.kubernetes.io/pod-deletion-cost";
    let Some(annotations) = annotations else {
        return;
    };
    if let Some(value) = annotations.get(MIRROR)
        && text(spec.node_name.as_ref()).is_empty()
    {
        let detail = "must set spec.nodeName if mirror pod annotation is set";
        errors.push(FieldError::invalid(&at.key(MIRROR), value, detail));
    }
    if let Some(cost) = annotations.get(COST) {
        let plain = !cost.starts_with('+') && !has_leading_zero(cost);
        if !plain || cost.parse::<i32>().is_err() {
            let detail = "must be a 32bit integer";
            errors.push(FieldError::invalid(&at.key(COST), cost, detail));
        }
    }
}

fn has_leading_zero(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.len() > 1 && digits.starts_with('0')
}

/// Adds what is wrong with a template's labels, annotations and spec.
pub fn template(template: &PodTemplateSpec, at: &Path<'_>, errors: &mut Errors) {
    let empty = PodSpec::default();
    let spec = template.spec.as_ref().unwrap_or(&empty);
    template_metadata(template, at, errors);
    let of_spec = at.child("spec");
    pod_spec(spec, None, &of_spec, errors);
    if spec
        .ephemeral_containers
        .as_ref()
        .is_some_and(|c| !c.is_empty())
    {
        let detail = "ephemeral containers not allowed in pod template";
        errors.push(FieldError::forbidden(
            &of_spec.child("ephemeralContainers"),
            detail,
        ));
    }
}

/// Adds what is wrong with a template's labels and annotations.
pub fn template_metadata(template: &PodTemplateSpec, at: &Path<'_>, errors: &mut Errors) {
    let empty = PodSpec::default();
    let spec = template.spec.as_ref().unwrap_or(&empty);
    let metadata = template.metadata.as_ref();
    let labels = metadata.and_then(|m| m.labels.as_ref());
    meta::labels(labels, &at.child("labels"), errors);
    let given = metadata.and_then(|m| m.annotations.as_ref());
    let at = at.child("annotations");
    meta::annotations(given, &at, errors);
    annotations(given, spec, &at, errors);
}
