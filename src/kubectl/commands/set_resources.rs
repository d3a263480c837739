//! `kubectl set resources`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/set/set_resources.go, v1.36. Left out: `--local`,
//! `--dry-run`, `-f`.

use super::set_image::targets;
use super::{Pending, Verb, record};
use crate::api::Object;
use crate::api::quantity;
use crate::apiserver::Operation;
use crate::kubectl::edit::pod_spec_mut;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{ALL, Flag, RECORD, SELECT, Takes, flag, lettered};
use crate::kubectl::shell::Shell;
use crate::kubectl::{object, printed_name};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;

const FLAGS: &[Flag] = &[
    flag("limits", Takes::Text),
    flag("requests", Takes::Text),
    lettered("containers", 'c', Takes::Text),
];

pub const VERB: Verb = Verb {
    name: "set resources",
    usage: "set resources (TYPE NAME | TYPE/NAME) [-c CONTAINER] [--limits=cpu=…,memory=…] [--requests=…]",
    about: "Change what containers ask for and may use",
    flags: &[SELECT, ALL, RECORD, FLAGS],
    run,
};

type Amounts = BTreeMap<String, Quantity>;

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    record::warn(shell);
    let limits = amounts(shell.words.text("limits"))?;
    let requests = amounts(shell.words.text("requests"))?;
    if limits.is_empty() && requests.is_empty() {
        return Err(Failure::client(
            "you must specify an update to requests or limits (in the form of --requests/--limits)",
        ));
    }
    let resources = shell.words.args.clone();
    if resources.is_empty() {
        return Err(Failure::client(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    let mut failures = Vec::new();
    for target in targets(shell, &resources)? {
        if let Err(failure) = one(shell, target, &limits, &requests) {
            failures.push(failure);
        }
    }
    Failure::unless_empty(failures).map(|()| None)
}

/// Reads `cpu=200m,memory=128Mi`.
fn amounts(text: Option<&str>) -> Result<Amounts, Failure> {
    let mut amounts = Amounts::new();
    for part in text
        .unwrap_or_default()
        .split(',')
        .filter(|p| !p.is_empty())
    {
        let Some((name, amount)) = part.split_once('=') else {
            let message = format!("Invalid argument syntax {part}, expected <resource>=<value>");
            return Err(Failure::client(message));
        };
        let canonical = quantity::canonical(amount);
        let canonical = canonical.ok_or_else(|| Failure::client(quantity::FORMAT_ERROR))?;
        amounts.insert(name.to_owned(), Quantity(canonical));
    }
    Ok(amounts)
}

fn one(
    shell: &mut Shell<'_>,
    mut target: Object,
    limits: &Amounts,
    requests: &Amounts,
) -> Result<(), Failure> {
    let name = printed_name(&target.key());
    let Some(pod) = pod_spec_mut(&mut target) else {
        return Err(Failure::client(format!("{name} has no containers")));
    };
    let wanted = shell.words.text("containers").unwrap_or("*");
    let mut found = false;
    for container in &mut pod.containers {
        if wanted != "*" && container.name != wanted {
            continue;
        }
        found = true;
        let resources = container.resources.get_or_insert_default();
        for (kept, new) in [
            (&mut resources.limits, limits),
            (&mut resources.requests, requests),
        ] {
            if !new.is_empty() {
                kept.get_or_insert_default().extend(new.clone());
            }
        }
    }
    if !found {
        let message = format!("unable to find container named \"{wanted}\"");
        return Err(Failure::client(message));
    }
    record::note(shell, &mut target);
    object(shell.api, Operation::Update(target), shell.now)?;
    shell
        .out
        .line(&format!("{name} resource requirements updated"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_canonical_form() {
        let read = amounts(Some("cpu=0.2,memory=128Mi")).expect("good amounts");
        assert_eq!(
            (read["cpu"].0.as_str(), read["memory"].0.as_str()),
            ("200m", "128Mi")
        );
        assert!(amounts(Some("cpu")).is_err() && amounts(Some("cpu=much")).is_err());
    }
}
