//! kube-controller-manager: one file or folder per controller, all reading the same informers.
//!
//! Upstream: cmd/kube-controller-manager/app/controllermanager.go, v1.36. Left out: leader election
//! (there is one replica) and the controllers of kinds that are not served.

mod informers;
mod manager;

pub use informers::{Change, Informers};
pub use manager::{Controller, ControllerManager};
