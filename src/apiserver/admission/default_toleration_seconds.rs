//! Pods stay five minutes on a node that is gone or not ready, unless they say otherwise.
//!
//! Upstream: plugin/pkg/admission/defaulttolerationseconds/admission.go, v1.36.

use super::Surroundings;
use crate::api::{Object, Status};
use k8s_openapi::api::core::v1::Toleration;
use std::sync::Arc;

const TAINTS: [&str; 2] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
];
const SECONDS: i64 = 300;

/// Adds the two tolerations where the Pod has none for their taints.
///
/// # Errors
/// None.
pub fn admit(object: &mut Object, _: &mut Surroundings<'_>) -> Result<(), Status> {
    let Object::Pod(pod) = object else {
        return Ok(());
    };
    let tolerates = |all: &[Toleration], taint: &str| {
        let empty_or = |text: &Option<String>, wanted: &str| {
            text.as_deref().unwrap_or_default().is_empty() || text.as_deref() == Some(wanted)
        };
        all.iter()
            .any(|one| empty_or(&one.key, taint) && empty_or(&one.effect, "NoExecute"))
    };
    let spec = Arc::make_mut(pod).spec.get_or_insert_default();
    let missing = TAINTS.map(|taint| {
        let all = spec.tolerations.as_deref().unwrap_or_default();
        (!tolerates(all, taint)).then_some(taint)
    });
    for taint in missing.into_iter().flatten() {
        spec.tolerations.get_or_insert_default().push(Toleration {
            key: Some(taint.to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some("NoExecute".to_owned()),
            toleration_seconds: Some(SECONDS),
            value: None,
        });
    }
    Ok(())
}
