//! The house rules that no compiler checks: who may import whom, how long a file and a function may
//! grow, what is banned, how a file begins, and that no text names a machine's folders.
#![cfg(not(target_arch = "wasm32"))]

mod bans;
mod heads;
mod layers;
mod places;
mod sizes;
mod source;

use source::Source;

/// A place where a rule is broken, ready to print.
type Finding = String;

fn report(findings: &[Finding]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

fn check(rule: fn(&Source) -> Vec<Finding>, folders: &[&str]) {
    let sources = source::read(folders);
    assert!(!sources.is_empty(), "no sources below {folders:?}");
    report(&sources.iter().flat_map(rule).collect::<Vec<_>>());
}

#[test]
fn every_module_imports_only_what_its_layer_may() {
    check(layers::check, &["src"]);
}

#[test]
fn files_and_functions_stay_small() {
    check(sizes::check, &["src", "xtask/src", "tests"]);
}

#[test]
fn nothing_banned_is_used() {
    check(bans::check, &["src", "xtask/src"]);
}

#[test]
fn every_file_says_what_it_is() {
    check(heads::check, &["src", "xtask/src", "tests"]);
}

#[test]
fn no_text_names_a_place_on_somebodys_machine() {
    report(&places::check_all());
}
