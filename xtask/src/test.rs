//! Every test, in the order in which a failure is cheapest to find.

use crate::run::{Outcome, run, run_within};
use crate::{browser, build, kubectl, setup, size};

/// `cargo xtask test [--only STAGE]`
pub fn test(only: Option<&str>) -> Outcome {
    match only {
        None => {
            native()?;
            browser::wasm()?;
            walk()
        }
        Some("native") => native(),
        Some("wasm") => browser::wasm(),
        Some("browser") => walk(),
        Some(other) => Err(format!("--only takes native, wasm or browser, not {other}")),
    }?;
    println!("all tests passed");
    Ok(())
}

fn native() -> Outcome {
    setup::for_lint()?;
    setup::wasm_target()?;
    kubectl::setup()?;
    setup::for_client()?;
    run("cargo", &["fmt", "--all", "--check"])?;
    run(
        "cargo",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    let wasm = [
        "--target",
        "wasm32-unknown-unknown",
        "--bins",
        "--",
        "-D",
        "warnings",
    ];
    run("cargo", &[&["clippy"], wasm.as_slice()].concat())?;
    run_within(45, "", "cargo", &["test", "--workspace"], &[])
}

fn walk() -> Outcome {
    build::page(true)?;
    size::measure()?;
    browser::walk()
}
