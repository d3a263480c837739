//! What a real API server decided about manifests, replayed against ours: accepted with this object,
//! or refused with these words.
//!
//! The recordings are of v1.20.2; where v1.36 differs, `known` says how. They are read from the
//! folder that the environment variable `GOLDEN` names, else from `../shared/golden` beside this
//! repository or above it; without them the test says so. Kinds that are not served yet are counted
//! and skipped.
#![cfg(not(target_arch = "wasm32"))]

mod compare;
mod known;

use compare::Verdict;
use kubarium::api::Kind;
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

fn is_served(row: &Value) -> bool {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    Kind::of_manifest(text("apiVersion"), text("kind")).is_some()
}

#[test]
fn what_a_real_api_server_decided_is_decided_again() {
    let Some(folder) = golden() else {
        eprintln!("NOT TESTED: there are no recordings of a real API server (GOLDEN)");
        return;
    };
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let (mut same, mut explained, mut skipped) = (0, 0, 0);
    let mut differences = Vec::new();
    for path in paths {
        let name = path
            .strip_prefix(&folder)
            .expect("below")
            .display()
            .to_string();
        let text = std::fs::read_to_string(&path).expect("a recording");
        let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        for row in rows
            .iter()
            .filter(|row| !row["no_match"].as_bool().unwrap_or(false))
        {
            if !is_served(row) {
                skipped += 1;
                continue;
            }
            match compare::judge(row) {
                Verdict::Same => same += 1,
                Verdict::Differs(_) if known::reason(&name).is_some() => explained += 1,
                Verdict::Differs(how) => differences.push(format!("{name} {}: {how}", row["kind"])),
            }
        }
    }
    eprintln!("{same} the same, {explained} explained, {skipped} of kinds not served");
    assert!(same > 50, "the recordings are not what they were");
    assert!(
        differences.is_empty(),
        "{} differences\n{}",
        differences.len(),
        differences.join("\n")
    );
}
