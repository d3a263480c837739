//! The stage: the control plane, the nodes, the Pods on them, the Pod chosen.

use super::action;
use crate::protocol::{NodeView, PartView, PodView, Screen, UserCommand};
use crate::web::app::Msg;
use yew::prelude::*;

/// The middle of the page.
pub fn view(screen: &Screen, chosen: &str, send: &Callback<Msg>) -> Html {
    let all = screen
        .nodes
        .iter()
        .flat_map(|node| &node.pods)
        .chain(&screen.waiting);
    let pod = all.into_iter().find(|pod| id(pod) == chosen);
    html! {
        <>
            <section class="card" aria-labelledby="parts">
                <header><h2 id="parts">{"Control plane"}</h2>
                    <span class="muted">{"store at revision "}<span data-testid="revision">{screen.revision}</span></span></header>
                <div class="parts">{for screen.parts.iter().map(|part| part_view(part, send))}</div>
            </section>
            <section class="card" aria-labelledby="nodes">
                <header><h2 id="nodes">{"Nodes and their Pods"}</h2><span class="muted">{"choose a Pod for its log"}</span></header>
                <div class="nodes">{for screen.nodes.iter().map(|node| node_view(node, chosen, send))}</div>
                if !screen.waiting.is_empty() {
                    <h3>{"Waiting for a node"}</h3>
                    <ul class="pods">{for screen.waiting.iter().map(|pod| pod_view(pod, chosen, send))}</ul>
                }
            </section>
            if let Some(pod) = pod { {detail(pod, &screen.log, send)} }
        </>
    }
}

fn id(pod: &PodView) -> String {
    format!("{}/{}", pod.at.namespace, pod.at.name)
}

fn part_view(part: &PartView, send: &Callback<Msg>) -> Html {
    let command = UserCommand::SetPart {
        name: part.name.clone(),
        on: !part.running,
    };
    let class = if part.running { "part" } else { "part stopped" };
    html! {
        <div {class}>
            <strong>{&part.name}</strong>
            <span class="muted">{&part.role}</span>
            <div class="row">
                <span>{if part.running { "● running" } else { "■ stopped" }}</span>
                {action(if part.running { "Stop" } else { "Start" }, send, command)}
            </div>
        </div>
    }
}

fn node_view(node: &NodeView, chosen: &str, send: &Callback<Msg>) -> Html {
    let (used, all) = node.cpu;
    let percent = if all > 0 {
        (used * 100 / all).min(100)
    } else {
        0
    };
    let command = UserCommand::SetNode {
        name: node.name.clone(),
        on: !node.on,
    };
    let class = if node.on { "node" } else { "node off" };
    html! {
        <div {class} data-testid={format!("node-{}", node.name)}>
            <header>
                <h3>{&node.name}</h3>
                <span class="muted">{if node.status == "Ready" { "● " } else { "■ " }}{&node.status}</span>
                if node.role == "worker" {
                    {action(if node.on { "Switch off" } else { "Switch on" }, send, command)}
                }
            </header>
            <div class="bar" role="img" aria-label={format!("{used} of {all} thousandths of CPU asked for")}>
                <span style={format!("width: {percent}%")}></span>
            </div>
            <ul class="pods">{for node.pods.iter().map(|pod| pod_view(pod, chosen, send))}</ul>
        </div>
    }
}

fn pod_view(pod: &PodView, chosen: &str, send: &Callback<Msg>) -> Html {
    let id = id(pod);
    let shape = match pod.mood.as_str() {
        "ready" => "●",
        "busy" => "◐",
        "failing" => "▲",
        _ => "○",
    };
    let pressed = (id == chosen).to_string();
    let title = format!("{id}: {}", pod.status);
    let class = format!("pod mood-{}", pod.mood);
    let onclick = send.reform(move |_: MouseEvent| Msg::Choose(id.clone()));
    let short = short_name(pod);
    html! {
        <li key={title.clone()}><button {class} {onclick} {title} aria-pressed={pressed} data-testid="pod">
            <span aria-hidden="true">{shape}</span>
            <span class="name">{short}</span>
            <span>{&pod.status}</span>
            if pod.restarts > 0 { <span>{"×"}{pod.restarts}</span> }
        </button></li>
    }
}

fn detail(pod: &PodView, log: &[String], send: &Callback<Msg>) -> Html {
    let at = pod.at.clone();
    let delete = UserCommand::Delete {
        kind: "Pod".to_owned(),
        at: at.clone(),
    };
    let crash = UserCommand::Crash {
        at: at.clone(),
        code: 1,
    };
    let readiness = UserCommand::SetReadiness {
        at: at.clone(),
        broken: pod.ready,
    };
    let word = if pod.ready {
        "Break readiness"
    } else {
        "Heal readiness"
    };
    html! {
        <section class="card" aria-label="The Pod chosen" data-testid="detail">
            <header><h2>{"Pod "}{&at.name}</h2><span>{&pod.status}</span></header>
            <p class="mono">{"image "}{&pod.image}{" · address "}{&pod.ip}{" · made by "}{&pod.owner}{" · restarts "}{pod.restarts}</p>
            <div class="row">
                {action("Delete", send, delete)}
                {action("Crash container", send, crash)}
                {action(word, send, readiness)}
            </div>
            <h3>{"Log"}</h3>
            <pre class="scroll" tabindex="0">{log.join("\n")}</pre>
        </section>
    }
}

/// A name that fits: without the template's hash, and without the node behind a static Pod's.
fn short_name(pod: &PodView) -> String {
    let name = pod.at.name.trim_end_matches("-control-plane");
    let rest = name
        .strip_prefix(&pod.owner)
        .filter(|_| !pod.owner.is_empty());
    match (rest, pod.owner.rsplit_once('-')) {
        (Some(suffix), Some((base, _))) => format!("{base}{suffix}"),
        _ => name.to_owned(),
    }
}
