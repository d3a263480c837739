//! `kubectl patch`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/patch/patch.go, v1.36. Left out: `--local`,
//! `--subresource`, `--dry-run`, `-f`.

use super::set_image::targets;
use super::{Pending, Verb, record};
use crate::api::manifest;
use crate::apiserver::{Operation, Patch};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, RECORD, Takes, flag, lettered};
use crate::kubectl::shell::Shell;
use crate::kubectl::{object, printed_name};
use serde_json::Value;

const FLAGS: &[Flag] = &[
    lettered("patch", 'p', Takes::Text),
    flag("patch-file", Takes::Text),
    flag("type", Takes::Text),
];

pub const VERB: Verb = Verb {
    name: "patch",
    usage: "patch (TYPE NAME | TYPE/NAME) -p PATCH [--type=strategic|merge|json]",
    about: "Change some fields of an object",
    flags: &[RECORD, FLAGS],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    record::warn(shell);
    let words = shell.words;
    let text = match (words.text("patch"), words.text("patch-file")) {
        (Some(text), None) => text.to_owned(),
        (None, Some(path)) => match shell.files.named.get(path) {
            Some(text) => text.clone(),
            None => {
                let message =
                    format!("unable to read patch file: open {path}: no such file or directory");
                return Err(Failure::client(message));
            }
        },
        _ => {
            return Err(Failure::client(
                "must specify --patch or --patch-file containing the contents of the patch",
            ));
        }
    };
    let type_ = words.text("type").unwrap_or("strategic");
    let patch = match type_ {
        "json" => Patch::Json(read(&text)?),
        "merge" => Patch::Merge(read(&text)?),
        "strategic" => Patch::StrategicMerge(read(&text)?),
        other => {
            return Err(Failure::client(format!(
                "--type must be one of [json merge strategic], not \"{other}\""
            )));
        }
    };
    for target in targets(shell, &words.args.clone())? {
        let change = Operation::Patch {
            key: target.key(),
            patch: patch.clone(),
        };
        let stored = object(shell.api, change, shell.now)?;
        for warning in shell.api.warnings(&stored, &target) {
            shell.out.warn(&warning);
        }
        let name = printed_name(&target.key());
        let word = match stored == target {
            true => "patched (no change)",
            false => "patched",
        };
        shell.out.line(&format!("{name} {word}"));
    }
    Ok(None)
}

/// A patch as YAML or JSON.
fn read(text: &str) -> Result<Value, Failure> {
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let wrong = |why: String| Failure::client(format!("unable to parse \"{text}\": {why}"));
    let documents = manifest::parse(text).map_err(|error| wrong(error.message))?;
    match documents.into_iter().next() {
        Some(document) => Ok(document.value),
        None => Err(wrong("it is empty".to_owned())),
    }
}
