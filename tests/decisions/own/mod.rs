//! Small cases that need no recordings: what was recorded in short, and what was not recorded.

mod admission;
mod pods;
mod rest;
mod workloads;

use super::server;
use kubarium::apiserver::ApiServer;
use serde_json::{Value, json};

/// A fresh server's refusal of `document`, without what it says of the object's name.
fn refused(document: Value) -> String {
    refused_by(&mut server::server(&[]), document)
}

fn refused_by(api: &mut ApiServer, document: Value) -> String {
    let result = server::create(api, document, false);
    shortened(&result.expect_err("it is faulty").message)
}

/// The message after `is invalid: ` or `is forbidden: `.
fn shortened(message: &str) -> String {
    let rest = message
        .split_once("\" is ")
        .map_or(message, |(_, rest)| rest);
    let rest = rest.strip_prefix("invalid: ").unwrap_or(rest);
    rest.strip_prefix("forbidden: ").unwrap_or(rest).to_owned()
}

/// What a fresh server stores of `document`.
fn accepted(document: Value) -> Value {
    stored(&mut server::server(&[]), document)
}

fn stored(api: &mut ApiServer, document: Value) -> Value {
    let result = server::create(api, document, false);
    result.expect("it is right").to_json()
}

/// Why `document` cannot take the place of what is stored.
fn change_refused(api: &mut ApiServer, document: Value) -> String {
    let result = server::update(api, document);
    shortened(&result.expect_err("it may not change").message)
}

fn object(version: &str, kind: &str, spec: Value) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": spec})
}

fn pod(spec: Value) -> Value {
    object("v1", "Pod", spec)
}

/// A Pod of one container with `fields` besides name and image.
fn container(fields: Value) -> Value {
    let mut container = json!({"name": "c", "image": "i"});
    for (name, value) in fields.as_object().expect("fields") {
        container[name] = value.clone();
    }
    pod(json!({"containers": [container]}))
}

fn template() -> Value {
    json!({
        "metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    })
}
