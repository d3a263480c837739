//! Storage, network, policy and rbac.

use super::super::server;
use super::{accepted, change_refused, object, refused, stored};
use serde_json::{Value, json};

fn plain(version: &str, kind: &str, fields: Value) -> Value {
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}});
    for (name, value) in fields.as_object().expect("fields") {
        object[name] = value.clone();
    }
    object
}

#[test]
fn secrets_have_what_their_type_needs() {
    let tls = json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "YQ=="}});
    assert_eq!(
        refused(plain("v1", "Secret", tls)),
        "data[tls.key]: Required value"
    );
    let plain_text = json!({"stringData": {"a": "b"}});
    let secret = accepted(plain("v1", "Secret", plain_text));
    assert_eq!(secret["type"], "Opaque");
    assert_eq!(secret["data"], json!({"a": "Yg=="}));
    assert!(secret.get("stringData").is_none());
    let mut api = server::server(&[]);
    let fixed = json!({"immutable": true, "data": {"a": "Yg=="}});
    let mut fixed = stored(&mut api, plain("v1", "Secret", fixed));
    fixed["data"]["a"] = json!("Yw==");
    assert_eq!(
        change_refused(&mut api, fixed),
        "data: Forbidden: field is immutable when `immutable` is set"
    );
}

#[test]
fn claims_and_volumes_say_how_much_and_how() {
    assert_eq!(
        refused(object("v1", "PersistentVolumeClaim", json!({}))),
        "[spec.accessModes: Required value: at least 1 access mode is required, \
         spec.resources[storage]: Required value]"
    );
    let spec = json!({
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/a"}, "nfs": {"server": "s", "path": "/b"},
    });
    let told = refused(object("v1", "PersistentVolume", spec));
    assert_eq!(
        told,
        "spec.nfs: Forbidden: may not specify more than 1 volume type"
    );
    let class = accepted(plain(
        "storage.k8s.io/v1",
        "StorageClass",
        json!({"provisioner": "p"}),
    ));
    assert_eq!(class["reclaimPolicy"], "Delete");
    assert_eq!(class["volumeBindingMode"], "Immediate");
}

#[test]
fn an_ingress_leads_somewhere() {
    assert_eq!(
        refused(object("networking.k8s.io/v1", "Ingress", json!({}))),
        "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"
    );
    let path = |path: &str| {
        let backend = json!({"service": {"name": "s", "port": {"number": 80}}});
        json!({"rules": [{"http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}]})
    };
    accepted(object("networking.k8s.io/v1", "Ingress", path("/a")));
    assert_eq!(
        refused(object("networking.k8s.io/v1", "Ingress", path("a"))),
        "spec.rules[0].http.paths[0].path: Invalid value: \"a\": must be an absolute path"
    );
}

#[test]
fn a_network_policy_has_its_types_by_what_it_says() {
    let spec = json!({"podSelector": {}, "egress": [{}]});
    let policy = accepted(object("networking.k8s.io/v1", "NetworkPolicy", spec));
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    let spec = json!({"podSelector": {}, "ingress": [{"from": [
        {"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}, {},
    ]}]});
    assert_eq!(
        refused(object("networking.k8s.io/v1", "NetworkPolicy", spec)),
        "[spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer, \
         spec.ingress[0].from[1]: Required value: must specify a peer]"
    );
}

#[test]
fn a_budget_is_one_number() {
    let spec =
        json!({"minAvailable": 1, "maxUnavailable": 1, "selector": {"matchLabels": {"a": "b"}}});
    assert_eq!(
        refused(object("policy/v1", "PodDisruptionBudget", spec)),
        "spec: Invalid value: {\"MinAvailable\":1,\"Selector\":{\"matchLabels\":{\"a\":\"b\"}},\"MaxUnavailable\":1,\"UnhealthyPodEvictionPolicy\":null}: minAvailable and maxUnavailable cannot be both set"
    );
    let spec = json!({"minAvailable": "half"});
    let told = refused(object("policy/v1", "PodDisruptionBudget", spec));
    assert!(
        told.contains("spec.minAvailable: Invalid value: \"half\": a valid percent string"),
        "{told}"
    );
}

#[test]
fn an_autoscaler_has_a_target_and_bounds() {
    let of = |more: Value| {
        let mut spec = json!({
            "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"},
            "maxReplicas": 3,
        });
        for (name, value) in more.as_object().expect("fields") {
            spec[name] = value.clone();
        }
        object("autoscaling/v2", "HorizontalPodAutoscaler", spec)
    };
    let scaler = accepted(of(json!({})));
    assert_eq!(scaler["spec"]["minReplicas"], 1);
    assert_eq!(
        scaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"],
        80
    );
    assert_eq!(
        refused(of(json!({"minReplicas": 5}))),
        "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"
    );
}

#[test]
fn roles_and_bindings_say_whom_and_what() {
    let group = "rbac.authorization.k8s.io/v1";
    let role = json!({"rules": [{"apiGroups": [""], "resources": ["pods"]}, {"verbs": ["get"]}]});
    assert_eq!(
        refused(plain(group, "Role", role)),
        "[rules[0].verbs: Required value: verbs must contain at least one value, \
         rules[1].apiGroups: Required value: resource rules must supply at least one api group, \
         rules[1].resources: Required value: resource rules must supply at least one resource]"
    );
    let mut api = server::server(&[]);
    let binding = json!({
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "s"}, {"kind": "User", "name": "u"}],
    });
    let mut cluster = binding.clone();
    cluster["roleRef"]["kind"] = json!("ClusterRole");
    let told = refused(plain(group, "ClusterRoleBinding", cluster));
    assert_eq!(told, "subjects[0].namespace: Required value");
    let mut binding = binding;
    binding["subjects"][0]["namespace"] = json!("default");
    let mut binding = stored(&mut api, plain(group, "RoleBinding", binding));
    assert_eq!(
        binding["subjects"][1]["apiGroup"],
        "rbac.authorization.k8s.io"
    );
    binding["roleRef"]["name"] = json!("other");
    assert_eq!(
        change_refused(&mut api, binding),
        "roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"Role\",\"Name\":\"other\"}: cannot change roleRef"
    );
}
