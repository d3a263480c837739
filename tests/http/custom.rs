//! Definitions and their objects, over HTTP and with the real kubectl.

use crate::client::Watch;
use crate::kubectl::Kubectl;
use crate::server::Server;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const BOOKS: &str = "/apis/example.com/v1/namespaces/default/books";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

fn definition() -> Value {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "required": ["title"], "properties": {
            "title": {"type": "string"},
            "copies": {"type": "integer", "minimum": 0, "default": 1},
        }},
        "status": {"type": "object", "properties": {"copies": {"type": "integer"}}},
    }});
    let version = |name: &str, storage: bool| {
        json!({
            "name": name, "served": true, "storage": storage,
            "schema": {"openAPIV3Schema": schema},
            "subresources": {
                "status": {},
                "scale": {"specReplicasPath": ".spec.copies", "statusReplicasPath": ".status.copies"},
            },
            "additionalPrinterColumns": [
                {"name": "Title", "type": "string", "jsonPath": ".spec.title"},
            ],
        })
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "books.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "books", "kind": "Book", "shortNames": ["bk"]},
            "versions": [version("v1", true), version("v1beta1", false)],
        },
    })
}

fn book(name: &str, title: &str) -> Value {
    json!({
        "apiVersion": "example.com/v1", "kind": "Book", "metadata": {"name": name},
        "spec": {"title": title},
    })
}

/// Waits until `path` answers with `code`.
fn wait_for(server: &Server, path: &str, code: u16) {
    let end = Instant::now() + Duration::from_secs(30);
    while server.get(path).code != code {
        assert!(Instant::now() < end, "{path} never answered {code}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn with_books() -> Server {
    let server = Server::start(&[]);
    assert_eq!(server.get(BOOKS).code, 404);
    server.create(DEFINITIONS, &definition());
    wait_for(&server, BOOKS, 200);
    server
}

#[test]
fn custom_objects_are_read_and_written_like_all_others() {
    let server = with_books();
    let found = server.get("/apis/example.com/v1").json();
    assert_eq!(found["resources"][0]["shortNames"], json!(["bk"]));
    let group = server.get("/apis/example.com").json();
    assert_eq!(group["preferredVersion"]["version"], "v1");

    let mut watch = Watch::open(&server, &format!("{BOOKS}?watch=1"));
    let made = server.create(BOOKS, &book("a", "A"));
    assert_eq!(made["spec"]["copies"], 1, "the default");
    assert_eq!(made["metadata"]["generation"], 1);
    let path = format!("{BOOKS}/a");
    let patch = |media: &str, path: &str, body: Value| {
        server
            .ask("PATCH", path)
            .typed(media, &body.to_string())
            .send()
    };
    let patched = patch(
        MERGE,
        &path,
        json!({"spec": {"copies": 2}, "status": {"copies": 9}}),
    );
    let patched = patched.json();
    assert_eq!(patched["metadata"]["generation"], 2);
    assert_eq!(patched.get("status"), None);
    assert_eq!(patch(STRATEGIC, &path, json!({})).code, 415);
    let status = patch(
        MERGE,
        &format!("{path}/status"),
        json!({"status": {"copies": 2}}),
    );
    assert_eq!(status.json()["metadata"]["generation"], 2);
    let scale = server.get(&format!("{path}/scale")).json();
    assert_eq!(
        (&scale["spec"]["replicas"], &scale["status"]["replicas"]),
        (&json!(2), &json!(2))
    );
    let scaled = patch(
        MERGE,
        &format!("{path}/scale"),
        json!({"spec": {"replicas": 5}}),
    );
    assert_eq!(scaled.json()["spec"]["replicas"], 5);
    let old = server
        .get("/apis/example.com/v1beta1/namespaces/default/books/a")
        .json();
    assert_eq!(old["apiVersion"], "example.com/v1beta1");
    assert_eq!(old["spec"]["copies"], 5);
    server.ask("DELETE", path.as_str()).send();
    let seen: Vec<String> = (0..5).map(|_| watch.next_name()).collect();
    let changed = "MODIFIED a";
    assert_eq!(seen, ["ADDED a", changed, changed, changed, "DELETED a"]);
}

#[test]
fn a_list_of_custom_objects_is_named_as_their_definition_says() {
    let server = Server::start(&[]);
    let mut definition = definition();
    definition["spec"]["names"]["listKind"] = "Library".into();
    server.create(DEFINITIONS, &definition);
    wait_for(&server, BOOKS, 200);
    server.create(BOOKS, &book("a", "A"));
    let list = server.get(BOOKS).json();
    assert_eq!(list["kind"], "Library");
    assert_eq!(list["items"][0]["kind"], "Book");
    assert_eq!(list["items"][0]["apiVersion"], "example.com/v1");
}

#[test]
fn custom_objects_are_checked_by_their_schema() {
    let server = with_books();
    let send = |query: &str, body: &Value| {
        server
            .ask("POST", format!("{BOOKS}{query}"))
            .json(body)
            .send()
    };
    let mut wrong = book("a", "A");
    wrong["spec"]["copies"] = "many".into();
    let refused = send("", &wrong);
    assert_eq!(refused.code, 422);
    assert_eq!(
        refused.json()["message"],
        "Book.example.com \"a\" is invalid: [spec.copies: Invalid value: \"string\": spec.copies in body must be of type integer: \"string\", .spec.copies: Invalid value: 0: .spec.copies accessor error: many is of the type string, expected int64]"
    );
    let mut unknown = book("a", "A");
    unknown["spec"]["color"] = "red".into();
    let strict = send("?fieldValidation=Strict", &unknown);
    assert_eq!(
        strict.json()["message"],
        "Book in version \"v1\" cannot be handled as a Book: strict decoding error: unknown field \"spec.color\""
    );
    let warned = send("", &unknown);
    assert_eq!(
        warned.warnings(),
        ["299 - \"unknown field \\\"spec.color\\\"\""]
    );
    assert_eq!(warned.json()["spec"].get("color"), None);
}

#[test]
fn fields_of_custom_objects_have_managers() {
    let server = with_books();
    let apply = |manager: &str, copies: u32| {
        let body = json!({
            "apiVersion": "example.com/v1", "kind": "Book", "metadata": {"name": "a"},
            "spec": {"title": "A", "copies": copies},
        });
        let path = format!("{BOOKS}/a?fieldManager={manager}");
        server
            .ask("PATCH", path)
            .typed(APPLY, &body.to_string())
            .send()
    };
    assert_eq!(apply("one", 1).code, 201);
    let conflict = apply("two", 2);
    assert_eq!(conflict.code, 409);
    assert_eq!(
        conflict.json()["message"],
        "Apply failed with 1 conflict: conflict with \"one\": .spec.copies"
    );
    assert_eq!(apply("one", 2).json()["spec"]["copies"], 2);
}

#[test]
fn a_definition_that_goes_takes_its_objects_with_it() {
    let server = with_books();
    let mut held = book("held", "H");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    server.create(BOOKS, &held);
    server.create(BOOKS, &book("free", "F"));
    let path = format!("{DEFINITIONS}/books.example.com");
    let gone = server.ask("DELETE", path.as_str()).send().json();
    assert_eq!(
        gone["metadata"]["finalizers"],
        json!(["customresourcecleanup.apiextensions.k8s.io"])
    );
    wait_for(&server, &format!("{BOOKS}/free"), 404);
    let late = server.ask("POST", BOOKS).json(&book("late", "L")).send();
    assert_eq!(late.code, 405);
    assert_eq!(
        late.json()["message"],
        "create not allowed while custom resource definition is terminating"
    );
    let free = r#"{"metadata":{"finalizers":null}}"#;
    server
        .ask("PATCH", format!("{BOOKS}/held"))
        .typed(MERGE, free)
        .send();
    wait_for(&server, &path, 404);
    assert_eq!(server.get(BOOKS).code, 404);
}

#[test]
fn openapi_describes_them() {
    let server = with_books();
    let index = server.get("/openapi/v3").json();
    let url = &index["paths"]["apis/example.com/v1"]["serverRelativeURL"];
    let document = server.get(url.as_str().expect("an address")).json();
    let schema = &document["components"]["schemas"]["com.example.v1.Book"];
    let kind = json!([{"group": "example.com", "version": "v1", "kind": "Book"}]);
    assert_eq!(schema["x-kubernetes-group-version-kind"], kind);
    let copies = &schema["properties"]["spec"]["properties"]["copies"];
    assert_eq!(copies["type"], "integer");
    assert_eq!(schema["properties"]["kind"]["type"], "string");
    let path = "/apis/example.com/v1/namespaces/{namespace}/books/{name}";
    let patch = &document["paths"][path]["patch"]["requestBody"]["content"];
    assert!(patch[MERGE].is_object() && patch[STRATEGIC].is_null());
}

#[test]
fn groups_of_kubernetes_own_need_approval() {
    let server = Server::start(&[]);
    let mut own = definition();
    own["metadata"]["name"] = "books.x-k8s.k8s.io".into();
    own["spec"]["group"] = "x-k8s.k8s.io".into();
    let refused = server.ask("POST", DEFINITIONS).json(&own).send();
    assert_eq!(refused.code, 422);
    assert_eq!(
        refused.json()["message"],
        "CustomResourceDefinition.apiextensions.k8s.io \"books.x-k8s.k8s.io\" is invalid: metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111"
    );
    let address = "https://github.com/kubernetes/enhancements/pull/1111";
    own["metadata"]["annotations"] = json!({"api-approved.kubernetes.io": address});
    server.create(DEFINITIONS, &own);
    wait_for(&server, "/apis/x-k8s.k8s.io/v1/books", 200);
    let stored = server
        .get(&format!("{DEFINITIONS}/books.x-k8s.k8s.io"))
        .json();
    let told = &stored["status"]["conditions"][0];
    assert_eq!(told["type"], "KubernetesAPIApprovalPolicyConformant");
    assert_eq!(told["reason"], "ApprovedAnnotation");
    assert_eq!(told["message"], format!("approved in {address}"));
}

fn write(kubectl: &Kubectl, name: &str, text: &str) {
    std::fs::write(kubectl.server.folder().join(name), text).expect("a manifest");
}

#[test]
fn kubectl_knows_them() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    write(&kubectl, "crd.json", &definition().to_string());
    write(&kubectl, "book.json", &book("a", "First").to_string());
    let mut wrong = book("b", "B");
    wrong["spec"]["color"] = "red".into();
    write(&kubectl, "wrong.json", &wrong.to_string());
    kubectl.expect(&[
        (
            "apply -f crd.json",
            "customresourcedefinition.apiextensions.k8s.io/books.example.com created",
        ),
        (
            "wait --for=condition=Established crd/books.example.com",
            "customresourcedefinition.apiextensions.k8s.io/books.example.com condition met",
        ),
        ("apply -f book.json", "book.example.com/a created"),
        ("apply -f book.json", "book.example.com/a unchanged"),
        ("get bk --no-headers", "a     First"),
        ("scale book a --replicas=3", "book.example.com/a scaled"),
        ("get book a -o jsonpath={.spec.copies}", "3"),
        ("label book a shelf=x", "book.example.com/a labeled"),
        (
            "apply --server-side -f book.json",
            "book.example.com/a serverside-applied",
        ),
    ]);
    assert!(kubectl.run("describe book a").contains("Title:"));
    let explained = kubectl.run("explain books.spec");
    for told in [
        "GROUP:      example.com",
        "FIELD: spec <Object>",
        "copies\t<integer>",
        "title\t<string> -required-",
    ] {
        assert!(explained.contains(told), "{told} in {explained}");
    }
    assert!(
        kubectl
            .run("api-resources --api-group=example.com")
            .contains("bk")
    );
    let (code, refused) = kubectl.try_run("apply -f wrong.json");
    assert_eq!(code, 1);
    assert!(
        refused.contains("unknown field \"spec.color\""),
        "{refused}"
    );
    kubectl.expect(&[
        ("delete book a", "book.example.com \"a\" deleted"),
        (
            "delete crd books.example.com",
            "customresourcedefinition.apiextensions.k8s.io \"books.example.com\" deleted",
        ),
    ]);
    // Kubectl may still have the kind in its cache.
    let (code, gone) = kubectl.try_run("get books");
    let told = [
        "the server doesn't have a resource type",
        "could not find the requested resource",
    ];
    assert!(
        code == 1 && told.iter().any(|told| gone.contains(told)),
        "{gone}"
    );
}
