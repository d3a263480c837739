//! What a DaemonSet is to do on each node, and what its status says.
//!
//! Upstream: pkg/controller/daemon/daemon_controller.go (podsShouldBeOnNode,
//! getUnscheduledPodsWithoutNode, updateDaemonSetStatus), v1.36.

use super::place::{GENERATION_LABEL, Rules, target_node};
use crate::api::meta::MetaExt;
use crate::controller::history::HASH_LABEL;
use crate::controller::{Informers, pods};
use crate::sim::{SimTime, SortedMap, order};
use k8s_openapi::api::apps::v1::DaemonSetStatus;
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;

/// A node, or what was one, and the DaemonSet's Pods that are meant for it: assigned ones first, then
/// by age.
#[derive(Clone, Debug, Default)]
pub struct Place<'a> {
    /// The node's name.
    pub node: &'a str,
    /// Whether there is such a node.
    pub exists: bool,
    /// Whether a Pod is to run there.
    pub run: bool,
    /// Whether one that runs may go on.
    pub go_on: bool,
    /// The Pods.
    pub pods: Vec<&'a Arc<Pod>>,
}

impl<'a> Place<'a> {
    /// All nodes, and where else there are `pods`; by name.
    pub fn all(rules: &Rules, informers: &'a Informers, pods: &'a [Arc<Pod>]) -> Vec<Self> {
        let mut places: SortedMap<&str, Self> = SortedMap::new();
        for node in informers.nodes.iter() {
            let (run, go_on) = rules.runs_on(node);
            let place = Self {
                node: node.name(),
                exists: true,
                run,
                go_on,
                pods: Vec::new(),
            };
            places.insert(node.name(), place);
        }
        for pod in pods {
            let node = target_node(pod);
            if !node.is_empty() {
                let place = places.entry(node).or_default();
                place.node = node;
                place.pods.push(pod);
            }
        }
        let mut places: Vec<Self> = places.into_values().collect();
        for place in &mut places {
            order::sort_by(&mut place.pods, |a, b| {
                let unassigned = |pod: &Pod| pods::node_name(pod).is_empty();
                let by_node = unassigned(a).cmp(&unassigned(b));
                by_node
                    .then_with(|| a.created_at().cmp(&b.created_at()))
                    .then_with(|| a.name().cmp(b.name()))
            });
        }
        places
    }
}

/// What is asked of a Pod.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The label of Pods with the present template.
    pub hash: &'a str,
    /// The number of the present template.
    pub generation: Option<&'a str>,
    /// For how many seconds a Pod must be ready to be available.
    pub min_ready: i32,
    /// Whether two Pods may be on a node during a rollout.
    pub surges: bool,
    /// The present.
    pub now: SimTime,
}

impl View<'_> {
    /// Whether the Pod is of the present template.
    pub fn is_new(&self, pod: &Pod) -> bool {
        let generation = pod.label(GENERATION_LABEL);
        pod.label(HASH_LABEL) == Some(self.hash)
            || (generation.is_some() && generation == self.generation)
    }

    /// Whether the Pod has been ready for long enough.
    pub fn is_available(&self, pod: &Pod) -> bool {
        pods::available_at(pod, self.min_ready).is_some_and(|at| at <= self.now)
    }
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan<'a> {
    /// Nodes that get a Pod.
    pub create: Vec<&'a str>,
    /// Pods that go.
    pub delete: Vec<Arc<Pod>>,
    /// Pods that have ended, whether they failed, and where; they go too, the failed ones when it is
    /// time.
    pub finished: Vec<(bool, &'a str, Arc<Pod>)>,
}

/// One Pod on each node that the set is for, and none elsewhere.
pub fn plan_nodes<'a>(places: &[Place<'a>], view: &View<'_>) -> Plan<'a> {
    let mut plan = Plan::default();
    for place in places {
        if !place.exists {
            // Nobody else deletes a Pod that waits for a node that is gone.
            let waiting = place.pods.iter().filter(|p| pods::node_name(p).is_empty());
            plan.delete.extend(waiting.map(|pod| Arc::clone(pod)));
        } else if place.run && place.pods.is_empty() {
            plan.create.push(place.node);
        } else if place.go_on {
            plan_node(place, view, &mut plan);
        } else {
            let going = place.pods.iter().filter(|pod| !pod.is_terminating());
            plan.delete.extend(going.map(|pod| Arc::clone(pod)));
        }
    }
    plan
}

fn plan_node<'a>(place: &Place<'a>, view: &View<'_>, plan: &mut Plan<'a>) {
    let mut running: Vec<&Arc<Pod>> = Vec::new();
    for pod in place.pods.iter().filter(|pod| !pod.is_terminating()) {
        match pods::phase(pod) {
            "Failed" => plan.finished.push((true, place.node, Arc::clone(pod))),
            "Succeeded" => plan.finished.push((false, place.node, Arc::clone(pod))),
            _ => running.push(pod),
        }
    }
    if !view.surges {
        let excess = running.iter().skip(1);
        plan.delete.extend(excess.map(|pod| Arc::clone(pod)));
        return;
    }
    if running.len() <= 1 {
        if running.is_empty() && place.run {
            plan.create.push(place.node);
        }
        return;
    }
    let (mut new, mut old) = (None, None);
    for pod in running {
        let is_new = pod.label(HASH_LABEL) == Some(view.hash);
        let oldest = if is_new { &mut new } else { &mut old };
        match oldest {
            None => *oldest = Some(pod),
            Some(_) => plan.delete.push(pod.clone()),
        }
    }
    if let (Some(new), Some(old)) = (new, old)
        && (!pods::is_ready(old) || view.is_available(new))
    {
        plan.delete.push(old.clone());
    }
}

/// The status, and when the next Pod becomes available.
pub fn compute_status(places: &[Place<'_>], view: &View<'_>) -> (DaemonSetStatus, Option<SimTime>) {
    let mut status = DaemonSetStatus::default();
    let (mut available, mut updated, mut next) = (0, 0, None::<SimTime>);
    for place in places.iter().filter(|place| place.exists) {
        for pod in &place.pods {
            let at = pods::available_at(pod, view.min_ready).filter(|at| *at > view.now);
            next = at.into_iter().chain(next).min();
        }
        let oldest = place.pods.first();
        if !place.run {
            status.number_misscheduled += i32::from(oldest.is_some());
            continue;
        }
        status.desired_number_scheduled += 1;
        let Some(pod) = oldest else { continue };
        status.current_number_scheduled += 1;
        updated += i32::from(view.is_new(pod));
        if let Some(at) = pods::available_at(pod, view.min_ready) {
            status.number_ready += 1;
            available += i32::from(at <= view.now);
        }
    }
    let counted = |count: i32| Some(count).filter(|count| *count != 0);
    status.number_available = counted(available);
    status.updated_number_scheduled = counted(updated);
    status.number_unavailable = counted(status.desired_number_scheduled - available);
    (status, next)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{place, pod, view};
    use super::*;

    fn names(pods: &[Arc<Pod>]) -> Vec<&str> {
        pods.iter().map(|pod| pod.name()).collect()
    }

    #[test]
    fn each_node_gets_one_pod() {
        let pods = [
            pod("old", "b", "x", "Running", Some(1)),
            pod("twin", "b", "x", "Running", Some(1)),
            pod("failed", "c", "x", "Failed", None),
            pod("done", "c", "x", "Succeeded", None),
            pod("lost", "gone", "x", "Running", Some(1)),
            pod("misplaced", "d", "x", "Running", Some(1)),
        ];
        let places = [
            place("a", (true, true), &[]),
            place("b", (true, true), &pods[..2]),
            place("c", (false, true), &pods[2..4]),
            place("d", (false, false), &pods[5..]),
            place("e", (false, true), &[]),
            Place {
                exists: false,
                ..place("gone", (false, false), &pods[4..5])
            },
        ];
        let plan = plan_nodes(&places, &view("x", false));
        assert_eq!(plan.create, ["a"]);
        assert_eq!(names(&plan.delete), ["twin", "misplaced"]);
        let finished: Vec<(bool, &str, &str)> = plan
            .finished
            .iter()
            .map(|(failed, node, pod)| (*failed, *node, pod.name()))
            .collect();
        assert_eq!(finished, [(true, "c", "failed"), (false, "c", "done")]);
        let (status, next) = compute_status(&places, &view("y", false));
        assert_eq!(
            (
                status.desired_number_scheduled,
                status.current_number_scheduled
            ),
            (2, 1)
        );
        assert_eq!((status.number_misscheduled, status.number_ready), (2, 1));
        assert_eq!(
            (status.number_available, status.number_unavailable),
            (Some(1), Some(1))
        );
        assert_eq!((status.updated_number_scheduled, next), (None, None));
    }

    #[test]
    fn a_surge_ends_when_the_new_pod_is_available_or_the_old_one_is_not_ready() {
        let old = |since| pod("old", "n", "x", "Running", since);
        let new = |since| pod("new", "n", "y", "Running", since);
        for (old, new, want) in [
            (old(Some(1)), new(None), vec![]),
            (old(Some(1)), new(Some(1)), vec!["old"]),
            (old(None), new(None), vec!["old"]),
        ] {
            let pods = [old, new];
            let places = [place("n", (true, true), &pods)];
            let plan = plan_nodes(&places, &view("y", true));
            assert_eq!(names(&plan.delete), want);
        }
        let ended = [pod("a", "n", "y", "Failed", None)];
        let plan = plan_nodes(&[place("n", (true, true), &ended)], &view("y", true));
        assert_eq!((plan.create.len(), plan.finished.len()), (1, 1));
    }
}
