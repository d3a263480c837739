//! Running other programs, and saying which.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Success, or what to tell the person at the terminal.
pub type Outcome<T = ()> = Result<T, String>;

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// Runs `program` with `words` in `folder` below the root, after saying so.
pub fn run_in(folder: &str, program: &str, words: &[&str], env: &[(&str, &str)]) -> Outcome {
    let prefix: String = env
        .iter()
        .map(|(name, value)| format!("{name}={value} "))
        .collect();
    println!("$ {prefix}{program} {}", words.join(" "));
    let status = Command::new(program)
        .args(words)
        .envs(env.iter().copied())
        .current_dir(root().join(folder))
        .status()
        .map_err(|error| format!("{program} could not be started: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("`{program} {}` failed ({status})", words.join(" "))),
    }
}

/// As [`run_in`], but ends `program` and all that it started after `minutes`: a test that hangs
/// fails, and says which it was.
pub fn run_within(
    minutes: u32,
    folder: &str,
    program: &str,
    words: &[&str],
    env: &[(&str, &str)],
) -> Outcome {
    let limit = format!("{minutes}m");
    let bound = ["--kill-after=10", &limit, program];
    let words: Vec<&str> = bound.iter().chain(words).copied().collect();
    run_in(folder, "timeout", &words, env)
}

/// Runs `program` with `words` in the root.
pub fn run(program: &str, words: &[&str]) -> Outcome {
    run_in("", program, words, &[])
}

/// What `program` prints, if it can be run and succeeds.
pub fn output(program: &str, words: &[&str]) -> Option<String> {
    let command = Command::new(program)
        .args(words)
        .current_dir(root())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    command
        .status
        .success()
        .then(|| String::from_utf8_lossy(&command.stdout).into_owned())
}
