//! `kubectl scale`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/scale/scale.go, v1.36. Left out: `--timeout`,
//! `--dry-run`.

use super::{Pending, Verb, record};
use crate::api::{Object, Reason, Status};
use crate::apiserver::custom::scale;
use crate::apiserver::{Operation, Patch, Request};
use crate::kubectl::edit::replicas_mut;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{ALL, Flag, RECORD, SELECT, Takes, flag};
use crate::kubectl::printed_name;
use crate::kubectl::resource::{self, Named, Scope};
use crate::kubectl::shell::Shell;

const FLAGS: &[Flag] = &[
    flag("replicas", Takes::Number),
    flag("current-replicas", Takes::Number),
];

pub const VERB: Verb = Verb {
    name: "scale",
    usage: "scale --replicas=COUNT (TYPE NAME | TYPE/NAME)",
    about: "Set how many Pods a Deployment, ReplicaSet, ReplicationController or StatefulSet keeps",
    flags: &[SELECT, ALL, RECORD, FLAGS],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    record::warn(shell);
    let replicas = shell.words.number("replicas").unwrap_or(-1);
    let Some(replicas) = i32::try_from(replicas).ok().filter(|count| *count >= 0) else {
        return Err(Failure::client(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        ));
    };
    let named = Named::parse(&shell.words.args, shell.api.kinds())?;
    if matches!(&named, Named::Kinds(kinds) if kinds.is_empty()) {
        return Err(resource::nothing_named());
    }
    let all = shell.words.switch("all") || shell.words.text("selector").is_some();
    if matches!(named, Named::Kinds(_)) && !all {
        let message = "resource(s) were provided, but no name was specified";
        return Err(Failure::client(message));
    }
    let scope = Scope::of(shell.words, shell.namespace)?;
    let found = resource::find(shell, &named, &scope)?;
    let objects = found.objects();
    let mut failures = found.failures;
    if objects.is_empty() && failures.is_empty() {
        return Err(Failure::client("no objects passed to scale"));
    }
    for target in objects {
        if let Err(failure) = one(shell, target, replicas) {
            failures.push(failure);
        }
    }
    Failure::unless_empty(failures).map(|()| None)
}

fn one(shell: &mut Shell<'_>, mut target: Object, replicas: i32) -> Result<(), Failure> {
    let name = printed_name(&target.key());
    if let Object::Custom(kind, _) = &target
        && kind.shape().scale.is_some()
    {
        return custom(shell, &target, replicas);
    }
    let Some(current) = replicas_mut(&mut target) else {
        let message = "the server could not find the requested resource";
        return Err(Status::plain(Reason::NotFound, message).into());
    };
    let expected = shell
        .words
        .number("current-replicas")
        .filter(|count| *count >= 0);
    if let Some(expected) = expected {
        let actual = i64::from(current.unwrap_or(1));
        if actual != expected {
            return Err(Failure::client(format!(
                "Expected replicas to be {expected}, was {actual}"
            )));
        }
    }
    *current = Some(replicas);
    record::note(shell, &mut target);
    let request = Request {
        via: "scale",
        ..Request::by_user(Operation::Update(target))
    };
    shell.api.handle(request, shell.now)?;
    shell.out.line(&format!("{name} scaled"));
    Ok(())
}

/// The same for a custom object, whose replicas are where its definition says.
fn custom(shell: &mut Shell<'_>, target: &Object, replicas: i32) -> Result<(), Failure> {
    let mut change = serde_json::json!({});
    let place = scale::pointers(target.kind());
    scale::put(&mut change, &place.spec, replicas.into());
    let patch = Operation::Patch {
        key: target.key(),
        patch: Patch::Merge(change),
    };
    let request = Request {
        via: "scale",
        ..Request::by_user(patch)
    };
    shell.api.handle(request, shell.now)?;
    let name = printed_name(&target.key());
    shell.out.line(&format!("{name} scaled"));
    Ok(())
}
