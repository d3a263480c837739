//! What the server serves, told to clients: versions, groups, resources and their verbs.
//!
//! All of it comes from the tables of kinds, of their other versions and of reviews. Upstream:
//! staging/src/k8s.io/apiserver/pkg/endpoints/discovery (legacy and `aggregated/`), v1.36.

use super::custom::Kinds;
use crate::api::{Kind, KindRow, Scope};
use crate::sim::order;
use serde_json::{Value, json};

/// The version that the server says it is.
pub const GIT_VERSION: &str = "v1.36.0+kubarium";

const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// The answer, where `path` asks what is served.
pub fn answer(path: &str, accept: &str, kinds: Kinds<'_>) -> Option<Value> {
    let rows = &rows(kinds);
    let versions = |group: &str| versions(rows, group);
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let aggregated =
        || accept.contains("g=apidiscovery.k8s.io") && accept.contains("as=APIGroupDiscoveryList");
    match parts.as_slice() {
        [""] => Some(root_paths(rows)),
        ["version"] => Some(version()),
        ["api"] if aggregated() => Some(group_list(rows, &[""], accept)),
        ["apis"] if aggregated() => Some(group_list(rows, &named_groups(rows), accept)),
        ["api"] => Some(json!({
            "kind": "APIVersions",
            "versions": versions(""),
            "serverAddressByClientCIDRs": [],
        })),
        ["apis"] => {
            let groups: Vec<Value> = named_groups(rows).iter().map(|g| group(rows, g)).collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["api", version] if versions("").contains(version) => {
            Some(resource_list(rows, "", version))
        }
        ["apis", name] if !versions(name).is_empty() => {
            let mut value = group(rows, name);
            value["kind"] = "APIGroup".into();
            value["apiVersion"] = "v1".into();
            Some(value)
        }
        ["apis", name, version] if versions(name).contains(version) => {
            Some(resource_list(rows, name, version))
        }
        _ => None,
    }
}

/// What is served: the kinds of the table and their other versions, those that are never stored, and
/// custom kinds.
pub fn rows(kinds: Kinds<'_>) -> Vec<&'static KindRow> {
    let mut rows: Vec<&'static KindRow> = Kind::ALL.iter().map(|kind| kind.row()).collect();
    rows.extend(super::version::rows());
    rows.extend(&super::rest::REVIEWS);
    rows.push(&super::component::ROW);
    rows.extend(kinds.custom().iter().map(|kind| kind.row()));
    rows
}

/// What can be done with a kind.
pub fn verbs(row: &KindRow) -> &'static [&'static str] {
    match row.group {
        "" if row.kind == super::component::ROW.kind => &["get", "list"],
        "authentication.k8s.io" | "authorization.k8s.io" => &["create"],
        _ => &VERBS,
    }
}

/// The versions of a group, the preferred one first.
pub fn versions(rows: &[&'static KindRow], group: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for row in rows.iter().filter(|row| row.group == group) {
        if !found.contains(&row.version) {
            found.push(row.version);
        }
    }
    // Stable before beta, later before earlier, as upstream prefers.
    order::sort_by_key(&mut found, |version| {
        let stable = !version.contains("beta") && !version.contains("alpha");
        (!stable, std::cmp::Reverse(*version))
    });
    found
}

/// Every group but the core one, in the table's order.
pub fn named_groups(rows: &[&'static KindRow]) -> Vec<&'static str> {
    let mut found = Vec::new();
    for row in rows.iter().filter(|row| !row.group.is_empty()) {
        if !found.contains(&row.group) {
            found.push(row.group);
        }
    }
    found
}

/// `group/version`, or the version alone for the core group.
pub fn group_version(group: &str, version: &str) -> String {
    match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    }
}

fn root_paths(rows: &[&'static KindRow]) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for group in named_groups(rows) {
        paths.push(format!("/apis/{group}"));
        let of = versions(rows, group).into_iter();
        paths.extend(of.map(|version| format!("/apis/{group}/{version}")));
    }
    let others = [
        "/healthz",
        "/livez",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    ];
    paths.extend(others.map(str::to_owned));
    json!({"paths": paths})
}

fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": "kubarium/simulated",
    })
}

fn group(rows: &[&'static KindRow], name: &str) -> Value {
    let found = versions(rows, name);
    let shown =
        |version: &&str| json!({"groupVersion": group_version(name, version), "version": version});
    json!({
        "name": name,
        "versions": found.iter().map(shown).collect::<Vec<_>>(),
        "preferredVersion": found.first().map(shown),
    })
}

/// The categories that a kind belongs to: `all` is what `kubectl get all` gets.
pub fn categories(row: &KindRow) -> &'static [&'static str] {
    match (row.group, row.kind) {
        ("", "Pod" | "Service" | "ReplicationController")
        | ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch", "Job" | "CronJob")
        | ("autoscaling", "HorizontalPodAutoscaler") => &["all"],
        ("apiextensions.k8s.io", "CustomResourceDefinition") => &["api-extensions"],
        _ => row.categories,
    }
}

/// What a subresource reads and writes, where that is another kind: group, version, kind.
fn subresource_kind(
    row: &KindRow,
    subresource: &str,
) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match subresource {
        "scale" => ("autoscaling", "v1", "Scale"),
        "binding" => ("", "v1", "Binding"),
        "eviction" => ("policy", "v1", "Eviction"),
        "token" => ("authentication.k8s.io", "v1", "TokenRequest"),
        "exec" => ("", "v1", "PodExecOptions"),
        "attach" => ("", "v1", "PodAttachOptions"),
        "portforward" => ("", "v1", "PodPortForwardOptions"),
        "proxy" if row.kind == "Pod" => ("", "v1", "PodProxyOptions"),
        "proxy" => ("", "v1", "ServiceProxyOptions"),
        _ => return None,
    })
}

fn subresource_verbs(subresource: &str) -> &'static [&'static str] {
    match subresource {
        "binding" | "eviction" | "token" => &["create"],
        "exec" | "attach" | "portforward" => &["create", "get"],
        "log" => &["get"],
        "proxy" => &["create", "delete", "get", "patch", "update"],
        "finalize" => &["update"],
        _ => &["get", "patch", "update"],
    }
}

fn resource_list(rows: &[&'static KindRow], group: &str, version: &str) -> Value {
    let mut resources = Vec::new();
    for row in rows
        .iter()
        .filter(|row| row.group == group && row.version == version)
    {
        let namespaced = row.scope == Scope::Namespaced;
        let mut resource = json!({
            "name": row.plural, "singularName": row.singular, "namespaced": namespaced,
            "kind": row.kind, "verbs": verbs(row),
        });
        if !row.short_names.is_empty() {
            resource["shortNames"] = json!(row.short_names);
        }
        if !categories(row).is_empty() {
            resource["categories"] = json!(categories(row));
        }
        resources.push(resource);
        for subresource in row.subresources {
            let mut shown = json!({
                "name": format!("{}/{subresource}", row.plural), "singularName": "",
                "namespaced": namespaced, "kind": row.kind,
                "verbs": subresource_verbs(subresource),
            });
            if let Some((group, version, kind)) = subresource_kind(row, subresource) {
                shown["kind"] = kind.into();
                if !group.is_empty() {
                    shown["group"] = group.into();
                    shown["version"] = version.into();
                }
            }
            resources.push(shown);
        }
    }
    json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": group_version(group, version), "resources": resources,
    })
}

fn group_list(rows: &[&'static KindRow], groups: &[&str], accept: &str) -> Value {
    let versions = |group: &str| versions(rows, group);
    // kubectl asks for v2 first; a client that only knows the beta gets that.
    let stable = accept.split(',').any(|media| {
        media.contains("g=apidiscovery.k8s.io")
            && media.contains("v=v2")
            && !media.contains("v=v2beta1")
    });
    let version = if stable { "v2" } else { "v2beta1" };
    let items: Vec<Value> = groups
        .iter()
        .filter(|group| !versions(group).is_empty())
        .map(|group| {
            let versions = versions(group);
            let versions = versions.iter().map(|version| {
                let resources = rows
                    .iter()
                    .filter(|row| row.group == *group && row.version == *version)
                    .map(|row| aggregated(row));
                json!({
                    "version": version, "freshness": "Current",
                    "resources": resources.collect::<Vec<_>>(),
                })
            });
            let metadata = match *group {
                "" => json!({"creationTimestamp": null}),
                name => json!({"name": name, "creationTimestamp": null}),
            };
            json!({"metadata": metadata, "versions": versions.collect::<Vec<_>>()})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": items,
    })
}

fn kind_json(group: &str, version: &str, kind: &str) -> Value {
    json!({"group": group, "version": version, "kind": kind})
}

fn aggregated(row: &KindRow) -> Value {
    let own = || kind_json(row.group, row.version, row.kind);
    let subresources = row.subresources.iter().map(|subresource| {
        let kind = match subresource_kind(row, subresource) {
            Some((group, version, kind)) => kind_json(group, version, kind),
            None => own(),
        };
        json!({
            "subresource": subresource, "responseKind": kind,
            "verbs": subresource_verbs(subresource),
        })
    });
    let mut resource = json!({
        "resource": row.plural,
        "responseKind": own(),
        "scope": if row.scope == Scope::Namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": row.singular,
        "verbs": verbs(row),
    });
    let subresources: Vec<Value> = subresources.collect();
    for (name, shown) in [
        ("shortNames", json!(row.short_names)),
        ("categories", json!(categories(row))),
        ("subresources", Value::Array(subresources)),
    ] {
        if shown.as_array().is_some_and(|list| !list.is_empty()) {
            resource[name] = shown;
        }
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

    #[test]
    fn every_kind_is_told_both_ways() {
        for kind in Kind::ALL {
            let row = kind.row();
            let root = match row.group {
                "" => format!("/api/{}", row.version),
                group => format!("/apis/{group}/{}", row.version),
            };
            let list = answer(&root, "", Kinds::of_table()).expect("a list of resources");
            let resources = list["resources"].as_array().expect("resources");
            let found = resources.iter().find(|r| r["name"] == row.plural);
            assert_eq!(found.expect("listed")["kind"], row.kind);
            let top = if row.group.is_empty() {
                "/api"
            } else {
                "/apis"
            };
            let text = answer(top, AGGREGATED, Kinds::of_table())
                .expect("aggregated")
                .to_string();
            assert!(
                text.contains(&format!("\"resource\":\"{}\"", row.plural)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_served_is_not_told() {
        for path in [
            "/apis/apps/v1beta1",
            "/apis/nothing",
            "/api/v2",
            "/elsewhere",
        ] {
            assert_eq!(answer(path, "", Kinds::of_table()), None, "{path}");
        }
        assert_eq!(
            answer("/version", "", Kinds::of_table()).expect("a version")["minor"],
            "36"
        );
        let legacy = answer("/apis", "", Kinds::of_table()).expect("groups");
        assert_eq!(legacy["kind"], "APIGroupList");
    }
}
