//! Every manifest of two books, applied as `kubectl apply -f` does, each to a fresh cluster of its own.
//!
//! `cargo xtask books` shows the table. The files are read from `shared/manifests` beside this
//! repository or above it; without that folder the test says so. Before some files their book makes a
//! namespace, and so does the test: the table says so. What is refused counts as
//! upstream's refusal only where the lists below name its words; everything else has failed.
#![cfg(not(target_arch = "wasm32"))]

use kubarium::api::convert;
use kubarium::cluster::{Cluster, ClusterConfig};
use kubarium::kubectl::{Files, Progress, Run};
use kubarium::sim::SimDuration;
use std::path::{Path, PathBuf};

/// (file, what its book does before it, as a command line of kubectl)
const NEEDS: &[(&str, &str)] = &[
    (
        "kubernetes-in-action/Chapter03/kubia-manual-custom-namespace.yaml",
        "apply -f custom-namespace.yaml",
    ),
    ("the-kubernetes-book/api/kcna.yml", "apply -f crd.yml"),
    ("the-kubernetes-book/api/tkb.yml", "apply -f crd.yml"),
    (
        "the-kubernetes-book/namespaces/app.yml",
        "apply -f shield-ns.yml",
    ),
    (
        "the-kubernetes-book/namespaces/shield-app.yml",
        "apply -f shield-ns.yml",
    ),
    (
        "the-kubernetes-book/namespaces/shield-pod.yml",
        "apply -f shield-ns.yml",
    ),
    (
        "the-kubernetes-book/psa/psa-pod.yml",
        "create namespace psa-test",
    ),
];

/// The versions that books use and v1.36 does not serve: gone since v1.16, v1.22 or v1.25, or never
/// Kubernetes' own. The API server answers that it knows no such kind.
const NOT_SERVED: &[&str] = &[
    "apps/v1beta1",
    "apps/v1beta2",
    "batch/v1beta1",
    "extensions/v1beta1",
    // What kind's own command reads.
    "kind.x-k8s.io/v1alpha4",
];

/// (file, a part of the refusal, why upstream refuses it too)
const REFUSED: &[(&str, &str, &str)] = &[(
    "kubernetes-in-action/Chapter05/kubia-svc-publish-not-ready.yaml",
    "Service in version \"v1\" cannot be handled as a Service: strict decoding error: unknown field \"spec.publishNotReadyEndpoints\"",
    "no version of Kubernetes has the field, and kubectl asks for strict decoding since v1.25",
)];

/// (file, a part of the refusal, what is missing here): upstream would accept it.
const NOT_YET: &[(&str, &str, &str)] = &[];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Accepted,
    Refused,
    NotYet,
    Failed,
}

struct Row {
    file: String,
    after: &'static str,
    outcome: Outcome,
    /// What kubectl prints.
    told: String,
    /// The served versions that it can be said in, and what kubectl prints then; for what was refused.
    served: Option<(String, bool, String)>,
}

fn folder() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = here.ancestors().map(|above| above.join("shared/manifests"));
    found.find(|folder| folder.is_dir())
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = paths.collect();
    paths.sort();
    for path in paths {
        let end = path.extension().and_then(|end| end.to_str());
        match path.is_dir() {
            true => files(&path, found),
            false if matches!(end, Some("yml" | "yaml" | "json")) => found.push(path),
            false => {}
        }
    }
}

/// Carries out a command line that may name a file of `folder`; answers whether it succeeded, and
/// what kubectl prints.
fn kubectl(cluster: &mut Cluster, folder: &Path, line: &str) -> (bool, String) {
    let mut files = Files::default();
    if let Some((_, name)) = line.split_once("-f ") {
        let text = std::fs::read_to_string(folder.join(name)).expect("a text");
        files.named.insert(name.to_owned(), text);
    }
    carry_out(cluster, &files, line)
}

fn carry_out(cluster: &mut Cluster, files: &Files, line: &str) -> (bool, String) {
    let line = format!("kubectl {line}");
    let now = cluster.now();
    let run = Run::start(&line, files, cluster, now);
    let accepted = run.progress() == Progress::Done(0);
    (accepted, run.output().text())
}

/// The file said in served versions, applied; nothing where `kubarium convert` changes nothing.
fn apply_converted(cluster: &mut Cluster, path: &Path) -> Option<(String, bool, String)> {
    let text = std::fs::read_to_string(path).expect("a text");
    let converted = convert::convert(&text).expect("a manifest")?;
    let mut files = Files::default();
    files.named.insert("served.yaml".to_owned(), converted.text);
    let (accepted, told) = carry_out(cluster, &files, "apply -f served.yaml");
    Some((converted.versions.join(" and "), accepted, told))
}

fn judge(file: &str, accepted: bool, told: &str) -> Outcome {
    let listed = |list: &[(&str, &str, &str)]| {
        let found = list.iter().find(|(of, _, _)| *of == file);
        found.is_some_and(|(_, words, _)| told.contains(words))
    };
    let gone = |version: &&&str| {
        told.contains("no matches for kind") && told.contains(&format!("in version \"{version}\""))
    };
    match accepted {
        true => Outcome::Accepted,
        false if NOT_SERVED.iter().any(|version| gone(&version)) => Outcome::Refused,
        false if listed(REFUSED) => Outcome::Refused,
        false if listed(NOT_YET) => Outcome::NotYet,
        false => Outcome::Failed,
    }
}

fn rows(folder: &Path) -> Vec<Row> {
    let mut fresh = Cluster::new(ClusterConfig {
        sample: false,
        ..ClusterConfig::default()
    });
    let until = fresh.now() + SimDuration::secs(60);
    fresh.run_until(until);
    let mut paths = Vec::new();
    files(folder, &mut paths);
    let row = |path: PathBuf| {
        let mut cluster = fresh.clone();
        let file = path.strip_prefix(folder).expect("below").display();
        let file = file.to_string();
        let needed = NEEDS.iter().find(|(of, _)| *of == file);
        let after = needed.map_or("", |(_, needed)| *needed);
        let here = path.parent().expect("a folder");
        if !after.is_empty() {
            let (done, told) = kubectl(&mut cluster, here, after);
            assert!(done, "{file} needs {after}: {told}");
            // A definition's kind is served a moment later.
            let until = cluster.now() + SimDuration::secs(1);
            cluster.run_until(until);
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let line = format!("apply -f {}", name.expect("a name"));
        let (accepted, told) = kubectl(&mut cluster, here, &line);
        let served = match accepted {
            true => None,
            false => apply_converted(&mut fresh.clone(), &path),
        };
        Row {
            served,
            outcome: judge(&file, accepted, &told),
            file,
            after,
            told,
        }
    };
    paths.into_iter().map(row).collect()
}

fn line(row: &Row) -> String {
    let word = match row.outcome {
        Outcome::Accepted => "accepted",
        Outcome::Refused => "refused as upstream",
        Outcome::NotYet => "not yet",
        Outcome::Failed => "FAILED",
    };
    let mut text = format!("{:<74} {word}", row.file);
    if !row.after.is_empty() {
        text.push_str(&format!(", after kubectl {}", row.after));
    }
    if row.outcome != Outcome::Accepted {
        for told in row.told.lines() {
            text.push_str(&format!("\n    {told}"));
        }
    }
    if let Some((versions, accepted, told)) = &row.served {
        let word = if *accepted { "accepted" } else { told };
        text.push_str(&format!("\n    said in {versions}: {word}"));
    }
    text
}

#[test]
fn the_manifests_of_the_books_are_accepted_or_refused_as_upstream_does() {
    let Some(folder) = folder() else {
        eprintln!("NOT TESTED: there is no folder shared/manifests beside the repository");
        return;
    };
    let rows = rows(&folder);
    for row in &rows {
        eprintln!("{}", line(row));
    }
    let count = |outcome: Outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    eprintln!(
        "{} files: {} accepted, {} refused as upstream refuses, {} not yet, {} failed",
        rows.len(),
        count(Outcome::Accepted),
        count(Outcome::Refused),
        count(Outcome::NotYet),
        count(Outcome::Failed),
    );
    assert!(!rows.is_empty(), "the folder is empty");
    assert_eq!(count(Outcome::Failed), 0);
    for row in &rows {
        let version = row.told.split("in version \"").nth(1);
        let gone = version
            .is_some_and(|version| NOT_SERVED[..4].iter().any(|old| version.starts_with(old)));
        let accepted = row.served.as_ref().map(|(_, accepted, _)| *accepted);
        assert_eq!(accepted, gone.then_some(true), "{}", line(row));
    }
    for (file, _, why) in REFUSED.iter().chain(NOT_YET) {
        let row = rows.iter().find(|row| row.file == *file);
        let refused = row.is_none_or(|row| row.outcome != Outcome::Accepted);
        assert!(refused, "{file} is accepted: no longer {why}");
    }
}
