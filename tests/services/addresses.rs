//! Addresses: virtual ones, node ports, and who gets nothing.

use super::*;

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
fn the_api_server_is_reached_by_its_service() {
    let mut cluster = kubia(SERVICE);
    let trace = curl(&mut cluster, "https://kubernetes/readyz");
    assert_eq!(body(&trace), "ok", "{}", told(&trace));
    let trace = curl(&mut cluster, "https://kubernetes/api");
    assert_eq!(trace.response().map(|response| response.status), Some(403));
    assert_eq!(
        trace.pod.map(|pod| pod.name).as_deref(),
        Some("kube-apiserver-control-plane")
    );
}
