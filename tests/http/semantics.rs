//! What the API means: create, read, update, patch, delete, refuse.

use crate::server::Server;
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": "nginx:1.27"}]},
            },
        },
    })
}

#[test]
fn an_object_lives_from_creation_to_deletion() {
    let server = Server::start(&[]);
    let made = server.create(&format!("{MAPS}?dryRun=All"), &config_map("a"));
    assert_eq!(made["metadata"]["name"], "a");
    assert_eq!(server.get(&format!("{MAPS}/a")).code, 404);
    let made = server.create(MAPS, &config_map("a"));
    assert!(made["metadata"]["uid"].is_string());
    let generated =
        json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"generateName": "g-"}});
    let generated = server.create(MAPS, &generated);
    let name = generated["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("g-") && name.len() == 7, "{name}");
    let taken = server.ask("POST", MAPS).json(&config_map("a")).send();
    assert_eq!(taken.code, 409);
    assert_eq!(taken.json()["reason"], "AlreadyExists");

    let mut changed = made.clone();
    changed["data"]["a"] = "2".into();
    let path = format!("{MAPS}/a");
    let updated = server.ask("PUT", &path).json(&changed).send();
    assert_eq!(updated.code, 200);
    let stale = server.ask("PUT", &path).json(&changed).send();
    assert_eq!(stale.code, 409);
    assert_eq!(
        stale.json()["message"],
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again"
    );
    let options = json!({"preconditions": {"uid": "other"}});
    let refused = server.ask("DELETE", &path).json(&options).send();
    assert_eq!(refused.code, 409);
    let deleted = server.ask("DELETE", &path).send().json();
    assert_eq!(
        (&deleted["status"], &deleted["details"]["kind"]),
        (&json!("Success"), &json!("configmaps"))
    );
    let gone = server.get(&path);
    assert_eq!(gone.code, 404);
    assert_eq!(
        gone.json(),
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "configmaps \"a\" not found", "reason": "NotFound",
            "details": {"name": "a", "kind": "configmaps"}, "code": 404})
    );
}

#[test]
fn collections_are_listed_in_pages_and_deleted_whole() {
    let server = Server::start(&[]);
    for name in ["a", "b", "c"] {
        let mut map = config_map(name);
        map["metadata"]["labels"] = json!({"tier": if name == "c" { "back" } else { "front" }});
        server.create(MAPS, &map);
    }
    let first = server.get(&format!("{MAPS}?limit=2")).json();
    assert_eq!(first["kind"], "ConfigMapList");
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    // The last one is the namespace's own: `kube-root-ca.crt`.
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    assert!(first["items"][0].get("kind").is_none());
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = server
        .get(&format!("{MAPS}?limit=2&continue={token}"))
        .json();
    assert_eq!(second["items"][0]["metadata"]["name"], "c");
    let table = server
        .ask("GET", MAPS)
        .header(
            "Accept",
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        )
        .send()
        .json();
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["rows"].as_array().unwrap().len(), 4);
    let deleted = server
        .ask("DELETE", format!("{MAPS}?labelSelector=tier%3Dfront"))
        .send();
    assert_eq!(deleted.json()["items"].as_array().unwrap().len(), 2);
    let left = server
        .get(&format!("{MAPS}?fieldSelector=metadata.name%3Dc"))
        .json();
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        server.get(MAPS).json()["items"].as_array().unwrap().len(),
        2
    );
}

#[test]
fn every_sort_of_patch_changes_what_it_says() {
    let server = Server::start(&[]);
    server.create(DEPLOYMENTS, &deployment("web"));
    let path = format!("{DEPLOYMENTS}/web");
    let patch = |media: &str, body: Value| {
        let media = format!("application/{media}");
        let answer = server
            .ask("PATCH", &path)
            .typed(&media, &body.to_string())
            .send();
        assert_eq!(answer.code, 200, "{}", answer.text);
        answer.json()
    };
    let got = patch("merge-patch+json", json!({"spec": {"replicas": 2}}));
    assert_eq!(got["spec"]["replicas"], 2);
    let got = patch(
        "json-patch+json",
        json!([{"op": "replace", "path": "/spec/replicas", "value": 3}]),
    );
    assert_eq!(got["spec"]["replicas"], 3);
    let sidecar = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "side", "image": "nginx:1.27"},
    ]}}}});
    let got = patch("strategic-merge-patch+json", sidecar);
    let containers = got["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap();
    assert_eq!(containers.len(), 2);
    let scale = format!("{path}/scale");
    let media = "application/merge-patch+json";
    let got = server
        .ask("PATCH", &scale)
        .typed(media, r#"{"spec":{"replicas":0}}"#)
        .send()
        .json();
    assert_eq!(
        (&got["kind"], &got["spec"]["replicas"]),
        (&json!("Scale"), &json!(0))
    );
    assert_eq!(got["status"]["selector"], "app=web");
}

#[test]
fn a_patch_that_does_not_fit_is_refused() {
    let server = Server::start(&[]);
    server.create(DEPLOYMENTS, &deployment("web"));
    let path = format!("{DEPLOYMENTS}/web");
    for (media, body, code, message) in [
        (
            "json-patch+json",
            r#"[{"op":"remove","path":"/spec/nothing"}]"#,
            422,
            "the server rejected our request due to an error in our request",
        ),
        (
            "merge-patch+json",
            r#"{"spec":{"replicas":-1}}"#,
            422,
            "spec.replicas: Invalid value: -1",
        ),
        (
            "merge-patch+json",
            r#"{"spec":"#,
            400,
            "error decoding patch",
        ),
        (
            "merge-patch+json",
            r#"{"spec":{"replicas":"x"}}"#,
            422,
            "cannot unmarshal string",
        ),
        (
            "unknown",
            "{}",
            415,
            "the body of the request was in an unknown format",
        ),
    ] {
        let media = format!("application/{media}");
        let answer = server.ask("PATCH", &path).typed(&media, body).send();
        assert_eq!(answer.code, code, "{}", answer.text);
        assert!(answer.text.contains(message), "{}", answer.text);
    }
}

#[test]
fn an_apply_owns_its_fields() {
    let server = Server::start(&[]);
    let apply = |manager: &str, force: bool, object: &Value| {
        let path = format!("{DEPLOYMENTS}/web?fieldManager={manager}&force={force}");
        let media = "application/apply-patch+yaml";
        server
            .ask("PATCH", path)
            .typed(media, &object.to_string())
            .send()
    };
    let mut object = deployment("web");
    assert_eq!(apply("one", false, &object).code, 201);
    let again = apply("one", false, &object);
    assert_eq!(again.code, 200);
    let entries = again.json()["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .clone();
    let own = entries
        .iter()
        .find(|entry| entry["manager"] == "one")
        .unwrap();
    assert_eq!(own["operation"], "Apply");
    assert_eq!(own["fieldsV1"]["f:spec"]["f:replicas"], json!({}));
    object["spec"]["replicas"] = 4.into();
    let refused = apply("two", false, &object);
    assert_eq!(refused.code, 409);
    let status = refused.json();
    assert_eq!(
        status["message"],
        "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas"
    );
    assert_eq!(
        status["details"]["causes"],
        json!([{"reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".spec.replicas"}])
    );
    assert_eq!(apply("two", true, &object).json()["spec"]["replicas"], 4);
    object["spec"].as_object_mut().unwrap().remove("replicas");
    let released = apply("two", false, &object).json();
    assert_eq!(released["spec"]["replicas"], 1, "the default comes back");
}

#[test]
fn unknown_fields_are_refused_warned_of_or_ignored() {
    let server = Server::start(&[]);
    let mut object = config_map("a");
    object["dataa"] = json!({});
    let post = |validation: &str| {
        let path = format!("{MAPS}?dryRun=All&fieldValidation={validation}");
        server.ask("POST", path).json(&object).send()
    };
    let strict = post("Strict");
    assert_eq!(strict.code, 400);
    assert_eq!(
        strict.json()["message"],
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"dataa\""
    );
    let warned = post("Warn");
    assert_eq!(warned.code, 201);
    assert_eq!(warned.warnings(), ["299 - \"unknown field \\\"dataa\\\"\""]);
    assert_eq!(post("").warnings().len(), 1);
    assert_eq!(post("Ignore").warnings().len(), 0);
    assert_eq!(post("Maybe").code, 422);
    let twice = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","name":"b"}}"#;
    let path = format!("{MAPS}?fieldValidation=Strict");
    let refused = server
        .ask("POST", path)
        .typed("application/json", twice)
        .send();
    assert!(
        refused
            .text
            .contains("duplicate field \\\"metadata.name\\\""),
        "{}",
        refused.text
    );
}

/// Method, path, media type, body; code and a part of the answer.
type Refusal<'a> = (&'a str, &'a str, &'a str, &'a str, u16, &'a str);

fn refuse(cases: &[Refusal<'_>]) {
    let server = Server::start(&[]);
    for (method, path, media, body, code, text) in cases {
        let ask = server.ask(method, *path);
        let answer = match media.is_empty() {
            true => ask.send(),
            false => ask.typed(media, body).send(),
        };
        assert_eq!(answer.code, *code, "{method} {path}: {}", answer.text);
        assert!(
            answer.text.contains(text),
            "{method} {path}: {}",
            answer.text
        );
    }
    assert_eq!(server.get("/readyz").text, "ok");
}

#[test]
fn bad_paths_and_queries_get_a_clear_status() {
    refuse(&[
        (
            "GET",
            "/apis/nothing/v1/things",
            "",
            "",
            404,
            "404 page not found",
        ),
        (
            "GET",
            "/api/v1/namespaces/default/pods/x%2Fy",
            "",
            "",
            404,
            "404 page not found",
        ),
        (
            "POST",
            "/api/v1/namespaces/default/pods/x",
            "",
            "",
            405,
            "does not allow this method",
        ),
        (
            "GET",
            "/api/v1/pods?fieldSelector=spec.x%3Dy",
            "",
            "",
            400,
            "field label not supported: spec.x",
        ),
        (
            "GET",
            "/api/v1/pods?limit=many",
            "",
            "",
            400,
            "invalid syntax",
        ),
        (
            "GET",
            "/api/v1/pods?continue=%21",
            "",
            "",
            400,
            "continue key is not valid",
        ),
        (
            "GET",
            "/api/v1/namespaces/kube-system/pods/x/log",
            "",
            "",
            404,
            "pods \\\"x\\\" not found",
        ),
    ]);
}

#[test]
fn bad_bodies_get_a_clear_status() {
    let huge = "x".repeat(4 * 1_024 * 1_024);
    let json = "application/json";
    let other = r#"{"apiVersion":"apps/v1","kind":"Deployment"}"#;
    let elsewhere = r#"{"metadata":{"name":"a","namespace":"b"}}"#;
    refuse(&[
        ("POST", MAPS, json, "{", 400, "EOF"),
        ("POST", MAPS, json, "[]", 400, "cannot unmarshal array"),
        ("POST", MAPS, json, &huge, 413, "Request entity too large"),
        (
            "POST",
            MAPS,
            "application/vnd.kubernetes.protobuf",
            "k8s",
            400,
            "does not appear to be a protobuf",
        ),
        (
            "POST",
            MAPS,
            "application/cbor",
            "k8s",
            415,
            "accepted media types include: application/json",
        ),
        (
            "POST",
            MAPS,
            json,
            other,
            400,
            "the API version in the data (apps/v1) does not match the expected API version (v1)",
        ),
        (
            "POST",
            MAPS,
            json,
            elsewhere,
            400,
            "the namespace of the provided object does not match",
        ),
    ]);
}

#[test]
fn what_is_served_is_told_in_every_form() {
    let server = Server::start(&[]);
    assert_eq!(
        server.get("/version").json()["gitVersion"],
        "v1.36.0+kubarium"
    );
    for path in ["/healthz", "/livez", "/readyz", "/livez/ping"] {
        assert_eq!(server.get(path).text, "ok", "{path}");
    }
    assert!(server.get("/readyz?verbose").text.contains("[+]etcd ok"));
    assert_eq!(server.get("/api/v1").json()["kind"], "APIResourceList");
    let media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let aggregated = server.ask("GET", "/apis").header("Accept", media).send();
    assert!(
        aggregated
            .headers
            .contains(&("content-type".to_owned(), media.to_owned()))
    );
    let index = server.get("/openapi/v3").json();
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
        .as_str()
        .unwrap();
    let document = server.get(url).json();
    assert!(document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"].is_object());
    assert_eq!(server.get("/openapi/v2").json()["swagger"], "2.0");
}
