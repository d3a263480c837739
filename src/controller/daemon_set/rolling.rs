//! The next step of a rollout: which old Pods go, or on which nodes a new one comes first.
//!
//! Upstream: pkg/controller/daemon/update.go (rollingUpdate), v1.36. Nodes are looked at by name;
//! upstream's order is chance.

use super::plan::{Place, Plan, View};
use crate::api::meta::MetaExt;
use crate::controller::int_or_percent;
use k8s_openapi::api::apps::v1::{DaemonSet, RollingUpdateDaemonSet};
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;

fn strategy(set: &DaemonSet) -> Option<&RollingUpdateDaemonSet> {
    let spec = set.spec.as_ref()?;
    spec.update_strategy.as_ref()?.rolling_update.as_ref()
}

/// Whether the set replaces its Pods by itself.
pub fn rolls(set: &DaemonSet) -> bool {
    let strategy = set.spec.as_ref().and_then(|s| s.update_strategy.as_ref());
    strategy.is_some_and(|s| s.type_.as_deref() == Some("RollingUpdate"))
}

/// Whether two Pods may be on a node during a rollout.
pub fn surges(set: &DaemonSet) -> bool {
    rolls(set) && int_or_percent(strategy(set).and_then(|s| s.max_surge.as_ref()), 100, true) > 0
}

/// A node's new and old Pod that are not ending; `None` where there are two of one sort.
fn pair<'a>(place: &Place<'a>, view: &View<'_>) -> Option<[Option<&'a Arc<Pod>>; 2]> {
    let mut pair = [None, None];
    for pod in place.pods.iter().filter(|pod| !pod.is_terminating()) {
        let slot = &mut pair[usize::from(!view.is_new(pod))];
        if slot.replace(*pod).is_some() {
            return None;
        }
    }
    Some(pair)
}

/// The next step.
pub fn plan_update<'a>(set: &DaemonSet, places: &[Place<'a>], view: &View<'_>) -> Plan<'a> {
    let places = places
        .iter()
        .filter(|place| place.run || !place.pods.is_empty());
    let places: Vec<&Place<'a>> = places.collect();
    let desired = places.iter().filter(|place| place.run).count();
    let desired = i32::try_from(desired).unwrap_or(i32::MAX);
    let amount = |of: fn(&RollingUpdateDaemonSet) -> Option<&_>| {
        int_or_percent(strategy(set).and_then(of), desired, true)
    };
    let surge = amount(|strategy| strategy.max_surge.as_ref());
    if surge > 0 {
        return plan_surge(&places, view, surge, desired);
    }
    let unavailable = amount(|strategy| strategy.max_unavailable.as_ref());
    plan_deletions(&places, view, unavailable.max(i32::from(desired > 0)))
}

/// Deletes old Pods: those that are not available, and of the others as many as may be missing.
fn plan_deletions<'a>(places: &[&Place<'a>], view: &View<'_>, allowed: i32) -> Plan<'a> {
    let mut plan = Plan::default();
    let mut candidates = Vec::new();
    let mut unavailable = 0;
    for place in places {
        match pair(place, view) {
            Some([Some(new), None]) => unavailable += i32::from(!view.is_available(new)),
            Some([None, Some(old)]) if view.is_available(old) => candidates.push(old.clone()),
            Some([None, Some(old)]) => plan.delete.push(old.clone()),
            _ => unavailable += 1,
        }
    }
    let left = usize::try_from(allowed - unavailable).unwrap_or(0);
    plan.delete.extend(candidates.into_iter().take(left));
    plan
}

/// Puts new Pods beside old ones; an old one goes when the new one is available, or it is not itself.
fn plan_surge<'a>(places: &[&Place<'a>], view: &View<'_>, allowed: i32, desired: i32) -> Plan<'a> {
    let mut plan = Plan::default();
    let (mut candidates, mut misplaced) = (Vec::new(), Vec::new());
    let (mut surging, mut available) = (0, 0);
    for place in places {
        let Some([new, old]) = pair(place, view) else {
            surging += 1;
            continue;
        };
        let counted = old.or(new).is_some_and(|pod| view.is_available(pod));
        available += i32::from(counted);
        match (new, old) {
            (_, None) => {}
            (None, Some(old)) => match (place.run, counted) {
                (true, true) => candidates.push(place.node),
                (true, false) => plan.create.push(place.node),
                (false, true) => misplaced.push(old.clone()),
                (false, false) => plan.delete.push(old.clone()),
            },
            (Some(new), Some(old)) if !counted || view.is_available(new) => {
                plan.delete.push(old.clone());
            }
            _ => surging += 1,
        }
    }
    let most = |count: i32| usize::try_from(count).unwrap_or(0);
    // A Pod that may not come back goes when there are enough others.
    plan.delete
        .extend(misplaced.into_iter().take(most(available - desired)));
    plan.create
        .extend(candidates.into_iter().take(most(allowed - surging)));
    plan
}

#[cfg(test)]
mod tests {
    use super::super::testing::{place, pod, view};
    use super::*;
    use serde_json::{Value, json};

    fn set(rolling: &Value) -> DaemonSet {
        serde_json::from_value(json!({"metadata": {}, "spec": {
            "selector": {}, "template": {},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        }}))
        .expect("a DaemonSet")
    }

    /// What a rollout does on the nodes a, b, …, whose Pods are given by letters: `o` old and
    /// available, `O` old and not, `n` new and available, `N` new and not.
    fn step(rolling: Value, nodes: &[&str]) -> (String, String) {
        let nodes: Vec<(String, Vec<Arc<Pod>>)> = nodes
            .iter()
            .zip('a'..)
            .map(|(pods, node)| {
                let node = node.to_string();
                let pods = pods.chars().map(|sort| {
                    let hash = if sort.eq_ignore_ascii_case(&'n') {
                        "y"
                    } else {
                        "x"
                    };
                    let ready = sort.is_lowercase().then_some(1);
                    pod(&format!("{node}{sort}"), &node, hash, "Running", ready)
                });
                (node.clone(), pods.collect())
            })
            .collect();
        let places: Vec<Place<'_>> = nodes
            .iter()
            .map(|(node, pods)| place(node, (true, true), pods))
            .collect();
        let plan = plan_update(&set(&rolling), &places, &view("y", true));
        let deleted: Vec<&str> = plan.delete.iter().map(|pod| pod.name()).collect();
        (plan.create.join(" "), deleted.join(" "))
    }

    #[test]
    fn as_many_pods_go_as_may_be_missing() {
        let budget = |n: Value| json!({"maxUnavailable": n, "maxSurge": 0});
        for (rolling, nodes, want) in [
            (budget(json!(1)), ["o", "o", "o"], "ao"),
            (budget(json!(2)), ["o", "o", "o"], "ao bo"),
            (budget(json!("50%")), ["o", "o", "o"], "ao bo"),
            (budget(json!(1)), ["N", "o", "o"], ""),
            (budget(json!(1)), ["", "o", "o"], ""),
            (budget(json!(1)), ["n", "o", "o"], "bo"),
            (budget(json!(1)), ["N", "O", "o"], "bO"),
            (budget(json!(1)), ["O", "o", "o"], "aO bo"),
            (budget(json!(2)), ["no", "o", "o"], "bo"),
            (budget(json!("0%")), ["o", "o", "o"], "ao"),
            (budget(json!(3)), ["n", "n", "n"], ""),
        ] {
            let found = step(rolling.clone(), &nodes);
            assert_eq!(
                found,
                (String::new(), want.to_owned()),
                "{rolling} {nodes:?}"
            );
        }
    }

    #[test]
    fn new_pods_come_beside_old_ones() {
        let budget = |n: Value| json!({"maxUnavailable": 0, "maxSurge": n});
        for (rolling, nodes, created, deleted) in [
            (budget(json!(1)), ["o", "o", "o"], "a", ""),
            (budget(json!("67%")), ["o", "o", "o"], "a b c", ""),
            (budget(json!(1)), ["oN", "o", "o"], "", ""),
            (budget(json!(1)), ["on", "o", "o"], "b", "ao"),
            (budget(json!(1)), ["ON", "O", "o"], "b c", "aO"),
            (budget(json!(1)), ["n", "n", "n"], "", ""),
        ] {
            let found = step(rolling.clone(), &nodes);
            let want = (created.to_owned(), deleted.to_owned());
            assert_eq!(found, want, "{rolling} {nodes:?}");
        }
    }

    #[test]
    fn a_pod_that_may_not_come_back_goes_when_enough_others_are_there() {
        let rolling = json!({"maxUnavailable": 0, "maxSurge": 1});
        let pods = [
            pod("left", "a", "x", "Running", Some(1)),
            pod("new", "b", "y", "Running", Some(1)),
        ];
        let set = set(&rolling);
        let places = [
            place("a", (false, true), &pods[..1]),
            place("b", (true, true), &pods[1..]),
        ];
        let plan = plan_update(&set, &places, &view("y", true));
        assert_eq!(plan.delete.len(), 1);
        let places = [
            place("a", (false, true), &pods[..1]),
            place("b", (true, true), &[]),
        ];
        let plan = plan_update(&set, &places, &view("y", true));
        assert!(plan.delete.is_empty());
    }
}
