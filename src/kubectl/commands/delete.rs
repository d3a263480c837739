//! `kubectl delete`, which waits until the objects are gone.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/delete/delete.go, v1.36. Left out: `--raw`,
//! `--dry-run`, asking back (`-i`).

use super::source;
use super::{Pending, Verb};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, ObjectKey, Reason};
use crate::apiserver::door::FieldValidation;
use crate::apiserver::{ApiHandle, DeleteOptions, Operation, Propagation};
use crate::kubectl::edit::deleted_text;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{ALL, FILES, Flag, OUTPUT, SELECT, Takes, flag};
use crate::kubectl::resource::{self, Found, Named, Scope};
use crate::kubectl::shell::Shell;
use crate::kubectl::{get, object, printed_name};
use crate::sim::{SimDuration, SimTime};
use serde::Serialize;

const FLAGS: &[Flag] = &[
    flag("cascade", Takes::Maybe("background")),
    flag("grace-period", Takes::Number),
    flag("force", Takes::Switch),
    flag("now", Takes::Switch),
    flag("wait", Takes::Switch),
    flag("timeout", Takes::Duration),
    flag("ignore-not-found", Takes::Switch),
];

/// How long it waits where it is not told: a week.
const LONG: SimDuration = SimDuration::secs(168 * 3_600);

pub const VERB: Verb = Verb {
    name: "delete",
    usage: "delete (-f FILENAME | TYPE (NAME | -l label | --all) | TYPE/NAME)",
    about: "Delete objects, and wait until they are gone",
    flags: &[SELECT, ALL, FILES, OUTPUT, FLAGS],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let options = options(shell)?;
    let found = targets(shell)?;
    let (mut failures, by_selector) = (found.failures, !found.single);
    let ignore = shell
        .words
        .switch_or("ignore-not-found", selects(shell) && by_selector);
    let mut wait = Wait {
        until: Some(shell.now + limit(shell)),
        objects: Vec::new(),
    };
    let warns = shell.words.text("namespace").is_some();
    let mut warned = false;
    let mut count = 0;
    for (kind, objects) in found.groups {
        for target in objects {
            count += 1;
            if warns && !kind.is_namespaced() && !std::mem::replace(&mut warned, true) {
                shell.out.err("Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n");
            }
            if let Err(failure) = one(shell, &target, &options, &mut wait) {
                failures.push(failure);
            }
        }
    }
    if ignore {
        failures.retain(|failure| !is_not_found(failure));
    }
    if count == 0 && failures.is_empty() {
        shell.out.line("No resources found");
    }
    Failure::unless_empty(failures)?;
    let waits = shell.words.switch_or("wait", true);
    let left = waits && wait.resume(shell.api, shell.now)?;
    Ok(left.then_some(Pending::Deletion(wait)))
}

fn is_not_found(failure: &Failure) -> bool {
    matches!(failure, Failure::Server(status) if status.reason == Reason::NotFound)
}

fn selects(shell: &Shell<'_>) -> bool {
    let words = shell.words;
    words.switch("all")
        || words.text("selector").is_some()
        || words.text("field-selector").is_some()
}

fn limit(shell: &Shell<'_>) -> SimDuration {
    match shell.words.seconds("timeout") {
        None | Some(0) => LONG,
        Some(seconds) => SimDuration::secs(seconds),
    }
}

fn options(shell: &mut Shell<'_>) -> Result<DeleteOptions, Failure> {
    let words = shell.words;
    let mut grace = words.number("grace-period").filter(|grace| *grace >= 0);
    let force = words.switch("force");
    if words.switch("now") {
        if grace.is_some() {
            let message = "--now and --grace-period cannot be specified together";
            return Err(Failure::client(message));
        }
        grace = Some(1);
    }
    match (grace, force) {
        (Some(0), false) => grace = Some(1),
        (Some(1..), true) => {
            let message = "--force and --grace-period greater than 0 cannot be specified together";
            return Err(Failure::client(message));
        }
        (_, true) => {
            grace = Some(0);
            shell.out.err("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n");
        }
        _ => {}
    }
    let propagation = match words.text("cascade").unwrap_or("background") {
        "background" | "true" => Propagation::Background,
        "foreground" => Propagation::Foreground,
        "orphan" | "false" => Propagation::Orphan,
        other => {
            let message = format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            );
            return Err(Failure::client(message));
        }
    };
    Ok(DeleteOptions {
        grace_period_seconds: grace,
        propagation,
        ..DeleteOptions::default()
    })
}

fn targets(shell: &mut Shell<'_>) -> Result<Found, Failure> {
    let words = shell.words;
    let conflict =
        |other: &str| Failure::client(format!("cannot set --all and --{other} at the same time"));
    if words.switch("all") && words.text("selector").is_some() {
        return Err(conflict("selector"));
    }
    if words.switch("all") && words.text("field-selector").is_some() {
        return Err(conflict("field-selector"));
    }
    if words.text("filename").is_some() {
        return from_files(shell);
    }
    if words.args.is_empty() {
        return Err(resource::nothing_named());
    }
    let named = Named::parse(&words.args, shell.api.kinds())?;
    if matches!(named, Named::Kinds(_)) && !selects(shell) {
        let message = "resource(s) were provided, but no name was specified";
        return Err(Failure::client(message));
    }
    let scope = Scope::of(words, shell.namespace)?;
    resource::find(shell, &named, &scope)
}

/// The objects that the files name, as they are in the cluster.
fn from_files(shell: &mut Shell<'_>) -> Result<Found, Failure> {
    let mut found = Found::default();
    for source in source::read(shell)? {
        for document in source.documents {
            let decoded = {
                let kinds = shell.api.kinds();
                kinds.decode(document.value.clone(), FieldValidation::Ignore)
            };
            let decoded = match decoded {
                Ok(decoded) => decoded,
                Err(status) => {
                    let failure = match status.reason {
                        Reason::NotFound => {
                            source::no_mapping(&source.name, &document.value, &status.message)
                        }
                        _ => Failure::from(status),
                    };
                    found.failures.push(failure);
                    continue;
                }
            };
            let own = decoded.namespace();
            let namespace = if own.is_empty() { shell.namespace } else { own };
            let key = resource::key(decoded.kind(), namespace, decoded.name());
            match resource::read(shell, &key) {
                Ok(object) => found.groups.push((key.kind, vec![object])),
                Err(status) => {
                    let failure = Failure::from(status).while_doing("deleting", &source.name);
                    found.failures.push(failure);
                }
            }
        }
    }
    Ok(found)
}

fn one(
    shell: &mut Shell<'_>,
    target: &Object,
    options: &DeleteOptions,
    wait: &mut Wait,
) -> Result<(), Failure> {
    let key = target.key();
    let delete = Operation::Delete {
        key: key.clone(),
        options: options.clone(),
    };
    object(shell.api, delete, shell.now)?;
    let word = match options.grace_period_seconds {
        Some(0) => "force deleted",
        _ => "deleted",
    };
    match shell.words.text("output") {
        Some("name") => shell.out.line(&printed_name(&key)),
        _ => shell.out.line(&deleted_text(&key, word)),
    }
    wait.objects.push((key, target.uid().to_owned()));
    Ok(())
}

/// Objects that are to go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wait {
    pub(super) until: Option<SimTime>,
    /// Each with its uid: another object of the same name is not waited for.
    objects: Vec<(ObjectKey, String)>,
}

impl Wait {
    pub(super) fn resume(
        &mut self,
        api: &mut dyn ApiHandle,
        now: SimTime,
    ) -> Result<bool, Failure> {
        self.objects.retain(|(key, uid)| match get(api, key, now) {
            Ok(object) => object.uid() == uid,
            // A server that does not answer has not said that it is gone.
            Err(status) => status.reason != Reason::NotFound,
        });
        Ok(!self.objects.is_empty())
    }

    pub(super) fn timed_out(&self) -> Failure {
        let failures = self.objects.iter().map(|(key, _)| {
            Failure::client(format!(
                "timed out waiting for the condition on {}/{}",
                plural(key.kind),
                key.name
            ))
        });
        Failure::Many(failures.collect())
    }
}

fn plural(kind: Kind) -> &'static str {
    kind.row().plural
}
