//! A namespace's quotas: what is created must fit in what is left.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go and
//! pkg/quota/v1/evaluator/core, v1.36. What is in use is counted from the store at each request, so
//! that a quota holds without the controller that writes its status. Left out: the admission
//! configuration of resources that must have a quota, and resizing of Pods.

use super::{Surroundings, forbidden};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, Status, quantity};
use crate::apiserver::registry::resources::{Amounts, pod_limits, pod_requests, qos_class};
use crate::sim::order::map_of;
use k8s_openapi::api::core::v1::{
    Container, PersistentVolumeClaim, Pod, PodSpec, ResourceQuota,
    ScopedResourceSelectorRequirement, Service,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::{BTreeMap, BTreeSet};

/// Resources that every container must ask for where a quota counts them.
const EXPLICIT: [&str; 6] = [
    "cpu",
    "limits.cpu",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.memory",
];

/// Refuses what would exceed a quota of its namespace.
///
/// # Errors
/// `Forbidden`.
pub fn validate(object: &Object, around: &Surroundings<'_>) -> Result<(), Status> {
    let of_change = matches!(object.kind(), Kind::Service | Kind::PersistentVolumeClaim);
    if object.namespace().is_empty() || (around.old.is_some() && !of_change) {
        return Ok(());
    }
    let mut quotas = around
        .all::<ResourceQuota>(Some(object.namespace()))
        .peekable();
    if quotas.peek().is_none() {
        return Ok(());
    }
    let mut more = usage(object);
    for (resource, amount) in around.old.map(usage).into_iter().flatten() {
        if let Some(sum) = more.get_mut(&resource) {
            *sum = quantity::subtract(sum, &amount);
        }
    }
    // Using less is always allowed.
    more.retain(|_, amount| quantity::milli_value(amount) > 0);
    let quotas: Vec<&ResourceQuota> = quotas.filter(|quota| covers(quota, object)).collect();
    for quota in &quotas {
        must_specify(quota, object)
            .map_err(|why| forbidden(object, format!("failed quota: {}: {why}", quota.name())))?;
    }
    for quota in &quotas {
        fits(quota, &more, object.kind(), around).map_err(|why| forbidden(object, why))?;
    }
    Ok(())
}

fn hard(quota: &ResourceQuota) -> impl Iterator<Item = (&String, &Quantity)> {
    quota
        .spec
        .iter()
        .flat_map(|spec| spec.hard.iter().flatten())
}

/// Whether a quota counts anything of the object, and has it in its scope.
fn covers(quota: &ResourceQuota, object: &Object) -> bool {
    counts_kind(quota, object.kind()) && in_scope(quota, object)
}

/// Whether a quota counts objects of `kind`.
pub fn counts_kind(quota: &ResourceQuota, kind: Kind) -> bool {
    hard(quota).any(|(resource, _)| counts(kind, resource))
}

/// What `objects` use of everything that a quota limits, and nothing else.
pub fn used<'a>(quota: &ResourceQuota, objects: impl Iterator<Item = &'a Object>) -> Amounts {
    let total = total(quota, objects);
    let of = |resource: &String| total.get(resource).cloned().unwrap_or_else(|| number(0));
    map_of(hard(quota).map(|(resource, _)| (resource.clone(), of(resource))))
}

fn counts(kind: Kind, resource: &str) -> bool {
    if resource.strip_prefix("count/") == Some(&kind.qualified_resource()) {
        return true;
    }
    match kind {
        Kind::Pod => {
            let standard = ["cpu", "memory", "ephemeral-storage", "pods"].contains(&resource);
            let starts = ["hugepages-", "limits."]
                .iter()
                .any(|p| resource.starts_with(p));
            let requests = resource.starts_with("requests.") && resource != "requests.storage";
            standard || starts || requests
        }
        Kind::Service => resource == "services" || resource.starts_with("services."),
        Kind::PersistentVolumeClaim => {
            ["persistentvolumeclaims", "requests.storage"].contains(&resource)
                || resource.contains(".storageclass.storage.k8s.io/")
        }
        Kind::ConfigMap | Kind::Secret | Kind::ReplicationController | Kind::ResourceQuota => {
            resource == kind.row().plural
        }
        _ => false,
    }
}

fn in_scope(quota: &ResourceQuota, object: &Object) -> bool {
    let Some(spec) = &quota.spec else { return true };
    let scopes = spec
        .scopes
        .iter()
        .flatten()
        .map(|scope| (scope.as_str(), "Exists", None));
    let selector = spec.scope_selector.as_ref();
    let selected = selector.and_then(|s| s.match_expressions.as_ref());
    let selected = selected
        .into_iter()
        .flatten()
        .map(|one: &ScopedResourceSelectorRequirement| {
            (
                one.scope_name.as_str(),
                one.operator.as_str(),
                one.values.as_ref(),
            )
        });
    let mut all = scopes.chain(selected).peekable();
    if all.peek().is_none() {
        return true;
    }
    let Object::Pod(pod) = object else {
        return false;
    };
    let Some(spec) = &pod.spec else { return false };
    all.all(|(scope, operator, values)| matches_scope(spec, scope, operator, values))
}

fn matches_scope(
    spec: &PodSpec,
    scope: &str,
    operator: &str,
    values: Option<&Vec<String>>,
) -> bool {
    match scope {
        "Terminating" => spec.active_deadline_seconds.is_some(),
        "NotTerminating" => spec.active_deadline_seconds.is_none(),
        "BestEffort" => qos_class(spec) == "BestEffort",
        "NotBestEffort" => qos_class(spec) != "BestEffort",
        "PriorityClass" => {
            let class = spec.priority_class_name.clone().unwrap_or_default();
            let listed = values.is_some_and(|values| values.contains(&class));
            match operator {
                "In" => listed,
                "NotIn" => !listed,
                "DoesNotExist" => class.is_empty(),
                _ => !class.is_empty(),
            }
        }
        "CrossNamespacePodAffinity" => crosses_namespaces(spec),
        _ => false,
    }
}

fn crosses_namespaces(spec: &PodSpec) -> bool {
    let affinity = spec.affinity.as_ref();
    let near = affinity.and_then(|a| a.pod_affinity.as_ref());
    let far = affinity.and_then(|a| a.pod_anti_affinity.as_ref());
    let must = near
        .and_then(|a| {
            a.required_during_scheduling_ignored_during_execution
                .as_ref()
        })
        .into_iter()
        .chain(far.and_then(|a| {
            a.required_during_scheduling_ignored_during_execution
                .as_ref()
        }));
    let may = near
        .and_then(|a| {
            a.preferred_during_scheduling_ignored_during_execution
                .as_ref()
        })
        .into_iter()
        .chain(far.and_then(|a| {
            a.preferred_during_scheduling_ignored_during_execution
                .as_ref()
        }));
    let may = may.flatten().map(|one| &one.pod_affinity_term);
    must.flatten().chain(may).any(|term| {
        let named = term.namespaces.as_ref().is_some_and(|all| !all.is_empty());
        named || term.namespace_selector.is_some()
    })
}

/// A quota of CPU or memory wants every container to ask for it.
fn must_specify(quota: &ResourceQuota, object: &Object) -> Result<(), String> {
    let Object::Pod(pod) = object else {
        return Ok(());
    };
    let Some(spec) = &pod.spec else { return Ok(()) };
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for container in spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten())
    {
        let given = container_usage(container);
        for (resource, _) in hard(quota) {
            if EXPLICIT.contains(&resource.as_str()) && !given.contains_key(resource) {
                missing.entry(resource).or_default().insert(&container.name);
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = missing
        .into_iter()
        .map(|(resource, of)| {
            let of: Vec<&str> = of.into_iter().collect();
            format!("{resource} for: {}", of.join(","))
        })
        .collect();
    Err(format!("must specify {}", texts.join("; ")))
}

fn container_usage(container: &Container) -> Amounts {
    let mut used = Amounts::new();
    if let Some(resources) = &container.resources {
        let none = Amounts::new();
        let requests = resources.requests.as_ref().unwrap_or(&none);
        let limits = resources.limits.as_ref().unwrap_or(&none);
        counted(requests, limits, &mut used);
    }
    used
}

/// Requests and limits under the names that quotas give them.
fn counted(requests: &Amounts, limits: &Amounts, used: &mut Amounts) {
    for (resource, amount) in requests {
        let plain = matches!(resource.as_str(), "cpu" | "memory" | "ephemeral-storage");
        let pages = resource.starts_with("hugepages-");
        let extended = resource.contains('/') && !resource.contains("kubernetes.io/");
        if plain || pages {
            used.insert(resource.clone(), amount.clone());
        }
        if plain || pages || extended {
            used.insert(format!("requests.{resource}"), amount.clone());
        }
    }
    for (resource, amount) in limits {
        if matches!(resource.as_str(), "cpu" | "memory" | "ephemeral-storage") {
            used.insert(format!("limits.{resource}"), amount.clone());
        }
    }
}

fn number(count: u64) -> Quantity {
    Quantity(count.to_string())
}

/// What an object uses of every resource that a quota can count.
fn usage(object: &Object) -> Amounts {
    let kind = object.kind();
    let mut used = Amounts::new();
    used.insert(format!("count/{}", kind.qualified_resource()), number(1));
    match object {
        Object::Pod(pod) => pod_usage(pod, &mut used),
        Object::Service(service) => service_usage(service, &mut used),
        Object::PersistentVolumeClaim(claim) => claim_usage(claim, &mut used),
        _ => {
            used.insert(kind.row().plural.to_owned(), number(1));
        }
    }
    used
}

fn pod_usage(pod: &Pod, used: &mut Amounts) {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let Some(spec) = &pod.spec else { return };
    if matches!(phase, Some("Failed" | "Succeeded")) {
        return;
    }
    used.insert("pods".to_owned(), number(1));
    counted(&pod_requests(spec), &pod_limits(spec), used);
}

fn service_usage(service: &Service, used: &mut Amounts) {
    used.insert("services".to_owned(), number(1));
    let Some(spec) = &service.spec else { return };
    let ports = spec.ports.as_deref().unwrap_or_default();
    let chosen = ports.iter().filter(|port| port.node_port.unwrap_or(0) != 0);
    let (chosen, all) = (chosen.count() as u64, ports.len() as u64);
    let node_ports = match spec.type_.as_deref() {
        Some("NodePort") => all,
        Some("LoadBalancer") => {
            used.insert("services.loadbalancers".to_owned(), number(1));
            match spec.allocate_load_balancer_node_ports {
                Some(false) => chosen,
                _ => all,
            }
        }
        _ => return,
    };
    used.insert("services.nodeports".to_owned(), number(node_ports));
}

fn claim_usage(claim: &PersistentVolumeClaim, used: &mut Amounts) {
    let spec = claim.spec.as_ref();
    let class = spec
        .and_then(|s| s.storage_class_name.as_deref())
        .unwrap_or_default();
    let requests = spec.and_then(|s| s.resources.as_ref()?.requests.as_ref());
    let storage = requests.and_then(|all| all.get("storage"));
    let each = [
        ("persistentvolumeclaims", Some(number(1))),
        ("requests.storage", storage.cloned()),
    ];
    for (resource, amount) in each {
        let Some(amount) = amount else { continue };
        if !class.is_empty() {
            let of_class = format!("{class}.storageclass.storage.k8s.io/{resource}");
            used.insert(of_class, amount.clone());
        }
        used.insert(resource.to_owned(), amount);
    }
}

fn fits(
    quota: &ResourceQuota,
    more: &Amounts,
    kind: Kind,
    around: &Surroundings<'_>,
) -> Result<(), String> {
    let asked: Vec<(&String, &Quantity, &Quantity)> = hard(quota)
        .filter_map(|(resource, limit)| Some((resource, limit, more.get(resource)?)))
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    let in_use = total(quota, around.etcd.list(kind, Some(quota.namespace())));
    let mut told: [Vec<String>; 3] = Default::default();
    for (resource, limit, request) in asked {
        let used = in_use.get(resource).cloned().unwrap_or_else(|| number(0));
        if quantity::compare(&quantity::add(&used, request), limit).is_gt() {
            for (told, amount) in told.iter_mut().zip([request, &used, limit]) {
                told.push(format!("{resource}={}", amount.0));
            }
        }
    }
    let [requested, used, limited] = told.map(|parts| parts.join(","));
    match requested.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "exceeded quota: {}, requested: {requested}, used: {used}, limited: {limited}",
            quota.name()
        )),
    }
}

/// What those of `objects` use that are in a quota's scope.
fn total<'a>(quota: &ResourceQuota, objects: impl Iterator<Item = &'a Object>) -> Amounts {
    let mut total = Amounts::new();
    for object in objects.filter(|object| in_scope(quota, object)) {
        for (resource, amount) in usage(object) {
            let sum = match total.get(&resource) {
                Some(sum) => quantity::add(sum, &amount),
                None => amount,
            };
            total.insert(resource, sum);
        }
    }
    total
}
