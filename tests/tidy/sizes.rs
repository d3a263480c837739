//! How long files and functions may grow.

use crate::Finding;
use crate::source::Source;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Every file and function that is too long. Lines of test code do not count.
pub fn check(source: &Source) -> Vec<Finding> {
    let file = (source.lines > FILE_LINES_MAX).then(|| {
        let message = format!("{} lines, at most {FILE_LINES_MAX}", source.lines);
        source.finding(1, &message)
    });
    let functions = source.functions.iter().filter_map(|function| {
        let (name, lines) = (&function.name, function.lines);
        let message = format!("fn {name} has {lines} lines, at most {FUNCTION_LINES_MAX}");
        (lines > FUNCTION_LINES_MAX).then(|| source.finding(function.line, &message))
    });
    file.into_iter().chain(functions).collect()
}

#[test]
fn a_long_file_is_caught_and_a_long_test_is_not() {
    let long = "// x\n".repeat(FILE_LINES_MAX);
    let findings = check(&Source::parse("src/api/x.rs", &format!("//! X.\n{long}")));
    assert_eq!(findings, ["src/api/x.rs:1: 601 lines, at most 600"]);
    let tested = format!("//! X.\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    assert_eq!(check(&Source::parse("src/api/x.rs", &tested)), [""; 0]);
}

#[test]
fn a_long_function_is_caught() {
    let body = "    g();\n".repeat(FUNCTION_LINES_MAX - 1);
    let text = format!("//! X.\nimpl X {{\n/// Doc.\nfn f() {{\n{body}}}\n}}\n");
    let findings = check(&Source::parse("src/api/x.rs", &text));
    assert_eq!(findings, ["src/api/x.rs:4: fn f has 71 lines, at most 70"]);
}
