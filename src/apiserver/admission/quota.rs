//! A namespace's quotas: what is created must fit in what is left.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go and
//! pkg/quota/v1/evaluator/core, v1.36. What is in use is what the quota's status says: the controller
//! counts it, and each admission adds to it, so that one costs the number of quotas. A quota limits
//! nothing until the controller has seen it. Left out: the admission configuration of resources that
//! must have a quota, and resizing of Pods.

use super::{Surroundings, forbidden};
use crate::api::meta::{self, MetaExt};
use crate::api::{Kind, Object, Status, quantity};
use crate::apiserver::registry::resources::{Amounts, pod_limits, pod_requests, qos_class};
use crate::sim::{SimDuration, SimTime, SortedMap, SortedSet, order::map_of};
use k8s_openapi::api::core::v1::{
    Container, PersistentVolumeClaim, Pod, PodSpec, ResourceQuota,
    ScopedResourceSelectorRequirement, Service,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Resources that every container must ask for where a quota counts them.
const EXPLICIT: [&str; 6] = [
    "cpu",
    "limits.cpu",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.memory",
];

/// What the quotas of the object's namespace are when it is stored: those that have to give
/// something, with a status that says so.
///
/// # Errors
/// `Forbidden` where it would exceed one of them.
pub fn charge(object: &Object, around: &Surroundings<'_>) -> Result<Vec<Object>, Status> {
    let of_change = matches!(object.kind(), Kind::Service | Kind::PersistentVolumeClaim);
    if object.kind() == Kind::Event
        || object.namespace().is_empty()
        || (around.old.is_some() && !of_change)
    {
        return Ok(Vec::new());
    }
    let quotas = around.all::<ResourceQuota>(Some(object.namespace()));
    let quotas: Vec<&ResourceQuota> = quotas.filter(|quota| covers(quota, object)).collect();
    if quotas.is_empty() {
        return Ok(Vec::new());
    }
    for quota in &quotas {
        must_specify(quota, object)
            .map_err(|why| format!("failed quota: {}: {why}", quota.name()))
            .and_then(|()| is_counted(quota, object.kind()))
            .map_err(|why| forbidden(object, why))?;
    }
    let mut more = usage(object, around.now);
    let before = around.old.map(|old| usage(old, around.now));
    for (resource, amount) in before.into_iter().flatten() {
        if let Some(sum) = more.get_mut(&resource) {
            *sum = quantity::subtract(sum, &amount);
        }
    }
    // Using less is always allowed, and only counted by the controller.
    more.retain(|_, amount| quantity::milli_value(amount) > 0);
    let charged = quotas.iter().filter_map(|quota| {
        let charged = charged(quota, &more).map_err(|why| forbidden(object, why));
        charged.transpose()
    });
    charged.collect()
}

/// What a quota limits, as the controller has seen it.
fn hard(quota: &ResourceQuota) -> impl Iterator<Item = (&String, &Quantity)> {
    let status = quota.status.iter();
    status.flat_map(|status| status.hard.iter().flatten())
}

/// What a quota is to limit.
fn wanted(quota: &ResourceQuota) -> impl Iterator<Item = (&String, &Quantity)> {
    let spec = quota.spec.iter();
    spec.flat_map(|spec| spec.hard.iter().flatten())
}

/// Whether a quota counts anything of the object, and has it in its scope.
fn covers(quota: &ResourceQuota, object: &Object) -> bool {
    hard(quota).any(|(resource, _)| counts(object.kind(), resource)) && in_scope(quota, object)
}

/// Refuses to go by a quota whose use of what it limits is not known.
fn is_counted(quota: &ResourceQuota, kind: Kind) -> Result<(), String> {
    let used = used_of(quota);
    let limited = hard(quota).filter(|(resource, _)| counts(kind, resource));
    let names: Vec<&str> = limited.map(|(resource, _)| resource.as_str()).collect();
    match names.iter().all(|name| used.contains_key(*name)) {
        true => Ok(()),
        false => Err(format!(
            "status unknown for quota: {}, resources: {}",
            quota.name(),
            names.join(",")
        )),
    }
}

/// Whether a quota counts objects of `kind`.
pub fn counts_kind(quota: &ResourceQuota, kind: Kind) -> bool {
    wanted(quota).any(|(resource, _)| counts(kind, resource))
}

/// What `objects` use at `now` of everything that a quota limits, and nothing else.
pub fn used<'a>(
    quota: &ResourceQuota,
    objects: impl Iterator<Item = &'a Object>,
    now: SimTime,
) -> Amounts {
    let mut total = Amounts::new();
    for object in objects.filter(|object| in_scope(quota, object)) {
        for (resource, amount) in usage(object, now) {
            add(&mut total, &resource, &amount);
        }
    }
    let of = |resource: &String| total.get(resource).cloned().unwrap_or_else(|| number(0));
    map_of(wanted(quota).map(|(resource, _)| (resource.clone(), of(resource))))
}

fn counts(kind: Kind, resource: &str) -> bool {
    // Upstream's quotas do not know events at all.
    if kind == Kind::Event {
        return false;
    }
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
    let mut missing: SortedMap<&str, SortedSet<&str>> = SortedMap::new();
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

fn add(amounts: &mut Amounts, resource: &str, amount: &Quantity) {
    let sum = match amounts.get(resource) {
        Some(sum) => quantity::add(sum, amount),
        None => amount.clone(),
    };
    amounts.insert(resource.to_owned(), sum);
}

/// What an object uses of every resource that a quota can count.
fn usage(object: &Object, now: SimTime) -> Amounts {
    let kind = object.kind();
    let mut used = Amounts::new();
    used.insert(format!("count/{}", kind.qualified_resource()), number(1));
    match object {
        Object::Pod(pod) => pod_usage(pod, now, &mut used),
        Object::Service(service) => service_usage(service, &mut used),
        Object::PersistentVolumeClaim(claim) => claim_usage(claim, &mut used),
        _ => {
            used.insert(kind.row().plural.to_owned(), number(1));
        }
    }
    used
}

/// Whether a Pod uses anything: one that has ended does not, nor one that should long have gone, as
/// on a lost node.
pub fn counts_pod(pod: &Pod, now: SimTime) -> bool {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    let metadata = &pod.metadata;
    let overdue = match (
        &metadata.deletion_timestamp,
        metadata.deletion_grace_period_seconds,
    ) {
        (Some(at), Some(grace)) => {
            let grace = SimDuration::secs(u64::try_from(grace).unwrap_or(0));
            now > meta::to_sim(at) + grace
        }
        _ => false,
    };
    !overdue && !matches!(phase, Some("Failed" | "Succeeded"))
}

fn pod_usage(pod: &Pod, now: SimTime, used: &mut Amounts) {
    let Some(spec) = pod.spec.as_ref().filter(|_| counts_pod(pod, now)) else {
        return;
    };
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

fn used_of(quota: &ResourceQuota) -> Amounts {
    let status = quota.status.as_ref();
    status
        .and_then(|status| status.used.clone())
        .unwrap_or_default()
}

/// The quota once it has given `more`; nothing where it limits none of that.
fn charged(quota: &ResourceQuota, more: &Amounts) -> Result<Option<Object>, String> {
    let before = used_of(quota);
    let mut after = before.clone();
    let mut told: [Vec<String>; 3] = Default::default();
    for (resource, limit) in hard(quota) {
        let Some(request) = more.get(resource) else {
            continue;
        };
        add(&mut after, resource, request);
        if quantity::compare(&after[resource], limit).is_gt() {
            let used = before.get(resource).cloned().unwrap_or_else(|| number(0));
            for (told, amount) in told.iter_mut().zip([request, &used, limit]) {
                told.push(format!("{resource}={}", amount.0));
            }
        }
    }
    let [requested, used, limited] = told.map(|parts| parts.join(","));
    if !requested.is_empty() {
        return Err(format!(
            "exceeded quota: {}, requested: {requested}, used: {used}, limited: {limited}",
            quota.name()
        ));
    }
    let changed = before != after;
    Ok(changed.then(|| {
        let mut quota = quota.clone();
        quota.status.get_or_insert_default().used = Some(after);
        Object::new(quota)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    fn quota(used: serde_json::Value) -> ResourceQuota {
        let status = json!({"hard": {"pods": "2", "cpu": "1"}, "used": used});
        codec::from_value(json!({"metadata": {"name": "q"}, "status": status})).expect("a quota")
    }

    #[test]
    fn a_quota_gives_what_its_status_has_left() {
        let more = Amounts::from([("pods".to_owned(), number(1))]);
        let given = charged(&quota(json!({"pods": "1", "cpu": "1"})), &more).expect("room for one");
        let used = given.expect("it gave").to_json()["status"]["used"].clone();
        assert_eq!(used, json!({"pods": "2", "cpu": "1"}));
        let full = charged(&quota(json!({"pods": "2", "cpu": "0"})), &more);
        assert_eq!(
            full.expect_err("no room"),
            "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"
        );
        let other = Amounts::from([("services".to_owned(), number(1))]);
        let given = charged(&quota(json!({"pods": "2", "cpu": "0"})), &other);
        assert_eq!(given, Ok(None), "it limits no Services");
    }

    #[test]
    fn a_quota_that_is_not_counted_yet_refuses() {
        let uncounted = quota(json!({"pods": "1"}));
        assert_eq!(
            is_counted(&uncounted, Kind::Pod).expect_err("CPU is not counted"),
            "status unknown for quota: q, resources: cpu,pods"
        );
        assert_eq!(is_counted(&uncounted, Kind::Service), Ok(()));
    }

    #[test]
    fn a_pod_that_hangs_in_termination_uses_nothing() {
        let pod: Pod = codec::from_value(json!({
            "metadata": {"name": "p", "deletionTimestamp": "2026-01-01T00:00:30Z",
                "deletionGracePeriodSeconds": 30},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
            "status": {"phase": "Running"},
        }))
        .expect("a Pod");
        let end = meta::to_sim(pod.metadata.deletion_timestamp.as_ref().expect("set"));
        let grace = SimDuration::secs(30);
        assert!(counts_pod(&pod, end + grace));
        assert!(!counts_pod(&pod, end + grace + SimDuration::micros(1)));
        let late = usage(&Object::new(pod), end + SimDuration::secs(60));
        assert_eq!(late, Amounts::from([("count/pods".to_owned(), number(1))]));
    }
}
