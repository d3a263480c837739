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

#[test]
fn a_service_answers_by_all_its_names_and_addresses() {
    let mut cluster = kubia(SERVICE);
    let service = cluster
        .api()
        .etcd()
        .get(&name("kubia").of(Kind::Service))
        .cloned();
    let service =
        service.and_then(|object| object.get::<k8s_openapi::api::core::v1::Service>().cloned());
    let virtual_ip = service
        .and_then(|s| s.spec.clone()?.cluster_ip)
        .expect("an address");
    let pod = ip(&pods(&cluster, "default", "kubia")[0]);
    for url in [
        "http://kubia",
        "kubia.default",
        "kubia.default.svc",
        "kubia.default.svc.cluster.local:80",
        "http://kubia.default.svc.cluster.local./",
        &virtual_ip,
        &format!("{pod}:8080"),
    ] {
        let trace = curl(&mut cluster, url);
        assert!(body(&trace).starts_with("You've hit kubia-"), "{url}");
    }
    let trace = curl(&mut cluster, "kubia");
    let stages: Vec<Stage> = trace.hops.iter().map(|hop| hop.stage).collect();
    assert_eq!(stages.last(), Some(&Stage::Answer), "{}", told(&trace));
    let rules: Vec<_> = trace
        .hops
        .iter()
        .filter(|hop| hop.stage == Stage::Rule)
        .collect();
    assert_eq!(
        rules.len(),
        2,
        "one for CoreDNS, one for kubia: {}",
        told(&trace)
    );
    assert_eq!(rules[0].choices.len(), 2);
    let chances: Vec<u32> = rules[1]
        .choices
        .iter()
        .map(|choice| choice.chance)
        .collect();
    assert_eq!(chances, [3_333; 3]);
    let total: u64 = trace.hops.iter().map(|hop| hop.latency.as_micros()).sum();
    assert!((1_000..10_000).contains(&total), "{total} µs");
}

#[test]
fn names_that_do_not_exist_and_names_outside() {
    let mut cluster = kubia(
        "
apiVersion: v1
kind: Service
metadata:
  name: external-service
spec:
  type: ExternalName
  externalName: api.somecompany.com
  ports:
  - port: 80
",
    );
    let outcome = |cluster: &mut Cluster, url: &str| curl(cluster, url).outcome;
    let nobody = outcome(&mut cluster, "nosuch");
    assert!(
        matches!(nobody, CallOutcome::NoSuchName { .. }),
        "{nobody:?}"
    );
    let nobody = outcome(&mut cluster, "kubia.nosuch.svc.cluster.local");
    assert!(
        matches!(nobody, CallOutcome::NoSuchName { .. }),
        "{nobody:?}"
    );
    for url in ["example.com", "external-service", "8.8.8.8"] {
        let trace = curl(&mut cluster, url);
        assert!(
            matches!(trace.outcome, CallOutcome::Outside { .. }),
            "{url}: {}",
            told(&trace)
        );
        assert!(told(&trace).contains("not simulated"), "{}", told(&trace));
    }
}

#[test]
fn without_coredns_no_name_is_found_and_addresses_still_work() {
    let mut cluster = kubia(SERVICE);
    delete(&mut cluster, Kind::Deployment, "kube-system", "coredns");
    run(&mut cluster, 40_000);
    assert!(pods(&cluster, "kube-system", "coredns").is_empty());
    let trace = curl(&mut cluster, "kubia");
    let CallOutcome::NoNameServer { server, reason } = &trace.outcome else {
        panic!("{}", told(&trace));
    };
    assert_eq!(
        (server.as_str(), reason.as_str()),
        ("10.96.0.10", "connection refused")
    );
    let pod = ip(&pods(&cluster, "default", "kubia")[0]);
    assert!(
        curl(&mut cluster, &format!("{pod}:8080"))
            .response()
            .is_some()
    );
}

#[test]
fn a_headless_services_name_stands_for_its_ready_pods() {
    let headless = "
apiVersion: v1
kind: Service
metadata:
  name: kubia-headless
spec:
  clusterIP: None
  ports:
  - port: 80
    targetPort: 8080
  selector:
    app: kubia
";
    let mut cluster = kubia(headless);
    let trace = curl(&mut cluster, "kubia-headless:8080");
    assert!(body(&trace).starts_with("You've hit"));
    let rules = trace
        .hops
        .iter()
        .filter(|hop| hop.stage == Stage::Rule)
        .count();
    assert_eq!(
        rules,
        1,
        "only CoreDNS has a virtual address: {}",
        told(&trace)
    );
    let refused = curl(&mut cluster, "kubia-headless:80").outcome;
    assert!(
        matches!(refused, CallOutcome::Refused { .. }),
        "nobody rewrites the port"
    );
    let first = pods(&cluster, "default", "kubia").remove(0);
    assert!(cluster.set_readiness(&name(&pod_name(&first)), "", true));
    run(&mut cluster, 2_000);
    let trace = curl(&mut cluster, "kubia-headless:8080");
    assert!(!told(&trace).contains(&ip(&first)), "{}", told(&trace));
}

#[test]
fn a_client_stays_with_its_pod() {
    let sticky = SERVICE.replace("spec:\n", "spec:\n  sessionAffinity: ClientIP\n");
    let mut cluster = kubia(&sticky);
    let hit = |cluster: &mut Cluster| body(&curl(cluster, "kubia")).to_owned();
    let first = hit(&mut cluster);
    for _ in 0..20 {
        assert_eq!(hit(&mut cluster), first);
    }
    let pod = first.trim().rsplit(' ').next().expect("a name").to_owned();
    delete(&mut cluster, Kind::Pod, "default", &pod);
    run(&mut cluster, 10_000);
    let next = hit(&mut cluster);
    assert_ne!(next, first, "its Pod is gone: it gets another");
    assert_eq!(hit(&mut cluster), next);
}

const NODE_PORTS: &str = "
apiVersion: v1
kind: Service
metadata:
  name: kubia-nodeport
spec:
  type: NodePort
  ports:
  - port: 80
    targetPort: 8080
    nodePort: 30123
  selector:
    app: kubia
---
apiVersion: v1
kind: Service
metadata:
  name: kubia-nodeport-onlylocal
spec:
  type: NodePort
  externalTrafficPolicy: Local
  ports:
  - port: 80
    targetPort: 8080
    nodePort: 30124
  selector:
    app: kubia
";

#[test]
fn a_node_port_is_open_on_every_node_and_local_ones_keep_the_clients_address() {
    let mut cluster = kubia(NODE_PORTS);
    for last in 10..14 {
        let url = format!("192.168.64.{last}:30123");
        let trace = cluster.fetch(None, &url).expect("a good URL");
        assert!(body(&trace).starts_with("You've hit"), "{url}");
        assert!(told(&trace).contains(&format!("the sender reads 192.168.64.{last}")));
        let local = cluster
            .fetch(None, &format!("192.168.64.{last}:30124"))
            .expect("a good URL");
        let nodes: BTreeSet<String> = pods(&cluster, "default", "kubia")
            .iter()
            .map(node)
            .collect();
        let here = if last == 10 {
            "control-plane".to_owned()
        } else {
            format!("worker-{}", last - 10)
        };
        match nodes.contains(&here) {
            true => {
                assert!(body(&local).starts_with("You've hit"));
                assert_eq!(local.node.as_deref(), Some(here.as_str()));
                assert!(
                    told(&local).contains("the sender reads 203.0.113.7"),
                    "{}",
                    told(&local)
                );
            }
            false => assert!(
                matches!(local.outcome, CallOutcome::TimedOut { .. }),
                "{}",
                told(&local)
            ),
        }
    }
    assert!(matches!(
        cluster
            .fetch(None, "192.168.64.11:30199")
            .expect("a good URL")
            .outcome,
        CallOutcome::Refused { .. }
    ));
}

#[test]
fn rules_lag_behind_and_outlive_the_api_server() {
    let mut cluster = kubia(SERVICE);
    cluster.stop_part(Part::KubeApiserver);
    run(&mut cluster, 5_000);
    for _ in 0..20 {
        assert!(
            curl(&mut cluster, "kubia").response().is_some(),
            "the last rules stay in force"
        );
    }
    let broken = pods(&cluster, "default", "kubia").remove(0);
    assert!(cluster.set_readiness(&name(&pod_name(&broken)), "", true));
    run(&mut cluster, 5_000);
    let reached = |cluster: &mut Cluster| -> BTreeSet<String> {
        (0..60)
            .filter_map(|_| curl(cluster, "kubia").pod)
            .map(|pod| pod.name)
            .collect()
    };
    assert!(
        reached(&mut cluster).contains(&pod_name(&broken)),
        "nobody has heard of it"
    );
    cluster.start_part(Part::KubeApiserver);
    run(&mut cluster, 5_000);
    let now_reached = reached(&mut cluster);
    assert_eq!(now_reached.len(), 2);
    assert!(!now_reached.contains(&pod_name(&broken)));
}

#[test]
fn no_endpoint_refuses_and_a_node_that_is_off_times_out() {
    let mut cluster = kubia(SERVICE);
    apply(&mut cluster, &SERVICE.replace("kubia", "empty"));
    // The book's own mistake: nothing listens on the Service's target port.
    apply(
        &mut cluster,
        &SERVICE
            .replace("name: kubia", "name: wrong")
            .replace("8080", "9090"),
    );
    run(&mut cluster, 3_000);
    for (url, text) in [
        ("empty", "REJECT"),
        ("wrong", "nothing listens on port 9090"),
    ] {
        let trace = curl(&mut cluster, url);
        assert!(
            matches!(trace.outcome, CallOutcome::Refused { .. }),
            "{}",
            told(&trace)
        );
        assert!(told(&trace).contains(text), "{}", told(&trace));
    }
    let client = pods(&cluster, "default", "client").remove(0);
    let away: Vec<Pod> = pods(&cluster, "default", "kubia")
        .into_iter()
        .filter(|pod| node(pod) != node(&client))
        .collect();
    assert!(cluster.stop_node(&node(&away[0])));
    let url = format!("{}:8080", ip(&away[0]));
    let trace = curl(&mut cluster, &url);
    assert!(
        matches!(trace.outcome, CallOutcome::TimedOut { .. }),
        "{}",
        told(&trace)
    );
    assert!(trace.took >= SimDuration::secs(100));
    delete(&mut cluster, Kind::Pod, "default", "client");
    run(&mut cluster, 40_000);
    assert!(
        cluster
            .fetch(Some(&name("client")), "kubia")
            .expect("a good URL")
            .response()
            .is_none()
    );
}

#[test]
fn names_find_the_service_of_their_own_namespace_first() {
    let mut cluster = Cluster::new(ClusterConfig {
        sample: false,
        ..ClusterConfig::default()
    });
    let namespace = |name: &str| {
        format!(
            "
apiVersion: v1
kind: Namespace
metadata: {{name: {name}}}
---
kind: Deployment
apiVersion: apps/v1
metadata: {{name: enterprise, namespace: {name}}}
spec:
  selector: {{matchLabels: {{app: enterprise}}}}
  replicas: 2
  template:
    metadata: {{labels: {{app: enterprise}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - image: nigelpoulton/k8sbook:text-{name}
        name: enterprise-ctr
        ports: [{{containerPort: 8080}}]
---
apiVersion: v1
kind: Service
metadata: {{name: ent, namespace: {name}}}
spec:
  ports: [{{port: 8080}}]
  selector: {{app: enterprise}}
"
        )
    };
    apply(&mut cluster, &namespace("dev"));
    apply(&mut cluster, &namespace("prod"));
    apply(
        &mut cluster,
        "
apiVersion: v1
kind: Pod
metadata: {name: jump, namespace: dev}
spec:
  containers:
  - {image: busybox, name: jump}
",
    );
    run(&mut cluster, 40_000);
    let jump = NamespacedName::new("dev", "jump");
    for (url, says) in [
        ("ent:8080", "DEV"),
        ("ent.prod:8080", "PROD"),
        ("ent.dev.svc.cluster.local:8080", "DEV"),
    ] {
        let trace = cluster.fetch(Some(&jump), url).expect("a good URL");
        assert!(body(&trace).contains(says), "{url}: {}", body(&trace));
    }
}

#[test]
fn a_steady_load_is_counted_and_repeats() {
    let run_once = || {
        let mut cluster = kubia(SERVICE);
        let from = RequestOrigin::Pod(name("client"));
        cluster
            .set_load(&name("kubia"), &from, 20, "/")
            .expect("a load");
        run(&mut cluster, 9_990);
        let load = cluster
            .loads()
            .values()
            .next()
            .expect("it is there")
            .clone();
        assert_eq!((load.sent, load.answered), (200, 200));
        assert_eq!(load.endpoints.len(), 3);
        assert_eq!(
            load.endpoints
                .values()
                .map(|count| count.answered)
                .sum::<u64>(),
            200
        );
        assert_eq!(load.packets.len(), 32);
        delete(&mut cluster, Kind::Deployment, "default", "kubia");
        run(&mut cluster, 20_000);
        let load = cluster
            .loads()
            .values()
            .next()
            .expect("it is there")
            .clone();
        assert!(
            load.failures["connection refused"] > 100,
            "{:?}",
            load.failures
        );
        assert_eq!(
            load.answered + load.failures.values().sum::<u64>(),
            load.sent
        );
        assert!(cluster.set_load(&name("kubia"), &from, 101, "/").is_err());
        cluster
            .set_load(&name("kubia"), &from, 0, "/")
            .expect("ended");
        let sent = load.sent;
        run(&mut cluster, 2_000);
        assert!(cluster.loads().is_empty() && sent > 0);
        cluster.digest()
    };
    assert_eq!(run_once(), run_once());
}
