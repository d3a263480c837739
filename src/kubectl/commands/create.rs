//! `kubectl create`: from files, and a few kinds from flags.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/create/{create,create_configmap,create_deployment,
//! create_namespace}.go, v1.36. Left out: `--edit`, `--raw`, `--validate`, `--save-config`.

use super::source;
use super::{Pending, Verb};
use crate::api::{Object, Reason, codec};
use crate::apiserver::door::{self, FieldValidation};
use crate::apiserver::{Operation, Request};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{DRY_RUN, FILES, Flag, OUTPUT, RECORD, Takes, flag};
use crate::kubectl::output::form::Form;
use crate::kubectl::printed_name;
use crate::kubectl::resource;
use crate::kubectl::shell::Shell;
use base64::Engine;
use serde_json::{Map, Value, json};

/// What fits the flags of `create deployment`.
const DEPLOYMENT_FLAGS: &[Flag] = &[
    flag("image", Takes::Text),
    flag("replicas", Takes::Number),
    flag("port", Takes::Number),
];
const CONFIG_MAP_FLAGS: &[Flag] = &[
    flag("from-literal", Takes::Text),
    flag("from-file", Takes::Text),
    flag("from-env-file", Takes::Text),
];

pub const FROM_FILE: Verb = Verb {
    name: "create",
    usage: "create -f FILENAME",
    about: "Create the objects of a file",
    flags: &[FILES, RECORD],
    run: from_file,
};

pub const DEPLOYMENT: Verb = Verb {
    name: "create deployment",
    usage: "create deployment NAME --image=image [-- COMMAND] [args...]",
    about: "Create a Deployment",
    flags: &[DRY_RUN, OUTPUT, DEPLOYMENT_FLAGS],
    run: deployment,
};

pub const NAMESPACE: Verb = Verb {
    name: "create namespace",
    usage: "create namespace NAME",
    about: "Create a Namespace",
    flags: &[DRY_RUN, OUTPUT],
    run: namespace,
};

pub const CONFIG_MAP: Verb = Verb {
    name: "create configmap",
    usage: "create configmap NAME [--from-literal=key=value] [--from-file=[key=]path]",
    about: "Create a ConfigMap",
    flags: &[DRY_RUN, OUTPUT, CONFIG_MAP_FLAGS],
    run: config_map,
};

fn from_file(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    super::record::warn(shell);
    if shell.words.text("filename").is_none() {
        shell.out.err("Error: must specify one of -f and -k\n\n");
        return match shell.words.args.as_slice() {
            [] => Err(Failure::client(
                "kubectl create needs a file, or one of: configmap, cronjob, deployment, job, namespace, service, serviceaccount, token",
            )),
            args => Err(shell.usage(&format!("unknown command \"{}\"", args.join(" ")))),
        };
    }
    let mut failures = Vec::new();
    let mut count = 0;
    for source in source::read(shell)? {
        for document in source.documents {
            count += 1;
            if let Err(failure) = one(shell, &source.name, document.value) {
                failures.push(failure);
            }
        }
    }
    if count == 0 {
        return Err(Failure::client("no objects passed to create"));
    }
    Failure::unless_empty(failures).map(|()| None)
}

fn one(shell: &mut Shell<'_>, source: &str, value: Value) -> Result<(), Failure> {
    let mut decoded = match shell
        .api
        .kinds()
        .decode(value.clone(), FieldValidation::Strict)
    {
        Ok(decoded) => decoded,
        Err(status) if status.reason == Reason::NotFound => {
            return Err(source::no_mapping(source, &value, &status.message));
        }
        Err(status) => return Err(Failure::from(status).while_doing("creating", source)),
    };
    super::record::note(shell, &mut decoded);
    let stored = store(shell, decoded, false);
    let stored = stored.map_err(|failure| failure.while_doing("creating", source))?;
    resource::warn_of_new(shell, &stored);
    shell
        .out
        .line(&format!("{} created", printed_name(&stored.key())));
    Ok(())
}

fn store(shell: &mut Shell<'_>, object: Object, dry_run: bool) -> Result<Object, Failure> {
    let request = Request {
        dry_run,
        ..Request::by_user(Operation::Create(object))
    };
    let stored = shell.api.handle(request, shell.now)?.object();
    Ok(stored.expect("invariant: the API server answers a creation with the object"))
}

/// What a command that makes one object does with it: creates it, or only shows it.
///
/// # Errors
/// The server's refusal, after `trouble` where that is not empty.
pub fn make(shell: &mut Shell<'_>, json: Value, trouble: &str) -> Result<(), Failure> {
    let done = match shell.words.text("dry-run").unwrap_or("none") {
        "none" | "false" => "created",
        "client" => "created (dry run)",
        "server" => "created (server dry run)",
        other => {
            return Err(Failure::client(format!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            )));
        }
    };
    let form = shell
        .words
        .text("output")
        .map(|text| Form::parse(Some(text)));
    let form = form.transpose()?;
    if done == "created (dry run)" && matches!(form, Some(Form::Yaml)) {
        shell.out.out(codec::to_yaml(&json));
        return Ok(());
    }
    let decoded = door::decode(json, FieldValidation::Strict)?;
    let object = match done {
        "created (dry run)" => decoded,
        _ => store(shell, decoded, done != "created").map_err(|failure| match failure {
            Failure::Server(status)
                if !trouble.is_empty() && status.reason != Reason::ServiceUnavailable =>
            {
                Failure::client(format!("{trouble}: {}", status.message))
            }
            other => other,
        })?,
    };
    match form {
        None | Some(Form::Table { .. }) => {
            let name = printed_name(&object.key());
            shell.out.line(&format!("{name} {done}"));
        }
        Some(form) => {
            let text = form.text(&[object], true, false)?;
            shell.out.out(text);
        }
    }
    Ok(())
}

/// The only argument.
///
/// # Errors
/// There is none, or there are several.
pub fn name(shell: &Shell<'_>) -> Result<String, Failure> {
    let before_dash = shell.words.dash.unwrap_or(shell.words.args.len());
    match &shell.words.args[..before_dash] {
        [name] => Ok(name.clone()),
        many => {
            let message = format!("exactly one NAME is required, got {}", many.len());
            Err(shell.usage(&message))
        }
    }
}

/// The metadata of a new object, in the namespace that was asked for.
pub fn metadata(shell: &Shell<'_>, name: &str, labels: Option<Value>) -> Value {
    let mut metadata = json!({"name": name});
    if let Some(namespace) = shell.words.text("namespace") {
        metadata["namespace"] = json!(namespace);
    }
    if let Some(labels) = labels {
        metadata["labels"] = labels;
    }
    metadata
}

/// The words after `--`.
pub fn command(shell: &Shell<'_>) -> Vec<String> {
    let start = shell.words.dash.unwrap_or(shell.words.args.len());
    shell.words.args[start..].to_vec()
}

fn deployment(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let name = name(shell)?;
    let images = shell.words.texts("image");
    if images.is_empty() {
        return Err(Failure::client("required flag(s) \"image\" not set"));
    }
    let command = command(shell);
    if images.len() > 1 && !command.is_empty() {
        return Err(Failure::client(
            "cannot specify multiple --image options and command",
        ));
    }
    let port = shell.words.number("port").filter(|port| *port >= 0);
    let containers: Vec<Value> = images
        .into_iter()
        .map(|image| {
            let mut container =
                json!({"image": image, "name": container_name(image), "resources": {}});
            if let Some(port) = port {
                container["ports"] = json!([{"containerPort": port}]);
            }
            if !command.is_empty() {
                container["command"] = json!(command);
            }
            container
        })
        .collect();
    let labels = json!({"app": name});
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(shell, &name, Some(labels.clone())),
        "spec": {
            "replicas": shell.words.number("replicas").unwrap_or(1),
            "selector": {"matchLabels": labels},
            "strategy": {},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
        "status": {},
    });
    make(shell, deployment, "failed to create deployment")?;
    Ok(None)
}

/// The name of a container, from its image: the last part, without the tag.
fn container_name(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    let last = last.split([':', '@']).next().unwrap_or(last);
    let keep = |sign: &char| sign.is_ascii_alphanumeric() || "-.".contains(*sign);
    let name: String = last.chars().filter(keep).collect();
    name.replace('.', "-")
}

fn namespace(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let name = name(shell)?;
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name},
        "spec": {},
        "status": {},
    });
    make(shell, namespace, "")?;
    Ok(None)
}

fn config_map(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let name = name(shell)?;
    let (mut texts, mut bytes) = (Map::new(), Map::new());
    let mut put = |key: &str, text: &str| {
        let taken = texts.contains_key(key) || bytes.contains_key(key);
        if taken {
            let message = format!(
                "cannot add key \"{key}\", another key by that name already exists in Data for ConfigMap \"{name}\""
            );
            return Err(Failure::client(message));
        }
        match text.contains('\0') {
            true => bytes.insert(
                key.to_owned(),
                json!(base64::engine::general_purpose::STANDARD.encode(text)),
            ),
            false => texts.insert(key.to_owned(), json!(text)),
        };
        Ok(())
    };
    for literal in shell.words.whole_texts("from-literal") {
        let Some((key, value)) = literal.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Failure::client(format!(
                "invalid literal source {literal}, expected key=value"
            )));
        };
        put(key, value)?;
    }
    for file in shell.words.texts("from-file") {
        let (key, path) = match file.split_once('=') {
            Some(pair) => pair,
            None => (file.rsplit('/').next().unwrap_or(file), file),
        };
        put(key, read(shell, path)?)?;
    }
    for path in shell.words.texts("from-env-file") {
        for line in read(shell, path)?.lines().map(str::trim_start) {
            if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
                put(key, value)?;
            }
        }
    }
    let mut map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(shell, &name, None),
    });
    for (field, entries) in [("data", texts), ("binaryData", bytes)] {
        if !entries.is_empty() {
            map[field] = Value::Object(entries);
        }
    }
    make(shell, map, "failed to create configmap")?;
    Ok(None)
}

fn read<'a>(shell: &Shell<'a>, path: &str) -> Result<&'a str, Failure> {
    let found = shell.files.named.get(path).map(String::as_str);
    found.ok_or_else(|| Failure::client(format!("error reading {path}: no such file or directory")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_named_after_their_images() {
        for (image, name) in [
            ("nginx", "nginx"),
            ("nginx:1.29", "nginx"),
            ("example.com:5000/team/my.web_app@sha256:abc", "my-webapp"),
        ] {
            assert_eq!(container_name(image), name, "{image}");
        }
    }
}
