//! One recorded decision against ours.

use kubarium::apiserver::rest::{self, Content, Form, HttpRequest};
use kubarium::apiserver::{ApiServer, ApiServerConfig};
use kubarium::sim::{SimRng, SimTime};
use serde_json::{Value, json};

/// What became of it.
pub enum Verdict {
    Same,
    Differs(String),
}

const NOW: SimTime = SimTime::from_secs(1_767_225_600);

fn request(path: &str, query: &str, body: &Value) -> HttpRequest {
    HttpRequest {
        method: "POST".to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        content_type: "application/json".to_owned(),
        body: body.to_string(),
        ..HttpRequest::default()
    }
}

/// A server with the namespaces that the path and the document need.
fn server(row: &Value) -> ApiServer {
    let mut api = ApiServer::new(ApiServerConfig::default(), SimRng::new(1));
    let path = row["path"].as_str().unwrap_or_default();
    let named = path.split("/namespaces/").nth(1);
    let named = named
        .and_then(|rest| rest.split('/').next())
        .unwrap_or("default");
    for name in ["default", named] {
        let namespace = json!({"metadata": {"name": name}});
        let make = request("/api/v1/namespaces", "", &namespace);
        // The second may be the first again, or have a name that no namespace has.
        let _ = rest::answer(&mut api, &make, NOW);
    }
    api
}

/// Decides `row` again and compares.
pub fn judge(row: &Value) -> Verdict {
    let mut api = server(row);
    let path = row["path"].as_str().expect("a path");
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query = format!("{query}&dryRun=All&fieldValidation=Ignore");
    let ours = rest::answer(&mut api, &request(path, &query, &row["input"]), NOW);
    let (code, message) = (&row["code"], row["status"]["message"].as_str());
    match (ours, row.get("object").filter(|object| object.is_object())) {
        (Ok(answer), Some(theirs)) => {
            let Content::Object(object) = answer.content else {
                return Verdict::Differs("the answer is no object".to_owned());
            };
            let ours = rest::object_json(&object, Form::Object, NOW);
            let mut found = Vec::new();
            differences("", &plain(ours), &plain(theirs.clone()), &mut found);
            match found.is_empty() {
                true => Verdict::Same,
                false => Verdict::Differs(found.join("; ")),
            }
        }
        (Err(status), None) => {
            let ours = rest::status_json(&status);
            let same = ours["message"].as_str() == message
                && ours["reason"] == row["status"]["reason"]
                && ours["details"] == row["status"]["details"];
            match same {
                true => Verdict::Same,
                false => Verdict::Differs(format!(
                    "refused\n  ours:   {} {}\n  theirs: {} {}",
                    ours["message"],
                    ours["details"],
                    row["status"]["message"],
                    row["status"]["details"]
                )),
            }
        }
        (Ok(_), None) => Verdict::Differs(format!("accepted; theirs: {code} {message:?}")),
        (Err(status), Some(_)) => Verdict::Differs(format!("refused: {status}")),
    }
}

/// An object without what chance and time decide, and without what only v1.36 or only v1.20 has.
fn plain(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for name in [
            "uid",
            "creationTimestamp",
            "resourceVersion",
            "managedFields",
            "generation",
            "selfLink",
        ] {
            metadata.remove(name);
        }
        if metadata.contains_key("generateName") {
            metadata.remove("name");
        }
    }
    match object["kind"].as_str() {
        Some("Namespace") => {
            // v1.21 and later label each namespace with its name.
            remove(
                &mut object["metadata"]["labels"],
                &["kubernetes.io/metadata.name"],
            );
        }
        Some("Service") => {
            // The dry runs of v1.20 allocated no addresses, and other node ports.
            let spec = &mut object["spec"];
            remove(
                spec,
                &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"],
            );
            remove(
                spec,
                &["internalTrafficPolicy", "allocateLoadBalancerNodePorts"],
            );
            remove(spec, &["healthCheckNodePort"]);
            for port in spec["ports"].as_array_mut().into_iter().flatten() {
                remove(port, &["nodePort"]);
            }
        }
        Some("Pod") => without_account(&mut object["spec"]),
        _ => {}
    }
    remove_nulls(&mut object);
    object
}

fn remove(value: &mut Value, names: &[&str]) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
}

/// Takes away what the ServiceAccount plugin adds: that kind is not served yet.
fn without_account(spec: &mut Value) {
    remove(spec, &["serviceAccount", "serviceAccountName"]);
    let is_token = |item: &Value| {
        let name = item["name"].as_str().unwrap_or_default();
        name.contains("-token-") || name.starts_with("kube-api-access-")
    };
    let retain = |list: &mut Value| {
        if let Some(items) = list.as_array_mut() {
            items.retain(|item| !is_token(item));
        }
    };
    if spec.get("volumes").is_some() {
        retain(&mut spec["volumes"]);
    }
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if container.get("volumeMounts").is_some() {
                retain(&mut container["volumeMounts"]);
            }
        }
    }
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
