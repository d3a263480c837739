//! What a real API server decided about manifests, decided again: accepted with this object, or
//! refused with these words.
//!
//! The recordings are of v1.20.2; `known` says where v1.36 differs, and with which words. They are
//! read from the folder that the environment variable `GOLDEN` names, else from `shared/golden`
//! beside this repository or above it; without them the test says so. Small cases of every kind are
//! in `own`, which needs no recordings.
#![cfg(not(target_arch = "wasm32"))]

mod compare;
mod known;
mod own;
mod server;

use compare::Verdict;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn golden() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("GOLDEN").map(PathBuf::from);
    let beside = here.ancestors().map(|above| above.join("shared/golden"));
    let found = named
        .into_iter()
        .chain(beside)
        .map(|folder| folder.join("decisions"));
    found.into_iter().find(|folder| folder.is_dir())
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    for path in paths {
        match path.is_dir() {
            true => files(&path, found),
            false if path.extension().is_some_and(|end| end == "json") => found.push(path),
            false => {}
        }
    }
}

#[test]
fn what_a_real_api_server_decided_is_decided_again() {
    let Some(folder) = golden() else {
        eprintln!("NOT TESTED: there are no recordings of a real API server (GOLDEN)");
        return;
    };
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let (mut same, mut explained) = (0, 0);
    let mut differences = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a recording");
        let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        let name = path.strip_prefix(&folder).expect("below").display();
        for row in &rows {
            let name = format!("{name} {}", row["document"].as_str().unwrap_or_default());
            match compare::judge(row, &rows) {
                Verdict::Same => same += 1,
                Verdict::Explained => explained += 1,
                Verdict::Differs(ours, _) if known::words(&name) == Some(&ours) => explained += 1,
                Verdict::Differs(_, how) => {
                    differences.push(format!("{name} {}: {how}", row["kind"]))
                }
            }
        }
    }
    eprintln!("{same} the same, {explained} explained");
    assert!(
        differences.is_empty(),
        "{} differences\n{}",
        differences.len(),
        differences.join("\n")
    );
}
