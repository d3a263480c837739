//! `kubectl auth can-i` and `kubectl auth whoami`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/auth/{cani,whoami}.go, v1.36. Left out: `auth
//! reconcile`, `whoami -o`, and any `auth whoami` of a user who may not ask (`system:basic-user` lets
//! everybody).

use super::{Pending, Verb};
use crate::apiserver::access::{Attributes, shown_rules};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Takes, flag, lettered};
use crate::kubectl::output::tabs;
use crate::kubectl::resource::kind_of;
use crate::kubectl::shell::Shell;
use crate::sim::order;
use k8s_openapi::api::rbac::v1::PolicyRule;

const FLAGS: &[Flag] = &[
    lettered("all-namespaces", 'A', Takes::Switch),
    lettered("quiet", 'q', Takes::Switch),
    flag("subresource", Takes::Text),
    flag("list", Takes::Switch),
    flag("no-headers", Takes::Switch),
];

pub const CAN_I: Verb = Verb {
    name: "auth can-i",
    usage: "auth can-i (VERB (TYPE[/NAME] | /PATH) | --list) [--as USER] [--subresource=NAME]",
    about: "Tell whether something is allowed",
    flags: &[FLAGS],
    run: can_i,
};

pub const WHO_AM_I: Verb = Verb {
    name: "auth whoami",
    usage: "auth whoami [--as USER]",
    about: "Tell whom the server takes you for",
    flags: &[],
    run: who_am_i,
};

const VERBS: &[&str] = &[
    "*",
    "approve",
    "attest",
    "bind",
    "create",
    "delete",
    "deletecollection",
    "escalate",
    "get",
    "impersonate",
    "list",
    "patch",
    "sign",
    "update",
    "use",
    "watch",
];
const PATH_VERBS: &[&str] = &[
    "*", "delete", "get", "head", "options", "patch", "post", "put",
];

fn warn(shell: &mut Shell<'_>, message: &str) {
    shell.out.err(format!("Warning: {message}\n\n"));
}

fn can_i(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let words = shell.words;
    if words.switch("list") {
        return list(shell).map(|()| None);
    }
    let [verb, what] = words.args.as_slice() else {
        let message = "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.";
        return Err(Failure::client(message));
    };
    let asked = match what.starts_with('/') {
        true => path(shell, verb, what)?,
        false => resource(shell, verb, what),
    };
    if words.switch("no-headers") {
        let message = "--no-headers cannot be set without --list specified";
        return Err(Failure::client(message));
    }
    let decision = shell.api.access()?.decide(shell.user, &asked);
    let mut text = if decision.allowed { "yes" } else { "no" }.to_owned();
    if !decision.allowed && !decision.reason.is_empty() {
        text.push_str(&format!(" - {}", decision.reason));
    }
    if !words.switch("quiet") {
        shell.out.line(&text);
    }
    match decision.allowed {
        true => Ok(None),
        // The answer is said already.
        false => Err(Failure::Many(Vec::new())),
    }
}

fn path(shell: &mut Shell<'_>, verb: &str, path: &str) -> Result<Attributes, Failure> {
    if shell.words.text("subresource").is_some() {
        let message = "--subresource can not be used with NonResourceURL";
        return Err(Failure::client(message));
    }
    if !PATH_VERBS.contains(&verb) {
        warn(shell, &format!("verb '{verb}' is not a known verb"));
    }
    Ok(Attributes {
        verb: verb.to_owned(),
        path: path.to_owned(),
        ..Attributes::default()
    })
}

fn resource(shell: &mut Shell<'_>, verb: &str, what: &str) -> Attributes {
    let (word, name) = what.split_once('/').unwrap_or((what, ""));
    let everywhere = shell.words.switch("all-namespaces");
    let namespace = if everywhere { "" } else { shell.namespace };
    let mut asked = match kind_of(word, shell.api.kinds()) {
        Ok(kind) => {
            let row = kind.row();
            if !everywhere && !kind.is_namespaced() {
                let group = match row.group {
                    "" => String::new(),
                    group => format!(" in group '{group}'"),
                };
                let plural = row.plural;
                let message = format!("resource '{plural}' is not namespace scoped{group}");
                warn(shell, &message);
            }
            Attributes {
                group: row.group.to_owned(),
                resource: row.plural.to_owned(),
                ..Attributes::default()
            }
        }
        Err(_) => {
            if !matches!(word, "*" | "users" | "groups") {
                let message = match word.split_once('.') {
                    Some((resource, group)) => format!("'{resource}' in group '{group}'"),
                    None => format!("'{word}'"),
                };
                let message = format!("the server doesn't have a resource type {message}");
                warn(shell, &message);
            }
            Attributes {
                resource: word.to_owned(),
                ..Attributes::default()
            }
        }
    };
    if !everywhere && !VERBS.contains(&verb) {
        warn(shell, &format!("verb '{verb}' is not a known verb"));
    }
    asked.verb = verb.to_owned();
    asked.name = name.to_owned();
    asked.namespace = namespace.to_owned();
    asked.subresource = shell
        .words
        .text("subresource")
        .unwrap_or_default()
        .to_owned();
    asked
}

/// `[get list]`
fn bracketed(words: Option<&[String]>) -> String {
    format!("[{}]", words.unwrap_or_default().join(" "))
}

/// `deployments.apps/scale`
fn combined(rule: &PolicyRule) -> String {
    let first = |list: &Option<Vec<String>>| {
        let first = list.as_ref().and_then(|list| list.first());
        first.cloned().unwrap_or_default()
    };
    let resource = first(&rule.resources);
    let (name, subresource) = match resource.split_once('/') {
        Some((name, subresource)) => (name, format!("/{subresource}")),
        None => (resource.as_str(), String::new()),
    };
    match first(&rule.api_groups).as_str() {
        "" => format!("{name}{subresource}"),
        group => format!("{name}.{group}{subresource}"),
    }
}

fn list(shell: &mut Shell<'_>) -> Result<(), Failure> {
    let words = shell.words;
    if !words.args.is_empty() {
        let message = "list option must be specified with no arguments";
        return Err(Failure::client(message));
    }
    let others = words.switch("quiet") || words.switch("all-namespaces");
    if others || words.text("subresource").is_some() {
        let message = "list option can't be specified with neither quiet, all-namespaces nor subresource options";
        return Err(Failure::client(message));
    }
    let (rules, _) = shell.api.access()?.rules(shell.user, shell.namespace);
    let mut lines: Vec<(String, String)> = Vec::new();
    for rule in shown_rules(&rules) {
        let urls = bracketed(rule.non_resource_urls.as_deref());
        let names = bracketed(rule.resource_names.as_deref());
        let verbs = bracketed(Some(&rule.verbs));
        let groups = bracketed(rule.api_groups.as_deref());
        let resources = bracketed(rule.resources.as_deref());
        let line = format!("{}\t{urls}\t{names}\t{verbs}\n", combined(&rule));
        // As upstream, which sorts by how a rule prints.
        lines.push((format!("{verbs},{groups},{resources},{names},{urls}"), line));
    }
    order::sort_by_key(&mut lines, |(key, _)| key.clone());
    let mut text = match words.switch("no-headers") {
        true => String::new(),
        false => "Resources\tNon-Resource URLs\tResource Names\tVerbs\n".to_owned(),
    };
    text.extend(lines.into_iter().map(|(_, line)| line));
    shell.out.out(tabs::align(&text, tabs::GET));
    Ok(())
}

fn who_am_i(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    shell.api.access()?;
    let user = shell.user;
    let mut text = format!("ATTRIBUTE\tVALUE\nUsername\t{}\n", user.name);
    if !user.uid.is_empty() {
        text.push_str(&format!("UID\t{}\n", user.uid));
    }
    if !user.groups.is_empty() {
        text.push_str(&format!("Groups\t{}\n", bracketed(Some(&user.groups))));
    }
    shell.out.out(tabs::align(&text, tabs::GET));
    Ok(None)
}
