//! The data plane: what travels between Pods, Services and the world outside. Knows no clock.

pub mod call;
pub mod http;
