//! `kubectl label` and `kubectl annotate`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/{label/label.go,annotate/annotate.go}, v1.36. Left
//! out: `--local`, `--dry-run`, `-f`, `--resource-version`.

use super::{Pending, Verb, record};
use crate::api::Object;
use crate::apiserver::Operation;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{ALL, Flag, RECORD, SELECT, Takes, flag};
use crate::kubectl::resource::{self, Named, Scope};
use crate::kubectl::shell::Shell;
use crate::kubectl::{object, printed_name};
use std::collections::BTreeMap;

const FLAGS: &[Flag] = &[
    flag("overwrite", Takes::Switch),
    flag("list", Takes::Switch),
];

pub const LABEL: Verb = Verb {
    name: "label",
    usage: "label [--overwrite] (TYPE NAME | TYPE/NAME) KEY=VALUE ... KEY- ...",
    about: "Put labels on objects, or take them off",
    flags: &[SELECT, ALL, RECORD, FLAGS],
    run,
};

pub const ANNOTATE: Verb = Verb {
    name: "annotate",
    usage: "annotate [--overwrite] (TYPE NAME | TYPE/NAME) KEY=VALUE ... KEY- ...",
    about: "Put annotations on objects, or take them off",
    flags: &[SELECT, ALL, RECORD, FLAGS],
    run,
};

type Pairs = BTreeMap<String, String>;

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    record::warn(shell);
    let words = shell.words;
    if words.switch("all") && words.text("selector").is_some() {
        let message = "cannot set --all and --selector at the same time";
        return Err(Failure::client(message));
    }
    let is_change = |arg: &&String| {
        let key_taken_off = arg.ends_with('-') && !arg.contains('/');
        arg.contains('=') || arg.ends_with('-') || key_taken_off
    };
    let start = words.args.iter().position(|arg| is_change(&arg));
    let (resources, changes) = words.args.split_at(start.unwrap_or(words.args.len()));
    if resources.is_empty() {
        return Err(Failure::client(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    let thing = if shell.verb == "label" {
        "label"
    } else {
        "annotation"
    };
    let (set, remove) = parse(changes, thing)?;
    if set.is_empty() && remove.is_empty() && !words.switch("list") {
        let message = format!("at least one {thing} update is required");
        return Err(Failure::client(message));
    }
    let named = Named::parse(resources, shell.api.kinds())?;
    let all = words.switch("all") || words.text("selector").is_some();
    if matches!(named, Named::Kinds(_)) && !all {
        let message = "resource(s) were provided, but no name was specified";
        return Err(Failure::client(message));
    }
    let scope = Scope::of(words, shell.namespace)?;
    let found = resource::find(shell, &named, &scope)?;
    let objects = found.objects();
    let mut failures = found.failures;
    for target in objects {
        if let Err(failure) = one(shell, target, &set, &remove) {
            failures.push(failure);
        }
    }
    Failure::unless_empty(failures).map(|()| None)
}

fn parse(changes: &[String], thing: &str) -> Result<(Pairs, Vec<String>), Failure> {
    let (mut set, mut remove) = (Pairs::new(), Vec::new());
    for change in changes {
        if let Some((key, value)) = change.split_once('=') {
            if key.is_empty() || (thing == "label" && value.contains('=')) {
                return Err(Failure::client(format!("invalid {thing} spec: {change}")));
            }
            set.insert(key.to_owned(), value.to_owned());
        } else if let Some(key) = change.strip_suffix('-') {
            remove.push(key.to_owned());
        } else {
            return Err(Failure::client(format!("unknown {thing} spec: {change}")));
        }
    }
    if remove.iter().any(|key| set.contains_key(key)) {
        return Err(Failure::client(format!(
            "can not both modify and remove {} {thing} in the same command",
            if thing == "label" { "a" } else { "an" }
        )));
    }
    Ok((set, remove))
}

fn pairs_mut(object: &mut Object, is_label: bool) -> &mut Option<Pairs> {
    let meta = object.meta_mut();
    match is_label {
        true => &mut meta.labels,
        false => &mut meta.annotations,
    }
}

fn one(
    shell: &mut Shell<'_>,
    before: Object,
    set: &Pairs,
    remove: &[String],
) -> Result<(), Failure> {
    let is_label = shell.verb == "label";
    let name = printed_name(&before.key());
    let mut target = before.clone();
    let mut known = pairs_mut(&mut target, is_label).clone().unwrap_or_default();
    if shell.words.switch("list") {
        let lines = known.iter().map(|(key, value)| format!("{key}={value}\n"));
        shell.out.out(lines.collect::<String>());
        return Ok(());
    }
    let overwrite = shell.words.switch("overwrite");
    if is_label {
        for key in remove.iter().filter(|key| !known.contains_key(*key)) {
            shell.out.line(&format!("label \"{key}\" not found."));
        }
    }
    if !overwrite {
        refuse_overwriting(&known, set, is_label)?;
    }
    known.extend(set.clone());
    known.retain(|key, _| !remove.contains(key));
    *pairs_mut(&mut target, is_label) = (!known.is_empty()).then_some(known);
    record::note(shell, &mut target);
    let word = match (is_label, target == before) {
        (false, _) => "annotated",
        (true, true) => "not labeled",
        (true, false) if set.is_empty() && !overwrite => "unlabeled",
        (true, false) => "labeled",
    };
    if target != before {
        let stored = object(shell.api, Operation::Update(target), shell.now)?;
        for warning in shell.api.warnings(&stored, &before) {
            shell.out.warn(&warning);
        }
    }
    shell.out.line(&format!("{name} {word}"));
    Ok(())
}

fn refuse_overwriting(known: &Pairs, set: &Pairs, is_label: bool) -> Result<(), Failure> {
    let taken = set.keys().filter_map(|key| known.get_key_value(key));
    let taken: Vec<(&String, &String)> = taken.collect();
    if taken.is_empty() {
        return Ok(());
    }
    let has = |(key, value): &(&String, &String)| format!("'{key}' already has a value ({value})");
    if is_label {
        let each = taken
            .iter()
            .map(|pair| Failure::client(format!("{}, and --overwrite is false", has(pair))));
        return Failure::unless_empty(each.collect());
    }
    let each: Vec<String> = taken.iter().map(has).collect();
    Err(Failure::client(format!(
        "--overwrite is false but found the following declared annotation(s): {}",
        each.join("; ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read() {
        let parse = |changes: &[&str], thing| {
            let changes: Vec<String> = changes.iter().map(|c| (*c).to_owned()).collect();
            parse(&changes, thing)
        };
        let (set, remove) = parse(&["a=1", "b-", "x/y="], "label").expect("good changes");
        assert_eq!((set["a"].as_str(), set["x/y"].as_str()), ("1", ""));
        assert_eq!(remove, ["b"]);
        for (changes, thing, why) in [
            (&["a=b=c"][..], "label", "invalid label spec: a=b=c"),
            (&["a"][..], "annotation", "unknown annotation spec: a"),
            (
                &["a=1", "a-"][..],
                "label",
                "can not both modify and remove a label in the same command",
            ),
        ] {
            assert_eq!(parse(changes, thing), Err(Failure::client(why)));
        }
    }
}
