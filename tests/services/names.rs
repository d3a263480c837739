//! Names: what CoreDNS makes of them, and what happens without it.

use super::*;

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
