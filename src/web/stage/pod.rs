//! Pods: things of a shape, a colour and a word. The more there are in one place, the smaller.

use crate::protocol::{PodView, Spot};
use crate::web::app::Msg;
use crate::web::icon::shape;
use crate::web::panels;
use std::rc::Rc;
use std::sync::Arc;
use yew::prelude::*;

/// Up to how many Pods of one place have their name and word beside their shape.
pub const FULL_MOST: usize = 11;
/// Up to how many have the end of their name.
const COMPACT_MOST: usize = 36;

/// What the Pods of one place need.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The Pods.
    pub pods: Rc<Vec<Arc<PodView>>>,
    /// What was chosen.
    pub chosen: Spot,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// The Pods of one place.
#[component]
pub fn Pods(props: &Props) -> Html {
    let Props { pods, chosen, send } = props;
    let size = match pods.len() {
        0..=FULL_MOST => "full",
        count if count <= COMPACT_MOST => "compact",
        _ => "tiny",
    };
    html! {
        <ul class={format!("pods {size}")}>
            {for pods.iter().map(|pod| {
                let is_chosen = chosen.is("pod") && chosen.at == pod.at;
                html! { <Pod key={format!("{}/{}", pod.at.namespace, pod.at.name)} pod={pod.clone()} {is_chosen} tiny={size == "tiny"} send={send.clone()} /> }
            })}
        </ul>
    }
}

/// What a Pod needs.
#[derive(Clone, PartialEq, Properties)]
struct PodProps {
    pod: Arc<PodView>,
    is_chosen: bool,
    tiny: bool,
    send: Callback<Msg>,
}

/// A Pod.
#[component]
fn Pod(props: &PodProps) -> Html {
    let PodProps {
        pod,
        is_chosen,
        tiny,
        send,
    } = props;
    let spot = Spot::pod(&pod.at);
    let key = spot.key();
    let onclick = send.reform(move |_: MouseEvent| Msg::Choose(spot.clone()));
    let full = format!("{}/{}: {}", pod.at.namespace, pod.at.name, pod.status);
    let system = pod.at.namespace == "kube-system";
    let class = classes!("pod", pod.mood.clone(), system.then_some("system"));
    let pressed = is_chosen.to_string();
    if *tiny {
        return html! {
            <li><button {class} {onclick} title={full.clone()} aria-label={full} aria-pressed={pressed} data-spot={key} data-testid="pod">{shape(&pod.mood)}</button></li>
        };
    }
    html! {
        <li><button {class} {onclick} title={full} aria-pressed={pressed} data-spot={key} data-testid="pod">
            {shape(&pod.mood)}
            {panels::name(&pod.short)}
            <span class="word">{&pod.status}
                if pod.restarts > 0 { {format!(" ×{}", pod.restarts)} }
                if pod.mood == "busy" && pod.status == "Running" { {", not ready"} }
            </span>
            if pod.revision > 0 && !system { <span class="rev" title={format!("revision {} of its Deployment", pod.revision)}>{format!("r{}", pod.revision)}</span> }
        </button></li>
    }
}
