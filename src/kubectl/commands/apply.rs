//! `kubectl apply -f`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/apply/apply.go, v1.36 (client side). Left out:
//! server-side apply, pruning, dry runs.

use super::record;
use super::source;
use super::{Pending, Verb};
use crate::api::Reason;
use crate::api::manifest::Document;
use crate::kubectl::apply::apply_one;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{FILES, RECORD};
use crate::kubectl::resource;
use crate::kubectl::shell::Shell;
use serde_json::{Value, json};

pub const VERB: Verb = Verb {
    name: "apply",
    usage: "apply -f FILENAME",
    about: "Create the objects of a file, or change them to what it says",
    flags: &[FILES, RECORD],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    record::warn(shell);
    if let Some(arg) = shell.words.args.first() {
        return Err(shell.usage(&format!("Unexpected args: [{arg}]")));
    }
    if shell.words.text("filename").is_none() {
        return Err(Failure::client("must specify one of -f and -k"));
    }
    let mut failures = Vec::new();
    let mut count = 0;
    for source in source::read(shell)? {
        for mut document in source.documents {
            count += 1;
            if let Err(failure) = one(shell, &source.name, &mut document) {
                failures.push(failure);
            }
        }
    }
    if count == 0 {
        return Err(Failure::client("no objects passed to apply"));
    }
    Failure::unless_empty(failures).map(|()| None)
}

fn one(shell: &mut Shell<'_>, source: &str, document: &mut Document) -> Result<(), Failure> {
    note(shell, &mut document.value);
    match apply_one(document, shell.api, shell.now) {
        Ok(applied) => {
            let (row, name) = (applied.key.kind.row(), &applied.key.name);
            match applied.outcome {
                "created" => resource::warn_of_new(shell, &applied.object),
                _ => resource::warn(shell, applied.key.kind),
            }
            for warning in &applied.warnings {
                shell.out.warn(warning);
            }
            if applied.adopted {
                shell.out.err(format!(
                    "Warning: resource {}/{name} is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.\n",
                    row.plural
                ));
            }
            shell.out.line(&applied.text());
            Ok(())
        }
        Err((verb, status)) if status.reason == Reason::NotFound && verb == "resource mapping" => {
            Err(source::no_mapping(source, &document.value, &status.message))
        }
        Err((verb, status)) => Err(Failure::from(status).while_doing(verb, source)),
    }
}

/// Puts the command line into the manifest's annotations, where that was asked for.
fn note(shell: &Shell<'_>, value: &mut Value) {
    let Some(cause) = record::cause_if_asked(shell) else {
        return;
    };
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata.entry("annotations").or_insert(json!({}));
        if annotations.is_object() {
            annotations[record::CHANGE_CAUSE] = Value::String(cause);
        }
    }
}
