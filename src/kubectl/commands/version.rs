//! `kubectl version`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/version/version.go, v1.36. Left out: the version of
//! kustomize, which is not there, and `-o`.

use super::api_resources::knock;
use super::{Pending, Verb};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Takes, flag};
use crate::kubectl::shell::Shell;

const FLAGS: &[Flag] = &[flag("client", Takes::Switch)];
const VERSION: &str = "v1.36.0";

pub const VERB: Verb = Verb {
    name: "version",
    usage: "version [--client]",
    about: "Show the versions of client and server",
    flags: &[FLAGS],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    shell.out.line(&format!("Client Version: {VERSION}"));
    if !shell.words.switch("client") {
        knock(shell)?;
        shell.out.line(&format!("Server Version: {VERSION}"));
    }
    Ok(None)
}
