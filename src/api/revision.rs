//! The template that a ControllerRevision keeps.
//!
//! Upstream: pkg/controller/history/controller_history.go, v1.36.

use super::codec;
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::PodTemplateSpec;

/// The Pod template that a DaemonSet or a StatefulSet had; `None` where the revision keeps something
/// else.
pub fn template(revision: &ControllerRevision) -> Option<PodTemplateSpec> {
    let data = &revision.data.as_ref()?.0;
    let mut template = data.get("spec")?.get("template")?.clone();
    template.as_object_mut()?.remove("$patch");
    codec::from_value(template).ok()
}
