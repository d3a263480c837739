//! The kinds that say what others may have or do: quotas, limits, budgets, classes, roles.

mod autoscaler;
mod disruption_budget;
mod limit_range;
pub mod priority_class;
pub mod quota;
mod rbac;
mod runtime_class;
