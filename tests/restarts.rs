//! How containers end and are started again: back-off, liveness, what the status says meanwhile.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kubarium::api::{Kind, NamespacedName, Object};
use kubarium::apiserver::{ApiHandle, Operation, Request};
use kubarium::cluster::{Cluster, ClusterConfig};
use kubarium::kubectl;
use kubarium::sim::SimDuration;

fn cluster(image: &str, probe: &str) -> Cluster {
    let mut cluster = Cluster::new(ClusterConfig {
        sample: false,
        ..ClusterConfig::default()
    });
    cluster.run_until(cluster.now() + SimDuration::secs(20));
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: kubia}}\nspec:\n  containers:\n  - name: main\n    \
         image: {image}\n    imagePullPolicy: IfNotPresent\n{probe}"
    );
    let now = cluster.now();
    let report = kubectl::apply(&text, &mut cluster, now);
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    cluster.run_until(cluster.now() + SimDuration::secs(15));
    cluster
}

fn name() -> NamespacedName {
    NamespacedName::new("default", "kubia")
}

fn status(cluster: &Cluster) -> ContainerStatus {
    let object = cluster.api().etcd().get(&name().of(Kind::Pod));
    let pod = object.and_then(Object::get::<Pod>).expect("the Pod");
    let status = pod.status.as_ref().expect("a status");
    status.container_statuses.as_ref().expect("its containers")[0].clone()
}

/// `Running`, `CrashLoopBackOff`, `Error`, …, how often it was restarted, and how it ended before.
fn told(cluster: &Cluster) -> (String, i32, Option<i32>) {
    let status = status(cluster);
    let state = status.state.expect("a state");
    let waiting = state.waiting.and_then(|w| w.reason);
    let ended = state.terminated.and_then(|t| t.reason);
    let word = waiting.or(ended).unwrap_or_else(|| "Running".to_owned());
    let last = status.last_state.and_then(|last| last.terminated);
    (word, status.restart_count, last.map(|t| t.exit_code))
}

fn crash(cluster: &mut Cluster, code: i32, wait_ms: u64) {
    assert!(cluster.crash_container(&name(), "", code));
    cluster.run_until(cluster.now() + SimDuration::millis(wait_ms));
}

#[test]
fn the_first_restart_comes_at_once_and_the_next_ones_wait() {
    let mut cluster = cluster("luksa/kubia", "");
    assert_eq!(told(&cluster), ("Running".into(), 0, None));
    crash(&mut cluster, 3, 3_000);
    assert_eq!(told(&cluster), ("Running".into(), 1, Some(3)));
    for (count, wait) in [(1, 10), (2, 20), (3, 40)] {
        crash(&mut cluster, 3, 3_000);
        let word = "CrashLoopBackOff".to_owned();
        assert_eq!(told(&cluster), (word, count, Some(3)));
        let waiting = status(&cluster).state.and_then(|state| state.waiting);
        let message = waiting.and_then(|w| w.message).unwrap_or_default();
        let start = format!("back-off {wait}s restarting failed container=main pod=kubia_default(");
        assert!(message.starts_with(&start), "{message}");
        cluster.run_until(cluster.now() + SimDuration::secs(wait));
        assert_eq!(told(&cluster), ("Running".into(), count + 1, Some(3)));
    }
    // Ten minutes of running are forgiven.
    cluster.run_until(cluster.now() + SimDuration::secs(11 * 60));
    crash(&mut cluster, 3, 3_000);
    assert_eq!(told(&cluster), ("Running".into(), 5, Some(3)));
}

#[test]
fn a_failed_liveness_probe_ends_the_container_after_its_grace_period() {
    let probe = "    livenessProbe:\n      httpGet: {path: /, port: 8080}\n";
    let mut cluster = cluster("luksa/kubia-unhealthy", probe);
    let began = cluster.now();
    let restarted = |cluster: &Cluster| told(cluster).1 == 1;
    while !restarted(&cluster) {
        assert!(cluster.now().since(began) < SimDuration::secs(150));
        cluster.run_until(cluster.now() + SimDuration::secs(1));
    }
    // Five answers, three failures ten seconds apart, then 30 s in which it ignores SIGTERM.
    let took = cluster.now().since(began).as_secs();
    assert!((80..125).contains(&took), "{took} s");
    assert_eq!(told(&cluster), ("Running".into(), 1, Some(137)));
}

fn set_image(cluster: &mut Cluster, image: &str) {
    let object = cluster.api().etcd().get(&name().of(Kind::Pod)).cloned();
    let mut pod = object
        .and_then(|object| object.get::<Pod>().map(|pod| Pod::clone(pod)))
        .expect("the Pod");
    let spec = pod.spec.as_mut().expect("a spec");
    spec.containers[0].image = Some(image.to_owned());
    let now = cluster.now();
    let update = Operation::Update(Object::new(pod));
    cluster
        .handle(Request::by_user(update), now)
        .expect("an image may be changed");
}

#[test]
fn another_image_mends_a_pod_whose_image_cannot_be_had() {
    let mut cluster = cluster("nginx:none", "");
    assert_eq!(told(&cluster).1, 0);
    assert_ne!(told(&cluster).0, "Running");
    set_image(&mut cluster, "nginx:1.25");
    cluster.run_until(cluster.now() + SimDuration::secs(15));
    assert_eq!(told(&cluster), ("Running".into(), 0, None));
    // One that runs is ended and started with the other image.
    set_image(&mut cluster, "nginx:1.27");
    cluster.run_until(cluster.now() + SimDuration::secs(15));
    assert_eq!(told(&cluster), ("Running".into(), 1, Some(0)));
    let image = status(&cluster).image;
    assert_eq!(image, "docker.io/library/nginx:1.27");
}
