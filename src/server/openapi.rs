//! OpenAPI documents: version 3 for each group and version, and version 2 as one.
//!
//! The schemas are `static/openapi.json`, which only the native server holds, and for custom kinds those
//! of their definitions; how fields merge comes from the table of rules, what is served from the table
//! of kinds. Documents are made when they are asked for.
//!
//! Upstream: staging/src/k8s.io/kube-openapi/pkg/{builder3,handler3} and
//! staging/src/k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder/builder.go, v1.36. The
//! protobuf form of version 2 is in `gnostic`. Left out: that of version 3, the schemas of responses
//! other than the kind's own, custom kinds in version 2.

use crate::api::{Kind, KindRow, Scope};
use crate::apiserver::custom::{self, Kinds};
use crate::apiserver::discovery::{self, GIT_VERSION};
use crate::apiserver::patch::rules;
use crate::etcd::Etcd;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

const REFERENCE: &str = "#/components/schemas/";

static SCHEMAS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let text = include_str!("../../static/openapi.json");
    let mut schemas: Map<String, Value> =
        serde_json::from_str(text).expect("invariant: a file of the binary is JSON");
    for (name, schema) in &mut schemas {
        say_how_it_merges(&short_name(name), schema);
    }
    for row in rows() {
        if let Some(schema) = schemas.get_mut(&full_name(row)) {
            schema["x-kubernetes-group-version-kind"] = json!([gvk(row)]);
        }
    }
    schemas
});

/// A custom kind as its definition describes it.
pub struct Described {
    row: &'static KindRow,
    schema: Value,
    /// That of the definition.
    revision: String,
}

/// The custom kinds that are served.
pub fn described(etcd: &Etcd) -> Vec<Described> {
    let one = |kind: Kind| {
        let Kind::Custom(custom) = kind else {
            return None;
        };
        let definition = custom::definition(etcd, custom)?;
        let row = kind.row();
        Some(Described {
            row,
            schema: definition.schema(row.version).cloned().unwrap_or_default(),
            revision: definition
                .metadata
                .resource_version
                .clone()
                .unwrap_or_default(),
        })
    };
    Kinds::of(etcd)
        .custom()
        .into_iter()
        .filter_map(one)
        .collect()
}

impl Described {
    /// The schema with the fields that every object has.
    fn whole(&self) -> Value {
        let mut schema = self.schema.clone();
        let known = &SCHEMAS["io.k8s.api.core.v1.ConfigMap"]["properties"];
        for name in ["apiVersion", "kind", "metadata"] {
            schema["properties"][name] = known[name].clone();
        }
        schema["x-kubernetes-group-version-kind"] = json!([gvk(self.row)]);
        schema
    }
}

/// The kinds that every server has.
fn rows() -> Vec<&'static KindRow> {
    discovery::rows(Kinds::of_table())
}

/// The same, and the custom ones.
fn rows_with(customs: &[Described]) -> Vec<&'static KindRow> {
    let mut rows = rows();
    rows.extend(customs.iter().map(|custom| custom.row));
    rows
}

fn is_custom(row: &KindRow) -> bool {
    let same = |known: &&KindRow| gvk(known) == gvk(row);
    !rows().iter().any(same)
}

/// The document at `path`, if it is one of OpenAPI's.
pub fn document(path: &str, customs: &[Described]) -> Option<Value> {
    match path.trim_end_matches('/') {
        "/openapi/v3" => Some(index(customs)),
        "/openapi/v2" => Some(version_2()),
        path => {
            let path = path.strip_prefix("/openapi/v3/")?;
            let parts: Vec<&str> = path.split('/').collect();
            let (group, version) = match parts.as_slice() {
                ["api", version] => ("", *version),
                ["apis", group, version] => (*group, *version),
                _ => return None,
            };
            let served = discovery::versions(&rows_with(customs), group).contains(&version);
            served.then(|| version_3(customs, group, version))
        }
    }
}

fn gvk(row: &KindRow) -> Value {
    json!({"group": row.group, "version": row.version, "kind": row.kind})
}

/// `io.k8s.api.core.v1.Pod`, `com.example.stable.v1.CronTab`
fn full_name(row: &KindRow) -> String {
    if is_custom(row) {
        let group: Vec<&str> = row.group.rsplit('.').collect();
        return format!("{}.{}.{}", group.join("."), row.version, row.kind);
    }
    let group = match row.group.split('.').next() {
        None | Some("") => "core",
        Some(group) => group,
    };
    let place = match group {
        "apiextensions" => "apiextensions-apiserver.pkg.apis",
        _ => "api",
    };
    format!("io.k8s.{place}.{group}.{}.{}", row.version, row.kind)
}

/// `core.v1.Pod`, as the table of rules names it.
fn short_name(full: &str) -> String {
    let full = full.strip_prefix("io.k8s.").unwrap_or(full);
    let prefixes = [
        "api.",
        "apimachinery.pkg.apis.",
        "apimachinery.pkg.",
        "apiextensions-apiserver.pkg.apis.",
    ];
    let short = prefixes.iter().find_map(|prefix| full.strip_prefix(prefix));
    short.unwrap_or(full).to_owned()
}

fn say_how_it_merges(definition: &str, schema: &mut Value) {
    if rules::rule(definition, "*").topology == rules::Topology::Atomic {
        schema["x-kubernetes-map-type"] = "atomic".into();
    }
    let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, field) in fields {
        let is_list = field["type"] == "array";
        for (extension, value) in rules::extensions(definition, name) {
            let extension = match extension {
                "x-kubernetes-list-type" if !is_list => "x-kubernetes-map-type",
                other => other,
            };
            field[extension] = value;
        }
    }
}

fn index(customs: &[Described]) -> Value {
    let mut paths = Map::new();
    let rows = rows_with(customs);
    let groups = std::iter::once("").chain(discovery::named_groups(&rows));
    for group in groups {
        for version in discovery::versions(&rows, group) {
            let path = match group {
                "" => format!("api/{version}"),
                group => format!("apis/{group}/{version}"),
            };
            // A document is another when a definition changes.
            let of = customs.iter().filter(|custom| custom.row.group == group);
            let hash = of.fold(env!("CARGO_PKG_VERSION").to_owned(), |hash, custom| {
                format!("{hash}-{}", custom.revision)
            });
            let url = format!("/openapi/v3/{path}?hash={hash}");
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

fn info() -> Value {
    json!({"title": "Kubernetes", "version": GIT_VERSION})
}

fn version_3(customs: &[Described], group: &str, version: &str) -> Value {
    let mut paths = Map::new();
    let mut names = BTreeSet::new();
    let mut own = Map::new();
    for custom in customs {
        if custom.row.group == group && custom.row.version == version {
            let schema = custom.whole();
            references(&schema, &mut names);
            own.insert(full_name(custom.row), schema);
        }
    }
    for row in rows_with(customs) {
        if row.group == group && row.version == version {
            add_paths(row, &mut paths);
            collect(&full_name(row), &mut names);
        }
    }
    collect(
        "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
        &mut names,
    );
    let found = |name: &String| Some((name.clone(), SCHEMAS.get(name)?.clone()));
    let mut schemas: Map<String, Value> = names.iter().filter_map(found).collect();
    schemas.append(&mut own);
    json!({
        "openapi": "3.0.0",
        "info": info(),
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// The definition `name` and every one that it refers to.
fn collect(name: &str, names: &mut BTreeSet<String>) {
    if !names.insert(name.to_owned()) {
        return;
    }
    if let Some(schema) = SCHEMAS.get(name) {
        references(schema, names);
    }
}

fn references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            if let Some(name) = reference.and_then(|text| text.strip_prefix(REFERENCE)) {
                collect(name, names);
            }
            fields.values().for_each(|field| references(field, names));
        }
        _ => {}
    }
}

fn parameter(name: &str, sort: &str) -> Value {
    json!({"name": name, "in": "query", "schema": {"type": sort, "uniqueItems": true}})
}

/// An operation as clients look for it: which kind it is of, and which parameters it takes.
fn operation(row: &KindRow, action: &str, parameters: &[&str], body: &[&str]) -> Value {
    let reference = json!({"schema": {"$ref": format!("{REFERENCE}{}", full_name(row))}});
    let mut operation = json!({
        "description": format!("{action} {}", row.plural),
        "operationId": format!("{action}{}{}{}", title(row.group), title(row.version), row.kind),
        "tags": [format!("{}_{}", if row.group.is_empty() { "core" } else { row.group }, row.version)],
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": gvk(row),
        "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
    });
    if !parameters.is_empty() {
        let shown = |name: &&str| match *name {
            "limit" | "timeoutSeconds" | "gracePeriodSeconds" => parameter(name, "integer"),
            "watch" | "force" | "allowWatchBookmarks" | "sendInitialEvents" => {
                parameter(name, "boolean")
            }
            _ => parameter(name, "string"),
        };
        operation["parameters"] = parameters.iter().map(shown).collect();
    }
    if !body.is_empty() {
        let content: Map<String, Value> = body
            .iter()
            .map(|media| ((*media).to_owned(), reference.clone()))
            .collect();
        operation["requestBody"] = json!({"content": content});
    }
    operation
}

fn title(text: &str) -> String {
    let short = text.split('.').next().unwrap_or_default();
    let mut letters = short.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

// What the operations take.
const WRITE: [&str; 3] = ["dryRun", "fieldManager", "fieldValidation"];
const PATCH: [&str; 4] = ["dryRun", "fieldManager", "fieldValidation", "force"];
const DELETE: [&str; 3] = ["dryRun", "gracePeriodSeconds", "propagationPolicy"];
const LIST: [&str; 9] = [
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "watch",
];
const JSON: [&str; 1] = ["application/json"];
const PATCHES: [&str; 4] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

fn add_paths(row: &KindRow, paths: &mut Map<String, Value>) {
    let root = match row.group {
        "" => format!("/api/{}", row.version),
        group => format!("/apis/{group}/{}", row.version),
    };
    let path = |name: &str| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "uniqueItems": true}});
    let namespaced = row.scope == Scope::Namespaced;
    let (collection, mut named) = match namespaced {
        true => (
            format!("{root}/namespaces/{{namespace}}/{}", row.plural),
            vec![path("namespace")],
        ),
        false => (format!("{root}/{}", row.plural), Vec::new()),
    };
    let served = |verb: &str| discovery::verbs(row).contains(&verb);
    if namespaced && served("list") {
        let all = json!({"get": operation(row, "list", &LIST, &[])});
        paths.insert(format!("{root}/{}", row.plural), all);
    }
    let mut many = json!({
        "get": operation(row, "list", &LIST, &[]),
        "post": operation(row, "post", &WRITE, &JSON),
        "delete": operation(row, "deletecollection", &DELETE, &[]),
    });
    retain(&mut many, &|method| match method {
        "post" => served("create"),
        "delete" => served("deletecollection"),
        _ => served("list"),
    });
    if !named.is_empty() {
        many["parameters"] = named.clone().into();
    }
    named.push(path("name"));
    let item = format!("{collection}/{{name}}");
    paths.insert(collection, many);
    if served("get") {
        add_item(row, item, &named, paths);
    }
}

/// The paths of one object, whose parameters are `named`.
fn add_item(row: &KindRow, item: String, named: &[Value], paths: &mut Map<String, Value>) {
    let served = |verb: &str| discovery::verbs(row).contains(&verb);
    // Custom objects take no strategic merge patches.
    let patches = if is_custom(row) {
        &PATCHES[..3]
    } else {
        &PATCHES
    };
    let mut one = json!({
        "get": operation(row, "get", &[], &[]),
        "put": operation(row, "put", &WRITE, &JSON),
        "patch": operation(row, "patch", &PATCH, patches),
        "parameters": named,
    });
    if row.subresources.contains(&"status") {
        paths.insert(format!("{item}/status"), one.clone());
    }
    one["delete"] = operation(row, "delete", &DELETE, &[]);
    retain(&mut one, &|method| match method {
        "put" => served("update"),
        "parameters" => true,
        method => served(method),
    });
    paths.insert(item, one);
}

/// Drops the operations that are not served.
fn retain(item: &mut Value, keep: &dyn Fn(&str) -> bool) {
    if let Some(operations) = item.as_object_mut() {
        operations.retain(|method, _| keep(method));
    }
}

/// Everything as one document of version 2, for old clients.
fn version_2() -> Value {
    let mut names = BTreeSet::new();
    let mut paths = Map::new();
    for row in rows() {
        collect(&full_name(row), &mut names);
        add_paths(row, &mut paths);
    }
    let found = |name: &String| {
        let mut schema = SCHEMAS.get(name)?.clone();
        refer_to_definitions(&mut schema);
        Some((name.clone(), schema))
    };
    let definitions: Map<String, Value> = names.iter().filter_map(found).collect();
    for item in paths.values_mut().filter_map(Value::as_object_mut) {
        item.values_mut().for_each(as_version_2);
    }
    json!({"swagger": "2.0", "info": info(), "paths": paths, "definitions": definitions})
}

/// An operation's parameters and body as version 2 writes them.
fn as_version_2(operation: &mut Value) {
    if let Some(list) = operation.as_array_mut() {
        list.iter_mut().for_each(flatten);
        return;
    }
    let body = operation.get("requestBody").is_some();
    let Some(fields) = operation.as_object_mut() else {
        return;
    };
    fields.remove("requestBody");
    fields.insert(
        "responses".to_owned(),
        json!({"200": {"description": "OK"}}),
    );
    let parameters = fields.entry("parameters").or_insert_with(|| json!([]));
    if let Some(list) = parameters.as_array_mut() {
        list.iter_mut().for_each(flatten);
        if body {
            list.push(json!({"name": "body", "in": "body", "required": true, "schema": {"type": "object"}}));
        }
    }
}

fn flatten(parameter: &mut Value) {
    let sort = parameter.pointer("/schema/type").cloned();
    if let (Some(fields), Some(sort)) = (parameter.as_object_mut(), sort) {
        fields.remove("schema");
        fields.insert("type".to_owned(), sort);
        fields.insert("uniqueItems".to_owned(), true.into());
    }
}

/// Version 2 keeps its schemas elsewhere, and takes a description beside a reference.
fn refer_to_definitions(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(refer_to_definitions),
        Value::Object(fields) => {
            let of_all = fields.get("allOf").and_then(|all| all.pointer("/0/$ref"));
            if let Some(reference) = of_all.cloned() {
                fields.remove("allOf");
                fields.insert("$ref".to_owned(), reference);
            }
            if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                *reference = reference.replace(REFERENCE, "#/definitions/");
            }
            fields.values_mut().for_each(refer_to_definitions);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_described_with_its_schema_and_paths() {
        let index = index(&[]);
        for kind in crate::api::Kind::ALL {
            let row = kind.row();
            let path = match row.group {
                "" => format!("api/{}", row.version),
                group => format!("apis/{group}/{}", row.version),
            };
            assert!(index["paths"][&path].is_object(), "{path}");
            let document = document(&format!("/openapi/v3/{path}"), &[]).expect("a document");
            let schema = &document["components"]["schemas"][full_name(row)];
            assert_eq!(schema["x-kubernetes-group-version-kind"], json!([gvk(row)]));
            let mut names = BTreeSet::new();
            references(&document, &mut names);
            for name in names {
                let known = &document["components"]["schemas"][&name];
                assert!(known.is_object(), "{name} is referred to and missing");
            }
        }
        assert_eq!(document("/openapi/v3/apis/apps/v1beta1", &[]), None);
    }

    #[test]
    fn merge_rules_are_told() {
        let pod = &SCHEMAS["io.k8s.api.core.v1.PodSpec"]["properties"];
        assert_eq!(pod["containers"]["x-kubernetes-patch-merge-key"], "name");
        assert_eq!(
            pod["containers"]["x-kubernetes-list-map-keys"],
            json!(["name"])
        );
        assert_eq!(pod["nodeSelector"]["x-kubernetes-map-type"], "atomic");
        let version_2 = version_2().to_string();
        assert!(version_2.contains("#/definitions/io.k8s.api.core.v1.PodSpec"));
        assert!(!version_2.contains(REFERENCE));
    }
}
