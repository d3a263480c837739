//! `kubectl get componentstatuses`, which are no objects of the store.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/get/get.go, v1.36. Left out: every form of output but
//! the table.

use crate::api::{Reason, Status};
use crate::apiserver::component::{ROW, WARNING};
use crate::kubectl::failure::Failure;
use crate::kubectl::output::tabs;
use crate::kubectl::shell::Shell;

/// Whether the arguments of a `get` name them.
pub fn named(args: &[String]) -> bool {
    let first = args
        .first()
        .map_or("", |arg| arg.split('/').next().unwrap_or_default());
    first == ROW.plural || first == ROW.singular || ROW.short_names.contains(&first)
}

/// Prints them.
///
/// # Errors
/// The server does not answer, or there is no part of that name.
pub fn get(shell: &mut Shell<'_>) -> Result<(), Failure> {
    let mut found = shell.api.components()?;
    shell.out.err(format!("Warning: {WARNING}\n"));
    let (first, rest) = shell.words.args.split_at(1);
    let slashed = first.first().and_then(|arg| arg.split_once('/'));
    let names: Vec<&str> = match slashed {
        Some((_, name)) => vec![name],
        None => rest.iter().map(String::as_str).collect(),
    };
    if let Some(name) = names
        .iter()
        .find(|name| found.iter().all(|one| one.name != **name))
    {
        let message = format!("Component not found: {name}");
        return Err(Status::plain(Reason::Unknown, message).into());
    }
    if shell
        .words
        .text("output")
        .is_some_and(|form| form != "wide")
    {
        return Err(Failure::client(
            "Kubarium shows component statuses as a table alone: leave out -o",
        ));
    }
    found.retain(|one| names.is_empty() || names.contains(&one.name));
    let mut text = match shell.words.switch("no-headers") {
        true => String::new(),
        false => "NAME\tSTATUS\tMESSAGE\tERROR\n".to_owned(),
    };
    text.extend(
        found
            .iter()
            .map(|one| format!("{}\n", one.cells().join("\t"))),
    );
    shell.out.out(tabs::align(&text, tabs::GET));
    Ok(())
}
