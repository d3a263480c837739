//! Holds the page's size against its budget, in bytes after brotli.

use crate::build;
use crate::run::{Outcome, root};
use std::io::Write;
use std::path::{Path, PathBuf};

const PAGE_BUDGET: u64 = 350 * 1024;
const TOTAL_BUDGET: u64 = 1_200 * 1024;

/// `cargo xtask size`
pub fn size() -> Outcome {
    build::page(true)?;
    measure()
}

/// Measures what `dist/` holds.
pub fn measure() -> Outcome {
    let mut files = Vec::new();
    collect(&root().join("dist"), &mut files)?;
    files.sort();
    let (mut page, mut total) = (0, 0);
    println!("{:>10} {:>10}  file", "bytes", "brotli");
    for path in files {
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let small = compressed(&bytes)?;
        let name = path
            .strip_prefix(root().join("dist"))
            .unwrap_or(&path)
            .display()
            .to_string();
        println!("{:>10} {small:>10}  {name}", bytes.len());
        total += small;
        let is_code = name.ends_with(".js") || name.ends_with(".wasm");
        if is_code && !name.starts_with("engine") {
            page += small;
        }
    }
    println!("page (its WebAssembly and JavaScript): {page} of {PAGE_BUDGET} bytes");
    println!("everything: {total} of {TOTAL_BUDGET} bytes");
    match page <= PAGE_BUDGET && total <= TOTAL_BUDGET {
        true => Ok(()),
        false => Err("the page is over its size budget".to_owned()),
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        match entry.path() {
            path if path.is_dir() => collect(&path, files)?,
            path => files.push(path),
        }
    }
    Ok(())
}

fn compressed(bytes: &[u8]) -> Outcome<u64> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 11, 22);
    writer
        .write_all(bytes)
        .map_err(|error| format!("brotli: {error}"))?;
    Ok(writer.into_inner().len() as u64)
}
