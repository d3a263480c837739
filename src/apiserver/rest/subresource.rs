//! Subresources: status, scale, finalize, binding, eviction, token, log, and those that connect.
//!
//! Upstream: pkg/registry/core/pod/storage/{storage,eviction}.go and pkg/registry/*/storage, v1.36.

use super::body::{self, Directive};
use super::{
    Answer, Asked, Content, Door, connect, delete, log, not_allowed, patch, read, scale, token,
    write,
};
use crate::api::{NamespacedName, Status};
use crate::apiserver::Operation;
use serde_json::{Value, json};

pub fn answer<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    let method = asked.request.method.as_str();
    match (asked.path.subresource.as_str(), method) {
        ("status", "GET") => read::get(door, asked),
        ("status" | "finalize", "PUT") => write::update(door, asked),
        ("status", "PATCH") => patch::answer(door, asked),
        ("scale", "GET" | "PUT" | "PATCH") => scale::answer(door, asked),
        ("binding", "POST") => bind(door, asked),
        ("eviction", "POST") => evict(door, asked),
        ("token", "POST") => token::answer(door, asked),
        ("log", "GET") => {
            let pod = read::current(door, asked)?;
            let log = log::LogRequest::read(&pod, &asked.query, asked.now)?;
            Ok(Answer::new(200, Content::Log(log)))
        }
        ("exec" | "attach" | "portforward", "GET" | "POST") => {
            let request = connect::read(door, asked)?;
            Ok(Answer::new(200, Content::Connect(request)))
        }
        ("proxy", _) => Ok(Answer::new(200, Content::Proxy(connect::proxy(asked)?))),
        _ => Err(not_allowed()),
    }
}

fn body_of(asked: &Asked<'_>) -> Result<Value, Status> {
    Directive::read(&asked.query, "CreateOptions")?;
    let value = body::read(asked.request)?.value;
    let name = value.pointer("/metadata/name").and_then(Value::as_str);
    match name {
        Some(name) if !name.is_empty() && name != asked.path.name => {
            Err(Status::bad_request(format!(
                "name in URL does not match name in {} object",
                value.get("kind").and_then(Value::as_str).unwrap_or("the")
            )))
        }
        _ => Ok(value),
    }
}

fn created() -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201,
    });
    Answer::json(201, status)
}

fn bind<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    let binding = body_of(asked)?;
    let target = |field: &str| {
        let pointer = format!("/target/{field}");
        binding
            .pointer(&pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    if !matches!(target("kind"), "" | "Node") || target("name").is_empty() {
        return Err(Status::bad_request("a Pod is bound to a Node by its name"));
    }
    let pod = NamespacedName::new(asked.path.namespace.as_str(), asked.path.name.as_str());
    let node = target("name").to_owned();
    asked.write(door, Operation::Bind { pod, node }, "CreateOptions")?;
    Ok(created())
}

/// An eviction is a deletion that a PodDisruptionBudget may refuse.
fn evict<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    let eviction = body_of(asked)?;
    let options = eviction
        .get("deleteOptions")
        .cloned()
        .unwrap_or_else(|| json!({}));
    delete::evicted(door, asked, options)?;
    Ok(created())
}
