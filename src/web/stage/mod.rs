//! The stage: the world outside, the control plane with its one door, the nodes as places and the
//! Pods as things in them. What travels is drawn over it by `flow`.

mod control_plane;
mod node;
mod pod;

use super::app::Msg;
use super::flow::Flow;
use super::icon::{icon, shape};
use crate::protocol::{NodeView, PartView, PodView, Spot};
use control_plane::ControlPlane;
use node::Node;
use pod::Pods;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use web_sys::HtmlCanvasElement;
use yew::prelude::*;

/// What the stage needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The control plane.
    pub parts: Arc<Vec<PartView>>,
    /// The nodes.
    pub nodes: Vec<Arc<NodeView>>,
    /// The Pods of each node; those that wait for one under the empty name.
    pub pods: BTreeMap<String, Rc<Vec<Arc<PodView>>>>,
    /// The store's revision.
    pub revision: u64,
    /// Whether a load is under way.
    pub loaded: bool,
    /// What was chosen.
    pub chosen: Spot,
    /// What draws what travels.
    pub flow: Flow,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// The stage.
#[component]
pub fn Stage(props: &Props) -> Html {
    let Props {
        parts,
        nodes,
        pods,
        revision,
        chosen,
        send,
        ..
    } = props;
    let canvas = use_node_ref();
    {
        let (canvas, flow) = (canvas.clone(), props.flow.clone());
        use_effect_with((), move |()| {
            if let Some(canvas) = canvas.cast::<HtmlCanvasElement>() {
                flow.attach(canvas);
            }
        });
    }
    let of = |name: &str| pods.get(name).cloned().unwrap_or_default();
    let (control, workers): (Vec<_>, Vec<_>) =
        nodes.iter().partition(|node| node.role == "control-plane");
    html! {
        <section class="stage" aria-label="The cluster">
            <div class="stage-inner">
                <div class="outside you" data-spot={Spot::named("outside", "", "kubectl").key()}>
                    {icon("laptop")}<p><strong>{"You"}</strong><span class="muted">{"with kubectl"}</span></p>
                </div>
                <div class="top">
                    {for control.into_iter().map(|node| html! {
                        <ControlPlane key={node.name.clone()} node={node.clone()} parts={parts.clone()} pods={of(&node.name)}
                            revision={*revision} chosen={chosen.clone()} send={send.clone()} />
                    })}
                    <Waiting pods={of("")} chosen={chosen.clone()} send={send.clone()} />
                </div>
                <div class="outside users" data-spot={Spot::named("outside", "", "").key()}>
                    {icon("globe")}<p><strong>{"The world"}</strong><span class="muted">{"sends requests to a node"}</span></p>
                </div>
                <div class="workers">
                    {for workers.into_iter().map(|node| html! {
                        <Node key={node.name.clone()} node={node.clone()} pods={of(&node.name)} chosen={within(chosen, &of(&node.name), &node.name)} send={send.clone()} />
                    })}
                </div>
                <canvas class="flow" ref={canvas} aria-hidden="true"></canvas>
            </div>
            {legend(props.loaded)}
        </section>
    }
}

/// What was chosen, where it is this node or one of its Pods: the others need not know.
fn within(chosen: &Spot, pods: &[Arc<PodView>], node: &str) -> Spot {
    let here = match chosen.kind.as_str() {
        "pod" => pods.iter().any(|pod| pod.at == chosen.at),
        "node" => chosen.at.name == node,
        _ => false,
    };
    if here {
        chosen.clone()
    } else {
        Spot::default()
    }
}

/// What `Waiting` needs.
#[derive(Clone, PartialEq, Properties)]
pub struct WaitingProps {
    /// The Pods without a node.
    pub pods: Rc<Vec<Arc<PodView>>>,
    /// What was chosen.
    pub chosen: Spot,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// Pods that no node was found for yet.
#[component]
fn Waiting(props: &WaitingProps) -> Html {
    let WaitingProps { pods, chosen, send } = props;
    html! {
        <section class="waiting" aria-label="Pods that wait for a node" data-testid="waiting">
            if pods.is_empty() {
                <span class="muted">{"No Pod waits for a node"}</span>
            } else {
                <span class="waiting-word">{shape("busy")}{format!("{} waiting for a node", pods.len())}</span>
                <Pods pods={pods.clone()} chosen={chosen.clone()} send={send.clone()} />
            }
        </section>
    }
}

fn legend(loaded: bool) -> Html {
    html! {
        <p class="legend">
            <span>{shape("ready")}{"ready"}</span><span>{shape("busy")}{"not ready yet"}</span>
            <span>{shape("failing")}{"failing"}</span><span>{shape("ending")}{"ending"}</span>
            <span class="legend-flow">{shape("write")}{"a write to the API server"}</span>
            if loaded {
                <span>{shape("request")}{"a request"}</span><span>{shape("failed")}{"a request that failed"}</span>
            }
        </p>
    }
}
