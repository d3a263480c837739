//! Counts what each PodDisruptionBudget has to give.
//!
//! Upstream: pkg/controller/disruption/disruption.go, v1.36. Left out: controllers of other kinds that
//! have a scale.

use super::manager::Controller;
use super::{Change, Informers, int_or_percent, pods};
use crate::api::meta::{self, MetaExt};
use crate::api::pod::DISRUPTION_TARGET;
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Object, Reason, Status, condition, owner};
use crate::apiserver::eviction;
use crate::client::{Ctx, EventType, Recorder, WorkQueue, reference, work_off};
use crate::sim::{SimDuration, SimTime, SortedMap};
use k8s_openapi::api::core::v1::{ObjectReference, Pod, PodCondition};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// How long a Pod that was evicted may take until it is being deleted.
const DELETION_TIMEOUT: SimDuration = SimDuration::secs(120);
/// How long a Pod may say that it goes without going.
const STALE_AFTER: SimDuration = SimDuration::secs(120);

/// The disruption controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DisruptionController {
    recorder: Recorder,
    queue: WorkQueue<NamespacedName>,
    /// Pods that say that they are to be disrupted.
    stale: WorkQueue<NamespacedName>,
    /// Pods that several budgets count, and what is to be said of them.
    contested: Vec<(ObjectReference, String)>,
}

impl Default for DisruptionController {
    fn default() -> Self {
        Self {
            recorder: Recorder::new("controllermanager", ""),
            queue: WorkQueue::default(),
            stale: WorkQueue::default(),
            contested: Vec::new(),
        }
    }
}

impl Controller for DisruptionController {
    fn name(&self) -> &'static str {
        "disruption-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, now: SimTime) {
        match change {
            Change::PodDisruptionBudget(delta) => {
                self.queue.add(delta.name(), Some(delta.revision));
            }
            Change::Pod(delta) => {
                if !informers.disruption_budgets.is_empty() {
                    self.look(delta.latest(), delta.revision, informers);
                }
                if let Some(at) = delta.new.as_ref().and_then(|pod| stale_at(pod)) {
                    self.stale.add_at(delta.name(), at.max(now));
                }
            }
            _ => {}
        }
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        for (about, text) in std::mem::take(&mut self.contested) {
            let reason = "MultiplePodDisruptionBudgets";
            self.recorder
                .event_at(ctx, about, EventType::Warning, reason, text);
        }
        work_off(
            self,
            ctx,
            |this| &mut this.queue,
            |this, key, ctx| this.reconcile(key, ctx, informers),
        );
        work_off(
            self,
            ctx,
            |this| &mut this.stale,
            |this, key, ctx| this.clear(key, ctx, informers),
        );
    }

    fn next_at(&self) -> Option<SimTime> {
        let both = [self.queue.next_at(), self.stale.next_at()];
        both.into_iter().flatten().min()
    }
}

/// What a budget's Pods amount to.
#[derive(Debug, Default, PartialEq)]
struct Plan {
    expected: i32,
    desired: i32,
    healthy: i32,
    /// Pods that were evicted and are still there, with the time of that.
    disrupted: BTreeMap<String, Time>,
    /// When the first of them should be gone.
    recheck: Option<SimTime>,
    /// Pods that were evicted long ago and are still there.
    not_deleted: Vec<ObjectReference>,
    /// Whether some have no controller to count by.
    unmanaged: bool,
}

impl DisruptionController {
    /// Queues the budget that counts a Pod that changed.
    fn look(&mut self, pod: &Pod, revision: u64, informers: &Informers) {
        let all = informers.disruption_budgets.in_namespace(pod.namespace());
        let mut counting = all.filter(|budget| {
            selector(budget).is_ok_and(|selector| selector.matches(meta::labels(&pod.metadata)))
        });
        let Some(first) = counting.next() else {
            return;
        };
        self.queue.add(first.namespaced_name(), Some(revision));
        if counting.next().is_some() {
            let (namespace, name, chosen) = (pod.namespace(), pod.name(), first.name());
            let text = format!(
                "Pod {namespace:?}/{name:?} matches multiple PodDisruptionBudgets.  Chose {chosen:?} arbitrarily."
            );
            self.contested.push((reference(pod), text));
        }
    }

    fn reconcile(
        &mut self,
        key: &NamespacedName,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let Some(budget) = informers.disruption_budgets.get(key) else {
            return Ok(());
        };
        let budget = Arc::clone(budget);
        let (warning, normal) = (EventType::Warning, EventType::Normal);
        let selector = match selector(&budget) {
            Ok(selector) => selector,
            Err(why) => {
                let text = format!("Failed to get pods: {why}");
                return self.fail(&budget, ("NoPods", text), &why, ctx);
            }
        };
        let all = informers.pods.in_namespace(&key.namespace);
        let counted = all.filter(|pod| selector.matches(meta::labels(&pod.metadata)));
        let counted: Vec<&Pod> = counted.map(Arc::as_ref).collect();
        let plan = match plan(&budget, &counted, informers, ctx.now) {
            Ok(plan) => plan,
            Err(why) => {
                let text = format!("Failed to calculate the number of expected pods: {why}");
                let reason = "CalculateExpectedPodCountFailed";
                return self.fail(&budget, (reason, text), &why, ctx);
            }
        };
        if counted.is_empty() {
            let text = "No matching pods found";
            self.recorder.event(ctx, &*budget, normal, "NoPods", text);
        }
        if plan.unmanaged {
            let text = unmanaged(&budget);
            self.recorder
                .event(ctx, &*budget, warning, "UnmanagedPods", text);
        }
        for about in &plan.not_deleted {
            let namespace = &key.namespace;
            // Upstream prints the namespace in the place of the name, too.
            let text = format!(
                "Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't"
            );
            self.recorder
                .event_at(ctx, about.clone(), warning, "NotDeleted", text);
        }
        let recheck = plan.recheck;
        if let Some(changed) = write(&budget, plan, ctx.now) {
            match ctx.update_status(changed) {
                Err(status) if status.reason == Reason::NotFound => return Ok(()),
                written => written?,
            };
        }
        if let Some(at) = recheck {
            self.queue.add_at(key.clone(), at);
        }
        Ok(())
    }

    /// Says that it cannot be counted what `budget` has to give: nothing, until it can.
    fn fail(
        &mut self,
        budget: &PodDisruptionBudget,
        (reason, text): (&str, String),
        why: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let warning = EventType::Warning;
        self.recorder.event(ctx, budget, warning, reason, text);
        let mut failed = budget.clone();
        eviction::say_what_failed(&mut failed, why, ctx.now);
        ctx.update_status(failed).map(|_| ())
    }

    /// A Pod that said that it goes has not gone.
    fn clear(
        &mut self,
        key: &NamespacedName,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let Some(pod) = informers.pods.get(key) else {
            return Ok(());
        };
        let Some(at) = stale_at(pod) else {
            return Ok(());
        };
        if at > ctx.now {
            self.stale.add_at(key.clone(), at);
            return Ok(());
        }
        let mut changed = Pod::clone(pod);
        let cleared = PodCondition {
            type_: DISRUPTION_TARGET.to_owned(),
            status: "False".to_owned(),
            ..PodCondition::default()
        };
        let status = changed.status.get_or_insert_default();
        condition::set(status.conditions.get_or_insert_default(), cleared, ctx.now);
        Status::ignore_not_found(ctx.update_status(changed))
    }
}

/// When it is to be doubted that a Pod goes, which says so; `None` where it does not say so or is
/// going.
fn stale_at(pod: &Pod) -> Option<SimTime> {
    let conditions = pod.status.as_ref()?.conditions.as_ref();
    let said =
        condition::find(conditions, DISRUPTION_TARGET).filter(|said| said.status == "True")?;
    let by_kubelet = said.reason.as_deref() == Some("TerminationByKubelet");
    if by_kubelet || pods::is_finished(pod) || pod.is_terminating() {
        return None;
    }
    let since = said.last_transition_time.as_ref().map(meta::to_sim);
    Some(since.unwrap_or_default() + STALE_AFTER)
}

fn selector(budget: &PodDisruptionBudget) -> Result<Selector, String> {
    let spec = budget.spec.as_ref();
    Selector::from_label_selector(spec.and_then(|spec| spec.selector.as_ref()))
}

/// What there is to say of `budget`, whose Pods are `counted`.
fn plan(
    budget: &PodDisruptionBudget,
    counted: &[&Pod],
    informers: &Informers,
    now: SimTime,
) -> Result<Plan, String> {
    let mut plan = Plan::default();
    let spec = budget.spec.as_ref();
    let of_all = |plan: &mut Plan| -> Result<i32, String> {
        (plan.expected, plan.unmanaged) = scale(counted, informers)?;
        Ok(plan.expected)
    };
    if let Some(most) = spec.and_then(|spec| spec.max_unavailable.as_ref()) {
        let expected = of_all(&mut plan)?;
        plan.desired = (expected - int_or_percent(Some(most), expected, true)).max(0);
    } else if let Some(least) = spec.and_then(|spec| spec.min_available.as_ref()) {
        plan.expected = match least {
            IntOrString::Int(_) => i32::try_from(counted.len()).unwrap_or(i32::MAX),
            IntOrString::String(_) => of_all(&mut plan)?,
        };
        plan.desired = int_or_percent(Some(least), plan.expected, true);
    }
    let known = budget
        .status
        .as_ref()
        .and_then(|status| status.disrupted_pods.as_ref());
    for pod in counted.iter().filter(|pod| !pod.is_terminating()) {
        let disrupted = known.and_then(|known| known.get(pod.name()));
        let due = disrupted.map(|at| meta::to_sim(at) + DELETION_TIMEOUT);
        if let (Some(at), Some(due)) = (disrupted, due) {
            if due < now {
                plan.not_deleted.push(reference(*pod));
            } else {
                plan.recheck = Some(plan.recheck.map_or(due, |first| first.min(due)));
                plan.disrupted.insert(pod.name().to_owned(), at.clone());
            }
        }
        let gone_soon = due.is_some_and(|due| due > now);
        plan.healthy += i32::from(!gone_soon && pods::is_ready(pod));
    }
    Ok(plan)
}

/// How many Pods the controllers of these Pods are to have, and whether some have none.
fn scale(counted: &[&Pod], informers: &Informers) -> Result<(i32, bool), String> {
    let mut scales: SortedMap<String, i32> = SortedMap::new();
    let mut unmanaged = false;
    for pod in counted {
        let Some(owner) = owner::controller_of(&pod.metadata) else {
            unmanaged = true;
            continue;
        };
        if scales.contains_key(&owner.uid) {
            continue;
        }
        let (uid, replicas) = scale_of(owner, pod.namespace(), informers)
            .ok_or_else(|| format!("found no controllers for pod {:?}", pod.name()))?;
        scales.insert(uid, replicas);
    }
    let all = scales
        .values()
        .fold(0_i32, |sum, one| sum.saturating_add(*one));
    Ok((all, unmanaged))
}

/// The controller that counts for a Pod that `owner` controls, and how many it is to have: a
/// ReplicaSet's Deployment, where there is one.
fn scale_of(
    owner: &OwnerReference,
    namespace: &str,
    informers: &Informers,
) -> Option<(String, i32)> {
    let name = NamespacedName::new(namespace, owner.name.as_str());
    let (uid, replicas) = match owner.kind.as_str() {
        "ReplicaSet" => {
            let set = informers.replica_sets.get(&name)?;
            let above = owner::controller_of(&set.metadata).filter(|one| one.kind == "Deployment");
            let deployment = above.map(|above| {
                let name = NamespacedName::new(namespace, above.name.as_str());
                let found = informers.deployments.get(&name);
                found.filter(|found| found.uid() == above.uid)
            });
            match deployment {
                Some(found) => {
                    if set.uid() != owner.uid {
                        return None;
                    }
                    let found = found?;
                    let replicas = found.spec.as_ref().and_then(|spec| spec.replicas);
                    return Some((found.uid().to_owned(), replicas.unwrap_or(1)));
                }
                None => (set.uid(), set.spec.as_ref().and_then(|spec| spec.replicas)),
            }
        }
        "ReplicationController" => {
            let found = informers.replication_controllers.get(&name)?;
            (
                found.uid(),
                found.spec.as_ref().and_then(|spec| spec.replicas),
            )
        }
        "StatefulSet" => match informers.others.get(&name.of(Kind::StatefulSet))? {
            Object::StatefulSet(found) => (
                found.uid(),
                found.spec.as_ref().and_then(|spec| spec.replicas),
            ),
            _ => return None,
        },
        _ => return None,
    };
    (uid == owner.uid).then(|| (uid.to_owned(), replicas.unwrap_or(1)))
}

/// `budget` with the status that it should have, where it has another.
fn write(budget: &PodDisruptionBudget, plan: Plan, now: SimTime) -> Option<PodDisruptionBudget> {
    let allowed = match plan.expected > 0 {
        true => (plan.healthy - plan.desired).max(0),
        false => 0,
    };
    let old = budget.status.as_ref();
    let status = PodDisruptionBudgetStatus {
        current_healthy: Some(plan.healthy),
        desired_healthy: Some(plan.desired),
        expected_pods: Some(plan.expected),
        disruptions_allowed: Some(allowed),
        disrupted_pods: Some(plan.disrupted).filter(|pods| !pods.is_empty()),
        observed_generation: budget.metadata.generation,
        conditions: old.and_then(|old| old.conditions.clone()),
    };
    if old == Some(&status) && eviction::is_said(budget) {
        return None;
    }
    let mut changed = PodDisruptionBudget {
        metadata: budget.metadata.clone(),
        spec: budget.spec.clone(),
        status: Some(status),
    };
    eviction::say_what_is_allowed(&mut changed, now);
    Some(changed)
}

fn unmanaged(budget: &PodDisruptionBudget) -> String {
    let spec = budget.spec.as_ref();
    let selector = spec.and_then(|spec| spec.selector.as_ref());
    let selector = selector.map_or_else(|| "nil".to_owned(), go_text);
    format!(
        "Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set \".spec.minAvailable\" field of the PDB to an integer value."
    )
}

/// As the generated `String` of Go's type prints it.
fn go_text(selector: &LabelSelector) -> String {
    let mut text = "&LabelSelector{MatchLabels:map[string]string{".to_owned();
    for (key, value) in selector.match_labels.iter().flatten() {
        let _ = write!(text, "{key}: {value},");
    }
    text.push_str("},MatchExpressions:[]LabelSelectorRequirement{");
    for one in selector.match_expressions.iter().flatten() {
        let values = one.values.as_deref().unwrap_or_default().join(" ");
        let (key, operator) = (&one.key, &one.operator);
        let _ = write!(
            text,
            "LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}},"
        );
    }
    text.push_str("},}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn budget(spec: Value) -> PodDisruptionBudget {
        serde_json::from_value(json!({
            "metadata": {"name": "few", "namespace": "default", "generation": 1},
            "spec": spec,
            "status": {"disruptedPods": {"a": "1970-01-01T00:14:00Z", "b": "1970-01-01T00:16:30Z"}},
        }))
        .expect("a budget")
    }

    fn pod(name: &str, ready: bool, owned: bool) -> Pod {
        let ready = if ready { "True" } else { "False" };
        let owners = json!([{"apiVersion": "v1", "kind": "ReplicationController", "name": "old",
            "uid": "u", "controller": true}]);
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "default", "uid": name,
                "ownerReferences": if owned { owners } else { json!([]) }},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .expect("a Pod")
    }

    fn informers(replicas: i32) -> Informers {
        let mut informers = Informers::default();
        let old = serde_json::from_value(json!({
            "metadata": {"name": "old", "namespace": "default", "uid": "u"},
            "spec": {"replicas": replicas},
        }));
        let old: k8s_openapi::api::core::v1::ReplicationController = old.expect("a controller");
        informers.replace(Kind::ReplicationController, &[Object::new(old)], 1);
        informers
    }

    /// Expected, desired and healthy Pods, as upstream's own table counts them.
    #[test]
    fn a_budget_is_counted_by_its_pods_or_by_their_controllers() {
        let now = SimTime::from_secs(1_000);
        let pods = [
            pod("a", true, true),
            pod("b", true, true),
            pod("c", true, true),
            pod("d", false, true),
        ];
        let pods: Vec<&Pod> = pods.iter().collect();
        for (spec, replicas, wanted) in [
            (json!({"minAvailable": 2}), 7, (4, 2)),
            (json!({"minAvailable": "50%"}), 7, (7, 4)),
            (json!({"maxUnavailable": 1}), 7, (7, 6)),
            (json!({"maxUnavailable": "30%"}), 7, (7, 4)),
            (json!({"maxUnavailable": 9}), 7, (7, 0)),
            (json!({}), 7, (0, 0)),
        ] {
            let plan = plan(&budget(spec.clone()), &pods, &informers(replicas), now);
            let plan = plan.expect("counted");
            assert_eq!((plan.expected, plan.desired), wanted, "{spec}");
            // b was evicted a moment ago; a long ago, and still serves.
            assert_eq!(plan.healthy, 2, "{spec}");
            assert_eq!(plan.disrupted.keys().collect::<Vec<_>>(), ["b"]);
            assert_eq!(plan.recheck, Some(SimTime::from_secs(990 + 120)));
        }
    }

    #[test]
    fn what_cannot_be_counted_is_said() {
        let now = SimTime::from_secs(1_000);
        let alone = pod("x", true, false);
        let percent =
            budget(json!({"minAvailable": "50%", "selector": {"matchLabels": {"a": "b"}}}));
        let counted = plan(&percent, &[&alone], &informers(1), now).expect("counted");
        assert!(counted.unmanaged);
        assert!(unmanaged(&percent).starts_with("Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}) were found"));
        let owned = pod("y", true, true);
        let failed = plan(&percent, &[&owned], &Informers::default(), now);
        assert_eq!(failed, Err("found no controllers for pod \"y\"".to_owned()));
    }

    #[test]
    fn what_is_allowed_is_what_is_healthy_and_not_needed() {
        let now = SimTime::from_secs(1_000);
        let few = budget(json!({"minAvailable": 2}));
        for (expected, healthy, allowed, word) in
            [(4, 3, 1, "True"), (4, 2, 0, "False"), (0, 3, 0, "False")]
        {
            let plan = Plan {
                expected,
                healthy,
                desired: 2,
                ..Plan::default()
            };
            let written = write(&few, plan, now).expect("it differs");
            let status = written.status.clone().expect("it has one");
            assert_eq!(status.disruptions_allowed, Some(allowed));
            assert_eq!(
                status
                    .conditions
                    .iter()
                    .flatten()
                    .next()
                    .map(|one| one.status.as_str()),
                Some(word)
            );
            let again = Plan {
                expected,
                healthy,
                desired: 2,
                ..Plan::default()
            };
            assert_eq!(write(&written, again, now), None, "said once");
        }
    }
}
