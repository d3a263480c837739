//! `kubectl describe`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/describe/describe.go, v1.36.

use super::{Pending, Verb};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, Reason};
use crate::kubectl::describe;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, SELECT, Takes, flag};
use crate::kubectl::resource::{self, Found, Named, Scope};
use crate::kubectl::shell::Shell;

const FLAGS: &[Flag] = &[flag("show-events", Takes::Switch)];

pub const VERB: Verb = Verb {
    name: "describe",
    usage: "describe (TYPE [NAME_PREFIX | -l label] | TYPE/NAME)",
    about: "Show everything about one object or many",
    flags: &[SELECT, FLAGS],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    if shell.words.args.is_empty() {
        return Err(Failure::client(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.",
        ));
    }
    let named = Named::parse(&shell.words.args, shell.api.kinds())?;
    let scope = Scope::of(shell.words, shell.namespace)?;
    let mut found = resource::find(shell, &named, &scope)?;
    if let Some(matching) = by_prefix(shell, &named, &scope, &found)? {
        found.groups = vec![matching];
        found.failures.clear();
    }
    let events = shell.words.switch_or("show-events", true);
    let mut first = true;
    for object in found.objects() {
        let text = describe::text(shell, &object, events)?;
        if !std::mem::take(&mut first) {
            shell.out.out("\n\n");
        }
        shell.out.out(text);
    }
    if first && found.failures.is_empty() {
        let namespaced = found.groups.iter().all(|(kind, _)| kind.is_namespaced());
        shell.out.err(match &scope.namespace {
            Some(namespace) if namespaced => {
                format!("No resources found in {namespace} namespace.\n")
            }
            _ => "No resources found\n".to_owned(),
        });
    }
    Failure::unless_empty(found.failures).map(|()| None)
}

/// A name that no object has may be how the names of some begin.
fn by_prefix(
    shell: &mut Shell<'_>,
    named: &Named,
    scope: &Scope,
    found: &Found,
) -> Result<Option<(Kind, Vec<Object>)>, Failure> {
    let Named::Objects(names) = named else {
        return Ok(None);
    };
    let missing = found.failures.iter().any(
        |failure| matches!(failure, Failure::Server(status) if status.reason == Reason::NotFound),
    );
    let (true, [(kind, prefix)]) = (missing, names.as_slice()) else {
        return Ok(None);
    };
    let mut objects = resource::list(shell, *kind, scope)?;
    objects.retain(|object| object.name().starts_with(prefix.as_str()));
    Ok((!objects.is_empty()).then_some((*kind, objects)))
}
