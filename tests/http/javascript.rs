//! The official JavaScript client: `tests/client/client.mjs` against a server.

use crate::server::Server;
use std::path::Path;
use std::process::Command;

/// How many simulated seconds pass in a real one: the store's history goes in half a second.
const SPEED: &str = "500";

#[test]
fn a_client_library_lists_watches_patches_and_lists_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client");
    if !folder.join("node_modules/@kubernetes/client-node").exists() {
        eprintln!("SKIPPED: the JavaScript client is not installed (cargo xtask test installs it)");
        return;
    }
    let server = Server::start(&["--speed", SPEED]);
    let output = Command::new("node")
        .args([
            "--test",
            "--test-timeout=120000",
            "--test-reporter=spec",
            "client.mjs",
        ])
        .current_dir(&folder)
        .env("KUBECONFIG", server.kubeconfig())
        .env("SPEED", SPEED)
        .output()
        .expect("node runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    print!("{text}");
}
