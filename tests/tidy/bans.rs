//! What is not written here: unfinished code, `unwrap`, hash order, conditional compilation inside
//! the core.

use crate::Finding;
use crate::source::Source;

/// Words that tokens may not read, and what to do instead.
const WORDS: &[(&[&str], &str)] = &[
    (&["todo", "!"], "todo!: finish it or leave it out"),
    (
        &["unimplemented", "!"],
        "unimplemented!: finish it or leave it out",
    ),
    (
        &[".", "unwrap", "("],
        "unwrap: return an error, or expect(\"invariant: …\") for our own bugs",
    ),
];

/// Types whose order differs from run to run.
const UNORDERED: &[&str] = &["HashMap", "HashSet"];

/// Folders outside the deterministic core.
const SHELL: &[&str] = &["src/engine/", "src/web/", "src/server/", "xtask/"];

/// The crate's roots: they alone say which module exists where.
const ROOTS: &[&str] = &["src/lib.rs", "src/main.rs", "src/bin/engine.rs"];

/// Every banned word outside tests.
pub fn check(source: &Source) -> Vec<Finding> {
    let core = !SHELL.iter().any(|folder| source.path.starts_with(folder));
    let may_cfg = ROOTS.contains(&source.path.as_str());
    let mut findings = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        let mut find = |message: &str| findings.push(source.finding(token.line, message));
        for (words, message) in WORDS {
            if source.reads(at, words) {
                find(message);
            }
        }
        if core && UNORDERED.contains(&token.text.as_str()) {
            find(&format!("{}: its order is chance; use a BTree", token.text));
        }
        let is_cfg = matches!(token.text.as_str(), "cfg" | "cfg_attr")
            && (source.reads(at + 1, &["("]) || source.reads(at + 1, &["!", "("]));
        if is_cfg && !may_cfg && !source.reads(at, &["cfg", "(", "test", ")"]) {
            find("cfg: gate the whole module in lib.rs instead");
        }
    }
    findings
}

#[test]
fn banned_words_are_caught() {
    let text = "//! X.\nuse std::collections::HashMap;\nfn f() {\n    x.unwrap();\n    todo!()\n}\nfn g() {\n    unimplemented!()\n}\n#[cfg(unix)]\nfn h() {}\n";
    let lines = |path: &str| -> Vec<String> {
        let findings = check(&Source::parse(path, text));
        let line = |finding: &String| finding.split(':').nth(1).map(str::to_owned);
        findings.iter().filter_map(line).collect()
    };
    assert_eq!(lines("src/api/x.rs"), ["2", "4", "5", "8", "10"]);
    assert_eq!(lines("src/web/x.rs"), ["4", "5", "8", "10"]);
    assert_eq!(lines("src/lib.rs"), ["2", "4", "5", "8"]);
}

#[test]
fn tests_may_unwrap() {
    let text = "//! X.\n#[cfg(test)]\nmod tests {\n    fn f() { x.unwrap() }\n}\n";
    assert_eq!(check(&Source::parse("src/api/x.rs", text)), [""; 0]);
}
