//! What else may refuse or change an object.

use super::super::server;
use super::{change_refused, container, object, pod, refused_by, stored};
use kubarium::apiserver::ApiServer;
use serde_json::{Value, json};

fn cluster_object(version: &str, kind: &str, name: &str, fields: Value) -> Value {
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
    for (name, value) in fields.as_object().expect("fields") {
        object[name] = value.clone();
    }
    object
}

fn with_name(mut object: Value, name: &str) -> Value {
    object["metadata"]["name"] = json!(name);
    object
}

#[test]
fn a_pod_runs_as_an_account_that_exists() {
    let mut api = server::server(&[]);
    let plain = stored(&mut api, container(json!({})));
    let spec = &plain["spec"];
    assert_eq!(spec["serviceAccountName"], "default");
    assert_eq!(spec["serviceAccount"], "default");
    let mount = &spec["containers"][0]["volumeMounts"][0];
    assert_eq!(mount["name"], spec["volumes"][0]["name"]);
    assert_eq!(
        mount["mountPath"],
        "/var/run/secrets/kubernetes.io/serviceaccount"
    );
    let nobody =
        pod(json!({"serviceAccountName": "nope", "containers": [{"name": "c", "image": "i"}]}));
    assert_eq!(
        refused_by(&mut api, with_name(nobody, "y")),
        "error looking up service account default/nope: serviceaccount \"nope\" not found"
    );
}

#[test]
fn a_pod_has_the_priority_of_its_class() {
    let mut api = server::server(&[]);
    let plain = stored(&mut api, with_name(container(json!({})), "a"));
    assert_eq!(plain["spec"]["priority"], 0);
    assert_eq!(plain["spec"]["preemptionPolicy"], "PreemptLowerPriority");
    let version = "scheduling.k8s.io/v1";
    let class = json!({"value": 7, "globalDefault": true, "preemptionPolicy": "Never"});
    stored(
        &mut api,
        cluster_object(version, "PriorityClass", "seven", class),
    );
    let plain = stored(&mut api, with_name(container(json!({})), "b"));
    assert_eq!(plain["spec"]["priorityClassName"], "seven");
    assert_eq!(plain["spec"]["priority"], 7);
    assert_eq!(plain["spec"]["preemptionPolicy"], "Never");
    let critical = json!({"priorityClassName": "system-node-critical", "containers": [{"name": "c", "image": "i"}]});
    let critical = stored(&mut api, with_name(pod(critical), "c"));
    assert_eq!(critical["spec"]["priority"], 2_000_001_000);
    let nope = json!({"priorityClassName": "nope", "containers": [{"name": "c", "image": "i"}]});
    assert_eq!(
        refused_by(&mut api, pod(nope)),
        "no PriorityClass with name nope was found"
    );
    let second = json!({"value": 8, "globalDefault": true});
    assert_eq!(
        refused_by(
            &mut api,
            cluster_object(version, "PriorityClass", "eight", second)
        ),
        "PriorityClass seven is already marked as default. Only one default can exist"
    );
}

fn limited() -> ApiServer {
    let mut api = server::server(&[]);
    let range = json!({"limits": [
        {"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "1"},
         "min": {"cpu": "50m"}, "maxLimitRequestRatio": {"cpu": "5"}},
        {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}},
    ]});
    stored(&mut api, object("v1", "LimitRange", range));
    api
}

#[test]
fn a_limit_range_gives_and_refuses() {
    let mut api = limited();
    let plain = stored(&mut api, container(json!({})));
    let resources = &plain["spec"]["containers"][0]["resources"];
    assert_eq!(
        *resources,
        json!({"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}})
    );
    assert_eq!(
        plain["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    );
    let asks = |request: &str, limit: &str| {
        container(json!({"resources": {"requests": {"cpu": request}, "limits": {"cpu": limit}}}))
    };
    assert_eq!(
        refused_by(&mut api, with_name(asks("600m", "2"), "y")),
        "maximum cpu usage per Container is 1, but limit is 2"
    );
    assert_eq!(
        refused_by(&mut api, with_name(asks("10m", "1"), "y")),
        "[minimum cpu usage per Container is 50m, but request is 10m, \
         cpu max limit to request ratio per Container is 5, but provided ratio is 100.000000]"
    );
    let claim =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}});
    assert_eq!(
        refused_by(&mut api, object("v1", "PersistentVolumeClaim", claim)),
        "maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi"
    );
}

#[test]
fn a_quota_counts_what_is_there() {
    let mut api = server::server(&[]);
    let quota = |name: &str, hard: Value| {
        with_name(object("v1", "ResourceQuota", json!({"hard": hard})), name)
    };
    stored(
        &mut api,
        quota(
            "q",
            json!({"pods": "2", "requests.cpu": "1", "services.nodeports": "1", "count/configmaps": "0"}),
        ),
    );
    server::count_quota(&mut api, "q");
    let asks = |cpu: &str| container(json!({"resources": {"requests": {"cpu": cpu}}}));
    assert_eq!(
        refused_by(&mut api, container(json!({}))),
        "failed quota: q: must specify requests.cpu for: c"
    );
    stored(&mut api, with_name(asks("600m"), "a"));
    assert_eq!(
        refused_by(&mut api, with_name(asks("0.5"), "b")),
        "exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1"
    );
    stored(&mut api, with_name(asks("100m"), "b"));
    assert_eq!(
        refused_by(&mut api, with_name(asks("400m"), "c")),
        "exceeded quota: q, requested: pods=1,requests.cpu=400m, used: pods=2,requests.cpu=700m, limited: pods=2,requests.cpu=1"
    );
    let ports = json!([{"name": "a", "port": 1}, {"name": "b", "port": 2}]);
    assert_eq!(
        refused_by(
            &mut api,
            object("v1", "Service", json!({"type": "NodePort", "ports": ports}))
        ),
        "exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1"
    );
    let map = cluster_object("v1", "ConfigMap", "m", json!({}));
    assert_eq!(
        refused_by(&mut api, map),
        "exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=0, limited: count/configmaps=0"
    );
}

#[test]
fn a_namespace_enforces_a_standard() {
    let mut api = server::server(&[]);
    let labels = json!({"pod-security.kubernetes.io/enforce": "baseline"});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "safe", "labels": labels}});
    stored(&mut api, namespace);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "safe"}});
    stored(&mut api, account);
    let mut privileged = container(json!({"securityContext": {"privileged": true}}));
    privileged["metadata"]["namespace"] = json!("safe");
    assert_eq!(
        refused_by(&mut api, privileged),
        "violates PodSecurity \"baseline:latest\": privileged (container \"c\" must not set securityContext.privileged=true)"
    );
    let labels = json!({"pod-security.kubernetes.io/enforce": "strict"});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "odd", "labels": labels}});
    assert_eq!(
        refused_by(&mut api, namespace),
        "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"strict\": must be one of privileged, baseline, restricted"
    );
}

#[test]
fn default_classes_are_given() {
    let mut api = server::server(&[]);
    let claim =
        json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    let claim = |name: &str| with_name(object("v1", "PersistentVolumeClaim", claim.clone()), name);
    let none = stored(&mut api, claim("a"));
    assert!(none["spec"].get("storageClassName").is_none());
    let mut class = cluster_object(
        "storage.k8s.io/v1",
        "StorageClass",
        "fast",
        json!({"provisioner": "p"}),
    );
    class["metadata"]["annotations"] =
        json!({"storageclass.kubernetes.io/is-default-class": "true"});
    stored(&mut api, class);
    let mut given = stored(&mut api, claim("b"));
    assert_eq!(given["spec"]["storageClassName"], "fast");
    given["spec"]["resources"]["requests"]["storage"] = json!("2Gi");
    let told = change_refused(&mut api, given);
    assert!(told.starts_with("spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"), "{told}");
    let mut class = cluster_object(
        "networking.k8s.io/v1",
        "IngressClass",
        "nginx",
        json!({"spec": {"controller": "k8s.io/nginx"}}),
    );
    class["metadata"]["annotations"] =
        json!({"ingressclass.kubernetes.io/is-default-class": "true"});
    stored(&mut api, class);
    let backend = json!({"service": {"name": "s", "port": {"number": 80}}});
    let ingress = stored(
        &mut api,
        object(
            "networking.k8s.io/v1",
            "Ingress",
            json!({"defaultBackend": backend}),
        ),
    );
    assert_eq!(ingress["spec"]["ingressClassName"], "nginx");
}

#[test]
fn a_runtime_class_costs_something() {
    let mut api = server::server(&[]);
    let of = |name: &str| {
        pod(json!({"runtimeClassName": name, "containers": [{"name": "c", "image": "i"}]}))
    };
    assert_eq!(
        refused_by(&mut api, of("vm")),
        "pod rejected: RuntimeClass \"vm\" not found"
    );
    let class = json!({
        "handler": "vm", "overhead": {"podFixed": {"cpu": "100m"}},
        "scheduling": {"nodeSelector": {"vm": "yes"}},
    });
    stored(
        &mut api,
        cluster_object("node.k8s.io/v1", "RuntimeClass", "vm", class),
    );
    let pod = stored(&mut api, of("vm"));
    assert_eq!(pod["spec"]["overhead"], json!({"cpu": "100m"}));
    assert_eq!(pod["spec"]["nodeSelector"], json!({"vm": "yes"}));
}
