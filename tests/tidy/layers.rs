//! Who may import whom: the table of `ARCHITECTURE.md`.

use crate::Finding;
use crate::source::Source;

/// Everything that `cluster` may use, and so everything up to it.
const BELOW_CLUSTER: &[&str] = &[
    "sim",
    "api",
    "etcd",
    "apiserver",
    "client",
    "network",
    "kubelet",
    "scheduler",
    "controller",
];

const UP_TO_SCENARIO: &[&str] = &["cluster", "kubectl", "scenario"];

/// What `module` may use besides itself; none if the table does not know it.
fn allowed(module: &str) -> Option<Vec<&'static str>> {
    let session = || [BELOW_CLUSTER, UP_TO_SCENARIO].concat();
    Some(match module {
        "sim" | "value" | "protocol" | "allocator" => vec![],
        "api" => vec!["sim", "value"],
        "etcd" => vec!["sim", "api"],
        "apiserver" => vec!["sim", "api", "etcd"],
        "client" | "kubectl" => vec!["sim", "api", "apiserver"],
        "network" | "scheduler" | "controller" => vec!["sim", "api", "apiserver", "client"],
        "kubelet" => vec!["sim", "api", "apiserver", "client", "network"],
        "cluster" => BELOW_CLUSTER.to_vec(),
        "scenario" => vec!["sim", "api", "apiserver", "network", "cluster", "kubectl"],
        "session" => [session(), vec!["protocol"]].concat(),
        "dashboard" => [session(), vec!["session", "protocol"]].concat(),
        "engine" => [session(), vec!["session", "dashboard", "protocol"]].concat(),
        "web" => vec!["protocol", "value"],
        "server" => [session(), vec!["session"]].concat(),
        _ => return None,
    })
}

/// The modules of the crate that `source` names, with their lines.
fn imports(source: &Source) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    for at in 0..source.tokens.len() {
        if !source.reads(at, &["crate", ":", ":"]) {
            continue;
        }
        let Some(next) = source.tokens.get(at + 3) else {
            continue;
        };
        if next.text != "{" {
            found.push((next.text.as_str(), next.line));
            continue;
        }
        let (mut depth, mut fresh) = (0_usize, true);
        for token in &source.tokens[at + 3..] {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" if depth == 1 => break,
                "}" => depth -= 1,
                "," => fresh = depth == 1,
                name if depth == 1 && fresh => {
                    found.push((name, token.line));
                    fresh = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// The top module that the file at `path` belongs to; none for the crate's roots.
fn module_of(path: &str) -> Option<&str> {
    let below = path.strip_prefix("src/")?;
    match below.split_once('/') {
        Some(("bin", _)) => None,
        Some((module, _)) => Some(module),
        None => below
            .strip_suffix(".rs")
            .filter(|stem| !matches!(*stem, "lib" | "main")),
    }
}

/// Every import that the table does not allow.
pub fn check(source: &Source) -> Vec<Finding> {
    let Some(module) = module_of(&source.path) else {
        return Vec::new();
    };
    let Some(allowed) = allowed(module) else {
        let message = format!("module {module} is not in the table of layers");
        return vec![source.finding(1, &message)];
    };
    imports(source)
        .into_iter()
        .filter(|(name, _)| *name != module && !allowed.contains(name))
        .map(|(name, line)| source.finding(line, &format!("{module} may not use {name}")))
        .collect()
}

#[test]
fn a_forbidden_import_is_caught() {
    let text = "//! X.\nuse crate::{sim::SimTime, session::{Session, Tape}};\nfn f() { crate::cluster::g() }\n";
    let findings = check(&Source::parse("src/etcd/x.rs", text));
    assert_eq!(
        findings,
        [
            "src/etcd/x.rs:2: etcd may not use session",
            "src/etcd/x.rs:3: etcd may not use cluster",
        ]
    );
    assert_eq!(check(&Source::parse("src/session/x.rs", text)), [""; 0]);
}

#[test]
fn an_unknown_module_is_caught() {
    let findings = check(&Source::parse("src/util.rs", "//! X.\n"));
    assert_eq!(
        findings,
        ["src/util.rs:1: module util is not in the table of layers"]
    );
}

#[test]
fn an_import_inside_a_macro_is_caught_and_one_in_a_test_is_not() {
    let text = "//! X.\nfn f() { print!(\"{}\", crate::web::NAME) }\n#[cfg(test)]\nmod tests {\n    use crate::session::Session;\n}\n";
    let findings = check(&Source::parse("src/api/x.rs", text));
    assert_eq!(findings, ["src/api/x.rs:2: api may not use web"]);
}
