//! Kubarium: a whole Kubernetes cluster under glass.
//!
//! Every module in one sentence, lowest layer first. A module may import only those that the table
//! in `ARCHITECTURE.md` allows; `tests/tidy.rs` checks it.

#![warn(missing_docs)]

// value: types to JSON values and back
pub mod value;

// sim: time, chance, order
pub mod sim;

// api: the words that every layer speaks
pub mod api;

// etcd: the versioned store
pub mod etcd;

// apiserver: the one door
pub mod apiserver;

// client: how components talk to the door
pub mod client;

// network: the data plane
pub mod network;

// kubelet, scheduler, controller: the parts that act
pub mod controller;
pub mod kubelet;
pub mod scheduler;

// cluster: the whole machine
pub mod cluster;

// kubectl: what a person does through the API
pub mod kubectl;

// protocol: what crosses between page and engine
pub mod protocol;

// session: the tape around a cluster
pub mod session;

// dashboard: cluster state to what is on the screen
pub mod dashboard;

// engine: the worker that holds the cluster
#[cfg(target_arch = "wasm32")]
pub mod engine;

// server: the same cluster behind real HTTP
#[cfg(not(target_arch = "wasm32"))]
pub mod server;

// web: the page
#[cfg(target_arch = "wasm32")]
pub mod web;
