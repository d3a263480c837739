//! What keeps Pods, and what runs them to their end.

use super::super::server;
use super::{accepted, change_refused, object, refused, stored, template};
use serde_json::{Value, json};

fn selecting(version: &str, kind: &str, more: Value) -> Value {
    let mut spec = json!({"selector": {"matchLabels": {"app": "a"}}, "template": template()});
    for (name, value) in more.as_object().expect("fields") {
        spec[name] = value.clone();
    }
    object(version, kind, spec)
}

#[test]
fn a_stateful_set_has_its_defaults_and_keeps_most_of_its_spec() {
    let mut api = server::server(&[]);
    let claim = json!({"metadata": {"name": "d"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    }});
    let more = json!({"serviceName": "s", "volumeClaimTemplates": [claim]});
    let set = stored(&mut api, selecting("apps/v1", "StatefulSet", more));
    let spec = &set["spec"];
    assert_eq!(spec["replicas"], 1);
    assert_eq!(spec["podManagementPolicy"], "OrderedReady");
    assert_eq!(spec["updateStrategy"]["rollingUpdate"]["partition"], 0);
    assert_eq!(spec["revisionHistoryLimit"], 10);
    let claim = &spec["volumeClaimTemplates"][0];
    assert_eq!(claim["kind"], "PersistentVolumeClaim");
    assert_eq!(claim["spec"]["volumeMode"], "Filesystem");
    assert_eq!(claim["status"]["phase"], "Pending");
    let mut changed = set.clone();
    changed["spec"]["serviceName"] = json!("other");
    let told = change_refused(&mut api, changed);
    assert!(
        told.starts_with("spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy'"),
        "{told}"
    );
}

#[test]
fn a_daemon_set_updates_one_way() {
    let set = accepted(selecting("apps/v1", "DaemonSet", json!({})));
    let rolling =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
    assert_eq!(set["spec"]["updateStrategy"], rolling);
    let none = json!({"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}});
    assert_eq!(
        refused(selecting("apps/v1", "DaemonSet", none)),
        "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"
    );
    let both = json!({"updateStrategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}});
    assert_eq!(
        refused(selecting("apps/v1", "DaemonSet", both)),
        "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"
    );
}

#[test]
fn what_lasts_starts_its_pods_again() {
    for kind in ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"] {
        let mut template = template();
        template["spec"]["restartPolicy"] = json!("Never");
        let told = refused(selecting("apps/v1", kind, json!({"template": template})));
        assert_eq!(
            told,
            "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
            "{kind}"
        );
    }
}

#[test]
fn a_job_selects_its_own_pods() {
    let mut template = template();
    template["spec"]["restartPolicy"] = json!("Never");
    let job = accepted(object("batch/v1", "Job", json!({"template": template})));
    let uid = &job["metadata"]["uid"];
    let selected = &job["spec"]["selector"]["matchLabels"];
    assert_eq!(selected["batch.kubernetes.io/controller-uid"], *uid);
    let labels = &job["spec"]["template"]["metadata"]["labels"];
    assert_eq!(labels["job-name"], "x");
    assert_eq!(job["spec"]["backoffLimit"], 6);
    assert_eq!(job["spec"]["completionMode"], "NonIndexed");
    let always = object("batch/v1", "Job", json!({"template": super::template()}));
    assert_eq!(
        refused(always),
        "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""
    );
}

#[test]
fn a_cron_job_has_a_schedule() {
    let mut template = template();
    template["spec"]["restartPolicy"] = json!("OnFailure");
    let of = |schedule: &str| {
        let spec = json!({"schedule": schedule, "jobTemplate": {"spec": {"template": template}}});
        object("batch/v1", "CronJob", spec)
    };
    let job = accepted(of("*/5 * * * *"));
    assert_eq!(job["spec"]["concurrencyPolicy"], "Allow");
    assert_eq!(job["spec"]["successfulJobsHistoryLimit"], 3);
    assert_eq!(
        refused(of("* * * *")),
        "spec.schedule: Invalid value: \"* * * *\": expected exactly 5 fields, found 4: [* * * *]"
    );
    assert_eq!(refused(of("")), "spec.schedule: Required value");
}

#[test]
fn a_replication_controller_selects_by_its_template() {
    let rc = accepted(object(
        "v1",
        "ReplicationController",
        json!({"template": template()}),
    ));
    assert_eq!(rc["spec"]["selector"], json!({"app": "a"}));
    assert_eq!(rc["metadata"]["labels"], json!({"app": "a"}));
    let spec = json!({"selector": {"app": "b"}, "template": template()});
    assert_eq!(
        refused(object("v1", "ReplicationController", spec)),
        "spec.template.metadata.labels: Invalid value: {\"app\":\"a\"}: `selector` does not match template `labels`"
    );
}
