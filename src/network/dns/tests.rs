use super::*;
use crate::network::call::RecordType;
use serde_json::json;

fn object(json: serde_json::Value) -> Object {
    use crate::apiserver::door::{FieldValidation, decode};
    decode(json, FieldValidation::Strict).expect("a valid object")
}

fn service(name: &str, spec: serde_json::Value) -> Object {
    object(json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"}, "spec": spec,
    }))
}

fn slice(service: &str, ports: serde_json::Value, endpoints: serde_json::Value) -> Object {
    object(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": format!("{service}-x"), "namespace": "shop",
            "labels": {"kubernetes.io/service-name": service},
        },
        "ports": ports, "endpoints": endpoints,
    }))
}

fn dns() -> Dns {
    let mut dns = Dns::default();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    dns.replace(Kind::Namespace, &[object(namespace)], 1);
    let http = json!([{"name": "http", "port": 80, "protocol": "TCP"}]);
    let services = [
        service("web", json!({"clusterIP": "10.96.7.7", "ports": http})),
        service("db", json!({"clusterIP": "None", "ports": http})),
        service("bare", json!({"clusterIP": "None"})),
        service(
            "api",
            json!({"type": "ExternalName", "externalName": "api.example.com"}),
        ),
        service(
            "alias",
            json!({"type": "ExternalName", "externalName": "web.shop.svc.cluster.local"}),
        ),
        service(
            "loop",
            json!({"type": "ExternalName", "externalName": "loop.shop.svc.cluster.local"}),
        ),
    ];
    dns.replace(Kind::Service, &services, 1);
    let slices = [
        slice(
            "web",
            json!([{"name": "http", "port": 8080, "protocol": "TCP"}]),
            json!([
                {"addresses": ["10.244.1.1"], "conditions": {"ready": true}},
            ]),
        ),
        slice(
            "db",
            json!([{"name": "http", "port": 5432, "protocol": "TCP"}]),
            json!([
                {"addresses": ["10.244.1.5"], "conditions": {"ready": true}, "hostname": "db-0"},
                {"addresses": ["10.244.2.5"], "conditions": {"ready": true}},
                {"addresses": ["10.244.3.5"], "conditions": {"ready": false}, "hostname": "db-2"},
            ]),
        ),
        slice(
            "bare",
            json!([]),
            json!([{"addresses": ["10.244.1.9"], "conditions": {"ready": true}}]),
        ),
    ];
    dns.replace(Kind::EndpointSlice, &slices, 1);
    dns
}

#[test]
fn names_are_answered() {
    use RecordType::{A, Aaaa, Cname, Ptr, Srv};
    let dns = dns();
    const NX: Rcode = Rcode::NxDomain;
    const OK: Rcode = Rcode::NoError;
    let db0 = "db-0.db.shop.svc.cluster.local";
    let web = "web.shop.svc.cluster.local";
    let cases: Vec<(&str, RecordType, Rcode, Vec<String>)> = vec![
        (web, A, OK, vec!["10.96.7.7".into()]),
        (
            "WEB.shop.svc.cluster.local.",
            A,
            OK,
            vec!["10.96.7.7".into()],
        ),
        (web, Aaaa, OK, vec![]),
        (
            "_http._tcp.web.shop.svc.cluster.local",
            Srv,
            OK,
            vec![format!("0 100 80 {web}")],
        ),
        ("_http._udp.web.shop.svc.cluster.local", Srv, NX, vec![]),
        ("_ftp._tcp.web.shop.svc.cluster.local", Srv, NX, vec![]),
        // an endpoint of a Service with a virtual address has a name too
        (
            "10-244-1-1.web.shop.svc.cluster.local",
            A,
            OK,
            vec!["10.244.1.1".into()],
        ),
        // headless: the ready endpoints
        (
            "db.shop.svc.cluster.local",
            A,
            OK,
            vec!["10.244.1.5".into(), "10.244.2.5".into()],
        ),
        (db0, A, OK, vec!["10.244.1.5".into()]),
        ("db-2.db.shop.svc.cluster.local", A, NX, vec![]),
        ("10-244-1-5.db.shop.svc.cluster.local", A, NX, vec![]),
        (
            "10-244-2-5.db.shop.svc.cluster.local",
            A,
            OK,
            vec!["10.244.2.5".into()],
        ),
        (
            "db.shop.svc.cluster.local",
            Srv,
            OK,
            vec![
                format!("0 50 5432 {db0}"),
                "0 50 5432 10-244-2-5.db.shop.svc.cluster.local".into(),
            ],
        ),
        (
            "bare.shop.svc.cluster.local",
            A,
            OK,
            vec!["10.244.1.9".into()],
        ),
        // another name
        (
            "api.shop.svc.cluster.local",
            A,
            Rcode::Outside,
            vec!["api.example.com".into()],
        ),
        (
            "api.shop.svc.cluster.local",
            Cname,
            OK,
            vec!["api.example.com".into()],
        ),
        (
            "alias.shop.svc.cluster.local",
            A,
            OK,
            vec![web.into(), "10.96.7.7".into()],
        ),
        // branches exist, and have no records
        ("cluster.local", A, OK, vec![]),
        ("svc.cluster.local", A, OK, vec![]),
        ("shop.svc.cluster.local", A, OK, vec![]),
        ("nowhere.svc.cluster.local", A, NX, vec![]),
        ("nosuch.shop.svc.cluster.local", A, NX, vec![]),
        ("a.b.c.web.shop.svc.cluster.local", A, NX, vec![]),
        ("web.shop.cluster.local", A, NX, vec![]),
        // Pods, whether they exist or not
        (
            "10-244-9-9.shop.pod.cluster.local",
            A,
            OK,
            vec!["10.244.9.9".into()],
        ),
        ("web-0.shop.pod.cluster.local", A, NX, vec![]),
        // names of addresses
        ("7.7.96.10.in-addr.arpa", Ptr, OK, vec![web.into()]),
        ("5.1.244.10.in-addr.arpa", Ptr, OK, vec![db0.into()]),
        ("8.8.8.8.in-addr.arpa", Ptr, NX, vec![]),
        // the world outside
        ("example.com", A, Rcode::Outside, vec![]),
        ("web", A, NX, vec![]),
        ("web.shop", A, NX, vec![]),
    ];
    for (name, record, rcode, values) in cases {
        let reply = dns.answer(name, record);
        let found: Vec<String> = reply
            .records
            .into_iter()
            .map(|record| record.value)
            .collect();
        assert_eq!((reply.rcode, found), (rcode, values), "{name} {record:?}");
    }
    let circle = dns.answer("loop.shop.svc.cluster.local", A);
    assert!(circle.records.len() < 20 && circle.addresses().next().is_none());
}

#[test]
fn a_pods_resolv_conf_follows_its_policy() {
    let conf = |spec: serde_json::Value| {
        let pod = json!({"metadata": {"name": "p", "namespace": "shop"}, "spec": spec});
        let mut pod: k8s_openapi::api::core::v1::Pod = serde_json::from_value(pod).expect("a Pod");
        pod.spec.get_or_insert_default();
        ResolvConf::of_pod(&pod).to_string()
    };
    let first = "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n";
    let node = "nameserver 192.168.64.1\n";
    let containers = json!([]);
    let cases = [
        (json!({"containers": containers}), first.to_owned()),
        (
            json!({"containers": containers, "dnsPolicy": "Default"}),
            node.to_owned(),
        ),
        (
            json!({"containers": containers, "hostNetwork": true}),
            node.to_owned(),
        ),
        (
            json!({"containers": containers, "hostNetwork": true, "dnsPolicy": "ClusterFirstWithHostNet"}),
            first.to_owned(),
        ),
        (
            json!({"containers": containers, "dnsPolicy": "None", "dnsConfig": {
                "nameservers": ["1.2.3.4"], "searches": ["a.b"],
                "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
            }}),
            "search a.b\nnameserver 1.2.3.4\noptions ndots:2 edns0\n".to_owned(),
        ),
        (
            json!({"containers": containers, "dnsConfig": {
                "searches": ["a.b"], "options": [{"name": "ndots", "value": "2"}],
            }}),
            first
                .replace("cluster.local\n", "cluster.local a.b\n")
                .replace(":5", ":2"),
        ),
    ];
    for (spec, want) in cases {
        assert_eq!(conf(spec.clone()), want, "{spec}");
    }
}

#[test]
fn short_names_are_looked_for_before_long_ones() {
    let conf = |ndots: &str| ResolvConf {
        servers: vec![],
        search: vec!["a.local".to_owned(), "local".to_owned()],
        options: vec![("ndots".to_owned(), Some(ndots.to_owned()))],
    };
    for (ndots, name, search, want) in [
        ("5", "web", true, vec!["web.a.local", "web.local", "web"]),
        (
            "5",
            "a.b.c.d.e.f",
            true,
            vec!["a.b.c.d.e.f", "a.b.c.d.e.f.a.local", "a.b.c.d.e.f.local"],
        ),
        (
            "1",
            "web.shop",
            true,
            vec!["web.shop", "web.shop.a.local", "web.shop.local"],
        ),
        ("5", "web.", true, vec!["web"]),
        ("5", "web", false, vec!["web"]),
    ] {
        assert_eq!(
            conf(ndots).candidates(name, search),
            want,
            "{name} ndots:{ndots}"
        );
    }
}
