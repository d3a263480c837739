//! What makes a Pod the one that it is: its name, its labels and its host name.
//!
//! Upstream: pkg/controller/statefulset/stateful_set_utils.go (getParentNameAndOrdinal,
//! updateIdentity, newVersionedStatefulSetPod), v1.36.

use crate::controller::history::HASH_LABEL;
use crate::controller::pods;
use crate::controller::templated::Templated;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};

/// The label with the Pod's name, by which a Service can select it alone.
pub const NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

fn split(name: &str) -> Option<(&str, i32)> {
    let (parent, number) = name.rsplit_once('-')?;
    let ordinal = number.parse().ok()?;
    let plain = number.len() == 1 || !number.starts_with('0');
    (plain && number.bytes().all(|byte| byte.is_ascii_digit())).then_some((parent, ordinal))
}

/// The name of the set that a Pod with this name can belong to.
pub fn parent(name: &str) -> Option<&str> {
    split(name).map(|(parent, _)| parent)
}

/// The number at the end of a Pod's name.
pub fn ordinal(name: &str) -> Option<i32> {
    split(name).map(|(_, ordinal)| ordinal)
}

/// Gives a Pod the labels that name it.
pub fn label(pod: &mut Pod) {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let number = name.rsplit('-').next().unwrap_or_default().to_owned();
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(INDEX_LABEL.to_owned(), number);
    labels.insert(NAME_LABEL.to_owned(), name);
}

/// The set's Pod with this number, made of a revision's template, without the volumes of its claims.
pub fn pod(
    set: &Templated<'_>,
    template: &PodTemplateSpec,
    revision: &str,
    service: Option<&str>,
    ordinal: i32,
) -> Pod {
    let name = [set.name(), "-", &ordinal.to_string()].concat();
    let mut pod = pods::from_template(template, set.namespace(), set.owner());
    pod.metadata.generate_name = None;
    pod.metadata.name = Some(name.clone());
    let spec = pod.spec.get_or_insert_default();
    spec.hostname = Some(name);
    spec.subdomain = service.filter(|name| !name.is_empty()).map(str::to_owned);
    label(&mut pod);
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(HASH_LABEL.to_owned(), revision.to_owned());
    pod
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_and_which_it_is() {
        for (name, want) in [
            ("web-0", Some(("web", 0))),
            ("my-web-12", Some(("my-web", 12))),
            ("web", None),
            ("web-", None),
            ("web-01", None),
            ("web-a1", None),
            ("web-+1", None),
            ("web-99999999999", None),
        ] {
            assert_eq!(split(name), want, "{name}");
        }
    }
}
