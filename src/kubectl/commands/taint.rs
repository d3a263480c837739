//! `kubectl taint`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/taint/{taint,utils}.go, v1.36. Left out: `--dry-run`.

use super::{Pending, Verb};
use crate::api::{Kind, Object};
use crate::apiserver::Operation;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{ALL, Flag, SELECT, Takes, flag};
use crate::kubectl::resource::{self, Named, Scope, kind_of};
use crate::kubectl::shell::Shell;
use crate::kubectl::{object, printed_name};
use k8s_openapi::api::core::v1::Taint;
use std::sync::Arc;

const FLAGS: &[Flag] = &[flag("overwrite", Takes::Switch)];
const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

pub const VERB: Verb = Verb {
    name: "taint",
    usage: "taint nodes NAME KEY=VALUE:EFFECT ... KEY:EFFECT- ...",
    about: "Put taints on nodes, or take them off",
    flags: &[SELECT, ALL, FLAGS],
    run,
};

#[derive(Debug, Default, PartialEq)]
struct Changes {
    add: Vec<Taint>,
    /// Without an effect: whatever their effect is.
    remove: Vec<Taint>,
}

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let words = shell.words;
    let is_change = |arg: &&String| arg.contains(['=', ':']) || arg.ends_with('-');
    let start = words.args.iter().position(|arg| is_change(&arg));
    let (resources, specs) = words.args.split_at(start.unwrap_or(words.args.len()));
    if resources.is_empty() {
        return Err(Failure::client(
            "one or more resources must be specified as <resource> <name>",
        ));
    }
    let kind = kind_of(&resources[0], shell.api.kinds())?;
    if kind != Kind::Node {
        let message = format!(
            "invalid resource type {}, only node(s) is supported",
            resources[0]
        );
        return Err(Failure::client(message));
    }
    if specs.is_empty() {
        return Err(Failure::client("at least one taint update is required"));
    }
    let changes = parse(specs)?;
    let all = words.switch("all") || words.text("selector").is_some();
    let named = Named::parse(resources, shell.api.kinds())?;
    if matches!(named, Named::Kinds(_)) && !all {
        let message = "resource(s) were provided, but no name was specified";
        return Err(Failure::client(message));
    }
    let scope = Scope::of(words, shell.namespace)?;
    let found = resource::find(shell, &named, &scope)?;
    let objects = found.objects();
    let mut failures = found.failures;
    for target in objects {
        if let Err(failure) = one(shell, target, &changes) {
            failures.push(failure);
        }
    }
    Failure::unless_empty(failures).map(|()| None)
}

fn parse(specs: &[String]) -> Result<Changes, Failure> {
    let mut changes = Changes::default();
    for spec in specs {
        let invalid = || Failure::client(format!("invalid taint spec: {spec}"));
        match spec.strip_suffix('-') {
            Some(taint) => changes.remove.push(parse_one(taint)?),
            None => {
                let taint = parse_one(spec)?;
                if taint.effect.is_empty() {
                    return Err(invalid());
                }
                changes.add.push(taint);
            }
        }
    }
    Ok(changes)
}

fn parse_one(text: &str) -> Result<Taint, Failure> {
    let invalid = || Failure::client(format!("invalid taint spec: {text}"));
    let (pair, effect) = match text.split_once(':') {
        Some((pair, effect)) if EFFECTS.contains(&effect) => (pair, effect),
        Some((_, effect)) if effect.contains(':') => return Err(invalid()),
        Some((_, effect)) => {
            return Err(Failure::client(format!(
                "invalid taint effect: {effect}, unsupported taint effect"
            )));
        }
        None => (text, ""),
    };
    let (key, value) = match pair.split_once('=') {
        Some((_, value)) if value.contains('=') => return Err(invalid()),
        Some((key, value)) => (key, Some(value.to_owned()).filter(|v| !v.is_empty())),
        None => (pair, None),
    };
    if key.is_empty() {
        return Err(invalid());
    }
    Ok(Taint {
        key: key.to_owned(),
        value,
        effect: effect.to_owned(),
        ..Taint::default()
    })
}

fn one(shell: &mut Shell<'_>, mut target: Object, changes: &Changes) -> Result<(), Failure> {
    let name = printed_name(&target.key());
    let overwrite = shell.words.switch("overwrite");
    let Object::Node(node) = &mut target else {
        return Err(Failure::client(format!("{name} is no node")));
    };
    let spec = Arc::make_mut(node).spec.get_or_insert_default();
    let old = spec.taints.clone().unwrap_or_default();
    if !overwrite {
        let taken = changes
            .add
            .iter()
            .filter(|new| old.iter().any(|o| same(o, new)));
        let taken: Vec<&str> = taken.map(|taint| taint.key.as_str()).collect();
        if !taken.is_empty() {
            return Err(Failure::client(format!(
                "node {} already has {} taint(s) with same effect(s) and --overwrite is false",
                node.metadata.name.as_deref().unwrap_or_default(),
                taken.join(",")
            )));
        }
    }
    let (word, taints) = plan_taints(&old, changes, overwrite)?;
    spec.taints = (!taints.is_empty()).then_some(taints);
    object(shell.api, Operation::Update(target), shell.now)?;
    shell.out.line(&format!("{name} {word}"));
    Ok(())
}

fn same(a: &Taint, b: &Taint) -> bool {
    a.key == b.key && a.effect == b.effect
}

/// The taints afterwards, and the word for what was done.
fn plan_taints(
    old: &[Taint],
    changes: &Changes,
    overwrite: bool,
) -> Result<(&'static str, Vec<Taint>), Failure> {
    let mut taints = changes.add.clone();
    for taint in old {
        if !taints.iter().any(|new| same(new, taint)) {
            taints.push(taint.clone());
        }
    }
    let added = taints.len() != old.len();
    let mut failures = Vec::new();
    for remove in &changes.remove {
        let before = taints.len();
        taints.retain(|taint| {
            taint.key != remove.key || (!remove.effect.is_empty() && taint.effect != remove.effect)
        });
        if taints.len() == before {
            let text = match remove.effect.as_str() {
                "" => remove.key.clone(),
                effect => format!("{}:{effect}", remove.key),
            };
            failures.push(Failure::client(format!("taint \"{text}\" not found")));
        }
    }
    Failure::unless_empty(failures)?;
    let word = match (added, !changes.remove.is_empty()) {
        (true, true) => "modified",
        _ if overwrite => "modified",
        (true, false) => "tainted",
        _ => "untainted",
    };
    Ok((word, taints))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(specs: &[&str]) -> Result<Changes, Failure> {
        let specs: Vec<String> = specs.iter().map(|spec| (*spec).to_owned()).collect();
        parse(&specs)
    }

    #[test]
    fn taints_come_and_go() {
        let add = changes(&["a=1:NoSchedule", "b:NoExecute"]).expect("good ones");
        let (word, taints) = plan_taints(&[], &add, false).expect("nothing to refuse");
        assert_eq!((word, taints.len()), ("tainted", 2));
        let remove = changes(&["a-"]).expect("good");
        let (word, left) = plan_taints(&taints, &remove, false).expect("it is there");
        assert_eq!((word, left.len()), ("untainted", 1));
        let missing = plan_taints(&left, &changes(&["a:NoSchedule-"]).expect("good"), false);
        assert_eq!(
            missing,
            Err(Failure::client("taint \"a:NoSchedule\" not found"))
        );
    }

    #[test]
    fn wrong_taints_are_refused() {
        for (spec, why) in [
            (
                "a=1:Never",
                "invalid taint effect: Never, unsupported taint effect",
            ),
            ("a=1", "invalid taint spec: a=1"),
            ("a=b=c:NoSchedule", "invalid taint spec: a=b=c:NoSchedule"),
        ] {
            assert_eq!(changes(&[spec]), Err(Failure::client(why)));
        }
    }
}
