//! Pods.

use super::super::server;
use super::{accepted, change_refused, container, pod, refused, stored};
use serde_json::{Value, json};

#[test]
fn volumes_are_mounted_by_their_names() {
    let mounts = json!({"volumeMounts": [{"name": "v", "mountPath": "/a"}]});
    assert_eq!(
        refused(container(mounts)),
        "spec.containers[0].volumeMounts[0].name: Not found: \"v\""
    );
    let twice = json!({
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "hostPath": {"path": "/"}}],
        "containers": [{"name": "c", "image": "i", "volumeMounts": [
            {"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"},
        ]}],
    });
    assert_eq!(
        refused(pod(twice)),
        "[spec.volumes[1].name: Duplicate value: \"v\", \
         spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique]"
    );
    let none = json!({
        "volumes": [{"name": "v", "configMap": {}}, {"name": "w", "emptyDir": {}, "secret": {"secretName": "s"}}],
        "containers": [{"name": "c", "image": "i"}],
    });
    assert_eq!(
        refused(pod(none)),
        "[spec.volumes[0].configMap.name: Required value, \
         spec.volumes[1].secret: Forbidden: may not specify more than 1 volume type]"
    );
}

#[test]
fn variables_have_a_name_and_one_source() {
    let env = json!({"env": [
        {"name": ""},
        {"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "spec.nope"}}},
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "m", "key": ""}}},
        {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "requests.nope"}}},
    ]});
    let told = refused(container(env));
    for part in [
        "spec.containers[0].env[0].name: Required value",
        "spec.containers[0].env[1].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
        "spec.containers[0].env[2].valueFrom.fieldRef.fieldPath: Invalid value: \"spec.nope\": error converting fieldPath: field label not supported: spec.nope",
        "spec.containers[0].env[3].valueFrom.configMapKeyRef.key: Required value",
        "spec.containers[0].env[4].valueFrom.resourceFieldRef.resource: Unsupported value: \"requests.nope\"",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

#[test]
fn probes_have_one_handler() {
    let none = json!({"livenessProbe": {"periodSeconds": 1}});
    assert_eq!(
        refused(container(none)),
        "spec.containers[0].livenessProbe: Required value: must specify a handler type"
    );
    let two = json!({"livenessProbe": {
        "exec": {"command": ["true"]}, "tcpSocket": {"port": 80}, "successThreshold": 2,
    }});
    assert_eq!(
        refused(container(two)),
        "[spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type, \
         spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1]"
    );
    let port = json!({"readinessProbe": {"httpGet": {"port": 0}}});
    assert_eq!(
        refused(container(port)),
        "spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive"
    );
}

#[test]
fn ports_of_the_host_are_used_once() {
    let one = |name: &str| json!({"name": name, "image": "i", "ports": [{"containerPort": 80, "hostPort": 8080}]});
    assert_eq!(
        refused(pod(json!({"containers": [one("a"), one("b")]}))),
        "spec.containers[1].ports[0].hostPort: Duplicate value: \"TCP//8080\""
    );
    let host = json!({"hostNetwork": true, "containers": [
        {"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 81}]},
    ]});
    assert_eq!(
        refused(pod(host)),
        "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true"
    );
}

#[test]
fn what_is_limited_is_requested() {
    let limits = json!({"resources": {"limits": {"cpu": "1", "memory": "0.5Gi"}}});
    let pod = accepted(container(limits));
    let resources = &pod["spec"]["containers"][0]["resources"];
    assert_eq!(
        resources["requests"],
        json!({"cpu": "1", "memory": "512Mi"})
    );
    assert_eq!(pod["status"]["qosClass"], "Guaranteed");
}

#[test]
fn names_texts_and_choices_are_checked() {
    let spec = json!({
        "restartPolicy": "Sometimes",
        "dnsPolicy": "None",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": -1,
        "nodeSelector": {"bad key": "v"},
        "containers": [{"name": "c", "image": " i"}, {"name": "c", "image": "i", "imagePullPolicy": "Maybe"}],
    });
    let told = refused(pod(spec));
    for part in [
        "spec.containers[1].name: Duplicate value: \"c\"",
        "spec.containers[1].imagePullPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
        "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\"",
        "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
        "spec.nodeSelector: Invalid value: \"bad key\": name part must consist of alphanumeric characters",
        "spec.containers[0].image: Invalid value: \" i\": must not have leading or trailing whitespace",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

#[test]
fn affinity_and_spreading_are_checked() {
    let spec = json!({
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "a", "operator": "In"}, {"key": "b", "operator": "Exists", "values": ["x"]}]},
            ]}},
            "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 0, "podAffinityTerm": {"topologyKey": ""}},
            ]},
        },
        "topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "Hope"}],
        "tolerations": [{"operator": "Exists", "key": "k", "value": "v"}, {"operator": "Equal", "value": "v"}],
        "containers": [{"name": "c", "image": "i"}],
    });
    let told = refused(pod(spec));
    let node = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions";
    let near = "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]";
    for part in [
        format!("{node}[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"),
        format!("{node}[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        format!("{near}.weight: Invalid value: 0: must be in the range 1-100"),
        format!("{near}.podAffinityTerm.topologyKey: Required value: can not be empty"),
        "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero".to_owned(),
        "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty".to_owned(),
        "spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: \"Hope\": supported values: \"DoNotSchedule\", \"ScheduleAnyway\"".to_owned(),
        "spec.tolerations[0].operator: Invalid value: \"v\": value must be empty when `operator` is 'Exists'".to_owned(),
        "spec.tolerations[1].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"".to_owned(),
    ] {
        assert!(told.contains(&part), "{part}\n{told}");
    }
}

fn named(image: &str, more: Value) -> Value {
    let mut spec = json!({"containers": [{"name": "c", "image": image}]});
    for (name, value) in more.as_object().expect("fields") {
        spec[name] = value.clone();
    }
    pod(spec)
}

#[test]
fn little_of_a_pod_changes() {
    let mut api = server::server(&[]);
    let old = stored(&mut api, named("i", json!({})));
    let mut new = old.clone();
    new["spec"]["containers"][0]["image"] = json!("j");
    let changed = server::update(&mut api, new.clone()).expect("an image may change");
    assert_eq!(changed.to_json()["metadata"]["generation"], 2);
    new["spec"]["hostname"] = json!("h");
    new["metadata"]["resourceVersion"] = Value::Null;
    let told = change_refused(&mut api, new);
    let begins = "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
                  `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                  existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                  previously negative)";
    assert!(told.starts_with(begins), "{told}");
}
