//! `kubectl cordon` and `kubectl uncordon`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/drain/drain.go (RunCordonOrUncordon), v1.36.

use super::{Pending, Verb};
use crate::api::{Kind, Object};
use crate::apiserver::Operation;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Takes, lettered};
use crate::kubectl::resource::{self, Named, Scope};
use crate::kubectl::shell::Shell;
use crate::kubectl::{object, printed_name};
use std::sync::Arc;

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
    let named = match selects {
        true => Named::Kinds(vec![Kind::Node]),
        false => {
            let name = |arg: &String| arg.rsplit('/').next().unwrap_or_default().to_owned();
            let names = shell.words.args.iter().map(|arg| (Kind::Node, name(arg)));
            Named::Objects(names.collect())
        }
    };
    let scope = Scope::of(shell.words, shell.namespace)?;
    let found = resource::find(shell, &named, &scope)?;
    let objects = found.objects();
    let mut failures = found.failures;
    for target in objects {
        if let Err(failure) = one(shell, target, cordoned) {
            failures.push(failure);
        }
    }
    Failure::unless_empty(failures).map(|()| None)
}

fn one(shell: &mut Shell<'_>, mut target: Object, cordoned: bool) -> Result<(), Failure> {
    let name = printed_name(&target.key());
    let word = if cordoned { "cordoned" } else { "uncordoned" };
    let Object::Node(node) = &mut target else {
        return Err(Failure::client(format!("{name} is no node")));
    };
    let spec = Arc::make_mut(node).spec.get_or_insert_default();
    if spec.unschedulable.unwrap_or(false) == cordoned {
        shell.out.line(&format!("{name} already {word}"));
        return Ok(());
    }
    spec.unschedulable = cordoned.then_some(true);
    object(shell.api, Operation::Update(target), shell.now)?;
    shell.out.line(&format!("{name} {word}"));
    Ok(())
}
