//! Containers, init containers and ephemeral containers.
//!
//! Upstream: pkg/apis/core/validation/validation.go (validateContainers and its relatives), v1.36.

use super::super::rules::{
    Errors, name, number, one_of, refuse, required, required_one_of, resource, text,
};
use super::mount::{self, Volumes};
use super::{env, probe, security};
use crate::api::codec;
use crate::api::field::{FieldError, Path};
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, ContainerResizePolicy, EphemeralContainer, PodSpec,
};

const RESTARTS: [&str; 3] = ["Always", "Never", "OnFailure"];

/// What a container's Pod has that its checks need.
pub struct Around<'a> {
    /// The volumes that are all right.
    pub volumes: Volumes<'a>,
    /// The names of the Pod's resource claims.
    pub claims: SortedSet<&'a str>,
    /// The Pod's spec.
    pub spec: &'a PodSpec,
}

impl Around<'_> {
    fn grace(&self) -> Option<i64> {
        self.spec.termination_grace_period_seconds
    }

    fn host_users(&self) -> bool {
        self.spec.host_users != Some(false)
    }
}

/// Adds what is wrong with the containers that run while the Pod does.
pub fn containers(around: &Around<'_>, list: &Path<'_>, errors: &mut Errors) {
    let containers = &around.spec.containers;
    if containers.is_empty() {
        errors.push(FieldError::required(list, ""));
        return;
    }
    let mut names = SortedSet::new();
    for (index, container) in containers.iter().enumerate() {
        let at = list.index(index);
        common(container, around, &at, errors);
        if !names.insert(container.name.as_str()) {
            errors.push(FieldError::duplicate(&at.child("name"), &container.name));
        }
        probe::probes(container, around.grace(), &at, errors);
        restart_policy(container, &at, errors);
    }
    host_ports(containers, list, errors);
}

/// Adds what is wrong with the containers that run before.
pub fn init_containers(around: &Around<'_>, list: &Path<'_>, errors: &mut Errors) {
    let containers = &around.spec.containers;
    let mut names = SortedSet::from_iter(containers.iter().map(|c| c.name.as_str()));
    for (index, container) in around.spec.init_containers.iter().flatten().enumerate() {
        let at = list.index(index);
        common(container, around, &at, errors);
        restart_policy(container, &at, errors);
        if !names.insert(container.name.as_str()) && !container.name.is_empty() {
            errors.push(FieldError::duplicate(&at.child("name"), &container.name));
        }
        host_ports(std::slice::from_ref(container), list, errors);
        if container.restart_policy.as_deref() == Some("Always") {
            probe::probes(container, around.grace(), &at, errors);
            continue;
        }
        for (field, given) in [
            ("lifecycle", container.lifecycle.is_some()),
            ("livenessProbe", container.liveness_probe.is_some()),
            ("readinessProbe", container.readiness_probe.is_some()),
            ("startupProbe", container.startup_probe.is_some()),
        ] {
            if given {
                let detail = "may not be set for init containers without restartPolicy=Always";
                errors.push(FieldError::forbidden(&at.child(field), detail));
            }
        }
    }
}

/// The policy a container has instead of its Pod's, and the rules by which it restarts.
fn restart_policy(container: &Container, at: &Path<'_>, errors: &mut Errors) {
    let rules = container
        .restart_policy_rules
        .as_deref()
        .unwrap_or_default();
    let of_policy = at.child("restartPolicy");
    match &container.restart_policy {
        Some(policy) => one_of(policy, &RESTARTS, &of_policy, errors),
        None if !rules.is_empty() => {
            let detail = "must specify restartPolicy when restart rules are used";
            errors.push(FieldError::required(&of_policy, detail));
        }
        None => {}
    }
    let list = at.child("restartPolicyRules");
    if rules.len() > 20 {
        errors.push(FieldError::too_many(&list, rules.len(), 20));
    }
    for (index, rule) in rules.iter().enumerate() {
        let at = list.index(index);
        one_of(&rule.action, &["Restart"], &at.child("action"), errors);
        let of_codes = at.child("exitCodes");
        let Some(codes) = &rule.exit_codes else {
            errors.push(FieldError::required(&of_codes, "must be specified"));
            continue;
        };
        one_of(
            &codes.operator,
            &["In", "NotIn"],
            &of_codes.child("operator"),
            errors,
        );
        let count = codes.values.as_ref().map_or(0, Vec::len);
        if count > 255 {
            errors.push(FieldError::too_many(&of_codes.child("values"), count, 255));
        }
    }
}

fn common(c: &Container, around: &Around<'_>, at: &Path<'_>, errors: &mut Errors) {
    let of_name = at.child("name");
    match c.name.as_str() {
        "" => errors.push(FieldError::required(&of_name, "")),
        name => refuse(name::dns_label(name), name, &of_name, errors),
    }
    required(text(c.image.as_ref()), &at.child("image"), errors);
    let policies = ["File", "FallbackToLogsOnError"];
    let policy = text(c.termination_message_policy.as_ref());
    required_one_of(
        policy,
        &policies,
        &at.child("terminationMessagePolicy"),
        errors,
    );
    ports(
        c.ports.as_deref().unwrap_or_default(),
        &at.child("ports"),
        errors,
    );
    env::variables(
        c.env.as_deref().unwrap_or_default(),
        &at.child("env"),
        errors,
    );
    let sources = c.env_from.as_deref().unwrap_or_default();
    env::sources(sources, &at.child("envFrom"), errors);
    mount::mounts(c, &around.volumes, at, errors);
    let policies = ["Always", "IfNotPresent", "Never"];
    let policy = text(c.image_pull_policy.as_ref());
    required_one_of(policy, &policies, &at.child("imagePullPolicy"), errors);
    if let Some(resources) = &c.resources {
        let at = at.child("resources");
        resource::container_requirements(resources, &around.claims, &at, errors);
    }
    let resizes = c.resize_policy.as_deref().unwrap_or_default();
    resize_policy(resizes, around.spec, &at.child("resizePolicy"), errors);
    let context = c.security_context.as_ref();
    let of_context = at.child("securityContext");
    security::of_container(context, around.host_users(), &of_context, errors);
}

fn ports(ports: &[ContainerPort], list: &Path<'_>, errors: &mut Errors) {
    let mut names = SortedSet::new();
    for (index, port) in ports.iter().enumerate() {
        let at = list.index(index);
        let (given, of_name) = (text(port.name.as_ref()), at.child("name"));
        if !given.is_empty() {
            let wrong = name::port_name(given);
            if wrong.is_empty() && !names.insert(given) {
                errors.push(FieldError::duplicate(&of_name, given));
            }
            refuse(wrong, given, &of_name, errors);
        }
        match port.container_port {
            0 => errors.push(FieldError::required(&at.child("containerPort"), "")),
            number => number::port(number, &at.child("containerPort"), errors),
        }
        if let Some(host) = port.host_port.filter(|port| *port != 0) {
            number::port(host, &at.child("hostPort"), errors);
        }
        let protocol = text(port.protocol.as_ref());
        required_one_of(
            protocol,
            &["SCTP", "TCP", "UDP"],
            &at.child("protocol"),
            errors,
        );
    }
}

/// Refuses a port of the node that two of `containers` ask for.
fn host_ports(containers: &[Container], list: &Path<'_>, errors: &mut Errors) {
    let mut taken = SortedSet::new();
    for (index, container) in containers.iter().enumerate() {
        let at = list.index(index);
        let list = at.child("ports");
        for (index, port) in container.ports.iter().flatten().enumerate() {
            let Some(host) = port.host_port.filter(|port| *port != 0) else {
                continue;
            };
            let (protocol, ip) = (text(port.protocol.as_ref()), text(port.host_ip.as_ref()));
            let key = format!("{protocol}/{ip}/{host}");
            if taken.contains(&key) {
                let at = list.index(index);
                errors.push(FieldError::duplicate(&at.child("hostPort"), &key));
            }
            taken.insert(key);
        }
    }
}

fn resize_policy(
    policies: &[ContainerResizePolicy],
    spec: &PodSpec,
    list: &Path<'_>,
    errors: &mut Errors,
) {
    let mut seen = SortedSet::new();
    for (index, policy) in policies.iter().enumerate() {
        let restart = policy.restart_policy.as_str();
        if !seen.insert(policy.resource_name.as_str()) {
            errors.push(FieldError::duplicate(
                &list.index(index),
                &policy.resource_name,
            ));
        }
        required_one_of(&policy.resource_name, &["cpu", "memory"], list, errors);
        required_one_of(restart, &["NotRequired", "RestartContainer"], list, errors);
        if spec.restart_policy.as_deref() == Some("Never") && restart != "NotRequired" {
            let detail = "must be 'NotRequired' when `restartPolicy` is 'Never'";
            errors.push(FieldError::invalid(list, restart, detail));
        }
    }
}

/// What an ephemeral container has in common with the others.
fn as_container(container: &EphemeralContainer) -> Option<Container> {
    let mut json = codec::to_value(container);
    json.as_object_mut()?.remove("targetContainerName");
    codec::from_value(json).ok()
}

/// Adds what is wrong with the containers that were added to look inside.
pub fn ephemeral_containers(around: &Around<'_>, list: &Path<'_>, errors: &mut Errors) {
    let spec = around.spec;
    let lasting = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten());
    let lasting = SortedSet::from_iter(lasting.map(|c| c.name.as_str()));
    let mut names = lasting.clone();
    for (index, ephemeral) in spec.ephemeral_containers.iter().flatten().enumerate() {
        let at = list.index(index);
        let Some(container) = as_container(ephemeral) else {
            continue;
        };
        common(&container, around, &at, errors);
        image_is_trimmed(text(container.image.as_ref()), &at, errors);
        if !names.insert(ephemeral.name.as_str()) {
            errors.push(FieldError::duplicate(&at.child("name"), &ephemeral.name));
        }
        let target = text(ephemeral.target_container_name.as_ref());
        if !target.is_empty() && !lasting.contains(target) {
            let at = at.child("targetContainerName");
            errors.push(FieldError::not_found(&at, target));
        }
        let detail = "cannot be set for an Ephemeral Container";
        let default = Default::default();
        for (field, given) in [
            ("ports", container.ports.is_some()),
            (
                "resources",
                container.resources.as_ref().is_some_and(|r| *r != default),
            ),
            ("livenessProbe", container.liveness_probe.is_some()),
            ("readinessProbe", container.readiness_probe.is_some()),
            ("startupProbe", container.startup_probe.is_some()),
            ("lifecycle", container.lifecycle.is_some()),
            ("resizePolicy", container.resize_policy.is_some()),
            ("restartPolicy", container.restart_policy.is_some()),
        ] {
            if given {
                errors.push(FieldError::forbidden(&at.child(field), detail));
            }
        }
        let mounts = at.child("volumeMounts");
        for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
            let at = mounts.index(index);
            for (field, path) in [
                ("subPath", &mount.sub_path),
                ("subPathExpr", &mount.sub_path_expr),
            ] {
                if !text(path.as_ref()).is_empty() {
                    errors.push(FieldError::forbidden(&at.child(field), detail));
                }
            }
        }
    }
}

/// Refuses an image's name with spaces around it; templates may have them.
pub fn image_is_trimmed(image: &str, at: &Path<'_>, errors: &mut Errors) {
    if image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid(&at.child("image"), image, detail));
    }
}
