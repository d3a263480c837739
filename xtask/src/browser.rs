//! The tests that need a real browser: wasm tests in Chromium, and a person's walk with Playwright.

use crate::run::{Outcome, output, root, run_within};
use crate::{serve, setup};

/// Runs the wasm32 tests inside Chromium.
pub fn wasm() -> Outcome {
    setup::wasm_target()?;
    setup::wasm_bindgen()?;
    setup::for_browser()?;
    let driver = output("which", &["chromedriver"]).unwrap_or_default();
    let env = [
        ("CHROMEDRIVER", driver.trim()),
        (
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
            "wasm-bindgen-test-runner",
        ),
        ("WASM_BINDGEN_TEST_TIMEOUT", "300"),
    ];
    let words = [
        "test",
        "--target",
        "wasm32-unknown-unknown",
        "--test",
        "wasm",
    ];
    run_within(30, "", "cargo", &words, &env)
}

/// Runs `tests/browser/*.spec.mjs` against the page in `dist/`.
pub fn walk() -> Outcome {
    setup::for_browser()?;
    let listener = serve::listen(0)?;
    let address = serve::address(&listener)?;
    std::thread::spawn(move || serve::answer(&listener));
    let mut specs = specs()?;
    // A failed test may leave its browser open, and Node would wait for it for ever.
    let flags = [
        "--test",
        "--test-concurrency=1",
        "--test-timeout=600000",
        "--test-force-exit",
    ];
    let mut words = flags.map(str::to_owned).to_vec();
    words.append(&mut specs);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    run_within(
        30,
        "tests/browser",
        "node",
        &words,
        &[("KUBARIUM_URL", &address)],
    )
}

fn specs() -> Outcome<Vec<String>> {
    let folder = root().join("tests/browser");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".spec.mjs"))
        .collect();
    names.sort();
    match names.is_empty() {
        true => Err("tests/browser holds no *.spec.mjs".to_owned()),
        false => Ok(names),
    }
}
