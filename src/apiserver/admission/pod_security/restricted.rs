//! The checks that the standard `restricted` adds.
//!
//! Upstream: staging/src/k8s.io/pod-security-admission/policy/check_*.go, v1.36; in the order of
//! their ids.

use super::{Finding, about, all, capabilities, containers, context, insert, named, quoted};
use crate::api::codec;
use k8s_openapi::api::core::v1::{Capabilities, Container, PodSpec, SeccompProfile, Volume};
use serde_json::Value;

const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What is wrong besides the baseline.
pub fn findings(spec: &PodSpec) -> Vec<Finding> {
    let windows = spec.os.as_ref().is_some_and(|os| os.name == "windows");
    let mut found = Vec::new();
    if !windows {
        found.extend(escalation(spec));
        found.extend(kept_capabilities(spec));
    }
    found.extend(volumes(spec));
    found.extend(as_root(spec));
    found.extend(user_zero(spec));
    if !windows {
        found.extend(seccomp(spec));
    }
    found
}

fn escalation(spec: &PodSpec) -> Option<Finding> {
    let names = named(spec, |c| {
        context(c).is_none_or(|c| c.allow_privilege_escalation != Some(false))
    });
    about("allowPrivilegeEscalation != false", &names, |_| {
        "must set securityContext.allowPrivilegeEscalation=false".to_owned()
    })
}

fn kept_capabilities(spec: &PodSpec) -> Option<Finding> {
    let drops = |c: &Capabilities| c.drop.iter().flatten().any(|one| one == "ALL");
    let missing = named(spec, |c| !capabilities(c).is_some_and(drops));
    let is_bad = |one: &&String| *one != "NET_BIND_SERVICE";
    let adding = named(spec, |c| {
        capabilities(c).is_some_and(|c| c.add.iter().flatten().any(|one| is_bad(&one)))
    });
    let mut added = Vec::new();
    for one in all(spec)
        .filter_map(capabilities)
        .flat_map(|c| c.add.iter().flatten())
        .filter(is_bad)
    {
        insert(&mut added, one);
    }
    let mut details = Vec::new();
    if !missing.is_empty() {
        details.push(format!(
            "{} must set securityContext.capabilities.drop=[\"ALL\"]",
            containers(&missing)
        ));
    }
    if !adding.is_empty() {
        details.push(format!(
            "{} must not include {} in securityContext.capabilities.add",
            containers(&adding),
            quoted(&added)
        ));
    }
    (!details.is_empty()).then(|| Finding {
        reason: "unrestricted capabilities",
        detail: details.join("; "),
    })
}

/// The field that says where a volume comes from.
fn source(volume: &Volume) -> Option<String> {
    let Value::Object(fields) = codec::to_value(volume) else {
        return None;
    };
    fields
        .into_iter()
        .map(|(name, _)| name)
        .find(|name| name != "name")
}

fn volumes(spec: &PodSpec) -> Option<Finding> {
    let (mut names, mut types) = (Vec::new(), Vec::new());
    for volume in spec.volumes.iter().flatten() {
        if let Some(source) = source(volume)
            && !VOLUMES.contains(&source.as_str())
        {
            names.push(volume.name.as_str());
            insert(&mut types, &source);
        }
    }
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    (!names.is_empty()).then(|| Finding {
        reason: "restricted volume types",
        detail: format!(
            "volume{} {} use{} restricted volume type{} {}",
            plural(names.len()),
            quoted(&names),
            if names.len() == 1 { "s" } else { "" },
            plural(types.len()),
            quoted(&types)
        ),
    })
}

fn as_root(spec: &PodSpec) -> Option<Finding> {
    let own = spec
        .security_context
        .as_ref()
        .and_then(|c| c.run_as_non_root);
    let of = |c: &Container| context(c).and_then(|c| c.run_as_non_root);
    let explicit = named(spec, |c| of(c) == Some(false));
    let implicit = named(spec, |c| of(c).is_none());
    let mut setters = Vec::new();
    if own == Some(false) {
        setters.push("pod".to_owned());
    }
    if !explicit.is_empty() {
        setters.push(containers(&explicit));
    }
    let reason = "runAsNonRoot != true";
    if !setters.is_empty() {
        return Some(Finding {
            reason,
            detail: format!(
                "{} must not set securityContext.runAsNonRoot=false",
                setters.join(" and ")
            ),
        });
    }
    (own.is_none() && !implicit.is_empty()).then(|| Finding {
        reason,
        detail: format!(
            "pod or {} must set securityContext.runAsNonRoot=true",
            containers(&implicit)
        ),
    })
}

fn user_zero(spec: &PodSpec) -> Option<Finding> {
    let own = spec.security_context.as_ref().and_then(|c| c.run_as_user) == Some(0);
    let names = named(spec, |c| {
        context(c).is_some_and(|c| c.run_as_user == Some(0))
    });
    let mut setters = Vec::new();
    if own {
        setters.push("pod".to_owned());
    }
    if !names.is_empty() {
        setters.push(containers(&names));
    }
    (!setters.is_empty()).then(|| Finding {
        reason: "runAsUser=0",
        detail: format!("{} must not set runAsUser=0", setters.join(" and ")),
    })
}

fn seccomp(spec: &PodSpec) -> Option<Finding> {
    let is_good =
        |profile: &SeccompProfile| matches!(profile.type_.as_str(), "RuntimeDefault" | "Localhost");
    let own = spec
        .security_context
        .as_ref()
        .and_then(|c| c.seccomp_profile.as_ref());
    fn of(c: &Container) -> Option<&SeccompProfile> {
        context(c)?.seccomp_profile.as_ref()
    }
    let mut setters = Vec::new();
    if own.is_some_and(|profile| !is_good(profile)) {
        setters.push("pod".to_owned());
    }
    let explicit = named(spec, |c| of(c).is_some_and(|profile| !is_good(profile)));
    if !explicit.is_empty() {
        setters.push(containers(&explicit));
    }
    let reason = "seccompProfile";
    if !setters.is_empty() {
        let mut types = Vec::new();
        for profile in own
            .into_iter()
            .chain(all(spec).filter_map(of))
            .filter(|p| !is_good(p))
        {
            insert(&mut types, &profile.type_);
        }
        return Some(Finding {
            reason,
            detail: format!(
                "{} must not set securityContext.seccompProfile.type to {}",
                setters.join(" and "),
                quoted(&types)
            ),
        });
    }
    let implicit = named(spec, |c| of(c).is_none());
    (own.is_none() && !implicit.is_empty()).then(|| Finding {
        reason,
        detail: format!(
            "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
            containers(&implicit)
        ),
    })
}
