//! Cluster state to what is on the screen: plain data, no HTML.

mod pods;
mod rollouts;
mod services;
mod traffic;

use crate::api::meta::{self, MetaExt};
use crate::api::{Kind, Object, ObjectKey, condition};
use crate::cluster::{Cluster, Part};
use crate::protocol::{Clock, EventView, NodeView, PartView, Place, Screen, Storage, TraceView};
use crate::session::Session;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use std::sync::Arc;

/// How many events and writes are shown.
const LIST_LIMIT: u32 = 60;
const LOG_LIMIT: u32 = 200;

/// What the person has chosen to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// `namespace/name` of the Pod whose log is shown.
    pub pod: String,
    /// Only writes of objects whose name holds this text.
    pub trace: String,
}

/// The whole screen. `clock` and `storage` are the engine's to know.
pub fn screen(session: &Session, clock: Clock, storage: Storage, selection: &Selection) -> Screen {
    let cluster = session.cluster();
    let waiting = objects::<Pod>(cluster).filter(|pod| pods::node(pod).is_empty());
    Screen {
        clock,
        storage,
        revision: cluster.api().etcd().revision(),
        parts: parts(cluster),
        nodes: nodes(cluster),
        waiting: waiting.map(|pod| pods::view(pod)).collect(),
        rollouts: rollouts::views(cluster),
        services: services::views(session),
        request: session.last_request().map(traffic::request),
        loads: traffic::loads(cluster),
        events: events(cluster),
        trace: trace(cluster, &selection.trace),
        log: log(cluster, &selection.pod),
    }
}

/// The objects of a kind, as the store holds them.
fn objects<K: crate::api::ApiType>(cluster: &Cluster) -> impl Iterator<Item = &Arc<K>> {
    let kind = <K as crate::api::ApiType>::KIND;
    cluster
        .api()
        .etcd()
        .list(kind, None)
        .filter_map(Object::get::<K>)
}

fn place(object: &impl MetaExt) -> Place {
    Place {
        namespace: object.namespace().to_owned(),
        name: object.name().to_owned(),
    }
}

/// The time of day, as `12:34:56`.
fn time_of_day(at: SimTime) -> String {
    let text = meta::rfc3339(at);
    text.split('T')
        .nth(1)
        .unwrap_or_default()
        .trim_end_matches('Z')
        .to_owned()
}

fn parts(cluster: &Cluster) -> Vec<PartView> {
    let role = |part| match part {
        Part::Etcd => "keeps the cluster's state, and alone does",
        Part::KubeApiserver => "the one door to that state",
        Part::KubeControllerManager => "makes what is there match what was asked for",
        Part::KubeScheduler => "finds a node for each new Pod",
    };
    Part::ALL
        .into_iter()
        .map(|part| PartView {
            name: part.name().to_owned(),
            role: role(part).to_owned(),
            running: !cluster.stopped().contains(&part),
        })
        .collect()
}

fn nodes(cluster: &Cluster) -> Vec<NodeView> {
    let mut views: Vec<NodeView> = cluster
        .kubelets()
        .iter()
        .map(|kubelet| {
            let config = kubelet.config();
            let key = ObjectKey::new(Kind::Node, "", config.name.as_str());
            let node = cluster.api().etcd().get(&key).and_then(Object::get::<Node>);
            let conditions = node.and_then(|n| n.status.as_ref()?.conditions.as_ref());
            let ready = condition::is_true(conditions, "Ready");
            NodeView {
                name: config.name.clone(),
                role: if config.control_plane {
                    "control-plane"
                } else {
                    "worker"
                }
                .to_owned(),
                status: match (kubelet.is_running(), ready) {
                    (_, true) => "Ready",
                    (true, false) => "NotReady",
                    (false, false) => "NotReady (off)",
                }
                .to_owned(),
                on: kubelet.is_running(),
                cpu: (0, i64::from(config.cpu_milli)),
                pods: Vec::new(),
            }
        })
        .collect();
    for pod in objects::<Pod>(cluster) {
        if let Some(view) = views.iter_mut().find(|view| view.name == pods::node(pod)) {
            view.cpu.0 += crate::scheduler::PodRequest::of(pod).cpu_milli;
            view.pods.push(pods::view(pod));
        }
    }
    views
}

fn events(cluster: &Cluster) -> Vec<EventView> {
    let mut events: Vec<&Arc<Event>> = objects::<Event>(cluster).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.revision()));
    events
        .into_iter()
        .take(LIST_LIMIT as usize)
        .map(|event| {
            let object = &event.involved_object;
            let kind = object.kind.as_deref().unwrap_or_default().to_lowercase();
            let at = event
                .last_timestamp
                .as_ref()
                .map(meta::to_sim)
                .unwrap_or_default();
            EventView {
                at: time_of_day(at),
                warning: event.type_.as_deref() == Some("Warning"),
                reason: event.reason.clone().unwrap_or_default(),
                object: format!("{kind}/{}", object.name.as_deref().unwrap_or_default()),
                message: event.message.clone().unwrap_or_default(),
                count: event.count.unwrap_or(1),
            }
        })
        .collect()
}

fn trace(cluster: &Cluster, filter: &str) -> Vec<TraceView> {
    let shown = |object: &str| filter.is_empty() || object.contains(filter);
    cluster
        .trace()
        .entries()
        .rev()
        .map(|entry| (entry, entry.key.to_string()))
        .filter(|(entry, object)| {
            // Events and heartbeats would drown everything else; a filter brings them back.
            let noise = matches!(entry.key.kind, Kind::Event | Kind::Lease);
            shown(object) && (!noise || !filter.is_empty())
        })
        .take(LIST_LIMIT as usize)
        .map(|(entry, object)| TraceView {
            at: time_of_day(entry.at),
            actor: entry.actor.to_string(),
            verb: format!("{:?}", entry.verb),
            object,
            revision: entry.revision,
            cause: entry.cause.unwrap_or(0),
        })
        .collect()
}

fn log(cluster: &Cluster, pod: &str) -> Vec<String> {
    let Some((namespace, name)) = pod.split_once('/') else {
        return Vec::new();
    };
    let name = crate::api::NamespacedName::new(namespace, name);
    let lines = cluster
        .kubelets()
        .iter()
        .find_map(|kubelet| kubelet.logs(&name, "", LOG_LIMIT));
    lines.into_iter().flatten().map(|line| line.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterConfig;
    use crate::sim::SimDuration;

    #[test]
    fn the_first_screen_is_alive() {
        let mut session = Session::new(ClusterConfig::default());
        session.advance(session.start() + SimDuration::secs(30), u32::MAX);
        let screen = screen(
            &session,
            Clock::default(),
            Storage::Saved,
            &Selection::default(),
        );
        assert_eq!(screen.nodes.len(), 4);
        assert_eq!(
            screen.nodes[0].pods.len(),
            4,
            "the control plane shows as Pods"
        );
        let pods: Vec<_> = screen
            .nodes
            .iter()
            .skip(1)
            .flat_map(|node| &node.pods)
            .collect();
        let own = |pod: &&&crate::protocol::PodView| pod.at.namespace == "default";
        assert_eq!(pods.iter().filter(own).count(), 3);
        assert!(
            pods.iter()
                .all(|pod| pod.status == "Running" && pod.mood == "ready")
        );
        let hello = screen
            .services
            .iter()
            .find(|s| s.at.name == "hello")
            .expect("it is there");
        assert_eq!(hello.endpoints.iter().filter(|e| e.ready).count(), 3);
        assert_eq!(screen.rollouts[0].available, 3);
        assert!(screen.trace.iter().any(|entry| entry.cause > 0));
    }
}
