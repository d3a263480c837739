//! What a Pod and a Pod's spec have when their author left it out.
//!
//! Upstream: pkg/apis/core/v1/defaults.go and conversion.go, v1.36.

use super::super::rules::resource::{self, Amounts};
use super::super::rules::text;
use super::super::volume;
use super::resources;
use k8s_openapi::api::core::v1::{
    Container, EnvVar, EphemeralContainer, LifecycleHandler, Pod, PodSpec, PodTemplateSpec, Probe,
    ResourceRequirements,
};

/// Sets an empty text.
pub fn set(field: &mut Option<String>, value: &str) {
    if text(field.as_ref()).is_empty() {
        *field = Some(value.to_owned());
    }
}

/// Fills in a Pod.
pub fn pod(pod: &mut Pod) {
    let spec = pod.spec.get_or_insert_default();
    pod_spec(spec);
    let host_network = spec.host_network == Some(true);
    let init = spec.init_containers.iter_mut().flatten();
    for container in spec.containers.iter_mut().chain(init) {
        if let Some(resources) = container.resources.as_mut() {
            requests_from_limits(resources);
        }
        if host_network {
            for port in container.ports.iter_mut().flatten() {
                if port.host_port.unwrap_or(0) == 0 {
                    port.host_port = Some(port.container_port);
                }
            }
        }
    }
    pod_level_requests(spec);
    spec.enable_service_links.get_or_insert(true);
}

/// A limit without a request is a request too.
fn requests_from_limits(resources: &mut ResourceRequirements) {
    if let Some(limits) = &resources.limits {
        let requests = resources.requests.get_or_insert_default();
        for (name, amount) in limits {
            if !requests.contains_key(name) {
                requests.insert(name.clone(), amount.clone());
            }
        }
    }
}

/// A Pod with limits of its own requests what its containers do, else what the limits say.
fn pod_level_requests(spec: &mut PodSpec) {
    let supported = |name: &str| matches!(name, "cpu" | "memory") || resource::is_huge_page(name);
    let of_containers = resources::container_requests(spec);
    let Some(resources) = spec.resources.as_mut() else {
        return;
    };
    let Some(limits) = resources
        .limits
        .as_ref()
        .filter(|limits| !limits.is_empty())
    else {
        return;
    };
    let mut requests: Amounts = resources.requests.clone().unwrap_or_default();
    for (name, amount) in of_containers.iter().chain(limits) {
        let from_containers = of_containers.contains_key(name);
        let wanted = supported(name) && (!from_containers || resource::allows_overcommit(name));
        if wanted && !requests.contains_key(name) {
            requests.insert(name.clone(), amount.clone());
        }
    }
    if !requests.is_empty() {
        resources.requests = Some(requests);
    }
}

/// Fills in the template of a workload's Pods.
pub fn template(template: &mut PodTemplateSpec) {
    pod_spec(template.spec.get_or_insert_default());
}

/// Fills in a Pod spec, in a Pod or in a template.
pub fn pod_spec(spec: &mut PodSpec) {
    set(&mut spec.dns_policy, "ClusterFirst");
    set(&mut spec.restart_policy, "Always");
    set(&mut spec.scheduler_name, "default-scheduler");
    spec.security_context.get_or_insert_default();
    spec.termination_grace_period_seconds.get_or_insert(30);
    if text(spec.service_account_name.as_ref()).is_empty() {
        spec.service_account_name.clone_from(&spec.service_account);
    }
    spec.service_account.clone_from(&spec.service_account_name);
    let init = spec.init_containers.iter_mut().flatten();
    for c in spec.containers.iter_mut().chain(init) {
        container(c);
    }
    for c in spec.ephemeral_containers.iter_mut().flatten() {
        ephemeral_container(c);
    }
    for v in spec.volumes.iter_mut().flatten() {
        volume::pod::default(v);
    }
    resource::round(spec.overhead.as_mut());
    if let Some(resources) = spec.resources.as_mut() {
        resource::round(resources.limits.as_mut());
        resource::round(resources.requests.as_mut());
    }
}

fn ephemeral_container(container: &mut EphemeralContainer) {
    let policy = pull_policy(text(container.image.as_ref()));
    set(&mut container.image_pull_policy, policy);
    messages(
        &mut container.termination_message_path,
        &mut container.termination_message_policy,
    );
    container.resources.get_or_insert_default();
    variables(container.env.as_deref_mut().unwrap_or_default());
}

fn messages(path: &mut Option<String>, policy: &mut Option<String>) {
    set(path, "/dev/termination-log");
    set(policy, "File");
}

fn variables(variables: &mut [EnvVar]) {
    for variable in variables {
        if let Some(from) = variable.value_from.as_mut()
            && let Some(reference) = from.field_ref.as_mut()
        {
            set(&mut reference.api_version, "v1");
        }
    }
}

fn container(container: &mut Container) {
    let policy = pull_policy(text(container.image.as_ref()));
    set(&mut container.image_pull_policy, policy);
    messages(
        &mut container.termination_message_path,
        &mut container.termination_message_policy,
    );
    for port in container.ports.iter_mut().flatten() {
        set(&mut port.protocol, "TCP");
    }
    let resources = container.resources.get_or_insert_default();
    resource::round(resources.limits.as_mut());
    resource::round(resources.requests.as_mut());
    for probe in [
        container.liveness_probe.as_mut(),
        container.readiness_probe.as_mut(),
        container.startup_probe.as_mut(),
    ] {
        probe.map(defaulted);
    }
    if let Some(lifecycle) = container.lifecycle.as_mut() {
        lifecycle.post_start.as_mut().map(handler);
        lifecycle.pre_stop.as_mut().map(handler);
    }
    variables(container.env.as_deref_mut().unwrap_or_default());
}

fn handler(handler: &mut LifecycleHandler) {
    if let Some(get) = handler.http_get.as_mut() {
        set(&mut get.path, "/");
        set(&mut get.scheme, "HTTP");
    }
}

fn defaulted(probe: &mut Probe) {
    for (field, value) in [
        (&mut probe.timeout_seconds, 1),
        (&mut probe.period_seconds, 10),
        (&mut probe.success_threshold, 1),
        (&mut probe.failure_threshold, 3),
    ] {
        if field.unwrap_or(0) == 0 {
            *field = Some(value);
        }
    }
    if let Some(get) = probe.http_get.as_mut() {
        set(&mut get.path, "/");
        set(&mut get.scheme, "HTTP");
    }
    if let Some(grpc) = probe.grpc.as_mut() {
        grpc.service.get_or_insert_default();
    }
}

/// When an image is pulled, if nobody says: always, if its tag may come to mean another one.
pub fn pull_policy(image: &str) -> &'static str {
    match tag(image) {
        "" | "latest" => "Always",
        _ => "IfNotPresent",
    }
}

/// The tag of an image; empty where it has none or a digest names it.
fn tag(image: &str) -> &str {
    if image.contains('@') {
        return "digest";
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split_once(':').map_or("", |(_, tag)| tag)
}
