//! `kubectl run`: one Pod from an image.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/run/run.go, v1.36. Left out: `--overrides`,
//! `--expose`, and everything that attaches to the container.

use super::create::{command, make, metadata};
use super::{Pending, Verb};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{DRY_RUN, Flag, OUTPUT, Takes, flag, lettered};
use crate::kubectl::shell::Shell;
use serde_json::{Map, Value, json};

const FLAGS: &[Flag] = &[
    flag("image", Takes::Text),
    flag("image-pull-policy", Takes::Text),
    flag("port", Takes::Number),
    lettered("labels", 'l', Takes::Text),
    flag("env", Takes::Text),
    flag("annotations", Takes::Text),
    flag("restart", Takes::Text),
    flag("command", Takes::Switch),
    lettered("stdin", 'i', Takes::Switch),
    lettered("tty", 't', Takes::Switch),
    flag("rm", Takes::Switch),
    flag("attach", Takes::Switch),
];

pub const VERB: Verb = Verb {
    name: "run",
    usage: "run NAME --image=image [--env=\"key=value\"] [--port=port] [--restart=Always|OnFailure|Never] [--command] -- [COMMAND] [args...]",
    about: "Run one image in a Pod",
    flags: &[DRY_RUN, OUTPUT, FLAGS],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let words = shell.words;
    if ["stdin", "tty", "rm", "attach"]
        .iter()
        .any(|name| words.switch(name))
    {
        return Err(Failure::client(
            "Kubarium cannot attach to a container yet: leave out -i, -t, --rm and --attach",
        ));
    }
    let name = name(shell)?;
    let restart = words.text("restart").unwrap_or("Always");
    if !["Always", "OnFailure", "Never"].contains(&restart) {
        return Err(Failure::client(format!(
            "invalid restart policy: {restart}"
        )));
    }
    let container = container(shell, &name)?;
    let labels = match words.texts("labels") {
        labels if labels.is_empty() => json!({"run": name}),
        labels => json!(pairs(&labels)?.into_iter().collect::<Map<String, Value>>()),
    };
    let mut metadata = metadata(shell, &name, Some(labels));
    let annotations = pairs(&words.whole_texts("annotations"))?;
    if !annotations.is_empty() {
        metadata["annotations"] = json!(annotations.into_iter().collect::<Map<String, Value>>());
    }
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart},
        "status": {},
    });
    make(shell, pod, "")?;
    Ok(None)
}

fn name(shell: &Shell<'_>) -> Result<String, Failure> {
    let words = shell.words;
    match &words.args[..words.dash.unwrap_or(words.args.len())] {
        [] => Err(shell.usage("NAME is required for run")),
        [name] => Ok(name.clone()),
        [_, more @ ..] => Err(Failure::client(format!(
            "unexpected arguments {}: a command goes after --",
            more.join(" ")
        ))),
    }
}

fn container(shell: &Shell<'_>, name: &str) -> Result<Value, Failure> {
    let words = shell.words;
    let Some(image) = words.text("image") else {
        return Err(Failure::client("required flag(s) \"image\" not set"));
    };
    let mut container = json!({"image": image, "name": name, "resources": {}});
    let rest = command(shell);
    if !rest.is_empty() {
        let field = if words.switch("command") {
            "command"
        } else {
            "args"
        };
        container[field] = json!(rest);
    }
    if let Some(port) = words.number("port") {
        container["ports"] = json!([{"containerPort": port}]);
    }
    if let Some(policy) = words.text("image-pull-policy") {
        container["imagePullPolicy"] = json!(policy);
    }
    let environment = pairs(&words.whole_texts("env"))?;
    if !environment.is_empty() {
        let each = environment.iter();
        let each = each.map(|(name, value)| json!({"name": name, "value": value}));
        container["env"] = each.collect();
    }
    Ok(container)
}

fn pairs(texts: &[&str]) -> Result<Vec<(String, Value)>, Failure> {
    let pair = |text: &&str| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), json!(value))),
        _ => Err(Failure::client(format!("unexpected label spec: {text}"))),
    };
    texts.iter().map(pair).collect()
}
