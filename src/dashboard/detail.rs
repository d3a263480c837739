//! What was chosen on the stage: a Pod, a node or a part of the control plane.

use super::rollouts::condition_view;
use super::{chain, nodes, pods, time_of_day};
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Object, owner};
use crate::cluster::{Cluster, Part};
use crate::protocol::{ContainerView, DetailView, Spot};
use crate::scheduler::{Explanation, Verdict};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// How many lines of a log are shown.
const LOG_LIMIT: u32 = 100;

/// Everything about the object at `spot`; `None` where nothing was chosen.
pub fn view(cluster: &Cluster, spot: &Spot) -> Option<DetailView> {
    match spot.kind.as_str() {
        "pod" => Some(pod(cluster, spot)),
        "node" => Some(node(cluster, spot)),
        "part" => part(cluster, spot),
        _ => None,
    }
}

fn fact(facts: &mut Vec<(String, String)>, name: &str, value: impl Into<String>) {
    let value = value.into();
    if !value.is_empty() {
        facts.push((name.to_owned(), value));
    }
}

fn pod(cluster: &Cluster, spot: &Spot) -> DetailView {
    let name = NamespacedName::new(spot.at.namespace.as_str(), spot.at.name.as_str());
    let key = name.of(Kind::Pod);
    let stored = cluster.api().etcd().get(&key).and_then(Object::get::<Pod>);
    let mut view = DetailView {
        spot: spot.clone(),
        gone: stored.is_none(),
        chain: chain::of_object(cluster, &key),
        log: log(cluster, &name),
        broken: cluster
            .kubelets()
            .iter()
            .any(|kubelet| kubelet.is_readiness_broken(&name)),
        ..DetailView::default()
    };
    let explanation = cluster.scheduler().explain(&name);
    view.verdicts = explanation.map(verdicts).unwrap_or_default();
    let Some(pod) = stored else {
        return view;
    };
    let status = pod.status.clone().unwrap_or_default();
    let facts = &mut view.facts;
    fact(facts, "Node", pods::node(pod));
    fact(facts, "Address", status.pod_ip.clone().unwrap_or_default());
    let controller = owner::controller_of(&pod.metadata);
    fact(
        facts,
        "Made by",
        controller
            .map(|r| format!("{} {}", r.kind, r.name))
            .unwrap_or_default(),
    );
    fact(facts, "Created", time_of_day(pod.created_at()));
    let labels = pod.metadata.labels.iter().flatten();
    let labels: Vec<String> = labels
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    fact(facts, "Labels", labels.join(", "));
    let conditions = status.conditions.iter().flatten();
    view.conditions = conditions
        .map(|c| condition_view(c, c.reason.as_ref(), c.message.as_ref()))
        .collect();
    view.containers = containers(pod);
    view.on = view
        .containers
        .iter()
        .any(|container| container.state == "Running");
    view
}

fn containers(pod: &Pod) -> Vec<ContainerView> {
    let specs = pod.spec.iter().flat_map(|spec| &spec.containers);
    specs
        .map(|spec| {
            let status = pods::statuses(pod)
                .iter()
                .find(|status| status.name == spec.name);
            let (state, note) = status.map_or(("Waiting".to_owned(), String::new()), state);
            ContainerView {
                name: spec.name.clone(),
                image: spec.image.clone().unwrap_or_default(),
                state,
                note,
                ready: status.is_some_and(|status| status.ready),
                restarts: status.map_or(0, |status| status.restart_count),
            }
        })
        .collect()
}

/// What a container does, and more about it.
fn state(status: &ContainerStatus) -> (String, String) {
    let state = status.state.clone().unwrap_or_default();
    let last = status
        .last_state
        .as_ref()
        .and_then(|last| last.terminated.as_ref());
    let last = last
        .map(|ended| format!("last exit code {}", ended.exit_code))
        .unwrap_or_default();
    if let Some(waiting) = state.waiting {
        let message = waiting.message.unwrap_or(last);
        return (
            waiting.reason.unwrap_or_else(|| "Waiting".to_owned()),
            message,
        );
    }
    if let Some(ended) = state.terminated {
        let note = format!("exit code {}", ended.exit_code);
        return (
            ended.reason.unwrap_or_else(|| "Terminated".to_owned()),
            note,
        );
    }
    match state.running {
        Some(_) => ("Running".to_owned(), last),
        None => ("Waiting".to_owned(), last),
    }
}

/// What the scheduler thought of each node.
fn verdicts(explanation: &Explanation) -> Vec<String> {
    let chosen = explanation.chosen.as_deref();
    let line = |(node, verdict): (&String, &Verdict)| match verdict {
        Verdict::Rejected { plugin, reasons } => {
            format!("{node}: no ({plugin}: {})", reasons.join(", "))
        }
        Verdict::Scored { total, .. } => {
            let taken = if chosen == Some(node.as_str()) {
                ", chosen"
            } else {
                ""
            };
            format!("{node}: possible, score {total}{taken}")
        }
    };
    explanation.nodes.iter().map(line).collect()
}

fn log(cluster: &Cluster, name: &NamespacedName) -> Vec<String> {
    let mut kubelets = cluster.kubelets().iter();
    let lines = kubelets.find_map(|kubelet| kubelet.logs(name, "", LOG_LIMIT));
    lines.into_iter().flatten().map(|line| line.text).collect()
}

fn node(cluster: &Cluster, spot: &Spot) -> DetailView {
    let name = spot.at.name.as_str();
    let kubelet = cluster
        .kubelets()
        .iter()
        .find(|kubelet| kubelet.config().name == name);
    let object = nodes::object(cluster, name);
    let mut view = DetailView {
        spot: spot.clone(),
        gone: kubelet.is_none(),
        on: kubelet.is_some_and(|kubelet| kubelet.is_running()),
        cordoned: nodes::is_cordoned(object),
        ..DetailView::default()
    };
    let facts = &mut view.facts;
    if let Some(kubelet) = kubelet {
        let config = kubelet.config();
        fact(facts, "Status", nodes::status(kubelet, object));
        fact(facts, "Address", config.internal_ip.as_str());
        fact(
            facts,
            "Addresses of its Pods",
            format!("{}.0/24", config.pod_prefix),
        );
        fact(facts, "CPU", format!("{} m", config.cpu_milli));
        fact(facts, "Memory", format!("{} MiB", config.memory_mib));
        fact(facts, "Takes", format!("{} Pods", config.pods));
    }
    let Some(object) = object else {
        return view;
    };
    let spec = object.spec.clone().unwrap_or_default();
    fact(
        facts,
        "Unschedulable",
        if view.cordoned { "yes" } else { "" },
    );
    let taints = spec.taints.iter().flatten();
    let taints: Vec<String> = taints
        .map(|taint| format!("{}:{}", taint.key, taint.effect))
        .collect();
    fact(facts, "Taints", taints.join(", "));
    let conditions = object
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    view.conditions = conditions
        .map(|c| condition_view(c, c.reason.as_ref(), c.message.as_ref()))
        .collect();
    view
}

fn part(cluster: &Cluster, spot: &Spot) -> Option<DetailView> {
    let part = Part::of_name(&spot.at.name)?;
    let views = nodes::parts(cluster);
    let view = views.into_iter().find(|view| view.name == part.name())?;
    let mut detail = pod(cluster, &Spot::pod(&view.pod));
    detail
        .facts
        .insert(0, ("What it does".to_owned(), nodes::role(part).to_owned()));
    let watched = match part {
        Part::Etcd => "Without it nothing can be read or written. Pods that run go on and answer.",
        Part::KubeApiserver => {
            "Without it nobody reads or writes: no kubectl, no controller, no scheduler. Pods that run go on and answer."
        }
        Part::KubeControllerManager => {
            "Without it nobody replaces Pods, rolls out or fills endpoints. Everything else goes on."
        }
        Part::KubeScheduler => "Without it new Pods stay Pending. Everything else goes on.",
    };
    detail
        .facts
        .insert(1, ("When it stops".to_owned(), watched.to_owned()));
    Some(DetailView {
        spot: spot.clone(),
        on: view.running,
        gone: false,
        verdicts: Vec::new(),
        ..detail
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::session;
    use super::*;
    use crate::protocol::UserCommand;
    use crate::session::Session;
    use crate::sim::SimDuration;

    fn get(session: &Session, spot: &Spot) -> DetailView {
        view(session.cluster(), spot).expect("something was chosen")
    }

    #[test]
    fn a_pod_tells_where_it_is_why_and_what_was_broken() {
        let mut session = session();
        let pods = pods::views(session.cluster());
        let at = pods
            .keys()
            .find(|at| at.namespace == "default")
            .expect("the sample")
            .clone();
        let spot = Spot::pod(&at);
        let before = get(&session, &spot);
        assert_eq!(before.containers[0].state, "Running");
        assert!(before.on && !before.broken && !before.chain.is_empty());
        assert!(
            before.verdicts.iter().any(|line| line.ends_with("chosen")),
            "{before:?}"
        );
        session.execute(UserCommand::SetReadiness {
            at: at.clone(),
            broken: true,
        });
        assert!(get(&session, &spot).broken);
        session.execute(UserCommand::Delete {
            kind: "Pod".into(),
            at,
        });
        session.advance(session.cluster().now() + SimDuration::secs(40), u32::MAX);
        assert!(get(&session, &spot).gone);
    }

    #[test]
    fn nodes_and_parts_tell_whether_they_run() {
        let mut session = session();
        let (node, part) = (
            Spot::named("node", "", "worker-1"),
            Spot::named("part", "", "etcd"),
        );
        assert!(get(&session, &node).on && get(&session, &part).on);
        session.execute(UserCommand::SetNode {
            name: "worker-1".into(),
            on: false,
        });
        session.execute(UserCommand::SetPart {
            name: "etcd".into(),
            on: false,
        });
        assert!(!get(&session, &node).on && !get(&session, &part).on);
        assert!(get(&session, &Spot::named("node", "", "nowhere")).gone);
        assert_eq!(view(session.cluster(), &Spot::default()), None);
    }
}
