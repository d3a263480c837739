//! Pod templates in words, and tolerations.

use super::container::{self, Section};
use super::volume;
use super::writer::Writer;
use crate::sim::order;
use k8s_openapi::api::core::v1::{PodTemplateSpec, Toleration};

/// Writes a Pod template.
pub fn write(w: &mut Writer, template: &PodTemplateSpec) {
    let metadata = template.metadata.clone().unwrap_or_default();
    let spec = template.spec.clone().unwrap_or_default();
    w.line(0, "Pod Template:");
    w.labels("  Labels", metadata.labels.as_ref());
    if metadata
        .annotations
        .as_ref()
        .is_some_and(|map| !map.is_empty())
    {
        w.annotations("  Annotations", metadata.annotations.as_ref());
    }
    if let Some(account) = spec.service_account_name.as_ref().filter(|a| !a.is_empty()) {
        w.field(1, "Service Account", account);
    }
    if let Some(inits) = spec.init_containers.as_ref().filter(|c| !c.is_empty()) {
        container::write(w, &Section::of_template("Init Containers"), inits, None);
    }
    container::write(
        w,
        &Section::of_template("Containers"),
        &spec.containers,
        None,
    );
    volume::write(w, spec.volumes.as_deref().unwrap_or_default(), "  ");
    if let Some(class) = spec.priority_class_name.as_ref().filter(|c| !c.is_empty()) {
        w.field(1, "Priority Class Name", class);
    }
    w.labels("  Node-Selectors", spec.node_selector.as_ref());
    tolerations(w, "  Tolerations", spec.tolerations.as_deref());
}

/// Writes tolerations, by their keys.
pub fn tolerations(w: &mut Writer, title: &str, tolerations: Option<&[Toleration]>) {
    let mut sorted = tolerations.unwrap_or_default().to_vec();
    order::sort_by(&mut sorted, |a, b| a.key.cmp(&b.key));
    w.list(title, sorted.iter().map(toleration));
}

fn toleration(toleration: &Toleration) -> String {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (key, value) = (filled(&toleration.key), filled(&toleration.value));
    let effect = filled(&toleration.effect);
    let mut text = key.clone().unwrap_or_default();
    if let Some(value) = &value {
        text.push_str(&format!("={value}"));
    }
    if let Some(effect) = &effect {
        text.push_str(&format!(":{effect}"));
    }
    if toleration.operator.as_deref() == Some("Exists") && value.is_none() {
        let space = if key.is_some() || effect.is_some() {
            " "
        } else {
            ""
        };
        text.push_str(&format!("{space}op=Exists"));
    }
    if let Some(seconds) = toleration.toleration_seconds {
        text.push_str(&format!(" for {seconds}s"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn tolerations_say_what_they_tolerate() {
        for (json, want) in [
            (json!({"operator": "Exists"}), "op=Exists"),
            (
                json!({"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
                "a:NoExecute op=Exists for 300s",
            ),
            (
                json!({"key": "a", "value": "b", "effect": "NoSchedule"}),
                "a=b:NoSchedule",
            ),
            (
                json!({"operator": "Exists", "effect": "NoExecute"}),
                ":NoExecute op=Exists",
            ),
        ] {
            let decoded = codec::from_value(json).expect("it decodes");
            assert_eq!(toleration(&decoded), want);
        }
    }
}
