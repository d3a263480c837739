//! Decisions on stored roles, and what may be given to others.

use super::*;
use crate::apiserver::door::{FieldValidation, decode};
use crate::apiserver::{ApiServer, Request};
use crate::sim::{SimRng, SimTime};
use serde_json::{Value, json};
use std::sync::Arc;

const NOW: SimTime = SimTime::from_secs(100);

fn server() -> ApiServer {
    let mut api = ApiServer::new(Default::default(), SimRng::new(1));
    for name in ["default", "kube-system", "kube-public", "shop"] {
        let metadata = json!({"name": name});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        write(&mut api, None, namespace).expect("a namespace");
    }
    api.ensure_policy(NOW);
    api
}

fn write(api: &mut ApiServer, user: Option<&Arc<User>>, json: Value) -> Result<(), Status> {
    let object = decode(json, FieldValidation::Strict).expect("a manifest");
    let request = Request::by_user(Operation::Create(object)).made_for(user);
    api.handle(request, NOW).map(|_| ())
}

fn rbac(kind: &str, metadata: Value, rest: Value) -> Value {
    let mut json = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind});
    json["metadata"] = metadata;
    for (name, value) in rest.as_object().expect("fields") {
        json[name] = value.clone();
    }
    json
}

fn bind(role: &str, subject: &str, namespace: &str) -> Value {
    let name = format!("{role}-{subject}");
    let mut role_ref = json!({"apiGroup": "rbac.authorization.k8s.io", "name": role});
    role_ref["kind"] = if role.starts_with("own") {
        "Role"
    } else {
        "ClusterRole"
    }
    .into();
    let rest = json!({"roleRef": role_ref, "subjects": [{"kind": "User", "name": subject}]});
    match namespace {
        "" => rbac("ClusterRoleBinding", json!({"name": name}), rest),
        namespace => {
            let metadata = json!({"name": name, "namespace": namespace});
            rbac("RoleBinding", metadata, rest)
        }
    }
}

fn user(name: &str) -> Arc<User> {
    Arc::new(User::impersonated(name, Vec::new()))
}

/// `verb resource[.group][/subresource] [name] [-n namespace]`, or `verb /path`.
fn asked(line: &str) -> Attributes {
    let (line, namespace) = line.split_once(" -n ").unwrap_or((line, ""));
    let mut parts = line.split(' ');
    let verb = parts.next().unwrap_or_default().to_owned();
    let what = parts.next().unwrap_or_default();
    if what.starts_with('/') {
        let path = what.to_owned();
        return Attributes {
            verb,
            path,
            ..Attributes::default()
        };
    }
    let (what, subresource) = what.split_once('/').unwrap_or((what, ""));
    let (resource, group) = what.split_once('.').unwrap_or((what, ""));
    Attributes {
        verb,
        group: group.to_owned(),
        resource: resource.to_owned(),
        subresource: subresource.to_owned(),
        namespace: namespace.to_owned(),
        name: parts.next().unwrap_or_default().to_owned(),
        path: String::new(),
    }
}

fn may(api: &ApiServer, name: &str, line: &str) -> bool {
    let access = Access::new(api.etcd());
    access.decide(&user(name), &asked(line)).allowed
}

#[test]
fn rules_are_matched_as_upstream_matches_them() {
    let mut api = server();
    let rules = json!([
        {"apiGroups": [""], "resources": ["pods", "*/scale"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["web"], "verbs": ["*"]},
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["watch"]},
        {"nonResourceURLs": ["/logs/*", "/metrics"], "verbs": ["get"]},
    ]);
    let role = rbac(
        "ClusterRole",
        json!({"name": "mixed"}),
        json!({"rules": rules}),
    );
    write(&mut api, None, role).expect("a role");
    write(&mut api, None, bind("mixed", "ann", "")).expect("a binding");
    write(&mut api, None, bind("mixed", "bob", "shop")).expect("a binding");
    for (name, line, want) in [
        ("ann", "get pods", true),
        ("ann", "get pods -n shop", true),
        ("ann", "get pods/log -n shop", false),
        ("ann", "create pods", false),
        ("ann", "get replicationcontrollers/scale", true),
        ("ann", "get deployments.apps/scale", false),
        ("ann", "delete deployments.apps web -n shop", true),
        ("ann", "delete deployments.apps api -n shop", false),
        ("ann", "list deployments.apps -n shop", false),
        ("ann", "watch anything.example.com/status", true),
        ("ann", "get /logs/kube", true),
        ("ann", "get /metrics", true),
        ("ann", "get /metrics/slis", false),
        ("ann", "get /api/v1", true),
        ("ann", "post /metrics", false),
        ("bob", "get pods -n shop", true),
        ("bob", "get pods -n default", false),
        ("bob", "get pods", false),
        ("bob", "get /metrics", false),
        ("cat", "get pods -n shop", false),
        ("system:anonymous", "get /api", false),
        ("system:anonymous", "get /healthz", true),
        ("system:kube-scheduler", "create pods/binding -n shop", true),
        (
            "system:serviceaccount:kube-system:replicaset-controller",
            "create pods -n shop",
            true,
        ),
        (
            "system:serviceaccount:shop:replicaset-controller",
            "create pods -n shop",
            false,
        ),
    ] {
        assert_eq!(may(&api, name, line), want, "{name}: {line}");
    }
}

#[test]
fn a_refusal_says_what_was_asked() {
    let mut api = server();
    write(&mut api, None, bind("own-gone", "jane", "shop")).expect("a binding");
    let text = |name: &str, line: &str| {
        let access = Access::new(api.etcd());
        let refused = access.check(&user(name), &asked(line));
        refused.expect_err("refused").message
    };
    for (name, line, want) in [
        (
            "jane",
            "list pods -n default",
            r#"pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default""#,
        ),
        (
            "jane",
            "delete deployments.apps web -n default",
            r#"deployments.apps "web" is forbidden: User "jane" cannot delete resource "deployments" in API group "apps" in the namespace "default""#,
        ),
        (
            "jane",
            "list nodes",
            r#"nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope"#,
        ),
        (
            "jane",
            "get pods/log web -n default",
            r#"pods "web" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "default""#,
        ),
        (
            "jane",
            "get /metrics",
            r#"forbidden: User "jane" cannot get path "/metrics""#,
        ),
        (
            "jane",
            "list pods -n shop",
            r#"pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "shop": RBAC: role.rbac.authorization.k8s.io "own-gone" not found"#,
        ),
    ] {
        assert_eq!(text(name, line), want);
    }
}

#[test]
fn who_is_allowed_is_told_by_whom() {
    let api = server();
    let access = Access::new(api.etcd());
    let told = |user: &User| access.decide(user, &asked("delete nodes"));
    let admin = told(&User::admin());
    let want = r#"RBAC: allowed by ClusterRoleBinding "kubeadm:cluster-admins" of ClusterRole "cluster-admin" to Group "kubeadm:cluster-admins""#;
    assert_eq!((admin.allowed, admin.reason.as_str()), (true, want));
    let account = User::of_part("node-controller");
    let want = r#"RBAC: allowed by ClusterRoleBinding "system:controller:node-controller" of ClusterRole "system:controller:node-controller" to ServiceAccount "node-controller/kube-system""#;
    assert_eq!(told(&account).reason, want);
    let masters = User::impersonated("root", vec![user::MASTERS.to_owned()]);
    assert!(told(&masters).allowed && told(&masters).reason.is_empty());
    // Even without any binding, the cluster is its owner's.
    let bare = ApiServer::new(Default::default(), SimRng::new(1));
    let access = Access::new(bare.etcd());
    assert!(
        access
            .decide(&User::admin(), &asked("delete nodes"))
            .allowed
    );
    assert!(!access.decide(&user("jane"), &asked("delete nodes")).allowed);
}

#[test]
fn nobody_gives_more_than_he_has() {
    let mut api = server();
    let pods =
        json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]});
    let more = json!({"rules": [
        {"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["web"], "verbs": ["delete"]},
    ]});
    let read = rbac(
        "Role",
        json!({"name": "own-read", "namespace": "shop"}),
        pods.clone(),
    );
    write(&mut api, None, read).expect("a role");
    write(&mut api, None, bind("own-read", "jane", "shop")).expect("a binding");
    let jane = user("jane");
    let role = |name: &str, rules: &Value| {
        rbac(
            "Role",
            json!({"name": name, "namespace": "shop"}),
            rules.clone(),
        )
    };
    write(&mut api, Some(&jane), role("same", &pods)).expect("she has as much");
    let refused = write(&mut api, Some(&jane), role("more", &more)).expect_err("refused");
    assert_eq!(
        refused.message,
        r#"roles.rbac.authorization.k8s.io "more" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}
{APIGroups:["apps"], Resources:["deployments"], ResourceNames:["web"], Verbs:["delete"]}"#
    );
    write(&mut api, Some(&jane), bind("own-read", "tom", "shop")).expect("what she has");
    let refused = write(
        &mut api,
        Some(&jane),
        bind("system:kube-dns", "tom", "shop"),
    )
    .expect_err("refused");
    assert!(
        refused.message.starts_with(
            r#"rolebindings.rbac.authorization.k8s.io "system:kube-dns-tom" is forbidden: user "jane""#
        ),
        "{refused}"
    );
    let missing = write(&mut api, Some(&jane), bind("own-none", "tom", "shop"));
    let want = r#"role.rbac.authorization.k8s.io "own-none" not found"#;
    assert_eq!(missing.expect_err("refused").message, want);
    // The verbs `bind` and `escalate` let her.
    let verbs = json!({"rules": [
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": ["system:kube-dns"], "verbs": ["bind"]},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate"]},
    ]});
    write(&mut api, None, role("own-more", &verbs)).expect("a role");
    write(&mut api, None, bind("own-more", "jane", "shop")).expect("a binding");
    write(
        &mut api,
        Some(&jane),
        bind("system:kube-dns", "tom", "shop"),
    )
    .expect("she may bind it");
    write(&mut api, Some(&jane), role("more", &more)).expect("she may escalate");
    let refused = write(&mut api, Some(&jane), bind("edit", "tom", "shop"));
    assert!(
        refused.is_ok(),
        "edit has no rules until they are aggregated"
    );
    let all = json!({"aggregationRule": {"clusterRoleSelectors": [{}]}});
    let role = rbac("ClusterRole", json!({"name": "all"}), all);
    let refused = write(&mut api, Some(&jane), role)
        .expect_err("refused")
        .message;
    assert_eq!(
        refused,
        r#"clusterroles.rbac.authorization.k8s.io "all" is forbidden: must have cluster-admin privileges to use the aggregationRule"#
    );
}
