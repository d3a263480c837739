//! A node: a place with so much room, and the Pods in it.

use super::pod::Pods;
use crate::protocol::{NodeView, PodView, Spot, UserCommand};
use crate::web::app::Msg;
use crate::web::icon::{icon, shape};
use std::rc::Rc;
use std::sync::Arc;
use yew::prelude::*;

/// What a node needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The node.
    pub node: Arc<NodeView>,
    /// Its Pods.
    pub pods: Rc<Vec<Arc<PodView>>>,
    /// What was chosen, where it is here.
    pub chosen: Spot,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// A node.
#[component]
pub fn Node(props: &Props) -> Html {
    let Props {
        node,
        pods,
        chosen,
        send,
    } = props;
    let class = classes!("place", "node", (!node.on).then_some("off"));
    html! {
        <section {class} aria-label={node.name.clone()} data-spot={Spot::named("node", "", &node.name).key()} data-testid={format!("node-{}", node.name)}>
            {head(node, chosen, send)}
            <div class="meters">
                {meter("CPU", node.cpu, "m")}
                {meter("Memory", node.memory, "Mi")}
            </div>
            <p class={if node.on { "counts" } else { "counts off-word" }}>{line(node)}</p>
            <Pods pods={pods.clone()} chosen={chosen.clone()} send={send.clone()} />
            <p class="agents muted"><span title="Starts what the API server says belongs here">{"kubelet"}</span><span title="Leads requests to Services on to their Pods">{"kube-proxy"}</span></p>
        </section>
    }
}

/// Name, state and switch of a node.
pub fn head(node: &NodeView, chosen: &Spot, send: &Callback<Msg>) -> Html {
    let spot = Spot::named("node", "", &node.name);
    let pressed = (spot == *chosen).to_string();
    let choose = send.reform(move |_: MouseEvent| Msg::Choose(spot.clone()));
    let command = UserCommand::SetNode {
        name: node.name.clone(),
        on: !node.on,
    };
    let turn = send.reform(move |_: MouseEvent| Msg::Command(command.clone()));
    let word = if node.on { "Switch off" } else { "Switch on" };
    let label = format!("{word} {}", node.name);
    let ready = node.status == "Ready";
    let mood = if ready { "ready" } else { "off" };
    html! {
        <header class="place-head">
            <button class="place-name" onclick={choose} aria-pressed={pressed}>{icon("node")}<strong>{&node.name}</strong></button>
            <span class={format!("state {mood}")} data-testid="node-status">{shape(mood)}{&node.status}</span>
            <button class="plain square" onclick={turn} title={label.clone()} aria-label={label}>{icon("power")}</button>
        </header>
    }
}

fn meter(name: &str, (used, all): (i64, i64), unit: &str) -> Html {
    let percent = if all > 0 {
        (used * 100 / all).min(100)
    } else {
        0
    };
    let title = format!("{name}: {used}{unit} asked for of {all}{unit}");
    html! {
        <div class="meter" title={title.clone()}>
            <span>{name.to_owned()}</span>
            <span class="meter-bar" role="img" aria-label={title}><i style={format!("width:{percent}%")}></i></span>
            <span class="mono">{format!("{percent}%")}</span>
        </div>
    }
}

/// The line under the meters.
fn line(node: &NodeView) -> String {
    match node.cordoned {
        true => format!("{} · cordoned", words(node)),
        false => words(node),
    }
}

/// How many Pods there are; how they are, where they are too many to say it themselves; and whether
/// the node is off.
fn words(node: &NodeView) -> String {
    let (count, most) = node.pods;
    match (node.on, node.status.as_str()) {
        (false, "Ready") => return "Switched off. The cluster has not noticed yet.".to_owned(),
        (false, _) => return "Switched off".to_owned(),
        _ => {}
    }
    if count as usize <= super::pod::FULL_MOST {
        return format!("{count} of {most} Pods");
    }
    let words: Vec<String> = node
        .words
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    format!("{count} of {most} Pods: {}", words.join(", "))
}
