//! The control plane: etcd, the controller manager and the scheduler above, and below them, between
//! them and the nodes, the API server as the one door.

use super::pod::Pods;
use crate::protocol::{NodeView, PartView, PodView, Spot, UserCommand};
use crate::web::app::Msg;
use crate::web::icon::{icon, shape};
use std::rc::Rc;
use std::sync::Arc;
use yew::prelude::*;

/// What the control plane needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Its node.
    pub node: Arc<NodeView>,
    /// Its parts.
    pub parts: Arc<Vec<PartView>>,
    /// The Pods on it.
    pub pods: Rc<Vec<Arc<PodView>>>,
    /// The store's revision.
    pub revision: u64,
    /// What was chosen.
    pub chosen: Spot,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// The control plane.
#[component]
pub fn ControlPlane(props: &Props) -> Html {
    let Props {
        node,
        parts,
        pods,
        revision,
        chosen,
        send,
    } = props;
    let own = |pod: &&Arc<PodView>| !parts.iter().any(|part| part.pod == pod.at);
    let others: Vec<Arc<PodView>> = pods.iter().filter(own).cloned().collect();
    let find = |name: &str| parts.iter().find(|part| part.name == name).cloned();
    let part = |name: &str| {
        find(name).map(|part| {
            let is_chosen = chosen.is("part") && chosen.at.name == part.name;
            let revision = (part.name == "etcd").then_some(*revision);
            html! { <Part key={name.to_owned()} {part} {is_chosen} {revision} send={send.clone()} /> }
        })
    };
    let class = if node.on {
        "place control"
    } else {
        "place control off"
    };
    html! {
        <section {class} aria-label="Control plane" data-spot={Spot::named("node", "", &node.name).key()} data-testid={format!("node-{}", node.name)}>
            {super::node::head(node, chosen, send)}
            <div class="parts">
                {for ["etcd", "kube-controller-manager", "kube-scheduler"].into_iter().filter_map(part)}
            </div>
            <div class="door">{for part("kube-apiserver")}</div>
            if !others.is_empty() { <Pods pods={Rc::new(others)} chosen={chosen.clone()} send={send.clone()} /> }
        </section>
    }
}

/// What a part needs.
#[derive(Clone, PartialEq, Properties)]
pub struct PartProps {
    /// The part.
    pub part: PartView,
    /// Whether it was chosen.
    pub is_chosen: bool,
    /// The store's revision, where this is the store.
    pub revision: Option<u64>,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// A part.
#[component]
fn Part(props: &PartProps) -> Html {
    let PartProps {
        part,
        is_chosen,
        revision,
        send,
    } = props;
    let spot = Spot::named("part", "", &part.name);
    let command = UserCommand::SetPart {
        name: part.name.clone(),
        on: !part.running,
    };
    let onclick = {
        let spot = spot.clone();
        send.reform(move |_: MouseEvent| Msg::Choose(spot.clone()))
    };
    let turn = send.reform(move |_: MouseEvent| Msg::Command(command.clone()));
    let drawing = match part.name.as_str() {
        "etcd" => "store",
        "kube-apiserver" => "door",
        "kube-scheduler" => "place",
        _ => "loop",
    };
    let word = if part.running { "Stop" } else { "Start" };
    let class = classes!("part", drawing, (!part.running).then_some("stopped"));
    html! {
        <div {class} data-spot={spot.key()} data-testid={format!("part-{}", part.name)}>
            <button class="part-name" {onclick} aria-pressed={is_chosen.to_string()}>{icon(drawing)}<strong>{&part.name}</strong></button>
            <p class="part-role">{&part.role}</p>
            <div class="part-state">
                <span class={if part.running { "state ready" } else { "state off" }}>{shape(if part.running { "ready" } else { "off" })}{if part.running { "running" } else { "stopped" }}</span>
                if let Some(revision) = revision { <span class="mono muted" title="Every write makes a new revision">{"revision "}<span data-testid="revision">{*revision}</span></span> }
                <button class="small" onclick={turn} aria-label={format!("{word} {}", part.name)}>{word}</button>
            </div>
        </div>
    }
}
