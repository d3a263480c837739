//! What runs Pods, as trees: who made whom, with what kubectl's columns say of each.

use super::place;
use super::pods;
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, owner};
use crate::apiserver::table;
use crate::cluster::Cluster;
use crate::protocol::{ConditionView, OwnedView, Place, PodView};
use crate::sim::{SortedMap, SortedSet, order};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kinds that are in the trees.
const KINDS: [Kind; 8] = [
    Kind::CronJob,
    Kind::Job,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::ReplicationController,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Pod,
];
/// How many trees are shown, and how many of what one object owns.
const TREES_LIMIT: u32 = 60;
const OWNED_LIMIT: u32 = 12;
/// How deep the trees go: a CronJob's Job's Pods, and as much again for what people make themselves.
const DEPTH_LIMIT: u32 = 6;
/// From the one that asks for most attention on.
const MOODS: [&str; 4] = ["failing", "busy", "ending", "ready"];

struct Forest<'a> {
    cluster: &'a Cluster,
    pods: &'a BTreeMap<Place, Arc<PodView>>,
    /// By the uid of the owner.
    owned: SortedMap<&'a str, Vec<&'a Object>>,
}

/// Every tree, the newest first; those of the system come last. `pods` are all Pods as the stage shows
/// them.
pub fn trees(cluster: &Cluster, pods: &BTreeMap<Place, Arc<PodView>>) -> Vec<OwnedView> {
    let lists = KINDS.map(|kind| cluster.api().etcd().list(kind, None));
    let all: Vec<&Object> = lists.into_iter().flatten().collect();
    let known: SortedSet<&str> = all.iter().map(|object| object.uid()).collect();
    let mut owned: SortedMap<&str, Vec<&Object>> = SortedMap::new();
    let mut roots = Vec::new();
    for object in all {
        let above = owner::controller_of(object.meta()).map(|above| above.uid.as_str());
        match above.filter(|uid| known.contains(uid)) {
            Some(uid) => owned.entry(uid).or_default().push(object),
            None => roots.push(object),
        }
    }
    for below in owned.values_mut() {
        order::sort_by_key(below, |object| std::cmp::Reverse(revision(object)));
    }
    order::sort_by_key(&mut roots, |object| {
        let system = object.namespace() == "kube-system";
        (system, std::cmp::Reverse(object.created_at()))
    });
    let forest = Forest {
        cluster,
        pods,
        owned,
    };
    let shown = roots.into_iter().take(TREES_LIMIT as usize);
    shown.map(|root| forest.view(root, 0)).collect()
}

/// The present ReplicaSet of a Deployment goes before its old ones.
fn revision(object: &Object) -> i64 {
    object.get().map_or(0, |set| pods::revision(set))
}

impl Forest<'_> {
    fn view(&self, object: &Object, depth: u32) -> OwnedView {
        let below = self.owned.get(object.uid()).map(Vec::as_slice);
        let below = below.filter(|_| depth < DEPTH_LIMIT).unwrap_or_default();
        let shown = below.iter().take(OWNED_LIMIT as usize);
        let children: Vec<OwnedView> = shown.map(|child| self.view(child, depth + 1)).collect();
        let conditions = match object.kind() {
            Kind::Pod => Vec::new(),
            _ => conditions(object),
        };
        let mood = self.mood(object, below, &conditions, depth);
        OwnedView {
            kind: object.kind().row().kind.to_owned(),
            at: place(object),
            facts: self.facts(object),
            mood: mood.to_owned(),
            more: u32::try_from(below.len() - children.len()).unwrap_or(u32::MAX),
            conditions,
            children,
        }
    }

    /// What the columns say, without the name and the age.
    fn facts(&self, object: &Object) -> Vec<(String, String)> {
        let columns = table::columns(object.kind());
        let cells = table::cells(object, self.cluster.now());
        let shown = columns.iter().zip(cells).filter(|(column, _)| {
            column.priority == 0 && column.format != "name" && column.name != "Age"
        });
        shown
            .map(|(column, cell)| (column.name.to_owned(), cell.to_string()))
            .collect()
    }

    fn mood(
        &self,
        object: &Object,
        below: &[&Object],
        conditions: &[ConditionView],
        depth: u32,
    ) -> &'static str {
        if let Kind::Pod = object.kind() {
            let pod = self.pods.get(&place(object));
            let mood = MOODS
                .iter()
                .find(|mood| pod.is_some_and(|pod| pod.mood == **mood));
            return mood.copied().unwrap_or("busy");
        }
        let fails = |condition: &ConditionView| {
            condition.status == "True"
                && matches!(condition.name.as_str(), "Failed" | "ReplicaFailure")
        };
        if conditions.iter().any(fails) {
            return MOODS[0];
        }
        let below = below.iter().map(|child| match child.kind() {
            Kind::Pod => self.mood(child, &[], &[], depth),
            _ if depth >= DEPTH_LIMIT => MOODS[MOODS.len() - 1],
            _ => {
                let owned = self.owned.get(child.uid()).map(Vec::as_slice);
                self.mood(child, owned.unwrap_or_default(), &[], depth + 1)
            }
        });
        let worst = below.filter_map(|mood| MOODS.iter().position(|known| *known == mood));
        MOODS[worst.min().unwrap_or(MOODS.len() - 1)]
    }
}

/// The conditions of any kind.
fn conditions(object: &Object) -> Vec<ConditionView> {
    let status = object.to_json();
    let listed = status
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let view = |condition: &Value| {
        let text = |name: &str| condition[name].as_str().unwrap_or_default().to_owned();
        ConditionView {
            name: text("type"),
            status: text("status"),
            reason: text("reason"),
            message: text("message"),
            since: String::new(),
        }
    };
    listed.into_iter().flatten().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterConfig;
    use crate::protocol::UserCommand;
    use crate::session::Session;
    use crate::sim::SimDuration;

    fn trees_of(session: &Session) -> Vec<OwnedView> {
        let cluster = session.cluster();
        trees(cluster, &pods::views(cluster))
    }

    #[test]
    fn a_deployment_its_sets_and_their_pods() {
        let mut session = Session::new(ClusterConfig::default());
        session.advance(session.start() + SimDuration::secs(30), u32::MAX);
        let hello = trees_of(&session).remove(0);
        assert_eq!(
            (hello.kind.as_str(), hello.mood.as_str()),
            ("Deployment", "ready")
        );
        assert!(
            hello
                .facts
                .contains(&("Ready".to_owned(), "3/3".to_owned()))
        );
        assert!(hello.conditions.iter().any(|c| c.name == "Available"));
        let [set] = hello.children.as_slice() else {
            panic!("one ReplicaSet: {hello:?}");
        };
        let kinds: Vec<&str> = set.children.iter().map(|pod| pod.kind.as_str()).collect();
        assert_eq!((set.kind.as_str(), kinds), ("ReplicaSet", vec!["Pod"; 3]));

        let at = hello.at.clone();
        session.execute(UserCommand::SetImage {
            at: at.clone(),
            container: "*".into(),
            image: "nigelpoulton/k8sbook:9.9".to_owned(),
        });
        session.execute(UserCommand::Scale { at, replicas: 30 });
        session.advance(session.cluster().now() + SimDuration::secs(60), u32::MAX);
        let hello = trees_of(&session).remove(0);
        assert_eq!((hello.children.len(), hello.mood.as_str()), (2, "failing"));
        let [new, old] = hello.children.as_slice() else {
            panic!("two ReplicaSets: {hello:?}");
        };
        assert_eq!((new.mood.as_str(), old.mood.as_str()), ("failing", "ready"));
        let shown = |set: &OwnedView| set.children.len() + set.more as usize;
        assert!(shown(new) + shown(old) >= 30, "{new:?} {old:?}");
        assert!(new.children.len() <= OWNED_LIMIT as usize && old.more > 0);
    }
}
