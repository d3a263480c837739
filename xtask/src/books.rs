//! What becomes of the manifests of the books.

use crate::run::{Outcome, run};

/// `cargo xtask books`: the table of every file below `shared/manifests` beside the repository. Where
/// there is no such folder, that is said, and is no failure.
pub fn books() -> Outcome {
    run(
        "cargo",
        &["test", "--quiet", "--test", "books", "--", "--nocapture"],
    )
}
