//! The Pod security standard that a namespace enforces by its labels.
//!
//! Upstream: staging/src/k8s.io/pod-security-admission/{admission,api,policy}, v1.36. Left out: the
//! labels `warn` and `audit`, the standards of older
//! versions (`enforce-version` is checked, every version means the latest), and the check of hosts
//! in probes.

mod baseline;
mod restricted;
mod update;

pub use update::warnings;

use super::{Surroundings, forbidden};
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::api::{Object, Status};
use k8s_openapi::api::core::v1::{Capabilities, Container, Namespace, PodSpec, SecurityContext};

const PREFIX: &str = "pod-security.kubernetes.io/";
const LEVELS: [&str; 3] = ["privileged", "baseline", "restricted"];

/// What a check found: the reason, and the details in brackets.
struct Finding {
    reason: &'static str,
    detail: String,
}

/// What a namespace enforces: a level and a version. A level that there is not is the strictest one.
fn policy(namespace: &Namespace) -> (&str, &str) {
    let label = |name: &str| namespace.label(&[PREFIX, name].concat());
    let level = label("enforce").unwrap_or("privileged");
    let known = LEVELS.iter().find(|known| **known == level);
    let version = label("enforce-version").filter(|version| is_version(version));
    (known.unwrap_or(&"restricted"), version.unwrap_or("latest"))
}

/// Refuses a Pod that its namespace's standard does not allow, and a namespace whose labels name no
/// standard, unless they did so before.
///
/// # Errors
/// `Forbidden`, or `Invalid` for a namespace.
pub fn validate(object: &Object, around: &Surroundings<'_>) -> Result<(), Status> {
    match object {
        Object::Namespace(namespace) => {
            let errors = label_errors(namespace);
            let known = match around.old {
                Some(Object::Namespace(old)) => label_errors(old),
                _ => Vec::new(),
            };
            match errors.is_empty() || errors == known {
                true => Ok(()),
                false => Err(Status::invalid(object.kind(), object.name(), &errors)),
            }
        }
        Object::Pod(pod) => {
            let Some(spec) = &pod.spec else { return Ok(()) };
            if let Some(Object::Pod(old)) = around.old
                && !update::matters(pod, old)
            {
                return Ok(());
            }
            let Some(namespace) = around.find::<Namespace>("", object.namespace()) else {
                return Ok(());
            };
            let (level, version) = policy(&namespace);
            let found = findings(level, spec);
            if found.is_empty() {
                return Ok(());
            }
            let texts: Vec<String> = found.iter().map(Finding::text).collect();
            let texts = texts.join(", ");
            let why = format!("violates PodSecurity \"{level}:{version}\": {texts}");
            Err(forbidden(object, why))
        }
        _ => Ok(()),
    }
}

fn label_errors(namespace: &Namespace) -> Vec<FieldError> {
    let metadata = Path::new("metadata");
    let at = metadata.child("labels");
    let mut errors = Vec::new();
    for mode in ["enforce", "audit", "warn"] {
        let key = format!("{PREFIX}{mode}");
        if let Some(level) = namespace
            .label(&key)
            .filter(|level| !LEVELS.contains(level))
        {
            let detail = format!("must be one of {}", LEVELS.join(", "));
            errors.push(FieldError::invalid(&at.key(&key), level, detail));
        }
        let key = format!("{key}-version");
        if let Some(version) = namespace.label(&key).filter(|version| !is_version(version)) {
            let detail = "must be \"latest\" or \"v1.x\"";
            errors.push(FieldError::invalid(&at.key(&key), version, detail));
        }
    }
    errors
}

fn is_version(version: &str) -> bool {
    let minor = version.strip_prefix("v1.").unwrap_or_default();
    let digits = !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit());
    version == "latest" || (digits && (minor == "0" || !minor.starts_with('0')))
}

/// What is wrong with a Pod at a level, in the order in which upstream tells it.
fn findings(level: &str, spec: &PodSpec) -> Vec<Finding> {
    match level {
        "baseline" => baseline::findings(spec, false),
        "restricted" => {
            let mut found = baseline::findings(spec, true);
            found.extend(restricted::findings(spec));
            found
        }
        _ => Vec::new(),
    }
}

impl Finding {
    fn text(&self) -> String {
        match self.detail.is_empty() {
            true => self.reason.to_owned(),
            false => format!("{} ({})", self.reason, self.detail),
        }
    }
}

/// A finding about some containers, if there are any.
fn about(reason: &'static str, names: &[&str], rest: impl Fn(bool) -> String) -> Option<Finding> {
    (!names.is_empty()).then(|| Finding {
        reason,
        detail: format!("{} {}", containers(names), rest(names.len() > 1)),
    })
}

/// `container "a"`, or `containers "a", "b"`.
fn containers(names: &[&str]) -> String {
    let word = if names.len() == 1 {
        "container"
    } else {
        "containers"
    };
    format!("{word} {}", quoted(names))
}

fn quoted<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts.iter().map(|t| format!("{:?}", t.as_ref())).collect();
    texts.join(", ")
}

/// The Pod's containers: those that start it first.
fn all(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.init_containers
        .iter()
        .flatten()
        .chain(&spec.containers)
}

fn context(container: &Container) -> Option<&SecurityContext> {
    container.security_context.as_ref()
}

fn capabilities(container: &Container) -> Option<&Capabilities> {
    context(container)?.capabilities.as_ref()
}

/// The names of the containers of which `wrong` says so.
fn named(spec: &PodSpec, wrong: impl Fn(&Container) -> bool) -> Vec<&str> {
    let found = all(spec).filter(|container| wrong(container));
    found.map(|container| container.name.as_str()).collect()
}

/// Adds a text that is not there yet, and keeps them sorted.
fn insert(texts: &mut Vec<String>, text: &str) {
    if let Err(index) = texts.binary_search_by(|one| one.as_str().cmp(text)) {
        texts.insert(index, text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::{Value, json};

    fn told(level: &str, spec: Value) -> Vec<String> {
        let spec: PodSpec = codec::from_value(spec).unwrap();
        findings(level, &spec).iter().map(Finding::text).collect()
    }

    #[test]
    fn a_plain_pod_is_not_restricted_enough() {
        let plain = json!({"containers": [{"name": "c", "image": "i"}]});
        assert_eq!(told("baseline", plain.clone()), [""; 0]);
        assert_eq!(
            told("restricted", plain),
            [
                "allowPrivilegeEscalation != false (container \"c\" must set securityContext.allowPrivilegeEscalation=false)",
                "unrestricted capabilities (container \"c\" must set securityContext.capabilities.drop=[\"ALL\"])",
                "runAsNonRoot != true (pod or container \"c\" must set securityContext.runAsNonRoot=true)",
                "seccompProfile (pod or container \"c\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")",
            ]
        );
    }

    #[test]
    fn what_reaches_the_host_is_not_baseline() {
        let spec = json!({
            "hostNetwork": true,
            "volumes": [{"name": "v", "hostPath": {"path": "/"}}],
            "containers": [
                {"name": "a", "ports": [{"containerPort": 80, "hostPort": 80}],
                 "securityContext": {"privileged": true, "capabilities": {"add": ["NET_ADMIN"]}}},
                {"name": "b", "securityContext": {"privileged": true}},
            ],
        });
        assert_eq!(
            told("baseline", spec),
            [
                "non-default capabilities (container \"a\" must not include \"NET_ADMIN\" in securityContext.capabilities.add)",
                "host namespaces (hostNetwork=true)",
                "hostPath volumes (volume \"v\")",
                "hostPort (container \"a\" uses hostPort 80)",
                "privileged (containers \"a\", \"b\" must not set securityContext.privileged=true)",
            ]
        );
    }

    #[test]
    fn versions_are_latest_or_of_one() {
        assert!(is_version("latest") && is_version("v1.36") && is_version("v1.0"));
        assert!(!is_version("v2.1") && !is_version("v1.01") && !is_version("v1."));
    }
}
