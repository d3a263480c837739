//! `kubectl set image`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/set/set_image.go, v1.36. Left out: `--local`,
//! `--dry-run`, `-f`.

use super::{Pending, Verb, record};
use crate::api::Object;
use crate::apiserver::Operation;
use crate::kubectl::edit::{change_image, pod_spec_mut};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{ALL, RECORD, SELECT};
use crate::kubectl::resource::{self, Named, Scope};
use crate::kubectl::shell::Shell;
use crate::kubectl::{object, printed_name};

pub const VERB: Verb = Verb {
    name: "set image",
    usage: "set image (TYPE NAME | TYPE/NAME) CONTAINER=IMAGE ...",
    about: "Change the images of containers",
    flags: &[SELECT, ALL, RECORD],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    record::warn(shell);
    let (pairs, resources): (Vec<&String>, Vec<&String>) =
        shell.words.args.iter().partition(|arg| arg.contains('='));
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .collect();
    let resources: Vec<String> = resources.into_iter().cloned().collect();
    if resources.is_empty() {
        return Err(Failure::client(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    if pairs.is_empty() {
        return Err(Failure::client("at least one image update is required"));
    }
    let objects = targets(shell, &resources)?;
    let mut failures = Vec::new();
    for target in objects {
        if let Err(failure) = one(shell, target, &pairs) {
            failures.push(failure);
        }
    }
    Failure::unless_empty(failures).map(|()| None)
}

/// The objects to change.
///
/// # Errors
/// One that is not there, or no name at all.
pub fn targets(shell: &mut Shell<'_>, resources: &[String]) -> Result<Vec<Object>, Failure> {
    let named = Named::parse(resources, shell.api.kinds())?;
    let all = shell.words.switch("all") || shell.words.text("selector").is_some();
    if matches!(named, Named::Kinds(_)) && !all {
        let message = "resource(s) were provided, but no name was specified";
        return Err(Failure::client(message));
    }
    let scope = Scope::of(shell.words, shell.namespace)?;
    let found = resource::find(shell, &named, &scope)?;
    let objects = found.objects();
    Failure::unless_empty(found.failures)?;
    Ok(objects)
}

fn one(shell: &mut Shell<'_>, before: Object, pairs: &[(&str, &str)]) -> Result<(), Failure> {
    let name = printed_name(&before.key());
    let mut target = before.clone();
    let Some(pod) = pod_spec_mut(&mut target) else {
        return Err(Failure::client(format!("{name} has no containers")));
    };
    for (container, image) in pairs {
        change_image(pod, container, image)?;
    }
    if target == before {
        return Ok(());
    }
    record::note(shell, &mut target);
    object(shell.api, Operation::Update(target), shell.now)?;
    shell.out.line(&format!("{name} image updated"));
    Ok(())
}
