//! A ReplicationController in words: those of a ReplicaSet, which it is the older form of.

use super::replica_set;
use super::writer::Writer;
use crate::kubectl::failure::Failure;
use crate::kubectl::shell::Shell;
use k8s_openapi::api::apps::v1::{
    ReplicaSet, ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus,
};
use k8s_openapi::api::core::v1::ReplicationController;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

pub fn write(
    w: &mut Writer,
    controller: &ReplicationController,
    shell: &mut Shell<'_>,
) -> Result<(), Failure> {
    let spec = controller.spec.clone().unwrap_or_default();
    let status = controller.status.clone().unwrap_or_default();
    let conditions = status.conditions.map(|conditions| {
        let condition = conditions.into_iter().map(|given| ReplicaSetCondition {
            type_: given.type_,
            status: given.status,
            reason: given.reason,
            message: given.message,
            last_transition_time: given.last_transition_time,
        });
        condition.collect()
    });
    let set = ReplicaSet {
        metadata: controller.metadata.clone(),
        spec: Some(ReplicaSetSpec {
            replicas: spec.replicas,
            selector: LabelSelector {
                match_labels: spec.selector,
                match_expressions: None,
            },
            template: spec.template,
            min_ready_seconds: spec.min_ready_seconds,
        }),
        status: Some(ReplicaSetStatus {
            replicas: status.replicas,
            conditions,
            ..ReplicaSetStatus::default()
        }),
    };
    replica_set::write(w, &set, shell)
}
