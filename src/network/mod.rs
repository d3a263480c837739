//! The data plane: what travels between Pods, Services and the world outside. Knows no clock.
//!
//! A name becomes an address (`dns`), an address an endpoint by the rules of a node (`proxy`,
//! `route`), and the way of it all becomes hops that a person can follow (`packet`).

pub mod call;
pub mod dns;
pub mod http;
pub mod ipam;
pub mod latency;
pub mod packet;
pub mod proxy;
pub mod route;
