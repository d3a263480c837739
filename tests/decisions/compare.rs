//! One recorded decision against ours.

use super::{known, server};
use kubarium::api::Status;
use serde_json::{Value, json};

/// What became of it.
pub enum Verdict {
    Same,
    /// Nothing to compare with: the recording is not to be trusted there, or v1.36 has no such kind.
    Explained,
    /// Our words, and how they differ.
    Differs(String, String),
}

/// Decides `row` again and compares; `file` has the documents that came with it.
pub fn judge(row: &Value, file: &[Value]) -> Verdict {
    let path = row["path"].as_str().unwrap_or_default();
    let named = path.split("/namespaces/").nth(1);
    let namespace = named.and_then(|rest| rest.split('/').next());
    let namespace = namespace.unwrap_or("default");
    let mut api = server::server(&[namespace]);
    for account in file.iter().filter(|one| one["kind"] == "ServiceAccount") {
        if account != row {
            let _ = server::create(&mut api, placed(account, namespace), false);
        }
    }
    let ours = server::create(&mut api, placed(row, namespace), true);
    let untrusted = matches!(row["code"].as_u64(), Some(409 | 500));
    if untrusted {
        return Verdict::Explained;
    }
    let theirs = row.get("object").filter(|object| object.is_object());
    let no_match = row["no_match"].as_bool().unwrap_or(false);
    match (ours, theirs) {
        (Ok(object), Some(theirs)) => {
            let mut found = Vec::new();
            let (ours, theirs) = (plain(object.to_json()), plain(theirs.clone()));
            differences("", &ours, &theirs, &mut found);
            let kind = object.kind().row().kind;
            found.retain(|difference| !known::is_new(kind, difference));
            match found.is_empty() {
                true => Verdict::Same,
                false => Verdict::Differs(found.join("\n"), found.join("; ")),
            }
        }
        (Err(status), None) if no_match && status.message.starts_with("no matches for kind") => {
            Verdict::Same
        }
        (Err(status), None) => refusals(&status, &row["status"]),
        (Ok(_), None) => {
            let message = &row["status"]["message"];
            Verdict::Differs(
                "accepted".to_owned(),
                format!("accepted; theirs: {message}"),
            )
        }
        (Err(status), Some(_)) => {
            Verdict::Differs(status.message.clone(), format!("refused: {status}"))
        }
    }
}

fn placed(row: &Value, namespace: &str) -> Value {
    let mut document = row["input"].clone();
    let path = row["path"].as_str().unwrap_or_default();
    if let Some(metadata) = document["metadata"].as_object_mut()
        && path.contains("/namespaces/")
    {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    document
}

/// A set of the causes: v1.20 told some of them in another order, and twice.
fn causes(details: &Value) -> Vec<String> {
    let list = details["causes"].as_array().cloned().unwrap_or_default();
    let mut texts: Vec<String> = list
        .iter()
        .map(|cause| {
            format!(
                "{} {} {}",
                cause["field"], cause["reason"], cause["message"]
            )
        })
        .collect();
    texts.sort();
    texts.dedup();
    texts
}

fn refusals(ours: &Status, theirs: &Value) -> Verdict {
    let details = serde_json::to_value(&ours.details).expect("it serialises");
    let same = theirs["message"].as_str() == Some(ours.message.as_str())
        && theirs["reason"].as_str() == Some(format!("{:?}", ours.reason).as_str())
        && theirs["code"].as_u64() == Some(u64::from(ours.reason.code()))
        && causes(&details) == causes(&theirs["details"]);
    match same {
        true => Verdict::Same,
        false => Verdict::Differs(
            ours.message.clone(),
            format!(
                "refused\n  ours:   {}\n  theirs: {}",
                ours.message, theirs["message"]
            ),
        ),
    }
}

/// An object without what chance and time decide.
fn plain(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for name in [
            "uid",
            "creationTimestamp",
            "resourceVersion",
            "managedFields",
            "selfLink",
        ] {
            metadata.remove(name);
        }
        if metadata.contains_key("generateName") {
            metadata.remove("name");
        }
    }
    remove_nulls(&mut object);
    without_chance(&mut object);
    object
}

/// Gives generated ids, and the volume with a ServiceAccount's token, one name.
fn without_chance(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_chance),
        Value::Object(fields) => {
            if fields
                .get("name")
                .and_then(Value::as_str)
                .is_some_and(is_token)
            {
                fields.retain(|name, _| name != "projected" && name != "secret");
                fields.insert("name".to_owned(), json!("token"));
            }
            for (name, value) in fields {
                match name.ends_with("controller-uid") {
                    true => *value = json!("uid"),
                    false => without_chance(value),
                }
            }
        }
        _ => {}
    }
}

fn is_token(volume: &str) -> bool {
    volume.starts_with("kube-api-access-")
        || volume.len() > 12 && volume[..volume.len() - 5].ends_with("-token-")
}

fn remove_nulls(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        Value::Object(fields) => {
            fields.values_mut().for_each(remove_nulls);
            fields.retain(|_, value| {
                !value.is_null()
                    && value.as_object().is_none_or(|o| !o.is_empty())
                    && value.as_array().is_none_or(|a| !a.is_empty())
            });
        }
        _ => {}
    }
}

fn differences(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for name in a
                .keys()
                .chain(b.keys().filter(|name| !a.contains_key(*name)))
            {
                let below = format!("{path}.{name}");
                match (a.get(name), b.get(name)) {
                    (Some(a), Some(b)) => differences(&below, a, b, found),
                    (Some(a), None) => found.push(format!("{below} is only ours: {a}")),
                    (None, Some(b)) => found.push(format!("{below} is only theirs: {b}")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{index}]"), a, b, found);
            }
        }
        (a, b) if a != b => found.push(format!("{path}: {a} is not {b}")),
        _ => {}
    }
}
