//! Tests of the controllers of DaemonSets and StatefulSets with what they work with: an API server,
//! the other controllers, and the test in the place of scheduler and kubelets.

use super::harness::Harness;
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, owner};
use crate::apiserver::{Operation, Propagation};
use crate::sim::SimDuration;
use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, StatefulSet};
use k8s_openapi::api::core::v1::{Node, NodeCondition, PersistentVolumeClaim, Pod};
use serde_json::{Value, json};

/// So many tenths of a second pass; no Pod starts meanwhile.
fn pass(harness: &mut Harness, tenths: u32) {
    for _ in 0..tenths {
        harness.wake();
        harness.now += SimDuration::millis(100);
    }
}

fn end(harness: &mut Harness, name: &str, phase: &str) {
    let pods = harness.list::<Pod>();
    let pod = pods
        .iter()
        .find(|pod| pod.name() == name)
        .expect("it is there");
    let mut pod = Pod::clone(pod);
    pod.status.get_or_insert_default().phase = Some(phase.to_owned());
    harness.ask(Operation::UpdateStatus(Object::new(pod)));
}

fn only_pod(harness: &Harness) -> String {
    let pods = harness.list::<Pod>();
    assert_eq!(pods.len(), 1);
    pods[0].name().to_owned()
}

fn uids(harness: &Harness) -> Vec<(String, String)> {
    let pods = harness.list::<Pod>();
    let named = pods
        .iter()
        .map(|pod| (pod.name().to_owned(), pod.uid().to_owned()));
    named.collect()
}

fn set(kind: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["selector"] = json!({"matchLabels": {"app": "db"}});
    spec["template"] = json!({
        "metadata": {"labels": {"app": "db"}},
        "spec": {"containers": [{"name": "db", "image": "book:1.0"}]},
    });
    json!({
        "apiVersion": "apps/v1", "kind": kind, "spec": spec,
        "metadata": {"name": "db", "namespace": "default"},
    })
}

fn stateful_set() -> Value {
    set("StatefulSet", json!({"serviceName": "db", "replicas": 2}))
}

fn with_node() -> Harness {
    let mut harness = Harness::new();
    harness.create(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}));
    let mut node = Node::clone(&harness.list::<Node>()[0]);
    node.status.get_or_insert_default().conditions = Some(vec![NodeCondition {
        type_: "Ready".to_owned(),
        status: "True".to_owned(),
        ..NodeCondition::default()
    }]);
    harness.ask(Operation::UpdateStatus(Object::new(node)));
    pass(&mut harness, 10);
    harness
}

#[test]
fn a_failed_daemon_pod_is_replaced_after_a_wait_that_grows() {
    let mut harness = with_node();
    harness.create(set("DaemonSet", json!({})));
    pass(&mut harness, 3);
    let first = only_pod(&harness);

    end(&mut harness, &first, "Failed");
    pass(&mut harness, 3);
    let second = only_pod(&harness);
    assert_ne!(second, first, "the first time at once");
    let message =
        format!("Found failed daemon pod default/{first} on node n1, will try to kill it");
    assert_eq!(harness.messages("FailedDaemonPod"), [message]);

    end(&mut harness, &second, "Failed");
    pass(&mut harness, 5);
    assert_eq!(only_pod(&harness), second, "then after a second");
    pass(&mut harness, 5);
    let third = only_pod(&harness);
    assert_ne!(third, second);

    end(&mut harness, &third, "Failed");
    pass(&mut harness, 15);
    assert_eq!(only_pod(&harness), third, "then after two");
    pass(&mut harness, 10);
    let fourth = only_pod(&harness);
    assert_ne!(fourth, third);

    end(&mut harness, &fourth, "Succeeded");
    pass(&mut harness, 3);
    assert_ne!(only_pod(&harness), fourth, "what succeeds does not wait");
    assert_eq!(harness.messages("SucceededDaemonPod").len(), 1);
    assert_eq!(harness.messages("FailedDaemonPod").len(), 3);
}

#[test]
fn a_daemon_set_adopts_what_another_of_its_name_left() {
    let mut harness = with_node();
    harness.create(set("DaemonSet", json!({})));
    pass(&mut harness, 3);
    let before = uids(&harness);
    harness.delete(Kind::DaemonSet, "default", "db", Propagation::Orphan);
    pass(&mut harness, 10);
    assert!(harness.list::<DaemonSet>().is_empty());
    assert_eq!(uids(&harness), before);
    harness.create(set("DaemonSet", json!({})));
    pass(&mut harness, 5);
    assert_eq!(uids(&harness), before);
    let set = harness.list::<DaemonSet>()[0].clone();
    assert!(owner::is_controlled_by(
        &harness.list::<Pod>()[0].metadata,
        set.uid()
    ));
    let revisions = harness.list::<ControllerRevision>();
    assert_eq!(revisions.len(), 1);
    assert!(owner::is_controlled_by(&revisions[0].metadata, set.uid()));
    let status = set.status.clone().expect("one");
    assert_eq!(status.updated_number_scheduled, Some(1));

    // Foreground: the Pods first.
    harness.delete(Kind::DaemonSet, "default", "db", Propagation::Foreground);
    pass(&mut harness, 20);
    assert!(harness.list::<DaemonSet>().is_empty() && harness.list::<Pod>().is_empty());
    assert!(harness.list::<ControllerRevision>().is_empty());
}

#[test]
fn a_pod_of_a_stateful_set_that_ended_is_made_anew() {
    for phase in ["Failed", "Succeeded"] {
        let mut harness = Harness::new();
        harness.create(stateful_set());
        harness.run(3, |_| {});
        let before = uids(&harness);
        assert_eq!(before.len(), 2);
        end(&mut harness, "db-0", phase);
        harness.run(2, |_| {});
        let after = uids(&harness);
        assert_eq!((&after[0].0, &after[1]), (&before[0].0, &before[1]));
        assert_ne!(after[0].1, before[0].1);
        let deleted = ["delete Pod db-0 in StatefulSet db successful".to_owned()];
        assert_eq!(harness.messages("SuccessfulDelete"), deleted);
    }
}

#[test]
fn a_revision_whose_name_is_taken_gets_another_one() {
    let mut harness = Harness::new();
    harness.create(stateful_set());
    pass(&mut harness, 2);
    let name = harness.list::<ControllerRevision>()[0].name().to_owned();
    harness.delete(Kind::StatefulSet, "default", "db", Propagation::Background);
    pass(&mut harness, 10);
    assert!(harness.list::<ControllerRevision>().is_empty());
    harness.create(json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": 1,
        "metadata": {"name": name, "namespace": "default"}, "data": {"spec": {"template": {}}},
    }));
    harness.create(stateful_set());
    pass(&mut harness, 3);
    let status = harness.list::<StatefulSet>()[0]
        .status
        .clone()
        .expect("one");
    assert_eq!(status.collision_count, Some(1));
    assert_ne!(status.update_revision, Some(name));
    assert_eq!(harness.list::<ControllerRevision>().len(), 2);
}

#[test]
fn a_claim_that_is_to_go_is_waited_for() {
    let mut harness = Harness::new();
    let mut with_claims = stateful_set();
    let spec = &mut with_claims["spec"];
    spec["persistentVolumeClaimRetentionPolicy"] = json!({"whenScaled": "Delete"});
    spec["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }]);
    harness.create(with_claims);
    harness.run(3, |_| {});
    let claims = |harness: &Harness| {
        let claims = harness.list::<PersistentVolumeClaim>();
        let named = claims
            .iter()
            .map(|claim| (claim.name().to_owned(), claim.uid().to_owned()));
        named.collect::<Vec<_>>()
    };
    let before = claims(&harness);
    assert_eq!(before.len(), 2);
    let scale = |harness: &mut Harness, replicas: i32| {
        let mut set = StatefulSet::clone(&harness.list::<StatefulSet>()[0]);
        set.spec.get_or_insert_default().replicas = Some(replicas);
        harness.ask(Operation::Update(Object::new(set)));
    };
    scale(&mut harness, 1);
    harness.run(2, |_| {});
    assert_eq!(claims(&harness), before[..1]);
    scale(&mut harness, 2);
    harness.run(3, |_| {});
    let after = claims(&harness);
    assert_eq!((after.len(), &after[0]), (2, &before[0]));
    assert_ne!(after[1], before[1], "another claim of that name");
    assert!(
        harness.list::<PersistentVolumeClaim>()[1]
            .metadata
            .owner_references
            .is_none()
    );
}
