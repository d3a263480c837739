//! `kubectl api-resources` and `kubectl api-versions`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/apiresources, v1.36. Left out: `--categories`,
//! `--verbs`, `--sort-by`.

use super::{Pending, Verb};
use crate::api::{Kind, KindRow, ObjectKey, Reason, Scope};
use crate::apiserver::discovery;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, OUTPUT, Takes, flag};
use crate::kubectl::get;
use crate::kubectl::output::tabs;
use crate::kubectl::shell::Shell;
use crate::sim::{SortedSet, order};

const FLAGS: &[Flag] = &[
    flag("namespaced", Takes::Switch),
    flag("no-headers", Takes::Switch),
    flag("api-group", Takes::Text),
];

pub const RESOURCES: Verb = Verb {
    name: "api-resources",
    usage: "api-resources [--namespaced=true|false] [--api-group=GROUP] [-o name]",
    about: "List the kinds that the server has",
    flags: &[OUTPUT, FLAGS],
    run: resources,
};

pub const VERSIONS: Verb = Verb {
    name: "api-versions",
    usage: "api-versions",
    about: "List the API groups that the server has",
    flags: &[],
    run: versions,
};

/// Asks the server for something, to know that it answers.
///
/// # Errors
/// It does not.
pub fn knock(shell: &mut Shell<'_>) -> Result<(), Failure> {
    let key = ObjectKey::new(Kind::Namespace, "", "default");
    match get(shell.api, &key, shell.now) {
        // Who may not read it has heard from the server all the same.
        Err(status) if !matches!(status.reason, Reason::NotFound | Reason::Forbidden) => {
            Err(status.into())
        }
        _ => Ok(()),
    }
}

fn resources(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    knock(shell)?;
    let words = shell.words;
    let group = words.text("api-group");
    // Of a group's versions, the one that it prefers.
    let all = discovery::rows(shell.api.kinds());
    let preferred =
        |row: &&&KindRow| discovery::versions(&all, row.group).first() == Some(&row.version);
    let mut rows: Vec<&KindRow> = all.iter().filter(preferred).copied().collect();
    order::sort_by_key(&mut rows, |row| (row.group, row.plural));
    rows.retain(|row| group.is_none_or(|group| row.group == group));
    if words.text("namespaced").is_some() {
        rows.retain(|row| (row.scope == Scope::Namespaced) == words.switch("namespaced"));
    }
    if words.text("output") == Some("name") {
        for row in rows {
            let dot = if row.group.is_empty() { "" } else { "." };
            shell.out.line(&format!("{}{dot}{}", row.plural, row.group));
        }
        return Ok(None);
    }
    let mut text = match words.switch("no-headers") {
        true => String::new(),
        false => "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND\n".to_owned(),
    };
    for row in rows {
        text.push_str(&format!(
            "{}\t{}\t{}\t{}\t{}\n",
            row.plural,
            row.short_names.join(","),
            discovery::group_version(row.group, row.version),
            row.scope == Scope::Namespaced,
            row.kind
        ));
    }
    shell.out.out(tabs::align(&text, tabs::GET));
    Ok(None)
}

fn versions(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    knock(shell)?;
    let version = |row: &KindRow| discovery::group_version(row.group, row.version);
    let versions: SortedSet<String> = discovery::rows(shell.api.kinds())
        .into_iter()
        .map(version)
        .collect();
    for version in versions {
        shell.out.line(&version);
    }
    Ok(None)
}
