use super::*;
use serde_json::json;
use std::sync::Arc;

fn service(spec: serde_json::Value) -> Service {
    let mut json = json!({
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"clusterIP": "10.96.7.7", "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
    });
    for (key, value) in spec.as_object().expect("an object") {
        json["spec"][key] = value.clone();
    }
    serde_json::from_value(json).expect("a Service")
}

/// An endpoint: the last number of its address, its node, whether it is ready, serving, ending.
type Endpoint = (u8, &'static str, bool, bool, bool);

fn slice(endpoints: &[Endpoint]) -> Arc<EndpointSlice> {
    let endpoints: Vec<_> = endpoints
        .iter()
        .map(|(last, node, ready, serving, terminating)| {
            json!({
                "addresses": [format!("10.244.1.{last}")],
                "nodeName": node,
                "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
            })
        })
        .collect();
    let json = json!({
        "metadata": {"name": "web-x", "namespace": "shop"},
        "addressType": "IPv4",
        "ports": [
            {"name": "http", "port": 8080, "protocol": "TCP"},
            {"name": "other", "port": 9, "protocol": "TCP"},
        ],
        "endpoints": endpoints,
    });
    Arc::new(serde_json::from_value(json).expect("an EndpointSlice"))
}

fn lasts(backends: &[Backend]) -> Vec<u8> {
    backends
        .iter()
        .map(|backend| backend.ip.octets()[3])
        .collect()
}

const READY: (bool, bool, bool) = (true, true, false);
const ENDING: (bool, bool, bool) = (false, true, true);
const BROKEN: (bool, bool, bool) = (false, false, false);

fn read(slice: &Arc<EndpointSlice>) -> Slice {
    Slice::read(slice, "a")
}

#[test]
fn endpoints_are_sorted_by_policy() {
    let at = |last, node, (ready, serving, ending)| (last, node, ready, serving, ending);
    let internal = json!({"internalTrafficPolicy": "Local"});
    let external = json!({
        "externalTrafficPolicy": "Local", "type": "NodePort",
        "ports": [{"name": "http", "port": 80, "nodePort": 30080}],
    });
    let both = json!({
        "externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local", "type": "NodePort",
        "ports": [{"name": "http", "port": 80, "nodePort": 30080}],
    });
    let inaccessible = json!({"externalTrafficPolicy": "Local"});
    type Case<'a> = (serde_json::Value, &'a [Endpoint], &'a [u8], &'a [u8], bool);
    let cases: [Case<'_>; 10] = [
        // what it says, its endpoints, those for Cluster, those for Local, whether there is any
        (
            json!({}),
            &[at(1, "a", READY), at(2, "b", READY)],
            &[1, 2],
            &[],
            true,
        ),
        (
            json!({}),
            &[at(1, "a", READY), at(2, "b", BROKEN)],
            &[1],
            &[],
            true,
        ),
        (
            json!({}),
            &[at(1, "a", READY), at(2, "b", ENDING)],
            &[1],
            &[],
            true,
        ),
        // nobody is ready: those that still serve while they end
        (
            json!({}),
            &[at(1, "a", BROKEN), at(2, "b", ENDING)],
            &[2],
            &[],
            true,
        ),
        (json!({}), &[at(1, "a", BROKEN)], &[], &[], false),
        (
            internal.clone(),
            &[at(1, "a", READY), at(2, "b", READY)],
            &[],
            &[1],
            true,
        ),
        (internal, &[at(2, "b", READY)], &[], &[], true),
        (
            external,
            &[at(1, "a", ENDING), at(2, "b", READY)],
            &[2],
            &[1],
            true,
        ),
        (
            both,
            &[at(1, "a", READY), at(2, "b", READY)],
            &[1, 2],
            &[1],
            true,
        ),
        // nothing from outside can reach it: the external policy means nothing
        (
            inaccessible,
            &[at(1, "a", READY), at(2, "b", READY)],
            &[1, 2],
            &[],
            true,
        ),
    ];
    for (spec, endpoints, cluster, local, any) in cases {
        let planned = plan_service(&service(spec.clone()), &[&read(&slice(endpoints))]);
        let rules = &planned[0];
        let found = (lasts(&rules.cluster), lasts(&rules.local), rules.has_any);
        assert_eq!(
            found,
            (cluster.to_vec(), local.to_vec(), any),
            "{spec} {endpoints:?}"
        );
        assert!(rules.all.iter().all(|backend| backend.port == 8080));
    }
}

#[test]
fn services_without_a_virtual_address_have_no_rules() {
    for spec in [
        json!({"clusterIP": "None"}),
        json!({"clusterIP": ""}),
        json!({"type": "ExternalName", "externalName": "example.com"}),
    ] {
        assert_eq!(plan_service(&service(spec), &[]), []);
    }
    let mut elsewhere = service(json!({}));
    let label = (
        "service.kubernetes.io/service-proxy-name".to_owned(),
        "mine".to_owned(),
    );
    elsewhere.metadata.labels = Some([label].into());
    assert_eq!(plan_service(&elsewhere, &[]), []);
}

#[test]
fn rules_are_found_by_every_address() {
    let mut service = service(json!({
        "type": "LoadBalancer",
        "externalIPs": ["198.51.100.1"],
        "ports": [{"name": "http", "port": 80, "nodePort": 30080}],
    }));
    service.status = serde_json::from_value(json!({"loadBalancer": {"ingress": [
        {"ip": "198.51.100.2"}, {"ip": "198.51.100.3", "ipMode": "Proxy"},
    ]}}))
    .expect("a status");
    let key = NamespacedName::new("shop", "web");
    let mut rules = Rules::default();
    let planned = plan_service(&service, &[&read(&slice(&[(1, "a", true, true, false)]))]);
    assert!(rules.replace(&key, planned.clone()));
    assert!(
        !rules.replace(&key, planned),
        "the same again changes nothing"
    );
    let node = Ipv4Addr::new(192, 168, 64, 11);
    for (ip, port, protocol, through) in [
        ("10.96.7.7", 80, Protocol::Tcp, Some(Through::ClusterIp)),
        ("10.96.7.7", 80, Protocol::Udp, None),
        ("10.96.7.7", 30080, Protocol::Tcp, None),
        (
            "192.168.64.11",
            30080,
            Protocol::Tcp,
            Some(Through::NodePort),
        ),
        ("192.168.64.12", 30080, Protocol::Tcp, None),
        ("198.51.100.1", 80, Protocol::Tcp, Some(Through::External)),
        ("198.51.100.2", 80, Protocol::Tcp, Some(Through::External)),
        ("198.51.100.3", 80, Protocol::Tcp, None),
    ] {
        let found = rules.find(node, ip.parse().expect("an address"), protocol, port);
        assert_eq!(
            found.map(|(_, through)| through),
            through,
            "{ip}:{port} {protocol:?}"
        );
    }
    assert!(rules.is_service_ip(Ipv4Addr::new(10, 96, 7, 7)));
    assert!(!rules.is_service_ip(Ipv4Addr::new(10, 96, 7, 6)));
    assert!(rules.replace(&key, Vec::new()) && rules.is_empty());
    assert!(
        rules
            .find(node, Ipv4Addr::new(10, 96, 7, 7), Protocol::Tcp, 80)
            .is_none()
    );
}

#[test]
fn a_client_is_remembered_for_its_time_and_its_endpoint_only() {
    let sticky = |seconds: Option<u32>| {
        let config = seconds.map(|n| json!({"clientIP": {"timeoutSeconds": n}}));
        let spec = json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": config});
        let all = slice(&[(1, "a", true, true, false), (2, "b", true, true, false)]);
        plan_service(&service(spec), &[&read(&all)]).remove(0)
    };
    let (port, client) = (sticky(Some(100)), Ipv4Addr::new(10, 244, 3, 3));
    let key = NamespacedName::new("shop", "web");
    let mut recent = Recent::default();
    let at = |secs: u64| SimTime::from_secs(1_000 + secs);
    recent.note((&key, 80), &port.cluster[1], client, at(0));
    let endpoint = |recent: &Recent, port: &PortRules, client, now| {
        recent.endpoint(port, &port.cluster, client, now)
    };
    assert_eq!(endpoint(&recent, &port, client, at(100)), Some(1));
    assert_eq!(endpoint(&recent, &port, client, at(101)), None);
    assert_eq!(
        endpoint(&recent, &sticky(None), client, at(10_800)),
        Some(1)
    );
    assert_eq!(
        endpoint(&recent, &port, Ipv4Addr::new(10, 244, 3, 4), at(1)),
        None
    );
    recent.keep(&key, &[sticky(None)]);
    assert_eq!(endpoint(&recent, &port, client, at(1)), Some(1));
    for last in 0..=255 {
        recent.note(
            (&key, 80),
            &port.cluster[1],
            Ipv4Addr::new(10, 244, 4, last),
            at(1),
        );
    }
    assert_eq!(
        endpoint(&recent, &port, client, at(1)),
        None,
        "the oldest made room"
    );
    let newest = Ipv4Addr::new(10, 244, 4, 255);
    assert_eq!(endpoint(&recent, &port, newest, at(1)), Some(1));
    recent.keep(&key, &[]);
    assert_eq!(recent, Recent::default());
}

/// Slices that are read once and merged say what all their endpoints in one list would say.
#[test]
fn slices_are_merged_by_address_and_the_later_one_is_believed() {
    let ips = |rules: &PortRules| -> Vec<(u8, bool)> {
        let octet = |backend: &Backend| (backend.ip.octets()[3], backend.ready);
        rules.all.iter().map(octet).collect()
    };
    let spec = json!({});
    let first = slice(&[(9, "a", true, true, false), (2, "b", true, true, false)]);
    let second = slice(&[
        (5, "a", true, true, false),
        (2, "b", false, false, false),
        (5, "a", false, true, true),
    ]);
    let third = slice(&[(1, "a", true, true, false)]);
    let planned = plan_service(
        &service(spec),
        &[&read(&first), &read(&second), &read(&third)],
    );
    let wanted = [(1, true), (2, false), (5, false), (9, true)];
    assert_eq!(ips(&planned[0]), wanted);
}
