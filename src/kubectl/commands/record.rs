//! `--record`: the command line, noted with the object it changed.
//!
//! Upstream: staging/src/k8s.io/cli-runtime/pkg/genericclioptions/record_flags.go, v1.36.

use crate::api::Object;
use crate::kubectl::shell::Shell;

/// The annotation that holds the command line.
pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";
const DEPRECATED: &str =
    "Flag --record has been deprecated, --record will be removed in the future\n";

/// Prints that the flag is on its way out, where it was given.
pub fn warn(shell: &mut Shell<'_>) {
    if shell.words.text("record").is_some() {
        shell.out.err(DEPRECATED);
    }
}

/// The command line as it is noted: its arguments first, then its flags by their long names.
fn cause(shell: &Shell<'_>) -> String {
    let mut line = format!("kubectl {}", shell.verb);
    for arg in &shell.words.args {
        line.push_str(&format!(" {arg}"));
    }
    for (name, value) in shell.words.flags() {
        line.push_str(&format!(" --{name}={value}"));
    }
    line
}

/// The command line, where it is to be noted.
pub fn cause_if_asked(shell: &Shell<'_>) -> Option<String> {
    shell.words.switch("record").then(|| cause(shell))
}

/// Notes the command line with `object`, where that was asked for.
pub fn note(shell: &Shell<'_>, object: &mut Object) {
    if let Some(cause) = cause_if_asked(shell) {
        let annotations = object.meta_mut().annotations.get_or_insert_default();
        annotations.insert(CHANGE_CAUSE.to_owned(), cause);
    }
}
