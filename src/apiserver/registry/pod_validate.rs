//! What is wrong with a Pod spec.
//!
//! Upstream: pkg/apis/core/validation/validation.go, v1.36. Placement is in
//! `pod_placement`, variables, volumes and security contexts are in `pod_source`. Left out so far:
//! ephemeral containers.

use super::{meta, pod_placement, pod_source};
use crate::api::field::{FieldError, Path};
use crate::api::quantity;
use k8s_openapi::api::core::v1::{Container, ContainerPort, PodSpec, Probe, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeSet;

const PORT_TEXT: &str = "must be between 1 and 65535, inclusive";

/// Validates a Pod spec at `path`.
pub fn pod_spec(spec: &PodSpec, path: &Path) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let volumes = volumes(spec, path, &mut errors);
    let mut names = BTreeSet::new();
    let at = path.child("containers");
    if spec.containers.is_empty() {
        errors.push(FieldError::required(&at, ""));
    }
    for (index, c) in spec.containers.iter().enumerate() {
        container(c, &at, index, &volumes, &mut names, &mut errors);
    }
    let at = path.child("initContainers");
    for (index, c) in spec.init_containers.iter().flatten().enumerate() {
        container(c, &at, index, &volumes, &mut names, &mut errors);
        if c.restart_policy.is_none() {
            init_container(c, &at.index(index), &mut errors);
        }
    }
    one_of(
        spec.restart_policy.as_deref(),
        &["Always", "OnFailure", "Never"],
        || path.child("restartPolicy"),
        &mut errors,
    );
    one_of(
        spec.dns_policy.as_deref(),
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
        || path.child("dnsPolicy"),
        &mut errors,
    );
    if spec.node_selector.is_some() {
        errors.extend(meta::labels(
            spec.node_selector.as_ref(),
            &path.child("nodeSelector"),
        ));
    }
    if let Some(seconds) = spec.active_deadline_seconds.filter(|s| *s < 1) {
        errors.push(FieldError::invalid_value(
            &path.child("activeDeadlineSeconds"),
            seconds,
            "must be between 1 and 2147483647, inclusive",
        ));
    }
    pod_placement::placement(spec, path, &mut errors);
    pod_source::pod(spec, path, &mut errors);
    errors
}

/// An init container that is no sidecar runs to its end: nothing may ask whether it is ready.
fn init_container(container: &Container, path: &Path, errors: &mut Vec<FieldError>) {
    if container.lifecycle.is_some() {
        let detail = "may not be set for init containers without restartPolicy=Always";
        errors.push(FieldError::forbidden(&path.child("lifecycle"), detail));
    }
    for (name, probe) in [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ] {
        if probe.is_some() {
            let detail = "may not be set for init containers without restartPolicy=Always";
            errors.push(FieldError::forbidden(&path.child(name), detail));
        }
    }
}

fn one_of(
    value: Option<&str>,
    allowed: &[&str],
    path: impl Fn() -> Path,
    errors: &mut Vec<FieldError>,
) {
    match value.unwrap_or_default() {
        "" => errors.push(FieldError::required(&path(), "")),
        value if allowed.contains(&value) => {}
        value => {
            let mut sorted = allowed.to_vec();
            sorted.sort_unstable();
            errors.push(FieldError::not_supported(&path(), value, &sorted));
        }
    }
}

fn volumes<'a>(spec: &'a PodSpec, path: &Path, errors: &mut Vec<FieldError>) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        let at = || path.child("volumes").index(index).child("name");
        if volume.name.is_empty() {
            errors.push(FieldError::required(&at(), ""));
        } else {
            let wrong = meta::dns_label(&volume.name);
            errors.extend(
                wrong
                    .iter()
                    .map(|w| FieldError::invalid(&at(), &volume.name, w)),
            );
        }
        if !names.insert(volume.name.as_str()) {
            errors.push(FieldError::duplicate(&at(), &volume.name));
        }
        pod_source::volume(volume, &path.child("volumes").index(index), errors);
    }
    names
}

fn container<'a>(
    container: &'a Container,
    list: &Path,
    index: usize,
    volumes: &BTreeSet<&str>,
    names: &mut BTreeSet<&'a str>,
    errors: &mut Vec<FieldError>,
) {
    let path = || list.index(index);
    if container.name.is_empty() {
        errors.push(FieldError::required(&path().child("name"), ""));
    } else {
        let wrong = meta::dns_label(&container.name);
        let at = || path().child("name");
        errors.extend(
            wrong
                .iter()
                .map(|w| FieldError::invalid(&at(), &container.name, w)),
        );
        if !names.insert(&container.name) {
            errors.push(FieldError::duplicate(&at(), &container.name));
        }
    }
    match container.image.as_deref().unwrap_or_default() {
        "" => errors.push(FieldError::required(&path().child("image"), "")),
        image if image.trim() != image => errors.push(FieldError::invalid(
            &path().child("image"),
            image,
            "must not have leading or trailing whitespace",
        )),
        _ => {}
    }
    one_of(
        container.image_pull_policy.as_deref(),
        &["Always", "IfNotPresent", "Never"],
        || path().child("imagePullPolicy"),
        errors,
    );
    ports(
        container.ports.as_deref().unwrap_or_default(),
        &path,
        errors,
    );
    env(container, &path, errors);
    mounts(container, volumes, &path, errors);
    probes(container, &path, errors);
    if let Some(resources) = &container.resources {
        requirements(resources, &path, errors);
    }
    if let Some(lifecycle) = &container.lifecycle {
        pod_source::lifecycle(lifecycle, &path().child("lifecycle"), errors);
    }
    pod_source::container_security(container, &path().child("securityContext"), errors);
}

fn ports(ports: &[ContainerPort], path: &dyn Fn() -> Path, errors: &mut Vec<FieldError>) {
    let mut names = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let at = || path().child("ports").index(index);
        if let Some(name) = port.name.as_deref().filter(|n| !n.is_empty()) {
            for wrong in port_name(name) {
                errors.push(FieldError::invalid(&at().child("name"), name, wrong));
            }
            if !names.insert(name) {
                errors.push(FieldError::duplicate(&at().child("name"), name));
            }
        }
        if port.container_port == 0 {
            errors.push(FieldError::required(&at().child("containerPort"), ""));
        } else if !(1..=65_535).contains(&port.container_port) {
            let at = at().child("containerPort");
            errors.push(FieldError::invalid_value(
                &at,
                port.container_port,
                PORT_TEXT,
            ));
        }
        if let Some(host) = port
            .host_port
            .filter(|p| *p != 0 && !(1..=65_535).contains(p))
        {
            errors.push(FieldError::invalid_value(
                &at().child("hostPort"),
                host,
                PORT_TEXT,
            ));
        }
        one_of(
            port.protocol.as_deref(),
            &["TCP", "UDP", "SCTP"],
            || at().child("protocol"),
            errors,
        );
    }
}

/// What is wrong with a port's name.
pub fn port_name(name: &str) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    if name.len() > 15 {
        wrong.push("must be no more than 15 characters");
    }
    if !name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    {
        wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !name.bytes().any(|b| b.is_ascii_lowercase()) {
        wrong.push("must contain at least one letter (a-z)");
    }
    if name.contains("--") {
        wrong.push("must not contain consecutive hyphens");
    }
    if name.starts_with('-') || name.ends_with('-') {
        wrong.push("must not begin or end with a hyphen");
    }
    wrong
}

fn env(container: &Container, path: &dyn Fn() -> Path, errors: &mut Vec<FieldError>) {
    for (index, variable) in container.env.iter().flatten().enumerate() {
        let at = || path().child("env").index(index);
        pod_source::variable(variable, &at(), errors);
    }
}

fn mounts(
    container: &Container,
    volumes: &BTreeSet<&str>,
    path: &dyn Fn() -> Path,
    errors: &mut Vec<FieldError>,
) {
    let mut places = BTreeSet::new();
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let at = || path().child("volumeMounts").index(index);
        if mount.name.is_empty() {
            errors.push(FieldError::required(&at().child("name"), ""));
        }
        if !volumes.contains(mount.name.as_str()) {
            errors.push(FieldError::not_found(&at().child("name"), &mount.name));
        }
        if mount.mount_path.is_empty() {
            errors.push(FieldError::required(&at().child("mountPath"), ""));
        }
        if let Some(sub_path) = &mount.sub_path {
            // Upstream's path leaves the index out.
            let at = path().child("volumeMounts").child("subPath");
            pod_source::sub_path(sub_path, &at, errors);
        }
        if !places.insert(mount.mount_path.as_str()) {
            let at = at().child("mountPath");
            errors.push(FieldError::invalid(
                &at,
                &mount.mount_path,
                "must be unique",
            ));
        }
    }
}

fn probes(container: &Container, path: &dyn Fn() -> Path, errors: &mut Vec<FieldError>) {
    for (name, probe) in [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ] {
        let Some(probe) = probe else { continue };
        let at = || path().child(name);
        probe_itself(probe, &at, errors);
        if name != "readinessProbe" && probe.success_threshold.is_some_and(|n| n != 1) {
            let n = probe.success_threshold.unwrap_or(1);
            errors.push(FieldError::invalid_value(
                &at().child("successThreshold"),
                n,
                "must be 1",
            ));
        }
    }
}

fn probe_itself(probe: &Probe, path: &dyn Fn() -> Path, errors: &mut Vec<FieldError>) {
    let handlers = [
        probe.exec.is_some(),
        probe.http_get.is_some(),
        probe.tcp_socket.is_some(),
        probe.grpc.is_some(),
    ];
    match handlers.iter().filter(|given| **given).count() {
        0 => errors.push(FieldError::required(&path(), "must specify a handler type")),
        1 => {}
        _ => errors.push(FieldError::forbidden(
            &path().child("httpGet"),
            "may not specify more than 1 handler type",
        )),
    }
    if let Some(exec) = &probe.exec {
        pod_source::command(exec.command.as_deref(), &path().child("exec"), errors);
    }
    if let Some(get) = &probe.http_get {
        let at = path().child("httpGet").child("port");
        match &get.port {
            IntOrString::Int(port) if !(1..=65_535).contains(port) => {
                errors.push(FieldError::invalid_value(&at, port, PORT_TEXT));
            }
            IntOrString::String(name) => {
                let wrong = port_name(name);
                errors.extend(wrong.into_iter().map(|w| FieldError::invalid(&at, name, w)));
            }
            IntOrString::Int(_) => {}
        }
    }
    for (field, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        if let Some(n) = value.filter(|n| *n < 0) {
            let detail = "must be greater than or equal to 0";
            errors.push(FieldError::invalid_value(&path().child(field), n, detail));
        }
    }
}

fn requirements(
    resources: &ResourceRequirements,
    path: &dyn Fn() -> Path,
    errors: &mut Vec<FieldError>,
) {
    let at = || path().child("resources");
    for (part, amounts) in [
        ("limits", &resources.limits),
        ("requests", &resources.requests),
    ] {
        for (name, amount) in amounts.iter().flatten() {
            if quantity::milli_value(amount) < 0 {
                errors.push(FieldError::invalid(
                    &at().child(part).key(name),
                    &amount.0,
                    "must be greater than or equal to 0",
                ));
            }
        }
    }
    for (name, request) in resources.requests.iter().flatten() {
        let Some(limit) = resources.limits.as_ref().and_then(|l| l.get(name)) else {
            continue;
        };
        if quantity::milli_value(request) > quantity::milli_value(limit) {
            let detail = format!("must be less than or equal to {name} limit of {}", limit.0);
            errors.push(FieldError::invalid(
                &at().child("requests"),
                &request.0,
                detail,
            ));
        }
    }
}
