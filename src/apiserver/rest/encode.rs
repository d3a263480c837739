//! Answers as JSON: objects, lists, watch events, statuses, and the forms that clients ask for.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/handlers/response.go and
//! staging/src/k8s.io/apiserver/pkg/registry/rest/table.go, v1.36.

use crate::api::watch::WatchVerb;
use crate::api::{Kind, Object, ObjectKey, Reason, Status};
use crate::apiserver::page::Page;
use crate::apiserver::table;
use crate::apiserver::version::Version;
use crate::sim::SimTime;
use serde_json::{Map, Value, json};

/// What a client wants objects to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Object,
    /// In another version.
    Version(&'static Version),
    /// Rows of a table, with what `includeObject` asks for beside each.
    Table(Include),
    /// Their metadata alone.
    Metadata,
}

/// What stands beside a table's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    Nothing,
    /// The object's metadata.
    Metadata,
    /// The whole object.
    Object,
}

impl Form {
    /// The same where objects are asked for in `version`.
    #[must_use]
    pub const fn within(self, version: Option<&'static Version>) -> Self {
        match (self, version) {
            (Form::Object, Some(version)) => Form::Version(version),
            (form, _) => form,
        }
    }
}

/// The form that an `Accept` header and the query's `includeObject` ask for.
///
/// # Errors
/// `NotAcceptable` where none of the media types is served.
pub fn form_of(accept: &str, include: &str) -> Result<Form, Status> {
    if accept.trim().is_empty() {
        return Ok(Form::Object);
    }
    for media in accept.split(',') {
        let mut parts = media.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        if !matches!(kind, "application/json" | "application/*" | "*/*") {
            continue;
        }
        let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
        let of = |name: &str| {
            let found = parameters.iter().find(|(known, _)| *known == name);
            found.map_or("", |(_, value)| *value)
        };
        match (of("as"), of("g"), of("v")) {
            ("", _, _) => return Ok(Form::Object),
            ("Table", "meta.k8s.io", "v1" | "v1beta1") => {
                return included(include).map(Form::Table);
            }
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1") => {
                return Ok(Form::Metadata);
            }
            _ => {}
        }
    }
    let message = "only the following media types are accepted: application/json";
    Err(Status::plain(Reason::NotAcceptable, message))
}

fn included(word: &str) -> Result<Include, Status> {
    match word {
        "" | "Metadata" => Ok(Include::Metadata),
        "None" => Ok(Include::Nothing),
        "Object" => Ok(Include::Object),
        other => Err(Status::bad_request(format!(
            "unrecognized includeObject value: {other:?}"
        ))),
    }
}

/// An object in the form asked for.
pub fn object_json(object: &Object, form: Form, now: SimTime) -> Value {
    match form {
        Form::Object => object.to_json(),
        Form::Version(version) => version.show(object.to_json()),
        Form::Metadata => partial(object),
        Form::Table(include) => {
            let meta = json!({"resourceVersion": object.meta().resource_version});
            rows(
                object.kind(),
                std::slice::from_ref(object),
                meta,
                include,
                now,
            )
        }
    }
}

/// A page of a list in the form asked for.
pub fn list_json(kind: Kind, page: &Page, form: Form, now: SimTime) -> Value {
    let mut meta = json!({"resourceVersion": page.revision.to_string()});
    if !page.continue_token.is_empty() {
        meta["continue"] = page.continue_token.as_str().into();
    }
    if let Some(remaining) = page.remaining {
        meta["remainingItemCount"] = remaining.into();
    }
    let (is_custom, list) = match kind {
        Kind::Custom(kind) => (true, kind.shape().list_kind.clone()),
        _ => (false, format!("{}List", kind.row().kind)),
    };
    let (version, name, items) = match form {
        Form::Table(include) => return rows(kind, &page.items, meta, include, now),
        Form::Metadata => {
            let items: Vec<Value> = page.items.iter().map(partial).collect();
            let name = "PartialObjectMetadataList".to_owned();
            ("meta.k8s.io/v1".to_owned(), name, items)
        }
        Form::Object | Form::Version(_) => {
            let bare = |object: &Object| {
                let mut value = object_json(object, form, now);
                // Upstream writes custom objects as they are.
                if let (Some(fields), false) = (value.as_object_mut(), is_custom) {
                    fields.remove("apiVersion");
                    fields.remove("kind");
                }
                value
            };
            let version = match form {
                Form::Version(version) => version.api_version(),
                _ => kind.api_version(),
            };
            (version, list, page.items.iter().map(bare).collect())
        }
    };
    json!({"kind": name, "apiVersion": version, "metadata": meta, "items": items})
}

/// One line of a watch. A table's head goes with its first line alone.
pub fn watch_json(
    verb: WatchVerb,
    object: &Object,
    form: Form,
    first: bool,
    now: SimTime,
) -> Value {
    let word = match verb {
        WatchVerb::Added => "ADDED",
        WatchVerb::Modified => "MODIFIED",
        WatchVerb::Deleted => "DELETED",
    };
    let mut shown = object_json(object, form, now);
    if !first && matches!(form, Form::Table(_)) {
        shown["columnDefinitions"] = Value::Null;
    }
    json!({"type": word, "object": shown})
}

/// A watch's bookmark: it has seen everything up to `revision`.
pub fn bookmark(kind: Kind, revision: u64, initial_end: bool, form: Form) -> Value {
    let mut meta = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
    if initial_end {
        meta["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    let mut object = json!({
        "kind": kind.row().kind,
        "apiVersion": kind.api_version(),
        "metadata": meta,
    });
    match form {
        Form::Object => {}
        Form::Version(version) => object["apiVersion"] = version.api_version().into(),
        Form::Metadata => {
            object["kind"] = "PartialObjectMetadata".into();
            object["apiVersion"] = "meta.k8s.io/v1".into();
        }
        Form::Table(_) => {
            object["kind"] = "PartialObjectMetadata".into();
            object["apiVersion"] = "meta.k8s.io/v1".into();
            object = json!({
                "kind": "Table", "apiVersion": "meta.k8s.io/v1",
                "metadata": {"resourceVersion": revision.to_string()},
                "columnDefinitions": null,
                "rows": [{"cells": [], "object": object}],
            });
        }
    }
    json!({"type": "BOOKMARK", "object": object})
}

/// A refusal.
pub fn status_json(status: &Status) -> Value {
    let mut value = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": status.message,
        "code": status.reason.code(),
    });
    if status.reason != Reason::Unknown {
        value["reason"] = format!("{:?}", status.reason).into();
    }
    let Some(details) = &status.details else {
        return value;
    };
    let mut shown = Map::new();
    for (name, text) in [
        ("name", &details.name),
        ("group", &details.group),
        ("kind", &details.kind),
    ] {
        if !text.is_empty() {
            shown.insert(name.to_owned(), text.as_str().into());
        }
    }
    if !details.causes.is_empty() {
        let cause = |cause: &crate::api::Cause| json!({"reason": cause.reason, "message": cause.message, "field": cause.field});
        shown.insert(
            "causes".to_owned(),
            details.causes.iter().map(cause).collect(),
        );
    }
    value["details"] = Value::Object(shown);
    value
}

/// The success of a deletion.
pub fn deleted_json(key: &ObjectKey, uid: &str) -> Value {
    let row = key.kind.row();
    let mut details = json!({"name": key.name, "kind": row.plural, "uid": uid});
    if !row.group.is_empty() {
        details["group"] = row.group.into();
    }
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": details,
    })
}

fn partial(object: &Object) -> Value {
    let mut value = object.to_json();
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": value["metadata"].take(),
    })
}

/// A table with what was asked for beside each row.
fn rows(kind: Kind, items: &[Object], meta: Value, include: Include, now: SimTime) -> Value {
    let mut made = table::table(kind, items, 0, now);
    made["metadata"] = meta;
    let rows = made["rows"].as_array_mut().into_iter().flatten();
    for (row, object) in rows.zip(items) {
        match include {
            Include::Nothing => row["object"] = Value::Null,
            Include::Metadata => {}
            Include::Object => row["object"] = object.to_json(),
        }
    }
    made
}
