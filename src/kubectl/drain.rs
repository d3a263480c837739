//! cordon, uncordon and drain of one node.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/drain/{cordon,drain,filters}.go, v1.36. An eviction is a
//! deletion that a PodDisruptionBudget may refuse; no part of the cluster keeps those yet, so Pods are
//! deleted. Those of DaemonSets stay, as with `--ignore-daemonsets`, and emptyDirs go with their Pods, as
//! with `--delete-emptydir-data`. Left out: waiting until they are gone.

use super::{get, object, printed_name};
use crate::api::meta::MetaExt;
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectKey, Reason, Status, owner};
use crate::apiserver::{ApiHandle, DeleteOptions, FieldSelector, Operation, Request};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;

/// What the kubelet marks the Pods with that it runs by itself.
const MIRROR: &str = "kubernetes.io/config.mirror";
const UNMANAGED: &str = "cannot delete Pods that declare no controller (use --force to override)";

/// What a drain did, and what stopped it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// What was done, in kubectl's words.
    pub lines: Vec<String>,
    /// What was refused.
    pub errors: Vec<String>,
}

/// `kubectl cordon` and `uncordon`: whether new Pods may come to a node.
///
/// # Errors
/// The API server's refusal.
pub fn cordon(
    api: &mut dyn ApiHandle,
    name: &str,
    cordoned: bool,
    now: SimTime,
) -> Result<String, Status> {
    let found = get(api, &ObjectKey::new(Kind::Node, "", name), now)?;
    set_cordoned(api, found, cordoned, now)
}

/// The same, of a node as it was read.
///
/// # Errors
/// The API server's refusal.
pub(super) fn set_cordoned(
    api: &mut dyn ApiHandle,
    mut target: Object,
    cordoned: bool,
    now: SimTime,
) -> Result<String, Status> {
    let name = printed_name(&target.key());
    let word = if cordoned { "cordoned" } else { "uncordoned" };
    let Object::Node(node) = &mut target else {
        return Err(Status::bad_request(format!("error: {name} is no node")));
    };
    let spec = Arc::make_mut(node).spec.get_or_insert_default();
    if spec.unschedulable.unwrap_or(false) == cordoned {
        return Ok(format!("{name} already {word}"));
    }
    spec.unschedulable = cordoned.then_some(true);
    object(api, Operation::Update(target), now)?;
    Ok(format!("{name} {word}"))
}

/// `kubectl drain`: no new Pods come to the node, and those on it are evicted, unless one of them
/// would not come back elsewhere.
///
/// # Errors
/// The API server's refusal to cordon it or to list its Pods.
pub fn drain(api: &mut dyn ApiHandle, name: &str, now: SimTime) -> Result<DrainReport, Status> {
    let mut report = DrainReport::default();
    report.lines.push(cordon(api, name, true, now)?);
    let list = Operation::List {
        kind: Kind::Pod,
        namespace: None,
        labels: Selector::everything(),
        fields: FieldSelector::default(),
    };
    let items = api.handle(Request::by_user(list), now)?.items();
    let pods = items.iter().filter_map(|item| item.get::<Pod>());
    let here = pods.filter(|pod| node_of(pod) == Some(name));
    match plan(here.map(Arc::as_ref)) {
        Ok(pods) => {
            for pod in pods {
                evict(api, pod, now, &mut report);
            }
        }
        Err(why) => report.errors.push(format!("error: {why}")),
    }
    Ok(report)
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

/// The Pods to evict.
///
/// # Errors
/// Those that nobody would make again.
fn plan<'a>(pods: impl Iterator<Item = &'a Pod>) -> Result<Vec<&'a Pod>, String> {
    let finished = |pod: &Pod| {
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    };
    let stays = |pod: &Pod| {
        let controller = owner::controller_of(&pod.metadata);
        let on_each_node = controller.is_some_and(|owner| owner.kind == "DaemonSet");
        pod.annotation(MIRROR).is_some() || (on_each_node && !finished(pod))
    };
    let leaving: Vec<&Pod> = pods.filter(|pod| !stays(pod)).collect();
    let alone = leaving
        .iter()
        .filter(|pod| !finished(pod) && owner::controller_of(&pod.metadata).is_none());
    let alone: Vec<String> = alone
        .map(|pod| format!("{}/{}", pod.namespace(), pod.name()))
        .collect();
    match alone.is_empty() {
        true => Ok(leaving),
        false => Err(format!("{UNMANAGED}: {}", alone.join(", "))),
    }
}

fn evict(api: &mut dyn ApiHandle, pod: &Pod, now: SimTime, report: &mut DrainReport) {
    let (namespace, name) = (pod.namespace(), pod.name());
    report
        .lines
        .push(format!("evicting pod {namespace}/{name}"));
    let delete = Operation::Delete {
        key: ObjectKey::new(Kind::Pod, namespace, name),
        options: DeleteOptions::default(),
    };
    match object(api, delete, now) {
        Err(status) if status.reason != Reason::NotFound => {
            let error = format!("error when evicting pod \"{name}\": {status}");
            report.errors.push(error);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    fn pod(name: &str, metadata: serde_json::Value, phase: &str) -> Pod {
        let mut value =
            json!({"metadata": {"name": name, "namespace": "shop"}, "status": {"phase": phase}});
        for (field, content) in metadata.as_object().expect("fields") {
            value["metadata"][field] = content.clone();
        }
        codec::from_value(value).expect("a Pod")
    }

    #[test]
    fn what_comes_back_elsewhere_or_is_finished_is_evicted() {
        let owned = |kind: &str| json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": "web", "uid": "1", "controller": true}]});
        let mirror = json!({"annotations": {MIRROR: "hash"}});
        let mut pods = vec![
            pod("web", owned("ReplicaSet"), "Running"),
            pod("agent", owned("DaemonSet"), "Running"),
            pod("kube-proxy", mirror, "Running"),
            pod("job", json!({}), "Succeeded"),
        ];
        let planned = plan(pods.iter()).expect("nothing is lost");
        let names: Vec<&str> = planned.iter().map(|pod| pod.name()).collect();
        assert_eq!(names, ["web", "job"]);
        pods.push(pod("bare", json!({}), "Running"));
        pods.push(pod("other", json!({}), "Pending"));
        let why = plan(pods.iter()).expect_err("they would be lost");
        assert_eq!(
            why,
            "cannot delete Pods that declare no controller (use --force to override): shop/bare, shop/other"
        );
    }
}
