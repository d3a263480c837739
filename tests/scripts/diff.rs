//! The difference of two texts, line by line.

/// `-` stands before a line that was expected and is not there, `+` before one that is there and was
/// not expected.
pub fn lines(expected: &str, seen: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), seen.lines().collect());
    // common[i][j]: how many lines a[i..] and b[j..] have in common, in order
    let mut common = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = match a[i] == b[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut text) = (0, 0, String::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            text.push_str(&format!("    {}\n", a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            text.push_str(&format!("  - {}\n", a[i]));
            i += 1;
        } else {
            text.push_str(&format!("  + {}\n", b[j]));
            j += 1;
        }
    }
    text
}

#[test]
fn what_is_gone_and_what_is_new() {
    assert_eq!(
        lines("a\nb\nc\n", "a\nx\nc\n"),
        "    a\n  - b\n  + x\n    c\n"
    );
}
