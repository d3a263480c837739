//! A Deployment in words.

use super::template;
use super::writer::{Writer, date};
use crate::api::meta::MetaExt;
use crate::apiserver::table::format_selector;
use crate::kubectl::edit;
use crate::kubectl::failure::Failure;
use crate::kubectl::shell::Shell;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::sync::Arc;

pub fn write(
    w: &mut Writer,
    deployment: &Deployment,
    shell: &mut Shell<'_>,
) -> Result<(), Failure> {
    let sets = edit::owned_sets(shell.api, deployment, shell.now)?;
    let spec = deployment.spec.clone().unwrap_or_default();
    let status = deployment.status.clone().unwrap_or_default();
    let count = |count: Option<i32>| count.unwrap_or(0);
    w.field(0, "Name", deployment.name());
    w.field(0, "Namespace", deployment.namespace());
    let created = deployment.metadata.creation_timestamp.as_ref();
    w.field(0, "CreationTimestamp", date(created));
    w.labels("Labels", deployment.metadata.labels.as_ref());
    w.annotations("Annotations", deployment.metadata.annotations.as_ref());
    w.field(0, "Selector", format_selector(Some(&spec.selector)));
    w.field(
        0,
        "Replicas",
        format!(
            "{} desired | {} updated | {} total | {} available | {} unavailable",
            count(spec.replicas),
            count(status.updated_replicas),
            count(status.replicas),
            count(status.available_replicas),
            count(status.unavailable_replicas),
        ),
    );
    let strategy = spec.strategy.clone().unwrap_or_default();
    w.field(0, "StrategyType", strategy.type_.unwrap_or_default());
    w.field(0, "MinReadySeconds", count(spec.min_ready_seconds));
    if let Some(rolling) = strategy.rolling_update {
        let text = format!(
            "{} max unavailable, {} max surge",
            number(rolling.max_unavailable.as_ref()),
            number(rolling.max_surge.as_ref())
        );
        w.field(0, "RollingUpdateStrategy", text);
    }
    template::write(w, &spec.template);
    if let Some(conditions) = status.conditions.filter(|c| !c.is_empty()) {
        w.line(0, "Conditions:");
        w.line(1, "Type\tStatus\tReason");
        w.line(1, "----\t------\t------");
        for c in conditions {
            let reason = c.reason.unwrap_or_default();
            w.line(1, &format!("{} \t{}\t{reason}", c.type_, c.status));
        }
    }
    let (new, old): (Vec<_>, Vec<_>) = sets
        .into_iter()
        .map(|(_, set)| set)
        .partition(|set| is_newest(deployment, set));
    if !new.is_empty() || !old.is_empty() {
        w.field(0, "OldReplicaSets", names(&old));
        w.field(0, "NewReplicaSet", names(&new));
    }
    Ok(())
}

/// A number or a part of all.
pub fn number(number: Option<&IntOrString>) -> String {
    match number {
        Some(IntOrString::Int(number)) => number.to_string(),
        Some(IntOrString::String(text)) => text.clone(),
        None => "<nil>".to_owned(),
    }
}

/// Whether a ReplicaSet has the template that the Deployment has now.
fn is_newest(deployment: &Deployment, set: &ReplicaSet) -> bool {
    let mut template = set
        .spec
        .clone()
        .unwrap_or_default()
        .template
        .unwrap_or_default();
    if let Some(labels) = template.metadata.as_mut().and_then(|m| m.labels.as_mut()) {
        labels.remove("pod-template-hash");
    }
    deployment
        .spec
        .as_ref()
        .is_some_and(|spec| spec.template == template)
}

fn names(sets: &[Arc<ReplicaSet>]) -> String {
    let texts = sets.iter().map(|set| {
        let created = set.status.as_ref().map_or(0, |status| status.replicas);
        let wanted = set
            .spec
            .as_ref()
            .and_then(|spec| spec.replicas)
            .unwrap_or(0);
        format!("{} ({created}/{wanted} replicas created)", set.name())
    });
    match texts.collect::<Vec<_>>().join(", ") {
        text if text.is_empty() => "<none>".to_owned(),
        text => text,
    }
}
