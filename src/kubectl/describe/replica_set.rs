//! A ReplicaSet in words.

use super::pod::controller;
use super::template;
use super::writer::Writer;
use crate::api::meta::MetaExt;
use crate::api::selector::Selector;
use crate::api::{Kind, owner};
use crate::apiserver::table::format_selector;
use crate::kubectl::failure::Failure;
use crate::kubectl::resource::{self, Scope};
use crate::kubectl::shell::Shell;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

pub fn write(w: &mut Writer, set: &ReplicaSet, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let spec = set.spec.clone().unwrap_or_default();
    let status = set.status.clone().unwrap_or_default();
    w.field(0, "Name", set.name());
    w.field(0, "Namespace", set.namespace());
    w.field(0, "Selector", format_selector(Some(&spec.selector)));
    w.labels("Labels", set.metadata.labels.as_ref());
    w.annotations("Annotations", set.metadata.annotations.as_ref());
    if let Some(controller) = controller(&set.metadata) {
        w.field(0, "Controlled By", controller);
    }
    let wanted = spec.replicas.unwrap_or(0);
    w.field(
        0,
        "Replicas",
        format!("{} current / {wanted} desired", status.replicas),
    );
    let selector = Some(&spec.selector);
    w.field(
        0,
        "Pods Status",
        pods_status(&set.metadata, selector, shell)?,
    );
    template::write(w, &spec.template.unwrap_or_default());
    if let Some(conditions) = status.conditions.filter(|c| !c.is_empty()) {
        w.line(0, "Conditions:");
        w.line(1, "Type\tStatus\tReason");
        w.line(1, "----\t------\t------");
        for c in conditions {
            let reason = c.reason.unwrap_or_default();
            w.line(1, &format!("{} \t{}\t{reason}", c.type_, c.status));
        }
    }
    Ok(())
}

/// The Pods that a set controls, counted by what they do.
pub fn pods_status(
    set: &ObjectMeta,
    selector: Option<&LabelSelector>,
    shell: &mut Shell<'_>,
) -> Result<String, Failure> {
    let scope = Scope {
        namespace: set.namespace.clone(),
        labels: Selector::from_label_selector(selector).map_err(Failure::Client)?,
        fields: Default::default(),
        selects: true,
    };
    let uid = set.uid.as_deref().unwrap_or_default();
    let mut counts = [0_u32; 4];
    for object in resource::list(shell, Kind::Pod, &scope)? {
        if !owner::is_controlled_by(object.meta(), uid) {
            continue;
        }
        let pod = object.get::<Pod>();
        let status = pod.and_then(|pod| pod.status.as_ref());
        let phase = status.and_then(|status| status.phase.as_deref());
        let place = ["Running", "Pending", "Succeeded", "Failed"];
        if let Some(at) = place.iter().position(|name| phase == Some(name)) {
            counts[at] += 1;
        }
    }
    let [running, waiting, succeeded, failed] = counts;
    Ok(format!(
        "{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed"
    ))
}
