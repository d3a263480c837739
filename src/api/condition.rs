//! Conditions: find one, set one, keep its transition time honest.

use super::meta;
use crate::sim::SimTime;
use k8s_openapi::api::apps::v1::{DeploymentCondition, ReplicaSetCondition};
use k8s_openapi::api::core::v1::{NamespaceCondition, NodeCondition, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{self as meta_v1, Time};

/// What all the condition types of the API have in common.
pub trait Condition: Clone {
    /// The condition's type.
    fn type_name(&self) -> &str;
    /// `True`, `False` or `Unknown`.
    fn status(&self) -> &str;
    /// Sets the transition time.
    fn set_transition_time(&mut self, at: Time);
    /// The transition time.
    fn transition_time(&self) -> Option<&Time>;
}

macro_rules! conditions {
    ($($ty:ty),*) => { $(impl Condition for $ty {
        fn type_name(&self) -> &str { &self.type_ }
        fn status(&self) -> &str { &self.status }
        fn set_transition_time(&mut self, at: Time) { self.last_transition_time = Some(at); }
        fn transition_time(&self) -> Option<&Time> { self.last_transition_time.as_ref() }
    })* };
}
conditions!(
    PodCondition,
    NodeCondition,
    NamespaceCondition,
    DeploymentCondition,
    ReplicaSetCondition
);

/// The type that younger kinds share, whose transition time is never missing.
impl Condition for meta_v1::Condition {
    fn type_name(&self) -> &str {
        &self.type_
    }
    fn status(&self) -> &str {
        &self.status
    }
    fn set_transition_time(&mut self, at: Time) {
        self.last_transition_time = at;
    }
    fn transition_time(&self) -> Option<&Time> {
        Some(&self.last_transition_time)
    }
}

/// The condition of type `type_name`.
pub fn find<'a, C: Condition>(conditions: Option<&'a Vec<C>>, type_name: &str) -> Option<&'a C> {
    conditions?.iter().find(|c| c.type_name() == type_name)
}

/// Whether the condition of type `type_name` has status `True`.
pub fn is_true<C: Condition>(conditions: Option<&Vec<C>>, type_name: &str) -> bool {
    find(conditions, type_name).is_some_and(|c| c.status() == "True")
}

/// Puts `condition` in the place of the one of its type, or at the end. The transition time is
/// `now` where the status changed and stays where it did not.
pub fn set<C: Condition>(conditions: &mut Vec<C>, mut condition: C, now: SimTime) {
    let old = conditions
        .iter_mut()
        .find(|c| c.type_name() == condition.type_name());
    match old {
        Some(old) => {
            let kept = old
                .transition_time()
                .filter(|_| old.status() == condition.status());
            let at = kept.cloned().unwrap_or_else(|| meta::time(now));
            condition.set_transition_time(at);
            *old = condition;
        }
        None => {
            condition.set_transition_time(meta::time(now));
            conditions.push(condition);
        }
    }
}
