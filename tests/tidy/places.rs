//! No text names a folder of the machine it was written on.

use crate::Finding;
use crate::source;

/// The folders, written so that this file does not name them itself.
const PLACES: &[&str] = &[
    concat!("/", "work/"),
    concat!("/", "tmp/kb"),
    concat!("/", "root/"),
    concat!("/", "home/"),
    concat!("/", "Users/"),
];

/// Every line of every text of the repository that names such a folder.
pub fn check_all() -> Vec<Finding> {
    let mut paths = Vec::new();
    source::files_below(source::root(), &mut paths);
    let mut findings = Vec::new();
    for path in paths {
        // What is not UTF-8 is no text.
        if let Ok(text) = std::fs::read_to_string(&path) {
            findings.extend(check(&source::relative(&path), &text));
        }
    }
    findings
}

fn check(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| PLACES.iter().any(|place| begins_path(line, place)))
        .map(|(index, line)| format!("{path}:{}: names a place: {}", index + 1, line.trim()))
        .collect()
}

/// Whether an absolute path in `line` begins with `place`; a longer path that holds it does not.
fn begins_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '}' | '*'))
    })
}

#[test]
fn a_place_is_caught_and_a_longer_path_is_not() {
    let place = PLACES[0];
    let text = format!("fine\nsee {place}notes.md\nhttps://example.com{place}x\n");
    assert_eq!(
        check("README.md", &text),
        [format!("README.md:2: names a place: see {place}notes.md")]
    );
}
