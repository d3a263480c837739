//! A DaemonSet in words.

use super::replica_set::pods_status;
use super::template;
use super::writer::Writer;
use crate::api::meta::MetaExt;
use crate::apiserver::table::{format_labels, format_selector};
use crate::kubectl::failure::Failure;
use crate::kubectl::shell::Shell;
use k8s_openapi::api::apps::v1::DaemonSet;

pub fn write(w: &mut Writer, set: &DaemonSet, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let spec = set.spec.clone().unwrap_or_default();
    let status = set.status.clone().unwrap_or_default();
    w.field(0, "Name", set.name());
    w.field(0, "Namespace", set.namespace());
    w.field(0, "Selector", format_selector(Some(&spec.selector)));
    let pod = spec.template.spec.as_ref();
    let nodes = pod.and_then(|pod| pod.node_selector.as_ref());
    w.field(0, "Node-Selector", format_labels(nodes));
    w.labels("Labels", set.metadata.labels.as_ref());
    w.annotations("Annotations", set.metadata.annotations.as_ref());
    for (what, count) in [
        ("Desired Number of Nodes", status.desired_number_scheduled),
        ("Current Number of Nodes", status.current_number_scheduled),
    ] {
        w.line(0, &format!("{what} Scheduled: {count}"));
    }
    for (what, count) in [
        (
            "Scheduled with Up-to-date Pods",
            status.updated_number_scheduled.unwrap_or(0),
        ),
        (
            "Scheduled with Available Pods",
            status.number_available.unwrap_or(0),
        ),
        ("Misscheduled", status.number_misscheduled),
    ] {
        w.line(0, &format!("Number of Nodes {what}: {count}"));
    }
    let selector = Some(&spec.selector);
    w.field(
        0,
        "Pods Status",
        pods_status(&set.metadata, selector, shell)?,
    );
    template::write(w, &spec.template);
    Ok(())
}
