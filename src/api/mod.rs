//! The words that every layer speaks: kinds, objects, keys, errors, selectors, quantities.
//!
//! Typed inside (`k8s-openapi` types behind `Arc`), JSON only at the doors ([`codec`], [`decode`],
//! [`manifest`]).

pub mod codec;
pub mod condition;
pub mod convert;
pub mod custom;
pub mod custom_resource_definition;
pub mod decode;
pub mod endpoints;
pub mod field;
mod key;
mod kinds;
pub mod manifest;
pub mod meta;
pub mod name;
pub mod node_affinity;
pub mod owner;
pub mod pod;
pub mod quantity;
pub mod revision;
pub mod schedule;
pub mod schema;
pub mod selector;
mod status;
pub mod toleration;
pub mod volume;
pub mod watch;

pub use key::{NamespacedName, ObjectKey};
pub use kinds::{ApiType, Kind, KindRow, Object, Scope};
pub use status::{Cause, Details, Reason, Status};
