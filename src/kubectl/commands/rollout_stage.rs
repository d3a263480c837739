//! How far a rollout is, in words.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go, v1.36.

use crate::api::meta::MetaExt;
use crate::api::{Object, condition};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};

/// How far a rollout is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    Waiting(String),
    Done(String),
    Failed(String),
}

/// What `kubectl rollout status` says of a Deployment.
pub fn status_text(deployment: &Deployment) -> String {
    match of_deployment(deployment) {
        Stage::Waiting(text) | Stage::Done(text) | Stage::Failed(text) => text,
    }
}

/// How far the rollout of `object` is; only kinds that roll out are asked about.
pub fn of(object: &Object) -> Stage {
    match object {
        Object::Deployment(deployment) => of_deployment(deployment),
        Object::DaemonSet(set) => of_daemon_set(set),
        Object::StatefulSet(set) => of_stateful_set(set),
        _ => Stage::Failed(String::new()),
    }
}

fn unobserved(what: &str) -> Stage {
    Stage::Waiting(format!("Waiting for {what} spec update to be observed..."))
}

fn not_rolling() -> Stage {
    let text = "rollout status is only available for RollingUpdate strategy type";
    Stage::Failed(text.to_owned())
}

/// A stage of something that is called by its kind and name: done where nothing is left to say.
fn of_named(what: &str, name: &str, rest: Option<String>) -> Stage {
    match rest {
        None => Stage::Done(format!("{what} \"{name}\" successfully rolled out")),
        Some(rest) => Stage::Waiting(format!(
            "Waiting for {what} \"{name}\" rollout to finish: {rest}..."
        )),
    }
}

fn of_deployment(deployment: &Deployment) -> Stage {
    let name = deployment.name();
    let spec = deployment.spec.clone().unwrap_or_default();
    let status = deployment.status.clone().unwrap_or_default();
    let observed = status.observed_generation.unwrap_or(0);
    if deployment.metadata.generation.unwrap_or(0) > observed {
        return unobserved("deployment");
    }
    let progressing = condition::find(status.conditions.as_ref(), "Progressing");
    if progressing.is_some_and(|c| c.reason.as_deref() == Some("ProgressDeadlineExceeded")) {
        let text = format!("deployment \"{name}\" exceeded its progress deadline");
        return Stage::Failed(text);
    }
    let updated = status.updated_replicas.unwrap_or(0);
    let replicas = status.replicas.unwrap_or(0);
    let available = status.available_replicas.unwrap_or(0);
    let wanted = spec.replicas.unwrap_or(1);
    let rest = if updated < wanted {
        Some(format!(
            "{updated} out of {wanted} new replicas have been updated"
        ))
    } else if replicas > updated {
        let old = replicas - updated;
        Some(format!("{old} old replicas are pending termination"))
    } else if available < updated {
        Some(format!(
            "{available} of {updated} updated replicas are available"
        ))
    } else {
        None
    };
    of_named("deployment", name, rest)
}

fn of_daemon_set(set: &DaemonSet) -> Stage {
    let strategy = set.spec.as_ref().and_then(|s| s.update_strategy.as_ref());
    if strategy.is_none_or(|s| s.type_.as_deref() != Some("RollingUpdate")) {
        return not_rolling();
    }
    let status = set.status.clone().unwrap_or_default();
    let observed = status.observed_generation.unwrap_or(0);
    if set.metadata.generation.unwrap_or(0) > observed {
        return unobserved("daemon set");
    }
    let wanted = status.desired_number_scheduled;
    let updated = status.updated_number_scheduled.unwrap_or(0);
    let available = status.number_available.unwrap_or(0);
    let rest = if updated < wanted {
        Some(format!(
            "{updated} out of {wanted} new pods have been updated"
        ))
    } else if available < wanted {
        Some(format!(
            "{available} of {wanted} updated pods are available"
        ))
    } else {
        None
    };
    of_named("daemon set", set.name(), rest)
}

fn of_stateful_set(set: &StatefulSet) -> Stage {
    let spec = set.spec.clone().unwrap_or_default();
    let strategy = spec.update_strategy.unwrap_or_default();
    if strategy.type_.as_deref() != Some("RollingUpdate") {
        return not_rolling();
    }
    let status = set.status.clone().unwrap_or_default();
    let observed = status.observed_generation.unwrap_or(0);
    if observed == 0 || set.metadata.generation.unwrap_or(0) > observed {
        return unobserved("statefulset");
    }
    let wanted = spec.replicas.unwrap_or(1);
    let missing = wanted - status.ready_replicas.unwrap_or(0);
    if missing > 0 {
        return Stage::Waiting(format!("Waiting for {missing} pods to be ready..."));
    }
    let updated = status.updated_replicas.unwrap_or(0);
    let update = status.update_revision.unwrap_or_default();
    if let Some(rolling) = strategy.rolling_update {
        let wanted = wanted - rolling.partition.unwrap_or(0);
        if updated < wanted {
            return Stage::Waiting(format!(
                "Waiting for partitioned roll out to finish: {updated} out of {wanted} new pods have been updated..."
            ));
        }
        return Stage::Done(format!(
            "partitioned roll out complete: {updated} new pods have been updated..."
        ));
    }
    if status.current_revision.unwrap_or_default() != update {
        return Stage::Waiting(format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {update}..."
        ));
    }
    let current = status.current_replicas.unwrap_or(0);
    Stage::Done(format!(
        "statefulset rolling update complete {current} pods at revision {update}..."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, codec};
    use serde_json::json;

    #[test]
    fn the_stages_of_a_rollout() {
        let stage = |generation: i64, status: serde_json::Value| {
            let json = json!({
                "metadata": {"name": "web", "generation": generation},
                "spec": {"replicas": 3, "selector": {}, "template": {}}, "status": status
            });
            of_deployment(&codec::from_value(json).expect("it decodes"))
        };
        let status = |updated: i32, replicas: i32, available: i32| json!({"observedGeneration": 2, "updatedReplicas": updated, "replicas": replicas, "availableReplicas": available});
        for (generation, status, want) in [
            (
                3,
                status(3, 3, 3),
                "Waiting for deployment spec update to be observed...",
            ),
            (
                2,
                status(1, 4, 3),
                "Waiting for deployment \"web\" rollout to finish: 1 out of 3 new replicas have been updated...",
            ),
            (
                2,
                status(3, 4, 3),
                "Waiting for deployment \"web\" rollout to finish: 1 old replicas are pending termination...",
            ),
            (
                2,
                status(3, 3, 2),
                "Waiting for deployment \"web\" rollout to finish: 2 of 3 updated replicas are available...",
            ),
            (
                2,
                status(3, 3, 3),
                "deployment \"web\" successfully rolled out",
            ),
        ] {
            let stage = stage(generation, status);
            match want.contains("successfully") {
                true => assert_eq!(stage, Stage::Done(want.to_owned())),
                false => assert_eq!(stage, Stage::Waiting(want.to_owned())),
            }
        }
        let late = json!({"observedGeneration": 2, "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]});
        let text = "deployment \"web\" exceeded its progress deadline";
        assert_eq!(stage(2, late), Stage::Failed(text.to_owned()));
    }

    fn of_kind(kind: Kind, json: serde_json::Value) -> String {
        match of(&Object::from_json(kind, json).expect("it decodes")) {
            Stage::Waiting(text) => text,
            Stage::Done(text) => format!("done: {text}"),
            Stage::Failed(text) => format!("failed: {text}"),
        }
    }

    #[test]
    fn the_stages_of_a_daemon_set() {
        let stage = |kind: &str, generation: i64, counts: [i32; 3]| {
            let [desired, updated, available] = counts;
            of_kind(
                Kind::DaemonSet,
                json!({
                    "metadata": {"name": "agent", "generation": generation},
                    "spec": {"selector": {}, "template": {}, "updateStrategy": {"type": kind}},
                    "status": {"observedGeneration": 2, "desiredNumberScheduled": desired,
                        "currentNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0,
                        "updatedNumberScheduled": updated, "numberAvailable": available},
                }),
            )
        };
        let waiting = "Waiting for daemon set \"agent\" rollout to finish: ";
        for (kind, generation, counts, want) in [
            (
                "OnDelete",
                2,
                [3, 3, 3],
                "failed: rollout status is only available for RollingUpdate strategy type"
                    .to_owned(),
            ),
            (
                "RollingUpdate",
                3,
                [3, 3, 3],
                "Waiting for daemon set spec update to be observed...".to_owned(),
            ),
            (
                "RollingUpdate",
                2,
                [3, 1, 2],
                format!("{waiting}1 out of 3 new pods have been updated..."),
            ),
            (
                "RollingUpdate",
                2,
                [3, 3, 2],
                format!("{waiting}2 of 3 updated pods are available..."),
            ),
            (
                "RollingUpdate",
                2,
                [3, 3, 3],
                "done: daemon set \"agent\" successfully rolled out".to_owned(),
            ),
        ] {
            assert_eq!(stage(kind, generation, counts), want);
        }
    }

    #[test]
    fn the_stages_of_a_stateful_set() {
        let stage = |rolling: serde_json::Value, generation: i64, ready: i32, updated: i32| {
            of_kind(
                Kind::StatefulSet,
                json!({
                    "metadata": {"name": "db", "generation": generation},
                    "spec": {"replicas": 3, "serviceName": "db", "selector": {}, "template": {},
                        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling}},
                    "status": {"observedGeneration": 2, "replicas": 3, "readyReplicas": ready,
                        "updatedReplicas": updated, "currentReplicas": 3 - updated,
                        "currentRevision": "db-1", "updateRevision": "db-2"},
                }),
            )
        };
        let none = serde_json::Value::Null;
        let partition = json!({"partition": 1});
        for (rolling, generation, ready, updated, want) in [
            (
                &none,
                3,
                3,
                0,
                "Waiting for statefulset spec update to be observed...",
            ),
            (&none, 2, 1, 0, "Waiting for 2 pods to be ready..."),
            (
                &none,
                2,
                3,
                1,
                "waiting for statefulset rolling update to complete 1 pods at revision db-2...",
            ),
            (
                &partition,
                2,
                3,
                1,
                "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
            ),
            (
                &partition,
                2,
                3,
                2,
                "done: partitioned roll out complete: 2 new pods have been updated...",
            ),
        ] {
            assert_eq!(stage(rolling.clone(), generation, ready, updated), want);
        }
    }
}
