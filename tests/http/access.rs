//! Who may do what: impersonation, reviews, and what the real kubectl makes of them.

use crate::client::Answer;
use crate::kubectl::Kubectl;
use crate::server::Server;
use serde_json::{Value, json};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const REVIEWS: &str = "/apis/authorization.k8s.io/v1";

/// Gives `jane` what reads Pods in the namespace `default`.
fn give(server: &Server) {
    let rules =
        json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]);
    let role = json!({"metadata": {"name": "reader"}, "rules": rules});
    server.create(&format!("{RBAC}/namespaces/default/roles"), &role);
    let binding = json!({
        "metadata": {"name": "readers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "User", "name": "jane"}],
    });
    server.create(&format!("{RBAC}/namespaces/default/rolebindings"), &binding);
}

fn as_user(server: &Server, user: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let ask = server.ask(method, path).header("Impersonate-User", user);
    match body {
        Some(body) => ask.json(body).send(),
        None => ask.send(),
    }
}

#[test]
fn a_request_is_judged_by_whom_it_is_for() {
    let server = Server::start(&[]);
    give(&server);
    let pods = "/api/v1/namespaces/default/pods";
    let code = |user: &str, method: &str, path: &str, body: Option<Value>| {
        as_user(&server, user, method, path, body.as_ref()).code
    };
    for (method, path, want) in [
        ("GET", pods, 200),
        ("GET", "/api/v1/namespaces/default/pods/none", 404),
        ("GET", "/api/v1/pods", 403),
        ("GET", "/api/v1/namespaces/kube-system/pods", 403),
        ("GET", "/api/v1/namespaces/default/pods/none/log", 403),
        ("GET", "/api/v1/namespaces/default/none", 403),
        ("GET", "/apis/none.example.com/v1/things", 403),
        ("DELETE", pods, 403),
        ("GET", "/apis", 200),
        ("GET", "/version", 200),
        ("GET", "/openapi/v3", 200),
        ("GET", "/metrics", 403),
    ] {
        assert_eq!(code("jane", method, path, None), want, "{method} {path}");
    }
    assert_eq!(code("system:anonymous", "GET", "/openapi/v3", None), 403);
    assert_eq!(code("system:anonymous", "GET", "/healthz", None), 200);
    let pod = json!({"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "nginx"}]}});
    let refused = as_user(&server, "jane", "POST", pods, Some(&pod));
    let status = refused.json();
    assert_eq!(
        (refused.code, status["reason"].as_str()),
        (403, Some("Forbidden"))
    );
    assert_eq!(
        status["message"],
        r#"pods is forbidden: User "jane" cannot create resource "pods" in API group "" in the namespace "default""#
    );
    assert_eq!(status["details"]["kind"], "pods");
    // An apply that would create needs both.
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}]);
    let role = json!({"metadata": {"name": "reader"}, "rules": rules});
    let path = format!("{RBAC}/namespaces/default/roles/reader");
    assert_eq!(server.ask("PUT", path).json(&role).send().code, 200);
    let path = "/api/v1/namespaces/default/configmaps/new?fieldManager=t";
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}});
    let ask = server.ask("PATCH", path).header("Impersonate-User", "jane");
    let refused = ask
        .typed("application/apply-patch+yaml", &map.to_string())
        .send();
    assert_eq!(refused.code, 403, "{}", refused.text);
    let group = server
        .ask("GET", pods)
        .header("Impersonate-Group", "dev")
        .send();
    assert_eq!(group.code, 400, "{}", group.text);
}

/// What is answered to a review that `user` asks for.
fn review(server: &Server, user: &str, path: &str, body: &Value) -> Value {
    let answer = as_user(server, user, "POST", path, Some(body));
    assert!(answer.code < 300, "{path}: {}", answer.text);
    answer.json()
}

#[test]
fn reviews_are_answered() {
    let server = Server::start(&[]);
    give(&server);
    let ask = |user: &str, path: &str, body: Value| review(&server, user, path, &body);
    let attributes = json!({"verb": "list", "resource": "pods", "namespace": "default"});
    let own = format!("{REVIEWS}/selfsubjectaccessreviews");
    let about = json!({"spec": {"resourceAttributes": attributes}});
    let told = ask("jane", &own, about.clone());
    assert_eq!(told["kind"], "SelfSubjectAccessReview");
    assert_eq!(told["status"]["allowed"], true);
    let reason = told["status"]["reason"].as_str().expect("a reason");
    assert!(
        reason.contains(r#"RoleBinding "readers/default" of Role "reader" to User "jane""#),
        "{reason}"
    );
    assert_eq!(ask("tom", &own, about)["status"], json!({"allowed": false}));
    let others = format!("{REVIEWS}/subjectaccessreviews");
    let about = json!({"spec": {"user": "jane", "resourceAttributes": attributes}});
    let told = server.create(&others, &about);
    assert_eq!(told["status"]["allowed"], true);
    assert_eq!(
        as_user(&server, "jane", "POST", &others, Some(&about)).code,
        403
    );
    let local = format!("{REVIEWS}/namespaces/default/localsubjectaccessreviews");
    assert_eq!(server.create(&local, &about)["status"]["allowed"], true);
    let elsewhere = format!("{REVIEWS}/namespaces/kube-system/localsubjectaccessreviews");
    let refused = server.ask("POST", elsewhere).json(&about).send();
    assert_eq!(
        (refused.code, refused.json()["message"].as_str()),
        (
            422,
            Some(
                r#".authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "default": must match metadata.namespace"#
            )
        )
    );
    let empty = server.ask("POST", others).json(&json!({"spec": {}})).send();
    assert_eq!(empty.code, 422);
    assert!(
        empty
            .text
            .contains("at least one of user or group must be specified"),
        "{}",
        empty.text
    );
}

#[test]
fn one_is_told_who_one_is_and_what_one_may() {
    let server = Server::start(&[]);
    give(&server);
    let ask = |user: &str, path: &str, body: Value| review(&server, user, path, &body);
    let rules = format!("{REVIEWS}/selfsubjectrulesreviews");
    let told = ask("jane", &rules, json!({"spec": {"namespace": "default"}}));
    let verbs = told
        .pointer("/status/resourceRules")
        .and_then(Value::as_array);
    assert!(
        verbs
            .expect("rules")
            .iter()
            .any(|rule| rule["resources"] == json!(["pods"])),
        "{told}"
    );
    let who = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let told = ask("jane", who, json!({}));
    let want = json!({"username": "jane", "groups": ["system:authenticated"]});
    assert_eq!(told["status"]["userInfo"], want);
    let token = "/apis/authentication.k8s.io/v1/tokenreviews";
    let told = server.create(token, &json!({"spec": {"token": "abc"}}));
    assert_eq!(
        told["status"],
        json!({"user": {}, "error": "invalid bearer token"})
    );
    assert_eq!(server.get(token).code, 405);
}

#[test]
fn kubectl_asks_what_is_allowed() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    give(&kubectl.server);
    kubectl.expect(&[
        ("auth whoami", "kubernetes-admin"),
        (
            "auth whoami",
            "[kubeadm:cluster-admins system:authenticated]",
        ),
        (
            "auth whoami --as jane --as-group dev --as-uid 7",
            "[dev system:authenticated]",
        ),
        ("auth can-i delete nodes", "yes"),
        ("auth can-i * *", "yes"),
        ("auth can-i list pods --as jane", "yes"),
        ("auth can-i get /version --as jane", "yes"),
        ("auth can-i --list --as jane", "Non-Resource URLs"),
        (
            "auth can-i create pods --as system:serviceaccount:kube-system:replicaset-controller",
            "yes",
        ),
        ("get pods --as jane", "No resources found"),
        ("api-resources --as jane", "selfsubjectaccessreviews"),
        ("explain selfsubjectaccessreview.spec", "resourceAttributes"),
        (
            "get clusterroles",
            "system:controller:replicaset-controller",
        ),
        (
            "create role own --verb=get --resource=pods",
            "role.rbac.authorization.k8s.io/own created",
        ),
        (
            "create rolebinding own --role=own --serviceaccount=default:x",
            "created",
        ),
        (
            "auth can-i get pods --as system:serviceaccount:default:x",
            "yes",
        ),
        ("describe clusterrole edit", "deployments.apps"),
    ]);
    for (line, words) in [
        ("auth can-i list pods --as tom", "no"),
        ("auth can-i list pods --as jane -A", "no"),
        (
            "get nodes --as jane",
            r#"Error from server (Forbidden): nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope"#,
        ),
        (
            "create role more --verb=get --resource=secrets --as jane",
            r#"roles.rbac.authorization.k8s.io is forbidden: User "jane" cannot create resource "roles""#,
        ),
        (
            "create clusterrolebinding x --clusterrole=cluster-admin --user=tom --as system:serviceaccount:kube-system:clusterrole-aggregation-controller",
            "is forbidden",
        ),
    ] {
        let (code, text) = kubectl.try_run(line);
        assert_eq!(code, 1, "kubectl {line}\n{text}");
        assert!(
            text.contains(words),
            "kubectl {line}\n{text}\nlacks: {words}"
        );
    }
}

/// Makes the account `robot` and answers its token for `spec`.
fn token_of(server: &Server, spec: &Value) -> String {
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    server.create(accounts, &json!({"metadata": {"name": "robot"}}));
    let given = server.create(&format!("{accounts}/robot/token"), &json!({"spec": spec}));
    assert_eq!(
        (&given["kind"], &given["apiVersion"]),
        (&json!("TokenRequest"), &json!("authentication.k8s.io/v1"))
    );
    let token = given.pointer("/status/token").and_then(Value::as_str);
    token.expect("a token").to_owned()
}

#[test]
fn who_brings_a_token_is_its_account() {
    let server = Server::start(&[]);
    let token = token_of(&server, &json!({}));
    let pods = "/api/v1/namespaces/default/pods";
    let bring = |token: &str, method: &'static str, path: &str| {
        let header = format!("Bearer {token}");
        server.ask(method, path).header("Authorization", &header)
    };
    let refused = bring(&token, "GET", pods).send();
    assert_eq!(refused.code, 403);
    assert_eq!(
        refused.json()["message"],
        r#"pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" in the namespace "default""#
    );
    let role = json!({"metadata": {"name": "reader"}, "rules": [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    ]});
    server.create(&format!("{RBAC}/namespaces/default/roles"), &role);
    let binding = json!({
        "metadata": {"name": "readers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}],
    });
    server.create(&format!("{RBAC}/namespaces/default/rolebindings"), &binding);
    assert_eq!(bring(&token, "GET", pods).send().code, 200);
    assert_eq!(bring(&token, "DELETE", pods).send().code, 403);
    let impersonated = bring(&token, "GET", pods).header("Impersonate-User", "jane");
    let refused = impersonated.send();
    assert_eq!(refused.code, 403, "{}", refused.text);
    assert!(
        refused.text.contains("cannot impersonate"),
        "{}",
        refused.text
    );
    let own = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let told = bring(&token, "POST", own).json(&json!({})).send().json();
    let user = &told["status"]["userInfo"];
    assert_eq!(user["username"], "system:serviceaccount:default:robot");
    assert_eq!(
        user["groups"],
        json!([
            "system:serviceaccounts",
            "system:serviceaccounts:default",
            "system:authenticated"
        ])
    );
    assert!(user["extra"]["authentication.kubernetes.io/credential-id"].is_array());
    let account = "/api/v1/namespaces/default/serviceaccounts/robot";
    assert_eq!(server.ask("DELETE", account).send().code, 200);
    assert_eq!(
        bring(&token, "GET", pods).send().code,
        401,
        "its account is gone"
    );
}

#[test]
fn who_brings_a_wrong_token_is_nobody() {
    let server = Server::start(&[]);
    for path in ["/api/v1/namespaces/default/pods", "/openapi/v3", "/healthz"] {
        let ask = server.ask("GET", path);
        let refused = ask.header("Authorization", "Bearer nonsense").send();
        assert_eq!(refused.code, 401, "{path}: {}", refused.text);
        let status = refused.json();
        assert_eq!(
            (&status["reason"], &status["message"], &status["code"]),
            (&json!("Unauthorized"), &json!("Unauthorized"), &json!(401))
        );
    }
    let basic = server.ask("GET", "/api/v1/nodes");
    let basic = basic.header("Authorization", "Basic YTpi").send();
    assert_eq!(basic.code, 200, "who brings no token is the owner");
}

#[test]
fn tokens_are_reviewed() {
    let server = Server::start(&[]);
    let token = token_of(
        &server,
        &json!({"audiences": ["vault"], "expirationSeconds": 900}),
    );
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    let ask = |audiences: &[&str]| {
        let spec = json!({"token": token, "audiences": audiences});
        server.create(reviews, &json!({"spec": spec}))["status"].clone()
    };
    let told = ask(&["vault", "x"]);
    assert_eq!(told["authenticated"], true);
    assert_eq!(told["audiences"], json!(["vault"]));
    assert_eq!(
        told["user"]["username"],
        "system:serviceaccount:default:robot"
    );
    assert!(told["user"]["uid"].is_string());
    let told = ask(&[]);
    assert_eq!(told["authenticated"], Value::Null);
    let why = told["error"].as_str().expect("why not");
    assert!(why.contains("is invalid for the target audiences"), "{why}");
    let path = "/api/v1/namespaces/default/serviceaccounts/robot/token";
    let wrong = json!({"spec": {"expirationSeconds": "x"}});
    assert_eq!(server.ask("POST", path).json(&wrong).send().code, 400);
    assert_eq!(server.get(path).code, 405);
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.expect(&[
        (
            "create serviceaccount robot",
            "serviceaccount/robot created",
        ),
        (
            "create token robot --duration 20m -o yaml",
            "kind: TokenRequest",
        ),
        ("create token robot --audience vault", "eyJ"),
        ("get serviceaccounts", "robot"),
        ("describe serviceaccount robot", "Name:"),
        (
            "get configmap kube-root-ca.crt -o yaml",
            "BEGIN CERTIFICATE",
        ),
    ]);
}

#[test]
fn other_versions_are_served_of_the_same_objects() {
    let server = Server::start(&[]);
    let v1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
    let v2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let scaler = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 5, "targetCPUUtilizationPercentage": 60},
    });
    let made = server.create(v1, &scaler);
    assert_eq!(made["apiVersion"], "autoscaling/v1");
    assert_eq!(made["spec"]["targetCPUUtilizationPercentage"], 60);
    let newer = server.get(&format!("{v2}/web")).json();
    assert_eq!(newer["apiVersion"], "autoscaling/v2");
    let average = newer.pointer("/spec/metrics/0/resource/target/averageUtilization");
    assert_eq!(average, Some(&json!(60)));
    for (media, patch) in [
        (
            "application/merge-patch+json",
            json!({"spec": {"targetCPUUtilizationPercentage": 70}}),
        ),
        (
            "application/strategic-merge-patch+json",
            json!({"spec": {"targetCPUUtilizationPercentage": 71}}),
        ),
        (
            "application/json-patch+json",
            json!([{"op": "replace", "path": "/spec/targetCPUUtilizationPercentage", "value": 72}]),
        ),
    ] {
        let ask = server.ask("PATCH", format!("{v1}/web"));
        let patched = ask.typed(media, &patch.to_string()).send();
        assert_eq!(patched.code, 200, "{}", patched.text);
        assert_eq!(patched.json()["apiVersion"], "autoscaling/v1");
    }
    let mut full = server.get(&format!("{v1}/web")).json();
    assert_eq!(full["spec"]["targetCPUUtilizationPercentage"], 72);
    full["spec"]["maxReplicas"] = 9.into();
    let put = server.ask("PUT", format!("{v1}/web")).json(&full).send();
    assert_eq!(
        (put.code, put.json()["spec"]["maxReplicas"].clone()),
        (200, json!(9))
    );
    let list = server.get(v1).json();
    assert_eq!(list["apiVersion"], "autoscaling/v1");
    assert_eq!(
        list["items"][0]["spec"]["targetCPUUtilizationPercentage"],
        72
    );
    let mut wrong = scaler;
    wrong["apiVersion"] = "autoscaling/v2".into();
    assert_eq!(server.ask("POST", v1).json(&wrong).send().code, 400);
}

#[test]
fn events_have_newer_names_too() {
    let server = Server::start(&[]);
    let events = "/apis/events.k8s.io/v1/namespaces/default/events";
    let mut event = json!({
        "metadata": {"name": "noted"}, "regarding": {"kind": "Pod", "name": "web", "namespace": "default"},
        "eventTime": "2026-01-01T00:00:30.000000Z", "type": "Normal", "reason": "Noted",
        "action": "Noting", "note": "a note", "reportingController": "example.com/notes",
        "reportingInstance": "notes-1",
    });
    assert_eq!(server.create(events, &event)["note"], "a note");
    let old = server.get("/api/v1/namespaces/default/events/noted").json();
    assert_eq!(
        (old["message"].as_str(), old["apiVersion"].as_str()),
        (Some("a note"), Some("v1"))
    );
    let one = server
        .get(&format!("{events}?fieldSelector=regarding.name%3Dweb"))
        .json();
    assert_eq!(one["items"].as_array().map(Vec::len), Some(1), "{one}");
    let watched = server.get(&format!(
        "{events}?watch=1&timeoutSeconds=1&fieldSelector=regarding.name%3Dweb"
    ));
    assert!(
        watched.text.contains("\"note\":\"a note\""),
        "{}",
        watched.text
    );
    event["metadata"]["name"] = "old".into();
    event["deprecatedCount"] = 3.into();
    let refused = server.ask("POST", events).json(&event).send();
    assert_eq!(refused.code, 422);
    assert!(
        refused
            .text
            .contains("count: Invalid value: \\\"\\\": needs to be unset"),
        "{}",
        refused.text
    );
}

#[test]
fn the_parts_of_the_control_plane_are_told() {
    let server = Server::start(&[]);
    let answer = server.get("/api/v1/componentstatuses");
    assert_eq!(
        answer.warnings(),
        ["299 - \"v1 ComponentStatus is deprecated in v1.19+\""]
    );
    let list = answer.json();
    let items = list["items"].as_array().expect("items");
    let names: Vec<&str> = items
        .iter()
        .filter_map(|item| item["metadata"]["name"].as_str())
        .collect();
    assert_eq!(names, ["controller-manager", "etcd-0", "scheduler"]);
    let one = server.get("/api/v1/componentstatuses/etcd-0").json();
    assert_eq!(
        one["conditions"],
        json!([{"type": "Healthy", "status": "True", "message": "ok"}])
    );
    assert_eq!(
        server
            .ask("DELETE", "/api/v1/componentstatuses/etcd-0")
            .send()
            .code,
        405
    );
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.expect(&[
        (
            "get componentstatuses",
            "Warning: v1 ComponentStatus is deprecated in v1.19+",
        ),
        ("get cs scheduler", "Healthy"),
        ("get cs -o yaml", "kind: ComponentStatus"),
        (
            "api-resources --api-group=events.k8s.io",
            "events.k8s.io/v1",
        ),
        ("explain hpa --api-version=autoscaling/v1", "VERSION:    v1"),
        ("create deployment web --image=nginx:1.27", "created"),
        (
            "autoscale deployment web --min=1 --max=3 --cpu-percent=50",
            "autoscaled",
        ),
        ("get hpa web", "Deployment/web"),
        (
            "get horizontalpodautoscalers.v1.autoscaling web -o yaml",
            "targetCPUUtilizationPercentage: 50",
        ),
        ("get events.events.k8s.io", "LAST SEEN"),
    ]);
}
