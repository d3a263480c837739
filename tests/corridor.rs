//! The corridor, end to end: from a manifest to Pods that answer requests.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kubarium::api::{Kind, NamespacedName, Object, ObjectKey};
use kubarium::apiserver::door::{FieldValidation, decode};
use kubarium::apiserver::{ApiHandle, Operation, Request};
use kubarium::cluster::{Cluster, ClusterConfig, Part, RequestOrigin};
use kubarium::sim::SimDuration;
use std::sync::Arc;

fn deployment(image: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "hello-deploy", "namespace": "default"},
        "spec": {
            "replicas": 10,
            "selector": {"matchLabels": {"app": "hello-world"}},
            "revisionHistoryLimit": 5,
            "progressDeadlineSeconds": 300,
            "minReadySeconds": 10,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}
            },
            "template": {
                "metadata": {"labels": {"app": "hello-world"}},
                "spec": {"containers": [{
                    "name": "hello-pod",
                    "image": image,
                    "ports": [{"containerPort": 8080}],
                    "resources": {"limits": {"memory": "128Mi", "cpu": "0.1"}}
                }]}
            }
        }
    })
}

fn service() -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "hello-svc", "namespace": "default"},
        "spec": {
            "type": "NodePort",
            "ports": [{"port": 8080, "nodePort": 30001, "protocol": "TCP"}],
            "selector": {"app": "hello-world"}
        }
    })
}

fn cluster() -> Cluster {
    Cluster::new(ClusterConfig {
        sample: false,
        ..ClusterConfig::default()
    })
}

fn create(cluster: &mut Cluster, json: serde_json::Value) {
    let object = decode(json, FieldValidation::Strict).expect("a valid manifest");
    let now = cluster.now();
    cluster
        .handle(Request::by_user(Operation::Create(object)), now)
        .expect("accepted");
}

fn update(cluster: &mut Cluster, json: serde_json::Value) {
    let object = decode(json, FieldValidation::Strict).expect("a valid manifest");
    let now = cluster.now();
    cluster
        .handle(Request::by_user(Operation::Update(object)), now)
        .expect("accepted");
}

fn run(cluster: &mut Cluster, seconds: u64) {
    let until = cluster.now() + SimDuration::secs(seconds);
    cluster.run_until(until);
}

fn list<K: kubarium::api::ApiType>(cluster: &Cluster) -> Vec<Arc<K>> {
    let objects = cluster
        .api()
        .etcd()
        .list(<K as kubarium::api::ApiType>::KIND, Some("default"));
    objects.filter_map(Object::get::<K>).cloned().collect()
}

fn the_deployment(cluster: &Cluster) -> Arc<Deployment> {
    list::<Deployment>(cluster).pop().expect("it is stored")
}

fn ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    kubarium::api::condition::is_true(conditions, "Ready")
}

fn explain(cluster: &Cluster) -> String {
    let mut text = String::new();
    for entry in cluster.trace().entries().rev().take(30) {
        text.push_str(&format!(
            "{} {:?} {} {}\n",
            entry.at.as_micros(),
            entry.verb,
            entry.actor,
            entry.key
        ));
    }
    text
}

#[test]
fn the_books_deployment_comes_up_rolls_and_is_undone() {
    let mut cluster = cluster();
    run(&mut cluster, 5);
    create(&mut cluster, deployment("nigelpoulton/k8sbook:1.0"));
    create(&mut cluster, service());
    run(&mut cluster, 60);
    let status = the_deployment(&cluster).status.clone().unwrap_or_default();
    assert_eq!(status.available_replicas, Some(10), "{}", explain(&cluster));
    let pods = list::<Pod>(&cluster);
    assert_eq!(pods.len(), 10);
    let nodes: std::collections::BTreeSet<_> = pods
        .iter()
        .filter_map(|pod| pod.spec.as_ref()?.node_name.clone())
        .collect();
    assert_eq!(nodes.len(), 3, "spread over the workers");

    update(&mut cluster, deployment("nigelpoulton/k8sbook:2.0"));
    let end = cluster.now() + SimDuration::secs(400);
    while cluster.step(end) {
        let active: Vec<_> = list::<Pod>(&cluster)
            .into_iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none())
            .collect();
        assert!(active.len() <= 11, "never more than replicas and maxSurge");
        let ready = active.iter().filter(|pod| ready(pod)).count();
        assert!(
            ready >= 9,
            "never fewer ready than replicas less maxUnavailable, {ready}"
        );
    }
    let status = the_deployment(&cluster).status.clone().unwrap_or_default();
    assert_eq!(status.updated_replicas, Some(10), "{}", explain(&cluster));
    assert_eq!(status.available_replicas, Some(10));
    assert_eq!(list::<ReplicaSet>(&cluster).len(), 2);

    update(&mut cluster, deployment("nigelpoulton/k8sbook:1.0"));
    run(&mut cluster, 400);
    let revision = the_deployment(&cluster)
        .metadata
        .annotations
        .clone()
        .unwrap_or_default();
    assert_eq!(revision["deployment.kubernetes.io/revision"], "3");
}

#[test]
fn an_image_that_does_not_exist_stalls_the_rollout() {
    let mut cluster = cluster();
    create(&mut cluster, deployment("nigelpoulton/k8sbook:1.0"));
    run(&mut cluster, 60);
    update(&mut cluster, deployment("nigelpoulton/k8sbook:9.9"));
    run(&mut cluster, 400);
    let deployment = the_deployment(&cluster);
    let status = deployment.status.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let progressing = conditions
        .iter()
        .find(|c| c.type_ == "Progressing")
        .expect("it is set");
    assert_eq!(
        progressing.reason.as_deref(),
        Some("ProgressDeadlineExceeded")
    );
    assert_eq!(status.available_replicas, Some(9));
    let waiting: Vec<String> = list::<Pod>(&cluster)
        .iter()
        .filter_map(|pod| {
            let state = pod
                .status
                .as_ref()?
                .container_statuses
                .as_ref()?
                .first()?
                .state
                .clone();
            state?.waiting?.reason
        })
        .collect();
    assert!(
        waiting
            .iter()
            .all(|reason| reason == "ImagePullBackOff" || reason == "ErrImagePull")
    );
    assert_eq!(waiting.len(), 2);
}

#[test]
fn requests_reach_every_ready_pod_and_no_other() {
    let mut cluster = cluster();
    create(&mut cluster, deployment("nigelpoulton/k8sbook:1.0"));
    create(&mut cluster, service());
    run(&mut cluster, 60);
    let service = NamespacedName::new("default", "hello-svc");
    let origin = RequestOrigin::Outside {
        node: "worker-1".to_owned(),
    };
    let broken = NamespacedName::new(
        "default",
        list::<Pod>(&cluster)[0]
            .metadata
            .name
            .clone()
            .expect("named"),
    );
    assert!(cluster.set_readiness(&broken, "", true));
    run(&mut cluster, 2);
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..300 {
        let trace = cluster.send_request(&origin, &service, 8080, "/");
        assert_eq!(trace.response().map(|response| response.status), Some(200));
        reached.extend(trace.pod);
    }
    assert_eq!(reached.len(), 9);
    assert!(!reached.contains(&broken));
}

#[test]
fn a_deleted_pod_is_replaced_and_a_crashed_one_restarted() {
    let mut cluster = cluster();
    create(&mut cluster, deployment("nigelpoulton/k8sbook:1.0"));
    run(&mut cluster, 60);
    let pods = list::<Pod>(&cluster);
    let names: Vec<String> = pods
        .iter()
        .filter_map(|pod| pod.metadata.name.clone())
        .collect();
    let now = cluster.now();
    let key = ObjectKey::new(Kind::Pod, "default", names[0].as_str());
    let delete = Operation::Delete {
        key: key.clone(),
        options: Default::default(),
    };
    cluster
        .handle(Request::by_user(delete), now)
        .expect("accepted");
    assert!(cluster.crash_container(&NamespacedName::new("default", names[1].as_str()), "", 1));
    run(&mut cluster, 60);
    assert!(!cluster.has(&key));
    let pods = list::<Pod>(&cluster);
    assert_eq!(
        pods.iter().filter(|pod| ready(pod)).count(),
        10,
        "{}",
        explain(&cluster)
    );
    let restarted = pods
        .iter()
        .find(|pod| pod.metadata.name.as_ref() == Some(&names[1]));
    let statuses = restarted.and_then(|pod| pod.status.as_ref()?.container_statuses.clone());
    assert_eq!(statuses.expect("a status")[0].restart_count, 1);
}

#[test]
fn every_part_of_the_control_plane_can_stop_and_all_catches_up() {
    for part in Part::ALL {
        let mut cluster = cluster();
        create(&mut cluster, deployment("nigelpoulton/k8sbook:1.0"));
        cluster.run_until(cluster.now() + SimDuration::millis(700));
        cluster.stop_part(part);
        run(&mut cluster, 30);
        cluster.start_part(part);
        run(&mut cluster, 90);
        let status = the_deployment(&cluster).status.clone().unwrap_or_default();
        assert_eq!(
            status.available_replicas,
            Some(10),
            "{part}: {}",
            explain(&cluster)
        );
    }
}

#[test]
fn a_lost_nodes_pods_come_back_elsewhere() {
    let mut cluster = cluster();
    create(&mut cluster, deployment("nigelpoulton/k8sbook:1.0"));
    create(&mut cluster, service());
    run(&mut cluster, 60);
    assert!(cluster.stop_node("worker-1"));
    run(&mut cluster, 70);
    let lost = |pod: &Arc<Pod>| {
        let spec = pod.spec.as_ref();
        spec.and_then(|spec| spec.node_name.as_deref()) == Some("worker-1")
    };
    let pods = list::<Pod>(&cluster);
    assert!(pods.iter().filter(|pod| lost(pod)).all(|pod| !ready(pod)));
    let service = NamespacedName::new("default", "hello-svc");
    let origin = RequestOrigin::Outside {
        node: "worker-2".to_owned(),
    };
    for _ in 0..50 {
        assert!(
            cluster
                .send_request(&origin, &service, 8080, "/")
                .response()
                .is_some()
        );
    }
    run(&mut cluster, 360);
    let status = the_deployment(&cluster).status.clone().unwrap_or_default();
    assert_eq!(status.available_replicas, Some(10), "{}", explain(&cluster));
    assert!(cluster.start_node("worker-1"));
    run(&mut cluster, 60);
    let pods = list::<Pod>(&cluster);
    assert_eq!(
        pods.iter().filter(|pod| ready(pod)).count(),
        10,
        "{}",
        explain(&cluster)
    );
    assert_eq!(
        pods.len(),
        10,
        "what was evicted is gone once the node is back"
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run_once = || {
        let mut cluster = cluster();
        create(&mut cluster, deployment("nigelpoulton/k8sbook:1.0"));
        run(&mut cluster, 45);
        cluster
    };
    let (a, b) = (run_once(), run_once());
    assert_eq!(a, b);
    let other = Cluster::new(ClusterConfig {
        seed: 2,
        sample: false,
        ..ClusterConfig::default()
    });
    assert_ne!(a.api().etcd(), other.api().etcd());
}
