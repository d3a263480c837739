//! The latest events.

use super::{objects, time_of_day};
use crate::api::meta::{self, MetaExt};
use crate::cluster::Cluster;
use crate::protocol::EventView;
use crate::sim::order;
use k8s_openapi::api::core::v1::Event;
use std::sync::Arc;

/// How many are shown.
const LIMIT: u32 = 80;

/// The latest events of objects whose kind and name hold `filter`, the newest first.
pub fn views(cluster: &Cluster, filter: &str) -> Vec<EventView> {
    let mut events: Vec<&Arc<Event>> = objects::<Event>(cluster).collect();
    order::sort_by_key(&mut events, |event| std::cmp::Reverse(event.revision()));
    let wanted = |view: &EventView| filter.is_empty() || view.object.contains(filter);
    let views = events.into_iter().map(|event| view(event)).filter(wanted);
    views.take(LIMIT as usize).collect()
}

fn view(event: &Event) -> EventView {
    let object = &event.involved_object;
    let kind = object.kind.as_deref().unwrap_or_default();
    let name = object.name.as_deref().unwrap_or_default();
    let at = event
        .last_timestamp
        .as_ref()
        .or(event.first_timestamp.as_ref());
    let source = event
        .source
        .as_ref()
        .and_then(|source| source.component.clone());
    EventView {
        id: event.name().to_owned(),
        at: time_of_day(at.map(meta::to_sim).unwrap_or_default()),
        warning: event.type_.as_deref() == Some("Warning"),
        reason: event.reason.clone().unwrap_or_default(),
        object: format!("{kind} {name}"),
        message: event.message.clone().unwrap_or_default(),
        count: event.count.unwrap_or(1),
        source: source.unwrap_or_default(),
    }
}
