//! kube-controller-manager: one file or folder per controller, all reading the same informers.
//!
//! Upstream: cmd/kube-controller-manager/app/controllermanager.go, v1.36. Left out: leader election
//! (there is one replica) and the controllers of kinds that are not served.

mod cluster_role_aggregation;
mod deployment;
mod endpoint_slice;
mod endpoints;
mod garbage_collector;
#[cfg(test)]
mod harness;
mod informers;
mod manager;
mod namespace;
mod node_lifecycle;
mod owned_pods;
mod pods;
mod replica_set;
mod replication;
mod resource_quota;
mod root_ca;
mod selected_pods;
mod service_account;
mod service_pods;
mod taint_eviction;
mod token_secrets;
mod trigger_time;

pub use deployment::budget as rollout_budget;
pub use informers::{Change, Informers, MetaChange};
pub use manager::{Controller, ControllerManager};
