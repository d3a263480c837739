//! Evictions: deletions that a PodDisruptionBudget may refuse.
//!
//! Upstream: pkg/registry/core/pod/storage/eviction.go and
//! staging/src/k8s.io/component-helpers/apps/poddisruptionbudget/helpers.go, v1.36. Upstream tries
//! again where the budget was changed meanwhile; here nothing comes between reading and writing it.

use super::tracking::Write;
use super::{ApiServer, DeleteOptions};
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::watch::Origin;
use crate::api::{
    Cause, Details, Kind, NamespacedName, Object, ObjectKey, Reason, Status, condition, pod,
};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use std::sync::Arc;

/// How many evictions may wait for the disruption controller to see them.
const DISRUPTED_PODS_LIMIT: usize = 2_000;
const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";
const DISRUPTION_ALLOWED: &str = "DisruptionAllowed";

impl ApiServer {
    /// Deletes a Pod, where its budget lets it go.
    pub(super) fn evict(
        &mut self,
        name: &NamespacedName,
        options: &DeleteOptions,
        write: Write,
    ) -> Result<Object, Status> {
        let key = name.of(Kind::Pod);
        let pod = self.pod_to_evict(&key, options)?;
        let mut options = options.clone();
        let given = options.resource_version.is_some();
        if needs_no_budget(&pod) {
            if !given && pod::phase(&pod) == "Pending" && !pod.is_terminating() {
                options
                    .resource_version
                    .clone_from(&pod.metadata.resource_version);
            }
        } else if let Some(budget) = self.budget_of(&pod)? {
            if may_go_unhealthy(&pod, &budget) {
                options
                    .resource_version
                    .clone_from(&pod.metadata.resource_version);
            } else {
                let charged = charge(&budget, &pod, write.origin.at)?;
                let key = budget.namespaced_name().of(Kind::PodDisruptionBudget);
                let old = self.get(&key)?;
                let charged = Object::new(charged);
                self.replace(charged, &old, write.dry_run, write.origin.clone())?;
            }
        }
        if !write.dry_run {
            let marked = self.mark(&key, &write.origin)?;
            if options.resource_version.is_some() {
                options
                    .resource_version
                    .clone_from(&marked.meta().resource_version);
            }
        }
        self.delete(&key, &options, write.dry_run, write.origin)
    }

    fn pod_to_evict(&self, key: &ObjectKey, options: &DeleteOptions) -> Result<Arc<Pod>, Status> {
        let found = self.get(key)?;
        let pod = found.get::<Pod>().ok_or_else(|| Status::not_found(key))?;
        let (uid, version) = (pod.uid(), pod.metadata.resource_version.as_deref());
        let wanted = |given: &Option<String>, stored: &str, what: &str, after: &str| {
            let given = given.as_deref().filter(|given| *given != stored);
            given.map_or(Ok(()), |given| {
                let why = format!(
                    "the {what} in the precondition ({given}) does not match the {what} in record ({stored}). The object might have been {after}"
                );
                Err(Status::conflict(key, &why))
            })
        };
        wanted(&options.uid, uid, "UID", "deleted and then recreated")?;
        let version = version.unwrap_or_default();
        wanted(
            &options.resource_version,
            version,
            "ResourceVersion",
            "modified",
        )?;
        Ok(Arc::clone(pod))
    }

    /// The budget that counts `pod`.
    fn budget_of(&self, pod: &Pod) -> Result<Option<Arc<PodDisruptionBudget>>, Status> {
        let budgets = self
            .etcd
            .list(Kind::PodDisruptionBudget, Some(pod.namespace()));
        let mut counting = budgets
            .filter_map(Object::get::<PodDisruptionBudget>)
            .filter(|budget| counts(budget, pod));
        let first = counting.next();
        if counting.next().is_some() {
            return Err(Status::plain(
                Reason::Unknown,
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            ));
        }
        Ok(first.cloned())
    }

    /// Says in the Pod why it goes.
    fn mark(&mut self, key: &ObjectKey, origin: &Origin) -> Result<Object, Status> {
        let old = self.get(key)?;
        let mut new = old.clone();
        if let Object::Pod(pod) = &mut new {
            let why = ("EvictionByEvictionAPI", "Eviction API: evicting");
            let target = pod::disruption_target(pod, why.0, why.1);
            let status = Arc::make_mut(pod).status.get_or_insert_default();
            condition::set(status.conditions.get_or_insert_default(), target, origin.at);
        }
        self.replace(new, &old, false, origin.clone())
    }
}

/// Whether a Pod does no good that a budget could keep.
fn needs_no_budget(pod: &Pod) -> bool {
    pod::is_finished(pod) || pod::phase(pod) == "Pending" || pod.is_terminating()
}

/// Whether `budget` counts `pod`: an empty selector counts all Pods of the namespace, none counts none.
fn counts(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    Selector::from_label_selector(selector)
        .is_ok_and(|selector| selector.matches(meta::labels(&pod.metadata)))
}

/// Whether a Pod that is not ready may go without a charge: where the budget says so, or where
/// enough others are healthy.
fn may_go_unhealthy(pod: &Pod, budget: &PodDisruptionBudget) -> bool {
    if pod::is_ready(pod) {
        return false;
    }
    let policy = budget.spec.as_ref();
    let policy = policy.and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref());
    let (healthy, desired) = healthy_and_desired(budget);
    policy == Some("AlwaysAllow") || (healthy >= desired && desired > 0)
}

fn healthy_and_desired(budget: &PodDisruptionBudget) -> (i32, i32) {
    let status = budget.status.as_ref();
    let of = |number: Option<Option<i32>>| number.flatten().unwrap_or(0);
    (
        of(status.map(|status| status.current_healthy)),
        of(status.map(|status| status.desired_healthy)),
    )
}

fn too_many(why: String) -> Status {
    let cause = Cause {
        reason: "DisruptionBudget".to_owned(),
        message: why,
        field: String::new(),
    };
    Status {
        reason: Reason::TooManyRequests,
        message: REFUSED.to_owned(),
        details: Some(Details {
            causes: vec![cause],
            ..Details::default()
        }),
    }
}

/// `budget` with one eviction less to give.
fn charge(
    budget: &PodDisruptionBudget,
    pod: &Pod,
    now: SimTime,
) -> Result<PodDisruptionBudget, Status> {
    let (name, key) = (
        budget.name(),
        budget.namespaced_name().of(Kind::PodDisruptionBudget),
    );
    let mut charged = budget.clone();
    let status = charged.status.get_or_insert_default();
    let seen = status.observed_generation.unwrap_or(0);
    if seen < budget.metadata.generation.unwrap_or(0) {
        return Err(too_many(format!(
            "The disruption budget {name} is still being processed by the server."
        )));
    }
    let allowed = status.disruptions_allowed.unwrap_or(0);
    if allowed < 0 {
        return Err(Status::forbidden(
            &key,
            "pdb disruptions allowed is negative",
        ));
    }
    let disrupted = status.disrupted_pods.get_or_insert_default();
    if disrupted.len() > DISRUPTED_PODS_LIMIT {
        let why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
        return Err(Status::forbidden(&key, why));
    }
    if allowed == 0 {
        let (healthy, desired) = healthy_and_desired(budget);
        return Err(too_many(format!(
            "The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
        )));
    }
    disrupted.insert(pod.name().to_owned(), meta::time(now));
    status.disruptions_allowed = Some(allowed - 1);
    if allowed == 1 {
        say_what_is_allowed(&mut charged, now);
    }
    Ok(charged)
}

/// Sets the condition that says whether a Pod may be disrupted.
pub fn say_what_is_allowed(budget: &mut PodDisruptionBudget, now: SimTime) {
    let status = budget.status.get_or_insert_default();
    let generation = status.observed_generation;
    let (word, reason) = allowed_words(status.disruptions_allowed);
    let conditions = status.conditions.get_or_insert_default();
    say(conditions, (word, reason, ""), generation, now);
}

/// Sets the condition after what the disruption controller could not count.
pub fn say_what_failed(budget: &mut PodDisruptionBudget, why: &str, now: SimTime) {
    let status = budget.status.get_or_insert_default();
    status.disruptions_allowed = Some(0);
    let generation = status.observed_generation;
    let conditions = status.conditions.get_or_insert_default();
    say(conditions, ("False", "SyncFailed", why), generation, now);
}

fn say(
    conditions: &mut Vec<Condition>,
    (status, reason, message): (&str, &str, &str),
    observed_generation: Option<i64>,
    now: SimTime,
) {
    let new = Condition {
        type_: DISRUPTION_ALLOWED.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation,
        last_transition_time: meta::time(now),
    };
    condition::set(conditions, new, now);
}

/// Whether the condition says what the status does.
pub fn is_said(budget: &PodDisruptionBudget) -> bool {
    let Some(status) = &budget.status else {
        return false;
    };
    let said = allowed_words(status.disruptions_allowed);
    condition::find(status.conditions.as_ref(), DISRUPTION_ALLOWED)
        .is_some_and(|one| (one.status.as_str(), one.reason.as_str()) == said)
}

fn allowed_words(allowed: Option<i32>) -> (&'static str, &'static str) {
    match allowed.unwrap_or(0) > 0 {
        true => ("True", "SufficientPods"),
        false => ("False", "InsufficientPods"),
    }
}
