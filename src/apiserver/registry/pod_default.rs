//! What a Pod spec has when its author left it out.
//!
//! Upstream: pkg/apis/core/v1/defaults.go, v1.36.

use crate::api::quantity;
use k8s_openapi::api::core::v1::{Container, PodSpec, Probe, ResourceRequirements};

fn set(field: &mut Option<String>, value: &str) {
    if field.as_deref().unwrap_or_default().is_empty() {
        *field = Some(value.to_owned());
    }
}

/// Fills in a Pod spec.
pub fn pod_spec(spec: &mut PodSpec) {
    set(&mut spec.dns_policy, "ClusterFirst");
    set(&mut spec.restart_policy, "Always");
    set(&mut spec.scheduler_name, "default-scheduler");
    spec.security_context.get_or_insert_default();
    spec.termination_grace_period_seconds.get_or_insert(30);
    let host_network = spec.host_network == Some(true);
    for c in spec.init_containers.iter_mut().flatten() {
        container(c, host_network);
    }
    for c in &mut spec.containers {
        container(c, host_network);
    }
    for volume in spec.volumes.iter_mut().flatten() {
        if let Some(config_map) = volume.config_map.as_mut() {
            config_map.default_mode.get_or_insert(0o644);
        }
        if let Some(secret) = volume.secret.as_mut() {
            secret.default_mode.get_or_insert(0o644);
        }
        if let Some(host_path) = volume.host_path.as_mut() {
            host_path.type_.get_or_insert_default();
        }
    }
}

fn container(container: &mut Container, host_network: bool) {
    let pull = match tag(container.image.as_deref().unwrap_or_default()) {
        "" | "latest" => "Always",
        _ => "IfNotPresent",
    };
    set(&mut container.image_pull_policy, pull);
    set(
        &mut container.termination_message_path,
        "/dev/termination-log",
    );
    set(&mut container.termination_message_policy, "File");
    for port in container.ports.iter_mut().flatten() {
        set(&mut port.protocol, "TCP");
        if host_network {
            port.host_port.get_or_insert(port.container_port);
        }
    }
    resources(container.resources.get_or_insert_default());
    for probe in [
        container.liveness_probe.as_mut(),
        container.readiness_probe.as_mut(),
        container.startup_probe.as_mut(),
    ] {
        probe.map(defaulted);
    }
    for variable in container.env.iter_mut().flatten() {
        let reference = variable
            .value_from
            .as_mut()
            .and_then(|from| from.field_ref.as_mut());
        if let Some(reference) = reference {
            set(&mut reference.api_version, "v1");
        }
    }
}

/// Makes a limit without a request a request too: in a Pod, not in a template of Pods.
pub fn requests_of_limits(spec: &mut PodSpec) {
    let inits = spec.init_containers.iter_mut().flatten();
    let resources = inits
        .chain(&mut spec.containers)
        .filter_map(|c| c.resources.as_mut());
    for resources in resources {
        for (name, amount) in resources.limits.iter().flatten() {
            let requests = resources.requests.get_or_insert_default();
            if !requests.contains_key(name) {
                requests.insert(name.clone(), amount.clone());
            }
        }
    }
}

/// Amounts in the form in which they are stored.
fn resources(resources: &mut ResourceRequirements) {
    for amounts in [resources.limits.as_mut(), resources.requests.as_mut()]
        .into_iter()
        .flatten()
    {
        for amount in amounts.values_mut() {
            if let Some(canonical) = quantity::canonical(&amount.0)
                && canonical != amount.0
            {
                amount.0 = canonical;
            }
        }
    }
}

fn defaulted(probe: &mut Probe) {
    probe.timeout_seconds.get_or_insert(1);
    probe.period_seconds.get_or_insert(10);
    probe.success_threshold.get_or_insert(1);
    probe.failure_threshold.get_or_insert(3);
    if let Some(get) = probe.http_get.as_mut() {
        set(&mut get.path, "/");
        set(&mut get.scheme, "HTTP");
    }
}

/// The tag of an image; empty where it has none or a digest names it.
pub fn tag(image: &str) -> &str {
    if image.contains('@') {
        return "digest";
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split_once(':').map_or("", |(_, tag)| tag)
}
