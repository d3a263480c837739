//! What a namespace's LimitRanges give to containers that ask for nothing, and refuse.
//!
//! Upstream: plugin/pkg/admission/limitranger/admission.go, v1.36.

use super::{Surroundings, forbidden, joined, new_pod};
use crate::api::meta::MetaExt;
use crate::api::{Object, Status, quantity};
use crate::apiserver::registry::resources::{Amounts, pod_limits, pod_requests};
use k8s_openapi::api::core::v1::{
    Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod, PodSpec,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// Gives the containers of a new Pod the default limits and requests of its namespace.
///
/// # Errors
/// None.
pub fn admit(object: &mut Object, around: &mut Surroundings<'_>) -> Result<(), Status> {
    let namespace = object.namespace().to_owned();
    let Some(pod) = new_pod(object, around) else {
        return Ok(());
    };
    for range in around.all::<LimitRange>(Some(&namespace)) {
        let (mut limits, mut requests) = (Amounts::new(), Amounts::new());
        for item in items(range).filter(|item| item.type_ == "Container") {
            limits.extend(item.default.clone().unwrap_or_default());
            requests.extend(item.default_request.clone().unwrap_or_default());
        }
        let spec = pod.spec.get_or_insert_default();
        let mut told = Vec::new();
        for container in &mut spec.containers {
            fill(container, "container", &limits, &requests, &mut told);
        }
        for container in spec.init_containers.iter_mut().flatten() {
            fill(container, "init container", &limits, &requests, &mut told);
        }
        if !told.is_empty() {
            let text = format!("LimitRanger plugin set: {}", told.join("; "));
            let annotations = pod.metadata.annotations.get_or_insert_default();
            annotations.insert(ANNOTATION.to_owned(), text);
        }
    }
    Ok(())
}

fn items(range: &LimitRange) -> impl Iterator<Item = &LimitRangeItem> {
    range.spec.iter().flat_map(|spec| &spec.limits)
}

fn fill(
    container: &mut Container,
    what: &str,
    limits: &Amounts,
    requests: &Amounts,
    told: &mut Vec<String>,
) {
    let name = container.name.clone();
    let mut add = |to: &mut Option<Amounts>, from: &Amounts, word: &str| {
        let to = to.get_or_insert_default();
        let mut set: Vec<&str> = Vec::new();
        for (resource, amount) in from {
            if !to.contains_key(resource) {
                to.insert(resource.clone(), amount.clone());
                set.push(resource);
            }
        }
        if !set.is_empty() {
            told.push(format!("{} {word} for {what} {name}", set.join(", ")));
        }
    };
    if limits.is_empty() && requests.is_empty() {
        return;
    }
    let resources = container.resources.get_or_insert_default();
    add(&mut resources.requests, requests, "request");
    add(&mut resources.limits, limits, "limit");
    resources.requests.take_if(|amounts| amounts.is_empty());
    resources.limits.take_if(|amounts| amounts.is_empty());
}

/// Refuses a new Pod, and a claim, that its namespace's LimitRanges do not allow.
///
/// # Errors
/// `Forbidden`.
pub fn validate(object: &Object, around: &Surroundings<'_>) -> Result<(), Status> {
    let is_new = around.old.is_none();
    for range in around.all::<LimitRange>(Some(object.namespace())) {
        let wrong = match object {
            Object::Pod(pod) if is_new => pod_wrongs(pod, range),
            Object::PersistentVolumeClaim(claim) => claim_wrongs(claim, range),
            _ => return Ok(()),
        };
        if !wrong.is_empty() {
            return Err(forbidden(object, joined(&wrong)));
        }
    }
    Ok(())
}

/// What something asks for and is limited to.
struct Asked<'a> {
    requests: &'a Amounts,
    limits: &'a Amounts,
}

fn pod_wrongs(pod: &Pod, range: &LimitRange) -> Vec<String> {
    let (mut wrong, none) = (Vec::new(), Amounts::new());
    let empty = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&empty);
    let (requests, limits) = (pod_requests(spec), pod_limits(spec));
    for item in items(range) {
        if item.type_ == "Container" {
            let init = spec.init_containers.iter().flatten();
            for container in spec.containers.iter().chain(init) {
                let resources = container.resources.as_ref();
                let asked = Asked {
                    requests: resources.and_then(|r| r.requests.as_ref()).unwrap_or(&none),
                    limits: resources.and_then(|r| r.limits.as_ref()).unwrap_or(&none),
                };
                against(item, &asked, &mut wrong);
            }
        } else if item.type_ == "Pod" {
            let asked = Asked {
                requests: &requests,
                limits: &limits,
            };
            against(item, &asked, &mut wrong);
        }
    }
    wrong
}

fn claim_wrongs(claim: &PersistentVolumeClaim, range: &LimitRange) -> Vec<String> {
    let (mut wrong, none) = (Vec::new(), Amounts::new());
    let resources = claim.spec.as_ref().and_then(|s| s.resources.as_ref());
    let requests = resources.and_then(|r| r.requests.as_ref()).unwrap_or(&none);
    for item in items(range).filter(|item| item.type_ == "PersistentVolumeClaim") {
        let asked = Asked {
            requests,
            limits: &none,
        };
        for (resource, least) in item.min.iter().flatten() {
            wrong.extend(minimum(item, resource, least, &asked));
        }
        for (resource, most) in item.max.iter().flatten() {
            let says = format!("maximum {resource} usage per {} is {}", item.type_, most.0);
            match requests.get(resource) {
                None => wrong.push(format!("{says}.  No request is specified")),
                Some(request) if quantity::compare(request, most).is_gt() => {
                    wrong.push(format!("{says}, but request is {}", request.0));
                }
                Some(_) => {}
            }
        }
    }
    wrong
}

fn against(item: &LimitRangeItem, asked: &Asked<'_>, wrong: &mut Vec<String>) {
    for (resource, least) in item.min.iter().flatten() {
        wrong.extend(minimum(item, resource, least, asked));
    }
    for (resource, most) in item.max.iter().flatten() {
        wrong.extend(maximum(item, resource, most, asked));
    }
    for (resource, most) in item.max_limit_request_ratio.iter().flatten() {
        wrong.extend(ratio(item, resource, most, asked));
    }
}

fn minimum(
    item: &LimitRangeItem,
    resource: &str,
    least: &Quantity,
    asked: &Asked<'_>,
) -> Option<String> {
    let says = format!("minimum {resource} usage per {} is {}", item.type_, least.0);
    let below = |amount: &Quantity| quantity::compare(amount, least).is_lt();
    match (asked.requests.get(resource), asked.limits.get(resource)) {
        (None, _) => Some(format!("{says}.  No request is specified")),
        (Some(request), _) if below(request) => {
            Some(format!("{says}, but request is {}", request.0))
        }
        (_, Some(limit)) if below(limit) => Some(format!("{says}, but limit is {}", limit.0)),
        _ => None,
    }
}

fn maximum(
    item: &LimitRangeItem,
    resource: &str,
    most: &Quantity,
    asked: &Asked<'_>,
) -> Option<String> {
    let says = format!("maximum {resource} usage per {} is {}", item.type_, most.0);
    let above = |amount: &Quantity| quantity::compare(amount, most).is_gt();
    match (asked.limits.get(resource), asked.requests.get(resource)) {
        (None, _) => Some(format!("{says}.  No limit is specified")),
        (Some(limit), _) if above(limit) => Some(format!("{says}, but limit is {}", limit.0)),
        (_, Some(request)) if above(request) => {
            Some(format!("{says}, but request is {}", request.0))
        }
        _ => None,
    }
}

fn ratio(
    item: &LimitRangeItem,
    resource: &str,
    most: &Quantity,
    asked: &Asked<'_>,
) -> Option<String> {
    let says = format!(
        "{resource} max limit to request ratio per {} is {}",
        item.type_, most.0
    );
    let milli = |amounts: &Amounts| {
        let milli = amounts.get(resource).map_or(0, quantity::milli_value);
        i128::from(milli)
    };
    let (request, limit) = (milli(asked.requests), milli(asked.limits));
    if request == 0 {
        return Some(format!(
            "{says}, but no request is specified or request is 0"
        ));
    }
    if limit == 0 {
        return Some(format!("{says}, but no limit is specified or limit is 0"));
    }
    let most = i128::from(quantity::milli_value(most));
    (limit * 1_000 > most * request).then(|| {
        // As `%f` prints it: six digits, rounded.
        let millionths = (limit * 1_000_000 + request / 2) / request;
        let (whole, rest) = (millionths / 1_000_000, millionths % 1_000_000);
        format!("{says}, but provided ratio is {whole}.{rest:06}")
    })
}
