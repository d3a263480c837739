//! The plugins, named as upstream, in the order in which they are asked.

mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources;
mod node_unschedulable;
mod taint_toleration;
pub mod volume_binding;

use super::framework::{FilterPlugin, ScorePlugin};

/// The filters, in upstream's order; after them comes VolumeBinding, which knows volumes.
pub const FILTERS: &[&dyn FilterPlugin] = &[
    &node_unschedulable::NodeUnschedulable,
    &node_name::NodeName,
    &taint_toleration::TaintToleration,
    &node_affinity::NodeAffinity,
    &node_ports::NodePorts,
    &node_resources::Fit,
];

/// The scores.
pub const SCORES: &[&dyn ScorePlugin] = &[
    &taint_toleration::TaintToleration,
    &node_affinity::NodeAffinity,
    &node_resources::Fit,
    &node_resources::BalancedAllocation,
];
