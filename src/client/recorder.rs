//! Events: what a component tells people about an object.
//!
//! Upstream: staging/src/k8s.io/client-go/tools/record/{event,events_cache}.go, v1.36: the same
//! event again raises its count. Left out: aggregation of similar events and the spam filter.

use super::Ctx;
use crate::api::meta::{self, MetaExt};
use crate::api::{ApiType, Kind, NamespacedName, Reason};
use crate::sim::{SimTime, SortedMap, push_hex};
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

/// How many distinct events a recorder remembers, to count repetitions.
const CACHE_LIMIT: u32 = 4_096;

/// How serious an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum EventType {
    /// For information.
    Normal,
    /// Something needs attention.
    Warning,
}

impl EventType {
    /// The word in the `type` field.
    pub const fn word(self) -> &'static str {
        match self {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        }
    }
}

/// Writes events as one source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recorder {
    component: String,
    host: String,
    /// (object uid and field, reason, message) → the event's name.
    #[serde(serialize_with = "crate::sim::as_pairs")]
    seen: SortedMap<(String, String, String), NamespacedName>,
    /// What the last event's name ends with. Upstream takes the time in nanoseconds, which never is
    /// the same twice; here many events share a microsecond.
    last_number: u64,
}

impl Recorder {
    /// A recorder for `component` on `host` (empty where it has none).
    pub fn new(component: &str, host: &str) -> Self {
        Self {
            component: component.to_owned(),
            host: host.to_owned(),
            seen: SortedMap::new(),
            last_number: 0,
        }
    }

    /// Records an event about `object`.
    pub fn event<K: ApiType>(
        &mut self,
        ctx: &mut Ctx<'_>,
        object: &K,
        event_type: EventType,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.event_at(ctx, reference(object), event_type, reason, message);
    }

    /// Records an event about what `involved` refers to (a part of an object, such as a container,
    /// has its field path in it). A server that does not answer loses the event, as upstream's
    /// recorder does in the end.
    pub fn event_at(
        &mut self,
        ctx: &mut Ctx<'_>,
        involved: ObjectReference,
        event_type: EventType,
        reason: &str,
        message: impl Into<String>,
    ) {
        let uid = involved.uid.as_deref().unwrap_or_default();
        let part = involved.field_path.as_deref().unwrap_or_default();
        let seen = ([uid, "/", part].concat(), reason.to_owned(), message.into());
        if let Some(name) = self.seen.get(&seen).cloned()
            && self.repeat(ctx, &name)
        {
            return;
        }
        loop {
            let name = self.next_name(ctx.now, &involved);
            let about = involved.clone();
            let event = self.new_event(ctx.now, &name, about, event_type, reason, &seen.2);
            match ctx.create(event) {
                Ok(_) => {
                    if self.seen.len() >= CACHE_LIMIT as usize {
                        self.seen.pop_first();
                    }
                    self.seen.insert(seen, name);
                    return;
                }
                // Another recorder's, of the same moment.
                Err(status) if status.reason == Reason::AlreadyExists => {}
                Err(_) => return,
            }
        }
    }

    fn repeat(&self, ctx: &mut Ctx<'_>, name: &NamespacedName) -> bool {
        let Ok(old) = ctx.get::<Event>(name) else {
            return false;
        };
        let mut event = Event::clone(&old);
        event.count = Some(event.count.unwrap_or(1).saturating_add(1));
        event.last_timestamp = Some(meta::time(ctx.now));
        ctx.update(event).is_ok()
    }

    /// A name that this recorder has not given yet.
    fn next_name(&mut self, now: SimTime, involved: &ObjectReference) -> NamespacedName {
        let object = involved.name.as_deref().unwrap_or_default();
        let namespace = involved.namespace.as_deref().filter(|n| !n.is_empty());
        self.last_number = (now.as_micros() * 1_000).max(self.last_number + 1);
        let mut name = [object, "."].concat();
        push_hex(&mut name, self.last_number, 16);
        NamespacedName::new(namespace.unwrap_or("default"), name)
    }

    fn new_event(
        &self,
        now: SimTime,
        name: &NamespacedName,
        involved: ObjectReference,
        event_type: EventType,
        reason: &str,
        message: &str,
    ) -> Event {
        Event {
            metadata: ObjectMeta {
                name: Some(name.name.clone()),
                namespace: Some(name.namespace.clone()),
                ..ObjectMeta::default()
            },
            count: Some(1),
            first_timestamp: Some(meta::time(now)),
            last_timestamp: Some(meta::time(now)),
            involved_object: involved,
            message: Some(message.to_owned()),
            reason: Some(reason.to_owned()),
            reporting_component: Some(self.component.clone()),
            reporting_instance: Some(self.host.clone()),
            source: Some(EventSource {
                component: Some(self.component.clone()),
                host: Some(self.host.clone()).filter(|host| !host.is_empty()),
            }),
            type_: Some(event_type.word().to_owned()),
            ..Event::default()
        }
    }
}

/// The reference that events about `object` carry.
pub fn reference<K: ApiType>(object: &K) -> ObjectReference {
    reference_to(<K as ApiType>::KIND, object.object_meta())
}

/// The reference that events about the object of `kind` with `meta` carry.
pub fn reference_to(kind: Kind, meta: &ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some(kind.api_version()),
        kind: Some(kind.row().kind.to_owned()),
        name: Some(meta.name.clone().unwrap_or_default()),
        namespace: meta.namespace.clone().filter(|n| !n.is_empty()),
        resource_version: meta.resource_version.clone(),
        uid: Some(meta.uid.clone().unwrap_or_default()),
        field_path: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::{ApiServer, ApiServerConfig};
    use crate::client::Agenda;
    use crate::sim::SimRng;
    use k8s_openapi::api::core::v1::Node;

    #[test]
    fn events_of_one_moment_about_one_object_are_all_kept() {
        let mut rng = SimRng::new(1);
        let mut ctx = Ctx {
            now: SimTime::from_secs(1_000),
            api: &mut ApiServer::new(ApiServerConfig::default(), rng.fork("api")),
            rng: &mut rng,
            agenda: &mut Agenda::default(),
            actor: "test".into(),
            cause: None,
        };
        let namespace = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"},
        });
        let namespace: k8s_openapi::api::core::v1::Namespace =
            serde_json::from_value(namespace).expect("a namespace");
        ctx.create(namespace).expect("accepted");
        let mut node = Node::default();
        node.metadata.name = Some("worker-1".to_owned());
        let mut recorders = [Recorder::new("a", ""), Recorder::new("b", "")];
        for number in 0..500 {
            for recorder in &mut recorders {
                let message = format!("message {number}");
                recorder.event(&mut ctx, &node, EventType::Normal, "Test", message);
            }
        }
        recorders[0].event(&mut ctx, &node, EventType::Normal, "Test", "message 7");
        let (_, events) = ctx.list(Kind::Event).expect("an answer");
        assert_eq!(events.len(), 1_000);
        let counts = events
            .iter()
            .filter_map(|event| event.get::<Event>()?.count);
        assert_eq!(counts.sum::<i32>(), 1_001);
    }
}
