//! A StatefulSet in words.

use super::deployment::number;
use super::replica_set::pods_status;
use super::template;
use super::writer::{Writer, date};
use crate::api::meta::MetaExt;
use crate::apiserver::table::format_selector;
use crate::kubectl::failure::Failure;
use crate::kubectl::shell::Shell;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

pub fn write(w: &mut Writer, set: &StatefulSet, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let spec = set.spec.clone().unwrap_or_default();
    let status = set.status.clone().unwrap_or_default();
    w.field(0, "Name", set.name());
    w.field(0, "Namespace", set.namespace());
    let created = set.metadata.creation_timestamp.as_ref();
    w.field(0, "CreationTimestamp", date(created));
    w.field(0, "Selector", format_selector(Some(&spec.selector)));
    w.labels("Labels", set.metadata.labels.as_ref());
    w.annotations("Annotations", set.metadata.annotations.as_ref());
    let wanted = spec.replicas.unwrap_or(0);
    let replicas = format!("{wanted} desired | {} total", status.replicas);
    w.field(0, "Replicas", replicas);
    let strategy = spec.update_strategy.unwrap_or_default();
    w.field(0, "Update Strategy", strategy.type_.unwrap_or_default());
    if let Some(rolling) = strategy.rolling_update
        && let Some(partition) = rolling.partition
    {
        w.field(1, "Partition", partition);
        if rolling.max_unavailable.is_some() {
            let unavailable = number(rolling.max_unavailable.as_ref());
            w.field(1, "MaxUnavailable", unavailable);
        }
    }
    let selector = Some(&spec.selector);
    w.field(
        0,
        "Pods Status",
        pods_status(&set.metadata, selector, shell)?,
    );
    template::write(w, &spec.template);
    claims(
        w,
        spec.volume_claim_templates.as_deref().unwrap_or_default(),
    );
    Ok(())
}

fn claims(w: &mut Writer, templates: &[PersistentVolumeClaim]) {
    if templates.is_empty() {
        w.field(0, "Volume Claims", "<none>");
        return;
    }
    w.line(0, "Volume Claims:");
    for claim in templates {
        let spec = claim.spec.clone().unwrap_or_default();
        w.field(1, "Name", claim.name());
        w.field(
            1,
            "StorageClass",
            spec.storage_class_name.unwrap_or_default(),
        );
        w.labels("  Labels", claim.metadata.labels.as_ref());
        w.labels("  Annotations", claim.metadata.annotations.as_ref());
        let requests = spec.resources.and_then(|resources| resources.requests);
        let size = requests.and_then(|all| all.get("storage").map(|size| size.0.clone()));
        w.field(
            1,
            "Capacity",
            size.unwrap_or_else(|| "<default>".to_owned()),
        );
        let modes = spec.access_modes.unwrap_or_default().join(" ");
        w.field(1, "Access Modes", format!("[{modes}]"));
    }
}
