use super::*;
use crate::api::NamespacedName;
use crate::network::packet::Packet;
use crate::network::proxy::Protocol;
use crate::network::{ipam, proxy};
use serde_json::json;
use std::sync::Arc;

/// Two nodes; `web` has one endpoint on each, `lonely` one on the second, `empty` none. All have
/// node ports; `lonely` keeps outside traffic local.
fn rules(node: &str) -> Rules {
    let mut rules = Rules::default();
    let services = [
        (
            "web",
            "10.96.0.21",
            30_021,
            "Cluster",
            vec![("10.244.0.5", "n0"), ("10.244.1.5", "n1")],
        ),
        (
            "lonely",
            "10.96.0.22",
            30_022,
            "Local",
            vec![("10.244.1.6", "n1")],
        ),
        ("empty", "10.96.0.23", 30_023, "Cluster", vec![]),
    ];
    for (name, ip, node_port, policy, endpoints) in services {
        let service = serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "type": "NodePort", "clusterIP": ip, "externalTrafficPolicy": policy,
                "externalIPs": ["198.51.100.1"],
                "ports": [{"port": 80, "nodePort": node_port, "protocol": "TCP"}],
            },
        }))
        .expect("a Service");
        let endpoints: Vec<_> = endpoints
            .iter()
            .map(|(ip, node)| json!({"addresses": [ip], "nodeName": node}))
            .collect();
        let slice = Arc::new(
            serde_json::from_value(json!({
                "metadata": {"name": name, "namespace": "default"},
                "addressType": "IPv4",
                "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
                "endpoints": endpoints,
            }))
            .expect("a slice"),
        );
        let planned = proxy::plan_service(&service, &[&proxy::Slice::read(&slice, node)]);
        rules.replace(&NamespacedName::new("default", name), planned);
    }
    rules
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().expect("an address")
}

#[test]
fn packets_go_where_the_rules_lead_them() {
    let (rules0, rules1, recent) = (rules("n0"), rules("n1"), Recent::default());
    let node = |index: u8, name, rules, running| NodeNet {
        name,
        ip: ipam::node_ip(index),
        pods: ipam::node_pods(index),
        running,
        rules,
        recent: &recent,
    };
    let to = |node, address: &str, port, source: &str| Verdict::Deliver {
        node,
        ip: ip(address),
        port,
        source: ip(source),
    };
    const OUTSIDE: &str = "203.0.113.7";
    // from, to, port, whether n1 runs, verdicts that may be
    let cases = [
        // a Pod asks a virtual address: its own address is seen, but by itself
        (
            "10.244.0.9",
            "10.96.0.22",
            80,
            true,
            vec![to(1, "10.244.1.6", 8080, "10.244.0.9")],
        ),
        (
            "10.244.1.6",
            "10.96.0.22",
            80,
            true,
            vec![to(1, "10.244.1.6", 8080, "192.168.64.11")],
        ),
        (
            "10.244.0.9",
            "10.96.0.21",
            80,
            true,
            vec![
                to(0, "10.244.0.5", 8080, "10.244.0.9"),
                to(1, "10.244.1.5", 8080, "10.244.0.9"),
            ],
        ),
        // a node asks
        (
            "192.168.64.10",
            "10.96.0.22",
            80,
            true,
            vec![to(1, "10.244.1.6", 8080, "192.168.64.10")],
        ),
        (
            "10.244.0.9",
            "10.96.0.23",
            80,
            true,
            vec![Verdict::Rejected],
        ),
        ("10.244.0.9", "10.96.0.22", 81, true, vec![Verdict::Dropped]),
        (
            "10.244.0.9",
            "10.96.99.99",
            80,
            true,
            vec![Verdict::Dropped],
        ),
        (
            "10.244.0.9",
            "10.96.0.22",
            80,
            false,
            vec![Verdict::NodeOff(1)],
        ),
        (
            "10.244.1.9",
            "10.96.0.22",
            80,
            false,
            vec![Verdict::NodeOff(1)],
        ),
        // straight to a Pod, a node, a neighbour, nobody, the world
        (
            "10.244.0.9",
            "10.244.1.77",
            5,
            true,
            vec![to(1, "10.244.1.77", 5, "10.244.0.9")],
        ),
        (
            "10.244.0.9",
            "192.168.64.11",
            22,
            true,
            vec![to(1, "192.168.64.11", 22, "192.168.64.10")],
        ),
        (
            "10.244.0.9",
            "192.168.64.200",
            80,
            true,
            vec![Verdict::Nobody],
        ),
        ("10.244.0.9", "10.244.9.9", 80, true, vec![Verdict::Dropped]),
        ("10.244.0.9", "8.8.8.8", 53, true, vec![Verdict::Outside]),
        // node ports, from outside: the node's address is seen, unless the policy is Local
        (
            OUTSIDE,
            "192.168.64.10",
            30_021,
            false,
            vec![
                to(0, "10.244.0.5", 8080, "192.168.64.10"),
                Verdict::NodeOff(1),
            ],
        ),
        (
            OUTSIDE,
            "192.168.64.11",
            30_022,
            true,
            vec![to(1, "10.244.1.6", 8080, OUTSIDE)],
        ),
        (
            OUTSIDE,
            "192.168.64.10",
            30_022,
            true,
            vec![Verdict::Dropped],
        ),
        (
            OUTSIDE,
            "192.168.64.10",
            30_023,
            true,
            vec![Verdict::Rejected],
        ),
        (
            OUTSIDE,
            "192.168.64.11",
            30_021,
            false,
            vec![Verdict::NodeOff(1)],
        ),
        (
            OUTSIDE,
            "192.168.64.11",
            9,
            true,
            vec![to(1, "192.168.64.11", 9, OUTSIDE)],
        ),
        (OUTSIDE, "10.244.1.6", 8080, true, vec![Verdict::Unroutable]),
        (OUTSIDE, "10.96.0.22", 80, true, vec![Verdict::Unroutable]),
        // node ports, from inside: round the policy on the Pod's own node, not on another, where
        // the packet comes from the first node
        (
            "10.244.0.9",
            "192.168.64.10",
            30_022,
            true,
            vec![to(1, "10.244.1.6", 8080, "10.244.0.9")],
        ),
        (
            "10.244.1.9",
            "192.168.64.10",
            30_022,
            true,
            vec![Verdict::Dropped],
        ),
        (
            "10.244.0.9",
            "192.168.64.11",
            30_022,
            true,
            vec![to(1, "10.244.1.6", 8080, "192.168.64.10")],
        ),
    ];
    for (from, dest, port, running, allowed) in cases {
        let nodes = [
            node(0, "n0", &rules0, true),
            node(1, "n1", &rules1, running),
        ];
        let packet = Packet {
            from: ip(from),
            to: ip(dest),
            port,
            protocol: Protocol::Tcp,
        };
        let mut seen = Vec::new();
        for seed in 0..40 {
            let mut rng = SimRng::new(seed);
            let route = route(&packet, &nodes, None, SimTime::default(), &mut rng);
            assert!(
                allowed.contains(&route.verdict),
                "{from} to {dest}:{port}: {:?}",
                route.verdict
            );
            if !seen.contains(&route.verdict) {
                seen.push(route.verdict);
            }
        }
        assert_eq!(
            seen.len(),
            allowed.len(),
            "{from} to {dest}:{port}: every way is taken"
        );
    }
}

#[test]
fn chances_are_equal() {
    let (rules, recent) = (rules("n0"), Recent::default());
    let nodes: Vec<NodeNet<'_>> = (0..2)
        .map(|index| NodeNet {
            name: "n",
            ip: ipam::node_ip(index),
            pods: ipam::node_pods(index),
            running: true,
            rules: &rules,
            recent: &recent,
        })
        .collect();
    let packet = Packet {
        from: ip("10.244.0.9"),
        to: ip("10.96.0.21"),
        port: 80,
        protocol: Protocol::Tcp,
    };
    let mut rng = SimRng::new(5);
    let first = (0..2_000)
        .filter(|_| route(&packet, &nodes, None, SimTime::default(), &mut rng).chosen == Some(0))
        .count();
    assert!((900..1_100).contains(&first), "{first} of 2000");
}
