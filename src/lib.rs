//! Kubarium: a whole Kubernetes cluster under glass.
//!
//! Every module in one sentence, lowest layer first. A module may import only those the table in
//! `ARCHITECTURE.md` allows; `tests/tidy.rs` checks it.

#![warn(missing_docs)]

pub mod api;
pub mod apiserver;
pub mod client;
pub mod cluster;
pub mod controller;
pub mod etcd;
pub mod kubectl;
pub mod kubelet;
pub mod network;
pub mod protocol;
pub mod scheduler;
pub mod session;
pub mod sim;
