//! kube-controller-manager: one file or folder per controller, all reading the same informers.
//!
//! Upstream: cmd/kube-controller-manager/app/controllermanager.go, v1.36. Left out: leader election
//! (there is one replica) and the controllers of kinds that are not served.

mod cluster_role_aggregation;
mod cron_job;
mod custom_resource_definition;
mod daemon_set;
mod deployment;
mod disruption;
mod endpoint_slice;
mod endpoints;
mod garbage_collector;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod harness_sets;
mod history;
mod informers;
mod int_or_percent;
mod job;
mod manager;
mod namespace;
mod node_lifecycle;
mod owned_pods;
mod pod_control;
mod pod_gc;
mod pods;
mod replica_set;
mod replication;
mod resource_quota;
mod root_ca;
mod selected_pods;
mod service_account;
mod service_load_balancer;
mod service_pods;
mod stateful_set;
mod taint_eviction;
mod templated;
mod token_secrets;
mod trigger_time;
mod ttl_after_finished;
mod volume;

pub use custom_resource_definition::DefinitionControllers;
pub use deployment::budget as rollout_budget;
pub use informers::{Change, Informers, MetaChange};
use int_or_percent::int_or_percent;
pub use manager::{Controller, ControllerManager};
pub use service_load_balancer::POOL_SIZE;
