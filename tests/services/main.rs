//! Services end to end: names, virtual addresses, node ports, what each node's rules know and when.

use k8s_openapi::api::core::v1::Pod;
use kubarium::api::{Kind, NamespacedName, Object, ObjectKey};
use kubarium::apiserver::{ApiHandle, Operation, Request};
use kubarium::cluster::{Cluster, ClusterConfig, Part, RequestOrigin};
use kubarium::kubectl;
use kubarium::network::call::CallOutcome;
use kubarium::network::packet::{PacketTrace, Stage};
use kubarium::sim::SimDuration;
use std::collections::BTreeSet;

mod addresses;
mod lag;
mod load;
mod names;

const KUBIA: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: kubia}
spec:
  replicas: 3
  selector: {matchLabels: {app: kubia}}
  template:
    metadata: {labels: {app: kubia}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: kubia
        image: luksa/kubia
        ports: [{containerPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  containers:
  - name: main
    image: busybox
";

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata:
  name: kubia
spec:
  ports:
  - port: 80
    targetPort: 8080
  selector:
    app: kubia
";

fn name(name: &str) -> NamespacedName {
    NamespacedName::new("default", name)
}

fn apply(cluster: &mut Cluster, text: &str) {
    let now = cluster.now();
    let report = kubectl::apply(text, cluster, now);
    let errors: Vec<_> = report.errors.iter().map(|error| &error.message).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

fn run(cluster: &mut Cluster, millis: u64) {
    let until = cluster.now() + SimDuration::millis(millis);
    cluster.run_until(until);
}

/// A cluster with three Pods of kubia, a Service of that name where `service` says so, and a Pod to
/// ask from.
fn kubia(service: &str) -> Cluster {
    let mut cluster = Cluster::new(ClusterConfig {
        sample: false,
        ..ClusterConfig::default()
    });
    run(&mut cluster, 1_000);
    apply(&mut cluster, KUBIA);
    apply(&mut cluster, service);
    run(&mut cluster, 40_000);
    cluster
}

fn curl(cluster: &mut Cluster, url: &str) -> PacketTrace {
    cluster
        .fetch(Some(&name("client")), url)
        .expect("a good URL")
}

fn body(trace: &PacketTrace) -> &str {
    let response = trace
        .response()
        .unwrap_or_else(|| panic!("no answer: {trace:#?}"));
    assert_eq!(response.status, 200);
    &response.body
}

fn told(trace: &PacketTrace) -> String {
    let hops = trace.hops.iter();
    hops.map(|hop| format!("{}: {}\n", hop.stage.name(), hop.text))
        .collect()
}

fn pods(cluster: &Cluster, namespace: &str, prefix: &str) -> Vec<Pod> {
    let all = cluster.api().etcd().list(Kind::Pod, Some(namespace));
    let all = all
        .filter_map(Object::get::<Pod>)
        .map(|pod| Pod::clone(pod));
    all.filter(|pod| {
        pod.metadata
            .name
            .as_ref()
            .is_some_and(|name| name.starts_with(prefix))
    })
    .collect()
}

fn pod_name(pod: &Pod) -> String {
    pod.metadata.name.clone().expect("named")
}

fn ip(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    status
        .and_then(|status| status.pod_ip.clone())
        .expect("an address")
}

fn node(pod: &Pod) -> String {
    pod.spec
        .as_ref()
        .and_then(|spec| spec.node_name.clone())
        .expect("bound")
}

fn delete(cluster: &mut Cluster, kind: Kind, namespace: &str, name: &str) {
    let now = cluster.now();
    let delete = Operation::Delete {
        key: ObjectKey::new(kind, namespace, name),
        options: Default::default(),
    };
    cluster
        .handle(Request::by_user(delete), now)
        .expect("deleted");
}
