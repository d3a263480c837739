//! Manifests that a command reads from files or from standard input.
//!
//! Upstream: staging/src/k8s.io/cli-runtime/pkg/resource/{builder,visitor}.go, v1.36. Left out:
//! folders, addresses on the web, kustomizations.

use crate::api::manifest::{self, Document};
use crate::kubectl::failure::Failure;
use crate::kubectl::shell::Shell;
use serde_json::Value;

/// The objects of one file.
pub struct Source {
    /// What errors call it: its path, or `STDIN`.
    pub name: String,
    /// Its objects.
    pub documents: Vec<Document>,
}

/// Reads what `-f` names, each object in the namespace that it says, or in that of the command.
///
/// # Errors
/// A file that is not there or cannot be read as a manifest, or an object of another namespace than
/// the one asked for.
pub fn read(shell: &Shell<'_>) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for path in shell.words.texts("filename") {
        let (name, text) = match path {
            "-" => ("STDIN", shell.files.stdin.as_deref()),
            path => (path, shell.files.named.get(path).map(String::as_str)),
        };
        let Some(text) = text else {
            let message = match path {
                "-" => "no objects passed on standard input".to_owned(),
                path => format!("the path \"{path}\" does not exist"),
            };
            return Err(Failure::client(message));
        };
        let documents = manifest::parse(text)
            .map_err(|error| Failure::client(format!("error parsing {name}: {}", error.message)))?;
        sources.push(Source {
            name: name.to_owned(),
            documents,
        });
    }
    for source in &mut sources {
        for document in &mut source.documents {
            place(shell, &mut document.value)?;
        }
    }
    Ok(sources)
}

fn place(shell: &Shell<'_>, value: &mut Value) -> Result<(), Failure> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    let kind = shell
        .api
        .kinds()
        .of_manifest(text("apiVersion"), text("kind"));
    let Some(asked) = shell.words.text("namespace") else {
        return Ok(());
    };
    if kind.is_some_and(|kind| !kind.is_namespaced()) {
        return Ok(());
    }
    let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
        return Ok(());
    };
    match metadata.get("namespace").and_then(Value::as_str) {
        Some(own) if own != asked => Err(Failure::client(format!(
            "the namespace from the provided object \"{own}\" does not match the namespace \"{asked}\". You must pass '--namespace={own}' to perform this operation."
        ))),
        _ => {
            metadata.insert("namespace".to_owned(), Value::String(asked.to_owned()));
            Ok(())
        }
    }
}

/// Why an object of a kind that is not served cannot be found.
pub fn no_mapping(source: &str, value: &Value, why: &str) -> Failure {
    let at = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    Failure::client(format!(
        "resource mapping not found for name: \"{}\" namespace: \"{}\" from \"{source}\": {why}\nensure CRDs are installed first",
        at("/metadata/name"),
        at("/metadata/namespace"),
    ))
}
