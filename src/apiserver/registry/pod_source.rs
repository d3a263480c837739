//! What is wrong with where a container's settings come from, and with what is done to it:
//! variables, volumes, hooks, security contexts.
//!
//! Upstream: pkg/apis/core/validation/validation.go, v1.36. Left out: most volume sources' own
//! fields, `envFrom`, what the kinds of hooks share with probes.

use super::meta;
use crate::api::field::{FieldError, Path};
use k8s_openapi::api::core::v1::{
    Container, EnvVar, EnvVarSource, Lifecycle, LifecycleHandler, PodSecurityContext, PodSpec,
    Volume,
};

const ENV_NAME_TEXT: &str = "a valid environment variable name must consist only of printable ASCII characters other than '='";
const ID_TEXT: &str = "must be between 0 and 2147483647, inclusive";

/// Fields of a Pod that a variable may take its value from; labels and annotations by their keys.
const FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

fn subdomain(name: &str, path: &Path, errors: &mut Vec<FieldError>) {
    let wrong = meta::dns_subdomain(name);
    errors.extend(
        wrong
            .iter()
            .map(|wrong| FieldError::invalid(path, name, wrong)),
    );
}

/// Validates a variable at `path`.
pub fn variable(variable: &EnvVar, path: &Path, errors: &mut Vec<FieldError>) {
    let at = path.child("name");
    let printable = |c: char| c.is_ascii() && !c.is_ascii_control() && c != '=';
    if variable.name.is_empty() {
        errors.push(FieldError::required(&at, ""));
    } else if !variable.name.chars().all(printable) {
        errors.push(FieldError::invalid(&at, &variable.name, ENV_NAME_TEXT));
    }
    if let Some(source) = &variable.value_from {
        let given = variable
            .value
            .as_deref()
            .is_some_and(|value| !value.is_empty());
        value_from(source, given, &path.child("valueFrom"), errors);
    }
}

fn value_from(source: &EnvVarSource, given: bool, path: &Path, errors: &mut Vec<FieldError>) {
    let mut count = 0;
    if let Some(field) = &source.field_ref {
        count += 1;
        field_path(
            &field.field_path,
            &path.child("fieldRef").child("fieldPath"),
            errors,
        );
    }
    if let Some(resource) = &source.resource_field_ref {
        count += 1;
        if resource.resource.is_empty() {
            let at = path.child("resourceFieldRef").child("resource");
            errors.push(FieldError::required(&at, ""));
        }
    }
    let keys = [
        (
            "configMapKeyRef",
            source
                .config_map_key_ref
                .as_ref()
                .map(|r| (&r.name, &r.key)),
        ),
        (
            "secretKeyRef",
            source.secret_key_ref.as_ref().map(|r| (&r.name, &r.key)),
        ),
    ];
    for (name, reference) in keys {
        let Some((object, key)) = reference else {
            continue;
        };
        count += 1;
        let at = path.child(name);
        subdomain(object, &at.child("name"), errors);
        if key.is_empty() {
            errors.push(FieldError::required(&at.child("key"), ""));
        }
    }
    count += usize::from(source.file_key_ref.is_some());
    match count {
        0 => errors.push(FieldError::invalid(
            path,
            "",
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        )),
        _ if given => errors.push(FieldError::invalid(
            path,
            "",
            "may not be specified when `value` is not empty",
        )),
        1 => {}
        _ => errors.push(FieldError::invalid(
            path,
            "",
            "may not have more than one field specified at a time",
        )),
    }
}

fn field_path(field: &str, path: &Path, errors: &mut Vec<FieldError>) {
    let keyed = field.strip_suffix("']").is_some_and(|head| {
        head.starts_with("metadata.labels['") || head.starts_with("metadata.annotations['")
    });
    if field.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else if !keyed && !FIELDS.contains(&field) {
        let detail = format!("error converting fieldPath: field label not supported: {field}");
        errors.push(FieldError::invalid(path, field, detail));
    }
}

/// Validates what a volume is made of.
pub fn volume(volume: &Volume, path: &Path, errors: &mut Vec<FieldError>) {
    let needed = [
        (
            "configMap",
            "name",
            volume.config_map.as_ref().map(|v| v.name.as_str()),
        ),
        (
            "secret",
            "secretName",
            volume
                .secret
                .as_ref()
                .map(|v| v.secret_name.as_deref().unwrap_or_default()),
        ),
        (
            "persistentVolumeClaim",
            "claimName",
            volume
                .persistent_volume_claim
                .as_ref()
                .map(|v| v.claim_name.as_str()),
        ),
        (
            "hostPath",
            "path",
            volume.host_path.as_ref().map(|v| v.path.as_str()),
        ),
    ];
    for (source, field, value) in needed {
        if value.is_some_and(str::is_empty) {
            let at = path.child(source).child(field);
            errors.push(FieldError::required(&at, ""));
        }
    }
}

/// Validates a path below a volume.
pub fn sub_path(sub_path: &str, path: &Path, errors: &mut Vec<FieldError>) {
    if sub_path.starts_with('/') {
        errors.push(FieldError::invalid(
            path,
            sub_path,
            "must be a relative path",
        ));
    }
    if sub_path.split('/').any(|part| part == "..") {
        errors.push(FieldError::invalid(path, sub_path, "must not contain '..'"));
    }
}

/// Validates a container's hooks.
pub fn lifecycle(lifecycle: &Lifecycle, path: &Path, errors: &mut Vec<FieldError>) {
    for (name, hook) in [
        ("postStart", &lifecycle.post_start),
        ("preStop", &lifecycle.pre_stop),
    ] {
        if let Some(hook) = hook {
            handler(hook, &path.child(name), errors);
        }
    }
}

fn handler(hook: &LifecycleHandler, path: &Path, errors: &mut Vec<FieldError>) {
    let none = hook.exec.is_none()
        && hook.http_get.is_none()
        && hook.tcp_socket.is_none()
        && hook.sleep.is_none();
    if none {
        errors.push(FieldError::required(path, "must specify a handler type"));
    }
    if let Some(exec) = &hook.exec {
        command(exec.command.as_deref(), &path.child("exec"), errors);
    }
}

/// Validates the command of a hook or a probe.
pub fn command(command: Option<&[String]>, path: &Path, errors: &mut Vec<FieldError>) {
    if command.is_none_or(<[String]>::is_empty) {
        errors.push(FieldError::required(&path.child("command"), ""));
    }
}

/// Validates what a container may do.
pub fn container_security(container: &Container, path: &Path, errors: &mut Vec<FieldError>) {
    let Some(context) = &container.security_context else {
        return;
    };
    id(context.run_as_user, &path.child("runAsUser"), errors);
    id(context.run_as_group, &path.child("runAsGroup"), errors);
    if context.allow_privilege_escalation == Some(false) {
        let shown = || crate::api::codec::to_value(context).to_string();
        if context.privileged == Some(true) {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            errors.push(FieldError::invalid_value(path, shown(), detail));
        }
        let added = context.capabilities.as_ref().and_then(|c| c.add.as_ref());
        if added.is_some_and(|added| added.iter().any(|name| name == "CAP_SYS_ADMIN")) {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            errors.push(FieldError::invalid_value(path, shown(), detail));
        }
    }
}

fn id(id: Option<i64>, path: &Path, errors: &mut Vec<FieldError>) {
    if let Some(id) = id.filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
        errors.push(FieldError::invalid_value(path, id, ID_TEXT));
    }
}

/// Validates a Pod's own settings: security context, host name.
pub fn pod(spec: &PodSpec, path: &Path, errors: &mut Vec<FieldError>) {
    if let Some(context) = &spec.security_context {
        pod_security(context, &path.child("securityContext"), errors);
    }
    for (name, value) in [("hostname", &spec.hostname), ("subdomain", &spec.subdomain)] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            let at = path.child(name);
            let wrong = meta::dns_label(value);
            errors.extend(
                wrong
                    .iter()
                    .map(|wrong| FieldError::invalid(&at, value, wrong)),
            );
        }
    }
}

fn pod_security(context: &PodSecurityContext, path: &Path, errors: &mut Vec<FieldError>) {
    id(context.fs_group, &path.child("fsGroup"), errors);
    id(context.run_as_user, &path.child("runAsUser"), errors);
    id(context.run_as_group, &path.child("runAsGroup"), errors);
    for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
        id(
            Some(*group),
            &path.child("supplementalGroups").index(index),
            errors,
        );
    }
}
