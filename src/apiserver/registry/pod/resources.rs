//! What a Pod's containers ask for together, and the quality of service that follows.
//!
//! Upstream: staging/src/k8s.io/component-helpers/resource/helpers.go and
//! pkg/apis/core/helper/qos/qos.go, v1.36.

pub use super::super::rules::resource::Amounts;

use crate::api::quantity;
use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;

fn requests(resources: &ResourceRequirements) -> Option<&Amounts> {
    resources.requests.as_ref()
}

fn limits(resources: &ResourceRequirements) -> Option<&Amounts> {
    resources.limits.as_ref()
}

/// What a Pod's containers request together.
pub fn container_requests(spec: &PodSpec) -> Amounts {
    together(spec, requests)
}

/// What a Pod requests: its own requests before those of its containers, and its overhead.
pub fn pod_requests(spec: &PodSpec) -> Amounts {
    whole(spec, requests)
}

/// What a Pod is limited to; a resource that some container is not limited in is left in.
pub fn pod_limits(spec: &PodSpec) -> Amounts {
    whole(spec, limits)
}

fn whole(spec: &PodSpec, of: fn(&ResourceRequirements) -> Option<&Amounts>) -> Amounts {
    let mut total = together(spec, of);
    if let Some(own) = spec.resources.as_ref().and_then(of) {
        total.extend(
            own.iter()
                .map(|(name, amount)| (name.clone(), amount.clone())),
        );
    }
    for (name, amount) in spec.overhead.iter().flatten() {
        if let Some(sum) = total.get_mut(name) {
            *sum = quantity::add(sum, amount);
        } else {
            total.insert(name.clone(), amount.clone());
        }
    }
    total
}

/// Containers and sidecars add up; an init container needs its own with the sidecars before it.
fn together(spec: &PodSpec, of: fn(&ResourceRequirements) -> Option<&Amounts>) -> Amounts {
    let amounts = |container: &Container| -> Amounts {
        let all = container.resources.as_ref().and_then(of);
        all.cloned().unwrap_or_default()
    };
    let mut total = Amounts::new();
    for container in &spec.containers {
        add(&mut total, &amounts(container));
    }
    let (mut sidecars, mut starting) = (Amounts::new(), Amounts::new());
    for container in spec.init_containers.iter().flatten() {
        let own = amounts(container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut total, &own);
            add(&mut sidecars, &own);
            raise(&mut starting, &sidecars);
        } else {
            let mut with = sidecars.clone();
            add(&mut with, &own);
            raise(&mut starting, &with);
        }
    }
    raise(&mut total, &starting);
    total
}

fn add(total: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = match total.get(name) {
            Some(sum) => quantity::add(sum, amount),
            None => amount.clone(),
        };
        total.insert(name.clone(), sum);
    }
}

fn raise(total: &mut Amounts, least: &Amounts) {
    for (name, amount) in least {
        let enough = |sum: &Quantity| quantity::compare(sum, amount).is_ge();
        if !total.get(name).is_some_and(enough) {
            total.insert(name.clone(), amount.clone());
        }
    }
}

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub fn qos_class(spec: &PodSpec) -> &'static str {
    let (mut any, mut guaranteed) = (false, true);
    let own = spec.resources.as_ref();
    let own = own.filter(|r| r.requests.is_some() || r.limits.is_some());
    let containers = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten());
    let all: Vec<Option<&ResourceRequirements>> = match own {
        Some(own) => vec![Some(own)],
        None => containers.map(|c| c.resources.as_ref()).collect(),
    };
    let empty = BTreeMap::new();
    for resources in all {
        let limits = resources.and_then(limits).unwrap_or(&empty);
        let requests = resources.and_then(requests).unwrap_or(&empty);
        for name in ["cpu", "memory"] {
            let of = |amounts: &Amounts| amounts.get(name).map_or(0, quantity::milli_value);
            let (limit, request) = (of(limits), of(requests));
            any |= limit > 0 || request > 0;
            guaranteed &= limit > 0 && limit == request;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(cpu: &str, sidecar: bool) -> Container {
        let requests = [("cpu".to_owned(), Quantity(cpu.to_owned()))].into();
        Container {
            resources: Some(ResourceRequirements {
                requests: Some(requests),
                ..Default::default()
            }),
            restart_policy: sidecar.then(|| "Always".to_owned()),
            ..Container::default()
        }
    }

    #[test]
    fn init_containers_count_once_and_sidecars_always() {
        let mut spec = PodSpec {
            containers: vec![container("100m", false), container("200m", false)],
            init_containers: Some(vec![container("1", false)]),
            ..PodSpec::default()
        };
        assert_eq!(pod_requests(&spec)["cpu"].0, "1");
        spec.init_containers = Some(vec![container("500m", true), container("1", false)]);
        assert_eq!(pod_requests(&spec)["cpu"].0, "1500m");
        spec.init_containers = Some(vec![container("50m", true)]);
        assert_eq!(pod_requests(&spec)["cpu"].0, "350m");
        assert_eq!(qos_class(&spec), "Burstable");
    }
}
