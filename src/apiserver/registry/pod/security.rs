//! Security contexts of Pods and containers.
//!
//! Upstream: pkg/apis/core/validation/validation.go, v1.36. Left out: the forms of Windows' user
//! names and credential specs.

use super::super::rules::{Errors, number, one_of};
use super::super::volume;
use crate::api::codec;
use crate::api::field::{FieldError, Path};
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::{
    AppArmorProfile, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext, Sysctl,
};
use serde_json::{Map, Value};

const SYSCTL: &str = "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";

fn id(number: Option<i64>, at: &Path<'_>, errors: &mut Errors) {
    if let Some(number) = number {
        number::in_range(number, 0, i32::MAX.into(), at, errors);
    }
}

/// Adds what is wrong with a Pod's security context, and with what `spec` says beside it.
pub fn of_pod(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    let Some(context) = &spec.security_context else {
        return;
    };
    id(context.fs_group, &at.child("fsGroup"), errors);
    id(context.run_as_user, &at.child("runAsUser"), errors);
    id(context.run_as_group, &at.child("runAsGroup"), errors);
    let groups = at.child("supplementalGroups");
    for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
        id(Some(*group), &groups.index(index), errors);
    }
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        let at = at.child("shareProcessNamespace");
        errors.push(FieldError::invalid_value(&at, true, detail));
    }
    let list = context.sysctls.as_deref().unwrap_or_default();
    sysctls(list, spec, &at.child("sysctls"), errors);
    policies(context, at, errors);
}

fn policies(context: &PodSecurityContext, at: &Path<'_>, errors: &mut Errors) {
    if let Some(policy) = &context.fs_group_change_policy {
        let at = at.child("fsGroupChangePolicy");
        one_of(policy, &["Always", "OnRootMismatch"], &at, errors);
    }
    seccomp(
        context.seccomp_profile.as_ref(),
        &at.child("seccompProfile"),
        errors,
    );
    app_armor(
        context.app_armor_profile.as_ref(),
        &at.child("appArmorProfile"),
        errors,
    );
    if let Some(policy) = &context.supplemental_groups_policy {
        let at = at.child("supplementalGroupsPolicy");
        one_of(policy, &["Merge", "Strict"], &at, errors);
    }
    if let Some(policy) = &context.se_linux_change_policy {
        let at = at.child("seLinuxChangePolicy");
        one_of(policy, &["MountOption", "Recursive"], &at, errors);
    }
}

fn is_sysctl(name: &str) -> bool {
    let segment = |text: &str| {
        let end = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let inside =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        let bytes = text.as_bytes();
        text.bytes().all(inside) && end(bytes.first()) && end(bytes.last())
    };
    name.len() <= 253 && name.split(['.', '/']).all(segment)
}

fn sysctls(list: &[Sysctl], spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    let mut names = SortedSet::new();
    for (index, sysctl) in list.iter().enumerate() {
        let at = at.index(index);
        let (name, at) = (sysctl.name.as_str(), at.child("name"));
        if name.is_empty() {
            errors.push(FieldError::required(&at, ""));
        } else if !is_sysctl(name) {
            errors.push(FieldError::invalid(&at, name, SYSCTL));
        } else if names.contains(name) {
            errors.push(FieldError::duplicate(&at, name));
        }
        let dotted = name.replace('/', ".");
        let ipc = ["kernel.sem", "kernel.shm", "kernel.msg", "fs.mqueue."];
        let of_ipc = ipc.iter().any(|prefix| dotted.starts_with(prefix));
        if spec.host_network == Some(true) && dotted.starts_with("net.") {
            let detail = "may not be specified when 'hostNetwork' is true";
            errors.push(FieldError::invalid(&at, name, detail));
        } else if spec.host_ipc == Some(true) && of_ipc {
            let detail = "may not be specified when 'hostIPC' is true";
            errors.push(FieldError::invalid(&at, name, detail));
        }
        names.insert(name);
    }
}

fn seccomp(profile: Option<&SeccompProfile>, at: &Path<'_>, errors: &mut Errors) {
    let Some(profile) = profile else { return };
    let of_type = at.child("type");
    match profile.type_.as_str() {
        "" => {
            let detail = "type is required when seccompProfile is set";
            errors.push(FieldError::required(&of_type, detail));
        }
        kind => one_of(
            kind,
            &["Localhost", "RuntimeDefault", "Unconfined"],
            &of_type,
            errors,
        ),
    }
    let at = at.child("localhostProfile");
    match (profile.type_.as_str(), &profile.localhost_profile) {
        ("Localhost", Some(path)) => volume::descending_path(path, &at, errors),
        ("Localhost", None) => {
            let detail = "must be set when seccomp type is Localhost";
            errors.push(FieldError::required(&at, detail));
        }
        (_, Some(_)) => {
            let detail = "can only be set when seccomp type is Localhost";
            let shown = shown_as_go(&codec::to_value(profile)).to_string();
            errors.push(FieldError::invalid_value(&at, shown, detail));
        }
        (_, None) => {}
    }
}

fn app_armor(profile: Option<&AppArmorProfile>, at: &Path<'_>, errors: &mut Errors) {
    const UNSET: &str = "must be set when AppArmor type is Localhost";
    let Some(profile) = profile else { return };
    let (of_type, of_path) = (at.child("type"), at.child("localhostProfile"));
    match (profile.type_.as_str(), &profile.localhost_profile) {
        ("Localhost", None) => errors.push(FieldError::required(&of_path, UNSET)),
        ("Localhost", Some(path)) => {
            if path.trim() != path {
                let detail = "must not be padded with whitespace";
                errors.push(FieldError::invalid(&of_path, path, detail));
            } else {
                required_path(path, &of_path, errors);
            }
            if path.len() > 4_095 {
                errors.push(FieldError::too_long(&of_path, 4_095));
            }
        }
        ("RuntimeDefault" | "Unconfined", Some(path)) => {
            let detail = "can only be set when AppArmor type is Localhost";
            errors.push(FieldError::invalid(&of_path, path, detail));
        }
        ("RuntimeDefault" | "Unconfined", None) => {}
        ("", _) => {
            let detail = "type is required when appArmorProfile is set";
            errors.push(FieldError::required(&of_type, detail));
        }
        (kind, _) => {
            let allowed = ["Localhost", "RuntimeDefault", "Unconfined"];
            one_of(kind, &allowed, &of_type, errors);
        }
    }
    fn required_path(path: &str, at: &Path<'_>, errors: &mut Errors) {
        if path.is_empty() {
            errors.push(FieldError::required(at, UNSET));
        }
    }
}

/// Adds what is wrong with a container's security context. `host_users`: its users are the node's.
pub fn of_container(
    context: Option<&SecurityContext>,
    host_users: bool,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let Some(context) = context else { return };
    id(context.run_as_user, &at.child("runAsUser"), errors);
    id(context.run_as_group, &at.child("runAsGroup"), errors);
    if let Some(mount) = &context.proc_mount {
        let at = at.child("procMount");
        one_of(mount, &["Default", "Unmasked"], &at, errors);
        if host_users && mount == "Unmasked" {
            let detail = "`hostUsers` must be false to use `Unmasked`";
            errors.push(FieldError::invalid(&at, mount, detail));
        }
    }
    seccomp(
        context.seccomp_profile.as_ref(),
        &at.child("seccompProfile"),
        errors,
    );
    if context.allow_privilege_escalation == Some(false) {
        let mut refuse = |what: &str| {
            let detail = format!("cannot set `allowPrivilegeEscalation` to false and {what}");
            errors.push(FieldError::invalid_value(at, shown(context), detail));
        };
        if context.privileged == Some(true) {
            refuse("`privileged` to true");
        }
        let added = context.capabilities.as_ref().and_then(|c| c.add.as_ref());
        for _ in added
            .into_iter()
            .flatten()
            .filter(|c| *c == "CAP_SYS_ADMIN")
        {
            refuse("`capabilities.Add` CAP_SYS_ADMIN");
        }
    }
    app_armor(
        context.app_armor_profile.as_ref(),
        &at.child("appArmorProfile"),
        errors,
    );
}

/// The context as the API server shows it: its internal type, whose fields have Go's names.
fn shown(context: &SecurityContext) -> String {
    const FIELDS: [&str; 12] = [
        "capabilities",
        "privileged",
        "seLinuxOptions",
        "windowsOptions",
        "runAsUser",
        "runAsGroup",
        "runAsNonRoot",
        "readOnlyRootFilesystem",
        "allowPrivilegeEscalation",
        "procMount",
        "seccompProfile",
        "appArmorProfile",
    ];
    let json = codec::to_value(context);
    let fields = FIELDS.map(|field| {
        let value = shown_as_go(json.get(field).unwrap_or(&Value::Null));
        format!("\"{}\":{value}", go_name(field))
    });
    format!("{{{}}}", fields.join(","))
}

fn go_name(field: &str) -> String {
    match field.strip_prefix("se") {
        Some(rest) if rest.starts_with("Linux") => format!("SE{rest}"),
        _ => {
            let mut letters = field.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    }
}

fn shown_as_go(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut named = Map::new();
            named.extend(
                fields
                    .iter()
                    .map(|(name, value)| (go_name(name), shown_as_go(value))),
            );
            Value::Object(named)
        }
        other => other.clone(),
    }
}

/// Adds what is wrong with `spec` for a Pod whose users are not the node's, or whose system is
/// named.
pub fn host_and_system(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    if spec.host_users == Some(false) {
        for (field, given) in [
            ("hostNetwork", spec.host_network),
            ("HostPID", spec.host_pid),
            ("HostIPC", spec.host_ipc),
        ] {
            if given == Some(true) {
                let detail = "when `pod.Spec.HostUsers` is false";
                errors.push(FieldError::forbidden(&at.child(field), detail));
            }
        }
    }
}

/// Adds what is wrong with the operating system that `spec` names.
pub fn system(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    let Some(os) = &spec.os else { return };
    let of_os = at.child("os");
    match os.name.as_str() {
        "" => {
            let detail = "cannot be empty";
            errors.push(FieldError::required(&of_os.child("name"), detail));
        }
        "windows" => windows(spec, at, errors),
        "linux" => linux(spec, at, errors),
        other => one_of(other, &["linux", "windows"], &of_os, errors),
    }
}

fn linux(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    let detail = "windows options cannot be set for a linux pod";
    let context = at.child("securityContext");
    if spec
        .security_context
        .as_ref()
        .is_some_and(|c| c.windows_options.is_some())
    {
        errors.push(FieldError::forbidden(
            &context.child("windowsOptions"),
            detail,
        ));
    }
    for_containers(spec, at, errors, |context, at, errors| {
        if context.windows_options.is_some() {
            errors.push(FieldError::forbidden(&at.child("windowsOptions"), detail));
        }
    });
}

fn for_containers(
    spec: &PodSpec,
    at: &Path<'_>,
    errors: &mut Errors,
    check: impl Fn(&SecurityContext, &Path<'_>, &mut Errors),
) {
    let init = spec.init_containers.as_deref().unwrap_or_default();
    for (list, containers) in [("initContainers", init), ("containers", &spec.containers)] {
        let list = at.child(list);
        for (index, container) in containers.iter().enumerate() {
            if let Some(context) = &container.security_context {
                let at = list.index(index);
                check(context, &at.child("securityContext"), errors);
            }
        }
    }
}

const NOT_WINDOWS: &str = "cannot be set for a windows pod";

fn windows(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    if let Some(context) = &spec.security_context {
        let of_context = at.child("securityContext");
        for (in_context, field, given) in [
            (true, "appArmorProfile", context.app_armor_profile.is_some()),
            (true, "seLinuxOptions", context.se_linux_options.is_some()),
            (false, "hostUsers", spec.host_users.is_some()),
            (false, "hostPID", spec.host_pid == Some(true)),
            (false, "hostIPC", spec.host_ipc == Some(true)),
            (true, "seccompProfile", context.seccomp_profile.is_some()),
            (true, "fsGroup", context.fs_group.is_some()),
            (
                true,
                "fsGroupChangePolicy",
                context.fs_group_change_policy.is_some(),
            ),
            (
                true,
                "sysctls",
                context.sysctls.as_ref().is_some_and(|s| !s.is_empty()),
            ),
            (
                false,
                "shareProcessNamespace",
                spec.share_process_namespace.is_some(),
            ),
            (true, "runAsUser", context.run_as_user.is_some()),
            (true, "runAsGroup", context.run_as_group.is_some()),
            (
                true,
                "supplementalGroups",
                context.supplemental_groups.is_some(),
            ),
            (
                true,
                "supplementalGroupsPolicy",
                context.supplemental_groups_policy.is_some(),
            ),
            (
                true,
                "seLinuxChangePolicy",
                context.se_linux_change_policy.is_some(),
            ),
        ] {
            let parent = if in_context { &of_context } else { at };
            if given {
                errors.push(FieldError::forbidden(&parent.child(field), NOT_WINDOWS));
            }
        }
    }
    windows_containers(spec, at, errors);
}

fn windows_containers(spec: &PodSpec, at: &Path<'_>, errors: &mut Errors) {
    for_containers(spec, at, errors, |context, at, errors| {
        for (field, given) in [
            ("appArmorProfile", context.app_armor_profile.is_some()),
            ("seLinuxOptions", context.se_linux_options.is_some()),
            ("seccompProfile", context.seccomp_profile.is_some()),
            ("capabilities", context.capabilities.is_some()),
            (
                "readOnlyRootFilesystem",
                context.read_only_root_filesystem.is_some(),
            ),
            ("privileged", context.privileged.is_some()),
            (
                "allowPrivilegeEscalation",
                context.allow_privilege_escalation.is_some(),
            ),
            ("procMount", context.proc_mount.is_some()),
            ("runAsUser", context.run_as_user.is_some()),
            ("runAsGroup", context.run_as_group.is_some()),
        ] {
            if given {
                errors.push(FieldError::forbidden(&at.child(field), NOT_WINDOWS));
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_shown_as_upstream_shows_it() {
        let context = SecurityContext {
            privileged: Some(true),
            allow_privilege_escalation: Some(false),
            ..SecurityContext::default()
        };
        let mut errors = Vec::new();
        of_container(
            Some(&context),
            true,
            &Path::new("securityContext"),
            &mut errors,
        );
        assert_eq!(
            errors[0].to_string(),
            "securityContext: Invalid value: {\"Capabilities\":null,\"Privileged\":true,\"SELinuxOptions\":null,\"WindowsOptions\":null,\"RunAsUser\":null,\"RunAsGroup\":null,\"RunAsNonRoot\":null,\"ReadOnlyRootFilesystem\":null,\"AllowPrivilegeEscalation\":false,\"ProcMount\":null,\"SeccompProfile\":null,\"AppArmorProfile\":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        );
    }

    #[test]
    fn sysctls_have_segments() {
        for (name, right) in [
            ("kernel.shm_rmid_forced", true),
            ("net/ipv4/ip_local_port_range", true),
            ("Kernel.x", false),
            ("a..b", false),
        ] {
            assert_eq!(is_sysctl(name), right, "{name}");
        }
    }
}
