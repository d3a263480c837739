//! The control plane's parts and the nodes.

use super::place;
use crate::api::{Kind, Object, ObjectKey, condition};
use crate::cluster::{Cluster, Part};
use crate::kubelet::Kubelet;
use crate::protocol::{NodeView, PartView, Place, PodView};
use crate::sim::order;
use k8s_openapi::api::core::v1::{Node, Pod};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The control plane.
pub fn parts(cluster: &Cluster) -> Vec<PartView> {
    let home = cluster.kubelets().iter().find(|k| k.config().control_plane);
    let home = home.map_or("", |kubelet| kubelet.config().name.as_str());
    let view = |part: Part| PartView {
        name: part.name().to_owned(),
        role: role(part).to_owned(),
        running: !cluster.stopped().contains(&part),
        pod: Place {
            namespace: "kube-system".to_owned(),
            name: format!("{}-{home}", part.name()),
        },
    };
    Part::ALL.into_iter().map(view).collect()
}

/// What a part does, for a newcomer.
pub const fn role(part: Part) -> &'static str {
    match part {
        Part::Etcd => "remembers everything, and alone does",
        Part::KubeApiserver => "the one door: everybody reads and writes here",
        Part::KubeControllerManager => "makes what is there match what was asked for",
        Part::KubeScheduler => "finds a node for each new Pod",
    }
}

/// The Node object of a kubelet.
pub fn object<'a>(cluster: &'a Cluster, name: &str) -> Option<&'a Arc<Node>> {
    let key = ObjectKey::new(Kind::Node, "", name);
    cluster.api().etcd().get(&key).and_then(Object::get::<Node>)
}

/// The word for how a node is.
pub fn status(kubelet: &Kubelet, node: Option<&Arc<Node>>) -> &'static str {
    let conditions = node.and_then(|node| node.status.as_ref()?.conditions.as_ref());
    match (
        kubelet.is_running(),
        condition::is_true(conditions, "Ready"),
    ) {
        (_, true) => "Ready",
        (true, false) => "NotReady",
        (false, false) => "NotReady (off)",
    }
}

/// Whether no new Pods come to a node.
pub fn is_cordoned(node: Option<&Arc<Node>>) -> bool {
    let spec = node.and_then(|node| node.spec.as_ref());
    spec.and_then(|spec| spec.unschedulable) == Some(true)
}

/// The nodes, the control plane's first. `pods` are the views of all Pods.
pub fn views(cluster: &Cluster, pods: &BTreeMap<Place, Arc<PodView>>) -> Vec<NodeView> {
    let mut views: Vec<NodeView> = cluster
        .kubelets()
        .iter()
        .map(|kubelet| {
            let config = kubelet.config();
            let role = if config.control_plane {
                "control-plane"
            } else {
                "worker"
            };
            let object = object(cluster, &config.name);
            NodeView {
                name: config.name.clone(),
                role: role.to_owned(),
                status: status(kubelet, object).to_owned(),
                on: kubelet.is_running(),
                cordoned: is_cordoned(object),
                ip: config.internal_ip.clone(),
                cpu: (0, i64::from(config.cpu_milli)),
                memory: (0, i64::from(config.memory_mib)),
                pods: (0, u32::from(config.pods)),
                words: Vec::new(),
            }
        })
        .collect();
    for pod in super::objects::<Pod>(cluster) {
        let Some(shown) = pods.get(&place(&**pod)) else {
            continue;
        };
        let Some(view) = views.iter_mut().find(|view| view.name == shown.node) else {
            continue;
        };
        let request = crate::scheduler::PodRequest::of(pod);
        view.cpu.0 += request.cpu_milli;
        view.memory.0 += request.memory / (1_024 * 1_024);
        view.pods.0 += 1;
        match view
            .words
            .iter_mut()
            .find(|(word, _)| *word == shown.status)
        {
            Some((_, count)) => *count += 1,
            None => view.words.push((shown.status.clone(), 1)),
        }
    }
    for view in &mut views {
        order::sort_by(&mut view.words, |a, b| {
            b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0))
        });
    }
    views
}
