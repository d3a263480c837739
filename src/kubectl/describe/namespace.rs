//! A Namespace in words. Quotas and limit ranges are no kinds here yet, so there are none.

use super::writer::Writer;
use crate::api::meta::MetaExt;
use k8s_openapi::api::core::v1::Namespace;

pub fn write(w: &mut Writer, namespace: &Namespace) {
    let status = namespace.status.clone().unwrap_or_default();
    w.field(0, "Name", namespace.name());
    w.labels("Labels", namespace.metadata.labels.as_ref());
    w.annotations("Annotations", namespace.metadata.annotations.as_ref());
    w.field(0, "Status", status.phase.unwrap_or_default());
    if let Some(conditions) = status.conditions.filter(|c| !c.is_empty()) {
        w.line(0, "Conditions:");
        w.line(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage");
        w.line(1, "----\t------\t------------------\t------\t-------");
        for c in conditions {
            let at = super::writer::date(c.last_transition_time.as_ref());
            let text = |text: Option<String>| text.unwrap_or_default();
            w.line(
                1,
                &format!(
                    "{} \t{} \t{at} \t{} \t{}",
                    c.type_,
                    c.status,
                    text(c.reason),
                    text(c.message)
                ),
            );
        }
    }
    w.line(0, "");
    w.line(0, "No resource quota.");
    w.line(0, "");
    w.line(0, "No LimitRange resource.");
}
