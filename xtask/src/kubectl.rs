//! The real kubectl, as a client of `kubarium serve` that nobody here wrote.
//!
//! Debian sid's package is fetched with apt, with lists and caches of its own, and unpacked below
//! `target/`: nothing of the system changes. Without it the tests that need it say so.

use crate::run::{Outcome, output, root, run_in};
use std::path::Path;

/// The oldest minor version that the tests are for.
const MINOR_MIN: u32 = 30;
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

fn is_recent(program: &str) -> bool {
    let version = output(program, &["version", "--client"]).unwrap_or_default();
    let minor = version
        .split("v1.")
        .nth(1)
        .and_then(|rest| rest.split('.').next());
    minor
        .and_then(|minor| minor.parse().ok())
        .is_some_and(|minor: u32| minor >= MINOR_MIN)
}

/// Gets kubectl, where there is none that is recent enough. That it cannot be had is no failure.
pub fn setup() -> Outcome {
    let own = root().join("target/tools/kubectl");
    let named = std::env::var("KUBECTL").unwrap_or_default();
    let found = [named.as_str(), own.to_str().unwrap_or_default(), "kubectl"];
    if found
        .iter()
        .any(|program| !program.is_empty() && is_recent(program))
    {
        return Ok(());
    }
    println!(
        "setup: kubectl 1.{MINOR_MIN} or later is missing; it tries the HTTP API as a real client. Fetching Debian's package into target/tools."
    );
    if let Err(why) = fetch(&root().join("target/tools")) {
        println!(
            "setup: kubectl cannot be had ({why}); its tests will say that they were not run."
        );
    }
    Ok(())
}

fn fetch(tools: &Path) -> Outcome {
    let apt = tools.join("apt");
    let make = |path: &Path| {
        std::fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    make(&apt.join("lists/partial"))?;
    make(&apt.join("cache/archives/partial"))?;
    let write = |name: &str, text: String| {
        let path = apt.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    let source = format!("deb [signed-by={KEYRING}] http://deb.debian.org/debian sid main\n");
    write("sources.list", source)?;
    let place = apt.display();
    let settings = format!(
        "Dir::Etc::sourcelist \"{place}/sources.list\";\nDir::Etc::sourceparts \"-\";\nDir::State::lists \"{place}/lists\";\nDir::Cache \"{place}/cache\";\nAcquire::Languages \"none\";\nAPT::Sandbox::User \"root\";\n"
    );
    write("apt.conf", settings)?;
    let settings = format!("{place}/apt.conf");
    let env = [("APT_CONFIG", settings.as_str())];
    run_in("target/tools/apt", "apt-get", &["update", "--quiet"], &env)?;
    run_in(
        "target/tools/apt",
        "apt-get",
        &["download", "kubectl/sid"],
        &env,
    )?;
    let package = newest(&apt).ok_or("no package came")?;
    run_in(
        "target/tools/apt",
        "dpkg-deb",
        &["-x", &package, "unpacked"],
        &[],
    )?;
    let unpacked = apt.join("unpacked/usr/bin/kubectl");
    std::fs::copy(&unpacked, tools.join("kubectl"))
        .map(|_| ())
        .map_err(|error| format!("{}: {error}", unpacked.display()))
}

fn newest(folder: &Path) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| name.starts_with("kubectl_") && name.ends_with(".deb"))
        .max()
}
