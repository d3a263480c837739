//! What outlives the server, and what reaches into the cluster from outside.

use crate::server::{Server, folder};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn a_cluster_is_saved_and_restored() {
    let folder = folder();
    let file = folder.join("state");
    let path = file.to_str().unwrap();
    let mut server = Server::start(&["--state", path]);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}});
    let made = server.create(MAPS, &map);
    let (status, errors) = server.stop();
    assert!(status.success() && errors.is_empty(), "{status} {errors}");
    let mut server = Server::start(&["--state", path]);
    let found = server.get(&format!("{MAPS}/kept")).json();
    assert_eq!(found["metadata"]["uid"], made["metadata"]["uid"]);
    server.stop();
    std::fs::write(&file, "{}").unwrap();
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_kubarium"))
        .args(["serve", "--port", "0", "--state", path])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.contains("cannot restore"), "{message}");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "{}",
        "it is left alone"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_node_port_leads_through_the_cluster_to_a_container() {
    let server = Server::start(&["--publish-node-ports", "--sample"]);
    let services = server
        .get("/api/v1/namespaces/default/services/hello")
        .json();
    let port = services["spec"]["ports"][0]["nodePort"]
        .as_u64()
        .expect("a node port");
    let late = Instant::now() + Duration::from_secs(20);
    let text = loop {
        if let Ok(mut stream) = TcpStream::connect(format!("127.0.0.1:{port}")) {
            let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            if text.starts_with("HTTP/1.1 200") {
                break text;
            }
        }
        assert!(Instant::now() < late, "no answer");
        std::thread::sleep(Duration::from_millis(200));
    };
    let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
    assert!(!body.is_empty(), "{text}");
}
