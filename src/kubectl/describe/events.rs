//! The events about an object.

use super::writer::Writer;
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{Kind, Object};
use crate::apiserver::table::{age, age_micro};
use crate::kubectl::failure::Failure;
use crate::kubectl::resource::{self, Scope};
use crate::kubectl::shell::Shell;
use crate::sim::{SimTime, order};
use k8s_openapi::api::core::v1::Event;
use std::sync::Arc;

/// The annotation by which a mirror Pod knows the Pod that the kubelet speaks of.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// The events about `object`, the oldest first.
///
/// # Errors
/// The server's refusal.
pub fn of(shell: &mut Shell<'_>, object: &Object) -> Result<Vec<Arc<Event>>, Failure> {
    let namespace = match object.namespace() {
        "" => None,
        namespace => Some(namespace.to_owned()),
    };
    let scope = Scope {
        namespace,
        labels: Selector::everything(),
        fields: Default::default(),
        selects: false,
    };
    let kind = object.kind();
    let uid = match object.annotation(MIRROR) {
        Some(uid) if kind == Kind::Pod => uid,
        _ => object.uid(),
    };
    let about = |event: &&Arc<Event>| {
        let involved = &event.involved_object;
        let known = involved.uid.as_deref().unwrap_or_default();
        // Of nodes the kubelet says the name where others say the uid.
        let same = known == uid || (kind == Kind::Node && known == object.name());
        involved.name.as_deref() == Some(object.name()) && same
    };
    let objects = resource::list(shell, Kind::Event, &scope)?;
    let events = objects.iter().filter_map(Object::get::<Event>);
    let mut events: Vec<Arc<Event>> = events.filter(about).cloned().collect();
    order::sort_by_key(&mut events, |event| (last(event), event.revision()));
    Ok(events)
}

fn last(event: &Event) -> SimTime {
    let last = event.last_timestamp.as_ref().map(meta::to_sim);
    let time = event.event_time.as_ref().map(meta::micro_to_sim);
    last.or(time).unwrap_or_default()
}

/// Writes events as a table of their own.
pub fn write(w: &mut Writer, events: &[Arc<Event>], now: SimTime) {
    if events.is_empty() {
        w.field(0, "Events", "<none>");
        return;
    }
    w.flush();
    w.line(0, "Events:");
    w.line(1, "Type\tReason\tAge\tFrom\tMessage");
    w.line(1, "----\t------\t----\t----\t-------");
    for event in events {
        let first = match &event.event_time {
            Some(at) => age_micro(Some(at), now),
            None => age(event.first_timestamp.as_ref(), now),
        };
        let when = match (&event.series, event.count) {
            (Some(series), _) => {
                let last = age_micro(series.last_observed_time.as_ref(), now);
                format!("{last} (x{} over {first})", series.count.unwrap_or(0))
            }
            (None, Some(count)) if count > 1 => {
                let last = age(event.last_timestamp.as_ref(), now);
                format!("{last} (x{count} over {first})")
            }
            _ => first,
        };
        let component = event
            .source
            .as_ref()
            .and_then(|source| source.component.clone());
        let component = component.filter(|component| !component.is_empty());
        let from = component
            .or(event.reporting_component.clone())
            .unwrap_or_default();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        w.line(
            1,
            &format!(
                "{}\t{}\t{when}\t{from}\t{}",
                text(&event.type_),
                text(&event.reason),
                text(&event.message).trim()
            ),
        );
    }
}
