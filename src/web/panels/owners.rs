//! What runs Pods, as trees: who made whom.

use super::name;
use crate::protocol::{ConditionView, OwnedView, Spot};
use crate::web::app::Msg;
use crate::web::icon::shape;
use std::sync::Arc;
use yew::prelude::*;

/// All trees.
pub fn view(trees: &[Arc<OwnedView>], send: &Callback<Msg>) -> Html {
    let (system, own): (Vec<_>, Vec<_>) = trees
        .iter()
        .partition(|tree| tree.at.namespace == "kube-system");
    let list = |trees: Vec<&Arc<OwnedView>>| html! { <ul class="owners">{for trees.into_iter().map(|tree| branch(tree, send))}</ul> };
    html! {
        <section aria-labelledby="owners-title" data-testid="owners">
            <h3 id="owners-title">{"Who made whom"}</h3>
            if !own.is_empty() { {list(own)} }
            if !system.is_empty() {
                <details class="system"><summary>{format!("The cluster's own ({})", system.len())}</summary>{list(system)}</details>
            }
        </section>
    }
}

/// An object, and below it what it owns.
fn branch(owned: &OwnedView, send: &Callback<Msg>) -> Html {
    let key = format!("{}/{}/{}", owned.kind, owned.at.namespace, owned.at.name);
    html! {
        <li {key} data-testid={format!("owned-{}-{}", owned.kind, owned.at.name)}>
            <div class={format!("owned {}", owned.mood)}>
                <span class={format!("state {}", owned.mood)} title={owned.mood.clone()}>{shape(&owned.mood)}</span>
                <span class="muted kind">{&owned.kind}</span>{label(owned, send)}
                <span class="facts-line">{for owned.facts.iter().filter(|(_, cell)| !cell.is_empty()).map(|(heading, cell)| html! { <span key={heading.clone()}><span class="muted">{heading}</span>{" "}{cell}</span> })}</span>
                {for owned.conditions.iter().map(condition)}
            </div>
            if !owned.children.is_empty() {
                <ul>{for owned.children.iter().map(|child| branch(child, send))}
                    if owned.more > 0 { <li class="muted">{format!("and {} more", owned.more)}</li> }
                </ul>
            }
        </li>
    }
}

/// The name; a Pod's leads to its details.
fn label(owned: &OwnedView, send: &Callback<Msg>) -> Html {
    if owned.kind != "Pod" {
        return html! { <strong>{&owned.at.name}</strong> };
    }
    let spot = Spot::pod(&owned.at);
    let onclick = send.reform(move |_: MouseEvent| Msg::Choose(spot.clone()));
    html! { <button class="link" {onclick}>{name(&owned.at.name)}</button> }
}

fn condition(condition: &ConditionView) -> Html {
    let text = match condition.status.as_str() {
        "True" => condition.name.clone(),
        "False" => format!("not {}", condition.name),
        _ => format!("{}?", condition.name),
    };
    let why = [condition.reason.as_str(), condition.message.as_str()].join(": ");
    html! { <span key={condition.name.clone()} class="tag" title={why}>{text}</span> }
}
