//! What a Deployment of 300 replicas costs in WebAssembly, in Node: `cargo xtask bench`. Without
//! optimisation it only runs; the time is held against its budget in a release build.
#![cfg(target_arch = "wasm32")]
// It measures time, so it reads the clock.
#![allow(clippy::disallowed_methods)]

#[path = "../benches/rollout/scenario.rs"]
mod scenario;

use scenario::{REPLICAS, RUNS};
use wasm_bindgen_test::{console_log, wasm_bindgen_test};

const BUDGET_MS: f64 = 150.0;

#[wasm_bindgen_test]
fn three_hundred_replicas() {
    let before = scenario::before();
    let mut least = f64::MAX;
    let mut figures = String::new();
    for _ in 0..RUNS {
        let mut cluster = before.clone();
        let start = js_sys::Date::now();
        let run = scenario::run(&mut cluster);
        least = least.min(js_sys::Date::now() - start);
        figures = run.to_string();
    }
    console_log!(
        "{REPLICAS} replicas ready in WebAssembly: {least} ms (budget {BUDGET_MS}), {figures}"
    );
    assert!(cfg!(debug_assertions) || least <= BUDGET_MS);
}
