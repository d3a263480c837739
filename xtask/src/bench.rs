//! What things cost: natively and in WebAssembly.

use crate::run::{Outcome, run, run_in};
use crate::setup;

/// `cargo xtask bench`
pub fn bench() -> Outcome {
    run("cargo", &["bench", "--bench", "rollout", "--bench", "api"])?;
    setup::wasm_target()?;
    setup::wasm_bindgen()?;
    let env = [
        (
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
            "wasm-bindgen-test-runner",
        ),
        ("WASM_BINDGEN_TEST_ONLY_NODE", "1"),
    ];
    let target = ["--target", "wasm32-unknown-unknown"];
    let words = ["test", "--release", "--test", "rollout_wasm"];
    let shown = ["--", "--nocapture"];
    run_in("", "cargo", &[&words[..], &target, &shown].concat(), &env)
}
