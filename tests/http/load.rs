//! Many idle watches, and readers that do not read, do not hurt the others.

use crate::client::Watch;
use crate::server::Server;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn config_map(name: &str, text: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": text}})
}

#[test]
fn a_thousand_idle_watches_are_no_burden() {
    let server = Server::start(&[]);
    let path = "/api/v1/namespaces/kube-public/configmaps?watch=1";
    let idle: Vec<Watch> = (0..1_000).map(|_| Watch::open(&server, path)).collect();
    let mut busy = Watch::open(&server, &format!("{MAPS}?watch=1"));
    assert_eq!(busy.next_name(), "ADDED kube-root-ca.crt");
    let began = Instant::now();
    for index in 0..100 {
        server.create(MAPS, &config_map(&format!("m-{index}"), "x"));
        assert_eq!(busy.next_name(), format!("ADDED m-{index}"));
    }
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(server.get("/readyz").text, "ok");
    drop(idle);
}

#[test]
fn a_reader_that_stops_reading_is_told_or_cut_off() {
    let server = Server::start(&[]);
    let mut slow = Watch::open(&server, &format!("{MAPS}?watch=1"));
    // Far more than the sockets' buffers and the feed hold.
    let text = "x".repeat(20_000);
    server.create(MAPS, &config_map("a", &text));
    let media = "application/merge-patch+json";
    for index in 0..5_000 {
        let patch = json!({"data": {"n": index.to_string()}}).to_string();
        let answer = server
            .ask("PATCH", format!("{MAPS}/a"))
            .typed(media, &patch)
            .send();
        assert_eq!(answer.code, 200);
    }
    let mut last = None;
    while let Some(line) = slow.next() {
        last = Some(line);
    }
    let last = last.expect("it saw something");
    assert_eq!(last["type"], "ERROR", "{last}");
    assert_eq!(last["object"]["code"], 410);
    assert_eq!(server.get("/readyz").text, "ok");
}
