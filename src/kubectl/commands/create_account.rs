//! `kubectl create serviceaccount` and `kubectl create token`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/create/{create_serviceaccount,create_token}.go, v1.36.
//! Left out: tokens bound to Nodes, which kubectl asks for only on demand.

use super::create::{make, metadata, name};
use super::{Pending, Verb};
use crate::api::NamespacedName;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{DRY_RUN, Flag, OUTPUT, Takes, flag};
use crate::kubectl::output::form::Form;
use crate::kubectl::shell::Shell;
use serde_json::{Value, json};

const TOKEN_FLAGS: &[Flag] = &[
    flag("audience", Takes::Text),
    flag("duration", Takes::Duration),
    flag("bound-object-kind", Takes::Text),
    flag("bound-object-name", Takes::Text),
    flag("bound-object-uid", Takes::Text),
];

pub const ACCOUNT: Verb = Verb {
    name: "create serviceaccount",
    usage: "create serviceaccount NAME",
    about: "Create a ServiceAccount",
    flags: &[DRY_RUN, OUTPUT],
    run: account,
};

pub const TOKEN: Verb = Verb {
    name: "create token",
    usage: "create token SERVICE_ACCOUNT_NAME [--duration=1h] [--audience=NAME]",
    about: "Request a ServiceAccount's token",
    flags: &[OUTPUT, TOKEN_FLAGS],
    run: token,
};

fn account(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let name = name(shell)?;
    let account = json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(shell, &name, None),
    });
    make(shell, account, "failed to create serviceaccount")?;
    Ok(None)
}

fn token(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let name = name(shell)?;
    let request = request(shell)?;
    let form = shell
        .words
        .text("output")
        .map(|text| Form::parse(Some(text)));
    let form = form.transpose()?;
    let account = NamespacedName::new(shell.namespace, name);
    let given = shell.api.request_token(&account, request, shell.now);
    let given = given
        .map_err(|status| Failure::client(format!("failed to create token: {}", status.message)))?;
    match form {
        None => {
            let token = given.pointer("/status/token").and_then(Value::as_str);
            shell.out.line(token.unwrap_or_default());
        }
        Some(form) => {
            let text = form.value_text(&given);
            let text = text
                .ok_or_else(|| Failure::client("a token is printed as json, yaml or jsonpath"))?;
            shell.out.out(text);
        }
    }
    Ok(None)
}

/// What the flags ask for.
fn request(shell: &Shell<'_>) -> Result<Value, Failure> {
    let audiences = shell.words.whole_texts("audience");
    if audiences.contains(&"") {
        return Err(Failure::client("--audience must not be an empty string"));
    }
    let mut spec = json!({"audiences": audiences});
    if let Some(seconds) = shell
        .words
        .seconds("duration")
        .filter(|seconds| *seconds > 0)
    {
        spec["expirationSeconds"] = json!(seconds);
    }
    let bound = |part: &str| {
        shell
            .words
            .text(&format!("bound-object-{part}"))
            .unwrap_or_default()
    };
    let (kind, name, uid) = (bound("kind"), bound("name"), bound("uid"));
    let why = match (kind, name) {
        ("", "") if uid.is_empty() => return Ok(json!({"spec": spec})),
        ("", "") => "--bound-object-uid can only be set if --bound-object-kind is provided",
        ("", _) => "--bound-object-name can only be set if --bound-object-kind is provided",
        ("Pod" | "Secret", "") => {
            "--bound-object-name is required if --bound-object-kind is provided"
        }
        ("Pod" | "Secret", _) => {
            spec["boundObjectRef"] =
                json!({"kind": kind, "apiVersion": "v1", "name": name, "uid": uid});
            return Ok(json!({"spec": spec}));
        }
        _ => "supported --bound-object-kind values are Pod, Secret",
    };
    Err(Failure::client(why))
}
