//! Every file says in its first line what it is.

use crate::Finding;
use crate::source::Source;

/// Whether the file begins with its module's documentation.
pub fn check(source: &Source) -> Vec<Finding> {
    match source.text.starts_with("//! ") {
        true => Vec::new(),
        false => vec![source.finding(1, "the file does not begin with `//! ` and what it is")],
    }
}

#[test]
fn a_file_without_a_head_is_caught() {
    assert_eq!(
        check(&Source::parse("src/api/x.rs", "fn f() {}\n")).len(),
        1
    );
    assert_eq!(check(&Source::parse("src/api/x.rs", "//! X.\n")), [""; 0]);
}
