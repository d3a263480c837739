//! The checks of the standard `baseline`.
//!
//! Upstream: staging/src/k8s.io/pod-security-admission/policy/check_*.go, v1.36; in the order of
//! their ids.

use super::{Finding, about, all, capabilities, containers, context, insert, named, quoted};
use k8s_openapi::api::core::v1::{Container, PodSpec, SELinuxOptions};

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
const SELINUX_TYPES: [&str; 5] = [
    "",
    "container_engine_t",
    "container_init_t",
    "container_kvm_t",
    "container_t",
];
const SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
];

/// What is wrong; `stricter` leaves out what the standard `restricted` checks in its own words.
pub fn findings(spec: &PodSpec, stricter: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(app_armor(spec));
    if !stricter {
        found.extend(added_capabilities(spec));
    }
    found.extend(host_namespaces(spec));
    if !stricter {
        found.extend(host_path(spec));
    }
    found.extend(host_ports(spec));
    found.extend(privileged(spec));
    found.extend(proc_mount(spec));
    found.extend(se_linux(spec));
    if !stricter {
        found.extend(unconfined(spec));
    }
    found.extend(sysctls(spec));
    found.extend(host_process(spec));
    found
}

fn app_armor(spec: &PodSpec) -> Option<Finding> {
    let is_bad = |kind: &str| !matches!(kind, "RuntimeDefault" | "Localhost");
    let own = spec
        .security_context
        .as_ref()
        .and_then(|c| c.app_armor_profile.as_ref());
    let own = own
        .map(|profile| profile.type_.as_str())
        .filter(|kind| is_bad(kind));
    let (mut kinds, mut setters) = (Vec::new(), Vec::new());
    if let Some(kind) = own {
        setters.push("pod".to_owned());
        insert(&mut kinds, kind);
    }
    let of = |c: &Container| {
        let profile = context(c).and_then(|context| context.app_armor_profile.as_ref());
        profile.map(|p| p.type_.clone()).filter(|kind| is_bad(kind))
    };
    let names = named(spec, |c| of(c).is_some());
    if !names.is_empty() {
        setters.push(containers(&names));
    }
    for kind in all(spec).filter_map(of) {
        insert(&mut kinds, &kind);
    }
    (!kinds.is_empty()).then(|| Finding {
        reason: if kinds.len() == 1 {
            "forbidden AppArmor profile"
        } else {
            "forbidden AppArmor profiles"
        },
        detail: format!(
            "{} must not set AppArmor profile type to {}",
            setters.join(" and "),
            quoted(&kinds)
        ),
    })
}

fn added_capabilities(spec: &PodSpec) -> Option<Finding> {
    let is_bad = |one: &&String| !CAPABILITIES.contains(&one.as_str());
    let mut bad = Vec::new();
    let names = named(spec, |c| {
        capabilities(c).is_some_and(|all| all.add.iter().flatten().any(|one| is_bad(&one)))
    });
    for one in all(spec)
        .filter_map(capabilities)
        .flat_map(|c| c.add.iter().flatten())
        .filter(is_bad)
    {
        insert(&mut bad, one);
    }
    about("non-default capabilities", &names, |_| {
        format!(
            "must not include {} in securityContext.capabilities.add",
            quoted(&bad)
        )
    })
}

fn host_namespaces(spec: &PodSpec) -> Option<Finding> {
    let set = [
        ("hostNetwork=true", spec.host_network),
        ("hostPID=true", spec.host_pid),
        ("hostIPC=true", spec.host_ipc),
    ];
    let set: Vec<&str> = set
        .iter()
        .filter(|(_, on)| *on == Some(true))
        .map(|(name, _)| *name)
        .collect();
    (!set.is_empty()).then(|| Finding {
        reason: "host namespaces",
        detail: set.join(", "),
    })
}

fn host_path(spec: &PodSpec) -> Option<Finding> {
    let volumes = spec
        .volumes
        .iter()
        .flatten()
        .filter(|v| v.host_path.is_some());
    let names: Vec<&str> = volumes.map(|v| v.name.as_str()).collect();
    let word = if names.len() == 1 {
        "volume"
    } else {
        "volumes"
    };
    (!names.is_empty()).then(|| Finding {
        reason: "hostPath volumes",
        detail: format!("{word} {}", quoted(&names)),
    })
}

fn host_ports(spec: &PodSpec) -> Option<Finding> {
    let ports = |c: &Container| -> Vec<i32> {
        let ports = c.ports.iter().flatten().filter_map(|port| port.host_port);
        ports.filter(|port| *port != 0).collect()
    };
    let names = named(spec, |c| !ports(c).is_empty());
    let mut used = Vec::new();
    for port in all(spec).flat_map(ports) {
        insert(&mut used, &port.to_string());
    }
    about("hostPort", &names, |several| {
        let verb = if several { "use" } else { "uses" };
        let noun = if used.len() == 1 {
            "hostPort"
        } else {
            "hostPorts"
        };
        format!("{verb} {noun} {}", used.join(", "))
    })
}

fn privileged(spec: &PodSpec) -> Option<Finding> {
    let names = named(spec, |c| {
        context(c).is_some_and(|c| c.privileged == Some(true))
    });
    about("privileged", &names, |_| {
        "must not set securityContext.privileged=true".to_owned()
    })
}

fn proc_mount(spec: &PodSpec) -> Option<Finding> {
    let of = |c: &Container| {
        context(c)
            .and_then(|c| c.proc_mount.clone())
            .filter(|mount| mount != "Default")
    };
    let names = named(spec, |c| of(c).is_some());
    let mut kinds = Vec::new();
    for kind in all(spec).filter_map(of) {
        insert(&mut kinds, &kind);
    }
    about("procMount", &names, |_| {
        format!(
            "must not set securityContext.procMount to {}",
            quoted(&kinds)
        )
    })
}

fn se_linux(spec: &PodSpec) -> Option<Finding> {
    let own = spec
        .security_context
        .as_ref()
        .and_then(|c| c.se_linux_options.as_ref());
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let bad_type = |o: &SELinuxOptions| !SELINUX_TYPES.contains(&text(&o.type_).as_str());
    let is_bad =
        |o: &SELinuxOptions| bad_type(o) || !text(&o.user).is_empty() || !text(&o.role).is_empty();
    fn of(c: &Container) -> Option<&SELinuxOptions> {
        context(c)?.se_linux_options.as_ref()
    }
    let bad: Vec<&SELinuxOptions> = own
        .into_iter()
        .chain(all(spec).filter_map(of))
        .filter(|o| is_bad(o))
        .collect();
    if bad.is_empty() {
        return None;
    }
    let mut setters = Vec::new();
    if own.is_some_and(is_bad) {
        setters.push("pod".to_owned());
    }
    let names = named(spec, |c| of(c).is_some_and(is_bad));
    if !names.is_empty() {
        setters.push(containers(&names));
    }
    let mut types = Vec::new();
    for options in bad.iter().filter(|o| bad_type(o)) {
        insert(&mut types, &text(&options.type_));
    }
    let mut set = Vec::new();
    if !types.is_empty() {
        let word = if types.len() == 1 { "type" } else { "types" };
        set.push(format!("{word} {}", quoted(&types)));
    }
    if bad.iter().any(|o| !text(&o.user).is_empty()) {
        set.push("user may not be set".to_owned());
    }
    if bad.iter().any(|o| !text(&o.role).is_empty()) {
        set.push("role may not be set".to_owned());
    }
    Some(Finding {
        reason: "seLinuxOptions",
        detail: format!(
            "{} set forbidden securityContext.seLinuxOptions: {}",
            setters.join(" and "),
            set.join("; ")
        ),
    })
}

fn unconfined(spec: &PodSpec) -> Option<Finding> {
    let own = spec
        .security_context
        .as_ref()
        .and_then(|c| c.seccomp_profile.as_ref());
    let own = own.is_some_and(|profile| profile.type_ == "Unconfined");
    let names = named(spec, |c| {
        let profile = context(c).and_then(|c| c.seccomp_profile.as_ref());
        profile.is_some_and(|profile| profile.type_ == "Unconfined")
    });
    let mut setters = Vec::new();
    if own {
        setters.push("pod".to_owned());
    }
    if !names.is_empty() {
        setters.push(containers(&names));
    }
    (!setters.is_empty()).then(|| Finding {
        reason: "seccompProfile",
        detail: format!(
            "{} must not set securityContext.seccompProfile.type to \"Unconfined\"",
            setters.join(" and ")
        ),
    })
}

fn sysctls(spec: &PodSpec) -> Option<Finding> {
    let set = spec
        .security_context
        .iter()
        .flat_map(|c| c.sysctls.iter().flatten());
    let bad = set
        .map(|s| s.name.as_str())
        .filter(|name| !SYSCTLS.contains(name));
    let bad: Vec<&str> = bad.collect();
    (!bad.is_empty()).then(|| Finding {
        reason: "forbidden sysctls",
        detail: bad.join(", "),
    })
}

fn host_process(spec: &PodSpec) -> Option<Finding> {
    let own = spec
        .security_context
        .as_ref()
        .and_then(|c| c.windows_options.as_ref());
    let own = own.is_some_and(|options| options.host_process == Some(true));
    let names = named(spec, |c| {
        let options = context(c).and_then(|c| c.windows_options.as_ref());
        options.is_some_and(|options| options.host_process == Some(true))
    });
    let mut setters = Vec::new();
    if own {
        setters.push("pod".to_owned());
    }
    if !names.is_empty() {
        setters.push(containers(&names));
    }
    (!setters.is_empty()).then(|| Finding {
        reason: "hostProcess",
        detail: format!(
            "{} must not set securityContext.windowsOptions.hostProcess=true",
            setters.join(" and ")
        ),
    })
}
