//! `/api/v1/componentstatuses`
//!
//! Upstream: pkg/registry/core/componentstatus/rest.go and pkg/printers/internalversion/printers.go
//! (printComponentStatus), v1.36. Left out: selectors by label, since they have none.

use super::encode::{Form, Include};
use super::{Answer, Door, HttpRequest, Query, encode, not_allowed};
use crate::api::{Reason, Status};
use crate::apiserver::component::{Component, ROW, WARNING};
use crate::apiserver::path::segments;
use serde_json::{Value, json};

/// The answer to a request for them; `None` where `request` is none.
pub fn answer<D: Door>(
    door: &D,
    request: &HttpRequest,
    query: &Query,
) -> Option<Result<Answer, Status>> {
    let parts = segments(&request.path)?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let name = match parts.as_slice() {
        ["api", "v1", plural] if *plural == ROW.plural => "",
        ["api", "v1", plural, name] if *plural == ROW.plural => name,
        _ => return None,
    };
    let answer = match request.method.as_str() {
        "GET" if query.is_set("watch") => Err(not_allowed()),
        "GET" => read(door, request, query, name),
        _ => Err(not_allowed()),
    };
    Some(answer.map(|answer| answer.warned(vec![WARNING.to_owned()])))
}

fn read<D: Door>(
    door: &D,
    request: &HttpRequest,
    query: &Query,
    name: &str,
) -> Result<Answer, Status> {
    let form = encode::form_of(&request.accept, query.get("includeObject"))?;
    let mut found = door.components()?;
    if !name.is_empty() {
        found.retain(|component| component.name == name);
        if found.is_empty() {
            // As upstream, which gives no reason.
            let message = format!("Component not found: {name}");
            return Err(Status::plain(Reason::Unknown, message));
        }
    }
    let value = match form {
        Form::Table(include) => table(&found, include),
        Form::Metadata if name.is_empty() => {
            let items: Vec<Value> = found.iter().map(partial).collect();
            list("meta.k8s.io/v1", "PartialObjectMetadataList", items)
        }
        Form::Metadata => partial(&found[0]),
        _ if name.is_empty() => {
            let items: Vec<Value> = found.iter().map(object).collect();
            list("v1", "ComponentStatusList", items)
        }
        _ => {
            let mut shown = object(&found[0]);
            shown["kind"] = ROW.kind.into();
            shown["apiVersion"] = ROW.version.into();
            shown
        }
    };
    Ok(Answer::json(200, value))
}

fn list(version: &str, kind: &str, items: Vec<Value>) -> Value {
    json!({"kind": kind, "apiVersion": version, "metadata": {}, "items": items})
}

fn partial(component: &Component) -> Value {
    json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
        "metadata": {"name": component.name},
    })
}

fn object(component: &Component) -> Value {
    let status = if component.healthy { "True" } else { "False" };
    let mut condition = json!({"type": "Healthy", "status": status});
    for (field, text) in [
        ("message", component.message.as_str()),
        ("error", component.error),
    ] {
        if !text.is_empty() {
            condition[field] = text.into();
        }
    }
    json!({"metadata": {"name": component.name}, "conditions": [condition]})
}

fn table(components: &[Component], include: Include) -> Value {
    let column = |name: &str| json!({"name": name, "type": "string", "format": if name == "Name" { "name" } else { "" }, "description": "", "priority": 0});
    let row = |component: &Component| {
        let shown = match include {
            Include::Nothing => Value::Null,
            Include::Metadata => partial(component),
            Include::Object => object(component),
        };
        json!({"cells": component.cells(), "object": shown})
    };
    let columns = ["Name", "Status", "Message", "Error"].map(column);
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": columns,
        "rows": components.iter().map(row).collect::<Vec<_>>(),
    })
}
