//! Installs what is missing and says what and why. A second run finds everything and installs
//! nothing.

use crate::run::{Outcome, output, root, run, run_in};

const TRUNK: &str = "0.21.14";
const BINARYEN: &str = "132.0.0";

/// A cheaper release profile for the tools: they run a few times, not for hours.
const TOOL_PROFILE: &[(&str, &str)] = &[
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
];

fn missing(what: &str, why: &str) {
    println!("setup: {what} is missing; it {why}. Installing it.");
}

/// What building the page needs: the wasm target, Trunk, wasm-bindgen, the page's npm packages.
pub fn for_build() -> Outcome {
    wasm_target()?;
    wasm_bindgen()?;
    trunk()?;
    node_packages("www")
}

/// What an optimised page needs on top: wasm-opt.
pub fn for_release() -> Outcome {
    for_build()?;
    if output("wasm-opt", &["--version"]).is_some() {
        return Ok(());
    }
    missing("wasm-opt", "makes the WebAssembly smaller");
    run(
        "npm",
        &[
            "install",
            "--global",
            "--no-audit",
            "--no-fund",
            &format!("binaryen@{BINARYEN}"),
        ],
    )
}

/// What the browser tests need on top: Chromium, its driver and their npm packages.
pub fn for_browser() -> Outcome {
    if output("chromium", &["--version"]).is_none()
        || output("chromedriver", &["--version"]).is_none()
    {
        missing("Chromium", "runs the tests in a real browser");
        run("apt-get", &["update"])?;
        run(
            "apt-get",
            &["install", "--yes", "chromium", "chromium-driver"],
        )?;
    }
    node_packages("tests/browser")
}

/// What the tests of the HTTP API need: the official JavaScript client.
pub fn for_client() -> Outcome {
    node_packages("tests/client")
}

/// What linting needs: rustfmt and clippy, which a minimal toolchain lacks.
pub fn for_lint() -> Outcome {
    for (component, program) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if output("cargo", &[program, "--version"]).is_none() {
            missing(component, "checks the code's form");
            run("rustup", &["component", "add", component])?;
        }
    }
    Ok(())
}

/// The wasm32 target alone.
pub fn wasm_target() -> Outcome {
    let target = "wasm32-unknown-unknown";
    let installed = output("rustup", &["target", "list", "--installed"]).unwrap_or_default();
    if installed.lines().any(|line| line == target) {
        return Ok(());
    }
    missing(target, "is what the browser runs");
    run("rustup", &["target", "add", target])
}

/// wasm-bindgen's command line, of the very version in `Cargo.lock`.
pub fn wasm_bindgen() -> Outcome {
    let wanted = locked_version("wasm-bindgen")?;
    let found = output("wasm-bindgen", &["--version"]).unwrap_or_default();
    if found.split_whitespace().nth(1) == Some(wanted.as_str()) {
        return Ok(());
    }
    missing(
        &format!("wasm-bindgen {wanted}"),
        "joins WebAssembly and JavaScript",
    );
    run_in(
        "",
        "cargo",
        &["install", "wasm-bindgen-cli", "--version", &wanted],
        TOOL_PROFILE,
    )
}

fn trunk() -> Outcome {
    let found = output("trunk", &["--version"]).unwrap_or_default();
    if found.split_whitespace().nth(1) == Some(TRUNK) {
        return Ok(());
    }
    missing(&format!("trunk {TRUNK}"), "builds the page");
    run_in(
        "",
        "cargo",
        &["install", "trunk", "--locked", "--version", TRUNK],
        TOOL_PROFILE,
    )
}

/// The npm packages that `folder` locks, if they are not the ones installed.
fn node_packages(folder: &str) -> Outcome {
    let lock = root().join(folder).join("package-lock.json");
    let stamp = root()
        .join(folder)
        .join("node_modules/.installed-lock.json");
    let Ok(wanted) = std::fs::read(&lock) else {
        return Ok(());
    };
    if std::fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    missing(
        &format!("{folder}/node_modules"),
        "holds the JavaScript libraries used there",
    );
    run_in(folder, "npm", &["ci", "--no-audit", "--no-fund"], &[])?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn locked_version(package: &str) -> Outcome<String> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock"))
        .map_err(|error| format!("Cargo.lock: {error}"))?;
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines
        .nth(1)
        .and_then(|line| line.strip_prefix("version = "));
    version
        .map(|quoted| quoted.trim_matches('"').to_owned())
        .ok_or_else(|| format!("Cargo.lock does not lock {package}"))
}
