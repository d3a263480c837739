//! Transcripts: commands as a person types them, and what they see. `UPDATE_EXPECT=1` writes what
//! they see now; the difference is to be read before it is believed.
#![cfg(not(target_arch = "wasm32"))]

mod diff;
mod recordings;
mod script;
mod world;

use script::Script;
use std::path::{Path, PathBuf};
use world::World;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts")
}

fn scripts() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "txt") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What is wrong with a script; `None` where nothing is.
fn check(path: &Path, update: bool) -> Option<String> {
    let name = path.strip_prefix(folder()).unwrap_or(path).display();
    let text = std::fs::read_to_string(path).expect("a script is text");
    let mut script = match Script::parse(&text) {
        Ok(script) => script,
        Err(message) => return Some(format!("{name}: {message}")),
    };
    let mut world = World::new(path.parent().expect("it lies in a folder"));
    let mut wrong = String::new();
    for step in &mut script.steps {
        let seen = world.run(step);
        if seen != step.expected && !update {
            let lines = diff::lines(&step.expected, &seen);
            wrong.push_str(&format!(
                "\n{name}:{}: {}\n{lines}",
                step.line, step.command
            ));
        }
        step.expected = seen;
    }
    let now = script.text();
    if update && now != text {
        std::fs::write(path, now).expect("a script can be written");
    }
    (!wrong.is_empty()).then_some(wrong)
}

#[test]
fn every_script_shows_what_it_says() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let only = std::env::var("SCRIPT").unwrap_or_default();
    let paths = scripts();
    assert!(paths.len() >= 18, "only {} scripts", paths.len());
    let named = |path: &&PathBuf| path.to_string_lossy().contains(&only);
    let wrong: Vec<String> = paths
        .iter()
        .filter(named)
        .filter_map(|path| check(path, update))
        .collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.concat());
}

#[test]
fn a_script_that_shows_something_else_is_caught() {
    let text = "kubectl get namespace default -o name\n---\nnamespace/other\n";
    let mut script = Script::parse(text).expect("a good script");
    let step = &mut script.steps[0];
    let seen = World::new(&folder()).run(step);
    assert_eq!(seen, "namespace/default\n");
    assert_ne!(seen, step.expected);
}
