//! ReplicationControllers as if they were ReplicaSets of an older version.
//!
//! Upstream: pkg/controller/replication/conversion.go, v1.36. A ReplicationController selects by
//! labels alone, may change what it selects by, and does not count Pods that are ending.

use crate::api::{Kind, NamespacedName, Status, meta, owner};
use crate::client::{self, Ctx};
use crate::controller::Informers;
use k8s_openapi::api::apps::v1::{
    ReplicaSet, ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus,
};
use k8s_openapi::api::core::v1::{
    ObjectReference, ReplicationController, ReplicationControllerCondition,
    ReplicationControllerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use std::sync::Arc;

/// The set of `kind` that is called `key`.
pub fn set(kind: Kind, key: &NamespacedName, informers: &Informers) -> Option<Arc<ReplicaSet>> {
    match kind {
        Kind::ReplicationController => {
            let found = informers.replication_controllers.get(key)?;
            Some(Arc::new(as_set(found)))
        }
        _ => informers.replica_sets.get(key).cloned(),
    }
}

/// The sets of `kind` in `namespace`, by name.
pub fn sets(kind: Kind, namespace: &str, informers: &Informers) -> Vec<Arc<ReplicaSet>> {
    match kind {
        Kind::ReplicationController => {
            let found = informers.replication_controllers.in_namespace(namespace);
            found.map(|one| Arc::new(as_set(one))).collect()
        }
        _ => {
            let found = informers.replica_sets.in_namespace(namespace);
            found.cloned().collect()
        }
    }
}

/// The reference that makes `set`, which is of `kind`, the controller of a Pod.
pub fn controller_ref(kind: Kind, set: &ReplicaSet) -> OwnerReference {
    OwnerReference {
        api_version: kind.api_version(),
        kind: kind.row().kind.to_owned(),
        ..owner::controller_ref(set)
    }
}

/// What an event about `set` refers to.
pub fn reference(kind: Kind, set: &ReplicaSet) -> ObjectReference {
    ObjectReference {
        api_version: Some(kind.api_version()),
        kind: Some(kind.row().kind.to_owned()),
        ..client::reference(set)
    }
}

/// Writes the status of `set` to the object of `kind` that it stands for.
///
/// # Errors
/// The API server's refusal.
pub fn write_status(
    kind: Kind,
    set: &ReplicaSet,
    status: ReplicaSetStatus,
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    let metadata = meta::identity(&set.metadata);
    match kind {
        Kind::ReplicationController => {
            let written = ctx.update_status(ReplicationController {
                metadata,
                spec: None,
                status: Some(as_controller_status(status)),
            });
            written.map(|_| ())
        }
        _ => {
            let written = ctx.update_status(ReplicaSet {
                metadata,
                spec: None,
                status: Some(status),
            });
            written.map(|_| ())
        }
    }
}

fn as_set(controller: &ReplicationController) -> ReplicaSet {
    let spec = controller.spec.clone().map(|spec| ReplicaSetSpec {
        min_ready_seconds: spec.min_ready_seconds,
        replicas: spec.replicas,
        selector: LabelSelector {
            match_labels: spec.selector,
            match_expressions: None,
        },
        template: spec.template,
    });
    let condition = |given: ReplicationControllerCondition| ReplicaSetCondition {
        type_: given.type_,
        status: given.status,
        reason: given.reason,
        message: given.message,
        last_transition_time: given.last_transition_time,
    };
    let status = controller.status.clone().map(|status| ReplicaSetStatus {
        replicas: status.replicas,
        fully_labeled_replicas: status.fully_labeled_replicas,
        ready_replicas: status.ready_replicas,
        available_replicas: status.available_replicas,
        observed_generation: status.observed_generation,
        conditions: status
            .conditions
            .map(|all| all.into_iter().map(condition).collect()),
        terminating_replicas: None,
    });
    ReplicaSet {
        metadata: controller.metadata.clone(),
        spec,
        status,
    }
}

fn as_controller_status(status: ReplicaSetStatus) -> ReplicationControllerStatus {
    let condition = |given: ReplicaSetCondition| ReplicationControllerCondition {
        type_: given.type_,
        status: given.status,
        reason: given.reason,
        message: given.message,
        last_transition_time: given.last_transition_time,
    };
    ReplicationControllerStatus {
        replicas: status.replicas,
        fully_labeled_replicas: status.fully_labeled_replicas,
        ready_replicas: status.ready_replicas,
        available_replicas: status.available_replicas,
        observed_generation: status.observed_generation,
        conditions: status
            .conditions
            .map(|all| all.into_iter().map(condition).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn a_controllers_status_survives_the_way_there_and_back() {
        let controller: ReplicationController = codec::from_value(json!({
            "metadata": {"name": "web"},
            "spec": {"replicas": 3, "selector": {"app": "web"}, "minReadySeconds": 5},
            "status": {
                "replicas": 3, "readyReplicas": 2, "observedGeneration": 4,
                "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}]
            }
        }))
        .expect("it decodes");
        let set = as_set(&controller);
        let spec = set.spec.expect("it has one");
        assert_eq!((spec.replicas, spec.min_ready_seconds), (Some(3), Some(5)));
        let labels = spec.selector.match_labels.expect("labels");
        assert_eq!(labels["app"], "web");
        let back = as_controller_status(set.status.expect("it has one"));
        assert_eq!(Some(back), controller.status);
        let owner = controller_ref(Kind::ReplicationController, &ReplicaSet::default());
        assert_eq!(
            (owner.api_version.as_str(), owner.kind.as_str()),
            ("v1", "ReplicationController")
        );
    }
}
