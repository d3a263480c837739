//! `kubectl cordon` and `kubectl uncordon`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/drain/drain.go (RunCordonOrUncordon), v1.36.

use super::{Pending, Verb};
use crate::api::Kind;
use crate::kubectl::drain::set_cordoned;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Takes, lettered};
use crate::kubectl::resource::{self, Found, Named, Scope};
use crate::kubectl::shell::Shell;

const FLAGS: &[Flag] = &[lettered("selector", 'l', Takes::Text)];

pub const CORDON: Verb = Verb {
    name: "cordon",
    usage: "cordon NODE ...",
    about: "Keep new Pods off nodes",
    flags: &[FLAGS],
    run: |shell| set(shell, true),
};

pub const UNCORDON: Verb = Verb {
    name: "uncordon",
    usage: "uncordon NODE ...",
    about: "Let new Pods onto nodes again",
    flags: &[FLAGS],
    run: |shell| set(shell, false),
};

fn set(shell: &mut Shell<'_>, cordoned: bool) -> Result<Option<Pending>, Failure> {
    let selects = shell.words.text("selector").is_some();
    if shell.words.args.is_empty() && !selects {
        return Err(Failure::client(format!(
            "USAGE: {} NODE [flags]",
            shell.verb
        )));
    }
    let found = nodes(shell)?;
    let objects = found.objects();
    let mut failures = found.failures;
    for target in objects {
        match set_cordoned(shell.api, target, cordoned, shell.now) {
            Ok(text) => shell.out.line(&text),
            Err(status) => failures.push(Failure::from(status)),
        }
    }
    Failure::unless_empty(failures).map(|()| None)
}

/// The nodes that a command line names or selects.
pub fn nodes(shell: &mut Shell<'_>) -> Result<Found, Failure> {
    let named = match shell.words.text("selector").is_some() {
        true => Named::Kinds(vec![Kind::Node]),
        false => {
            let name = |arg: &String| arg.rsplit('/').next().unwrap_or_default().to_owned();
            let names = shell.words.args.iter().map(|arg| (Kind::Node, name(arg)));
            Named::Objects(names.collect())
        }
    };
    let scope = Scope::of(shell.words, shell.namespace)?;
    resource::find(shell, &named, &scope)
}
