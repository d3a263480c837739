//! Watches: from where they start, what they show, how they end.

use crate::client::Watch;
use crate::server::Server;
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// What every namespace has.
const OWN: &str = "ADDED kube-root-ca.crt";

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"n": name}}})
}

#[test]
fn a_watch_shows_every_change_after_its_revision() {
    let server = Server::start(&[]);
    let made = server.create(MAPS, &config_map("a"));
    let revision = made["metadata"]["resourceVersion"].as_str().unwrap();
    let mut watch = Watch::open(
        &server,
        &format!("{MAPS}?watch=1&resourceVersion={revision}"),
    );
    let mut narrow = Watch::open(&server, &format!("{MAPS}?watch=1&labelSelector=n%3Db"));
    server.create(MAPS, &config_map("b"));
    let relabel = r#"{"metadata":{"labels":{"n":"c"}}}"#;
    server
        .ask("PATCH", format!("{MAPS}/b"))
        .typed("application/merge-patch+json", relabel)
        .send();
    server.ask("DELETE", format!("{MAPS}/a")).send();
    let seen: Vec<String> = (0..3).map(|_| watch.next_name()).collect();
    assert_eq!(seen, ["ADDED b", "MODIFIED b", "DELETED a"]);
    let seen: Vec<String> = (0..2).map(|_| narrow.next_name()).collect();
    assert_eq!(seen, ["ADDED b", "DELETED b"]);
}

#[test]
fn a_watch_can_begin_with_what_is_there_and_says_when_that_ends() {
    let server = Server::start(&[]);
    server.create(MAPS, &config_map("a"));
    let query =
        "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = Watch::open(&server, &format!("{MAPS}?{query}"));
    assert_eq!(watch.next_name(), "ADDED a");
    assert_eq!(watch.next_name(), OWN);
    let mark = watch.next().unwrap();
    assert_eq!(mark["type"], "BOOKMARK");
    assert_eq!(
        mark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
    server.create(MAPS, &config_map("b"));
    assert_eq!(watch.next_name(), "ADDED b");
}

#[test]
fn a_watch_ends_in_time_and_with_the_server() {
    let mut server = Server::start(&[]);
    let mut brief = Watch::open(&server, &format!("{MAPS}?watch=1&timeoutSeconds=1"));
    assert_eq!(brief.next_name(), OWN);
    assert!(brief.next().is_none());
    let mut long = Watch::open(&server, &format!("{MAPS}?watch=1"));
    assert_eq!(long.next_name(), OWN);
    let (status, errors) = server.stop();
    assert!(status.success() && errors.is_empty(), "{status} {errors}");
    assert!(long.next().is_none());
}

#[test]
fn a_compacted_revision_is_gone() {
    // Ten simulated minutes pass in less than a second: the store is compacted every five.
    let server = Server::start(&["--speed", "1000"]);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let answer = server.get(&format!("{MAPS}?watch=1&resourceVersion=1"));
    assert_eq!(answer.code, 200, "{}", answer.text);
    let line = answer.json();
    assert_eq!(line["type"], "ERROR");
    let status = &line["object"];
    assert_eq!(status["code"], 410);
    assert_eq!(status["reason"], "Expired");
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .starts_with("too old resource version: 1 (")
    );
}
