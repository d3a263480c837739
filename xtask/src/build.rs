//! Builds the page into `dist/`.

use crate::run::{Outcome, output, root, run_in};
use crate::setup;

/// What rustc's WebAssembly uses and every present browser has. Newer features would be written
/// into the file and refused by browsers that lack them.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Builds the page; `release` optimises it.
pub fn page(release: bool) -> Outcome {
    match release {
        true => setup::for_release()?,
        false => setup::for_build()?,
    }
    if root().join("www/package.json").exists() {
        run_in("www", "npm", &["run", "--silent", "build"], &[])?;
    }
    let mut words = vec!["build"];
    if release {
        words.push("--release");
    }
    // Trunk refuses the value "1" that many terminals set.
    run_in("", "trunk", &words, &[("NO_COLOR", "true")])?;
    if release {
        optimise()?;
    }
    move_inline_scripts()
}

/// Runs wasm-opt over the built WebAssembly. Functions whose names are alike do alike things: side by side
/// they pack 13 in 1,000 smaller. Of the levels, -O2 makes the code that packs smallest, though not the
/// smallest code.
fn optimise() -> Outcome {
    if output("wasm-opt", &["--version"]).is_none() {
        return Err(
            "wasm-opt was installed but cannot be run; is npm's bin folder on PATH?".into(),
        );
    }
    for file in dist_files()?.iter().filter(|file| file.ends_with(".wasm")) {
        let words: Vec<&str> = ["-O2", "--reorder-functions-by-name", file, "-o", file]
            .into_iter()
            .chain(FEATURES)
            .collect();
        run_in("dist", "wasm-opt", &words, &[])?;
    }
    Ok(())
}

/// The names of the files directly in `dist/`.
pub fn dist_files() -> Outcome<Vec<String>> {
    let entries =
        std::fs::read_dir(root().join("dist")).map_err(|error| format!("dist: {error}"))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| root().join("dist").join(name).is_file())
        .collect();
    names.sort();
    Ok(names)
}

/// Moves Trunk's inline start script into a file of its own: the page's Content-Security-Policy
/// runs no inline script.
fn move_inline_scripts() -> Outcome {
    let path = root().join("dist/index.html");
    let html = std::fs::read_to_string(&path).map_err(|error| format!("index.html: {error}"))?;
    let open = "<script type=\"module\">";
    let Some((before, rest)) = html.split_once(open) else {
        return Ok(());
    };
    let Some((script, after)) = rest.split_once("</script>") else {
        return Err("dist/index.html: the start script does not end".into());
    };
    // A file has no nonce and no integrity of its own; the preload links would not match it.
    let html = format!("{before}<script type=\"module\" src=\"./start.js\"></script>{after}");
    std::fs::write(root().join("dist/start.js"), script.trim_start())
        .and_then(|()| std::fs::write(&path, html))
        .map_err(|error| format!("dist: {error}"))
}
