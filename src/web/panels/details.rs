//! What was chosen on the stage: what it is, how it is, why it is there, and what can be done to it.

use super::{Shown, action, writes};
use crate::protocol::{ConditionView, DetailView, Place, Spot, UserCommand};
use crate::web::app::Msg;
use crate::web::field::Field;
use crate::web::icon::{icon, shape};
use std::sync::Arc;
use yew::prelude::*;

/// The tab.
pub fn view(shown: &Shown, send: &Callback<Msg>) -> Html {
    let detail = shown
        .beside
        .detail
        .as_ref()
        .filter(|detail| detail.spot == shown.view.chosen);
    match detail {
        Some(detail) => {
            html! { <Detail detail={detail.clone()} request={shown.beside.request.clone()} send={send.clone()} /> }
        }
        None => {
            html! { <p class="empty">{"Choose a Pod, a node or a part of the control plane on the stage."}</p> }
        }
    }
}

/// What the details need.
#[derive(Clone, PartialEq, Properties)]
struct Props {
    detail: Arc<DetailView>,
    request: Option<Arc<crate::protocol::RequestView>>,
    send: Callback<Msg>,
}

/// The details.
#[component]
fn Detail(props: &Props) -> Html {
    let Props {
        detail,
        request,
        send,
    } = props;
    let spot = &detail.spot;
    let close = send.reform(|_: MouseEvent| Msg::Choose(Spot::default()));
    let kind = match spot.kind.as_str() {
        "pod" => "Pod",
        "node" => "Node",
        _ => "Control plane",
    };
    html! {
        <section class="detail" aria-label={format!("{kind} {}", spot.at.name)} data-testid="detail">
            <header class="detail-head"><div><p class="muted">{kind}{" "}{&spot.at.namespace}</p><h2>{&spot.at.name}</h2></div>
                <button class="plain square" onclick={close} aria-label="Close the details" title="Esc">{icon("close")}</button></header>
            if detail.gone { <p class="alert">{shape("ending")}<span>{"It is gone. What is left is its story."}</span></p> }
            {actions(detail, send)}
            <dl class="facts">{for detail.facts.iter().map(|(name, value)| html! {
                <div key={name.clone()}><dt>{name}</dt><dd>{value}</dd></div>
            })}</dl>
            {containers(detail)}
            {conditions(&detail.conditions)}
            if spot.is("pod") && !detail.gone { {curl(&spot.at, send)} }
            if spot.is("pod") && let Some(request) = request { {super::hops::view(request, send)} }
            if !detail.verdicts.is_empty() {
                <h3>{"What the scheduler thought of each node"}</h3>
                <ul class="verdicts">{for detail.verdicts.iter().map(|line| html! { <li key={line.clone()}>{line}</li> })}</ul>
            }
            if !detail.chain.is_empty() {
                <h3>{"Why is it here?"}</h3>
                <div data-testid="why">{writes::chain(&detail.chain)}</div>
            }
            if !spot.is("node") {
                <h3>{"Log"}</h3>
                <pre class="log" tabindex="0" aria-label="Log" data-testid="log">{if detail.log.is_empty() { "nothing yet".to_owned() } else { detail.log.join("\n") }}</pre>
            }
        </section>
    }
}

fn actions(detail: &DetailView, send: &Callback<Msg>) -> Html {
    let at = detail.spot.at.clone();
    let buttons = match detail.spot.kind.as_str() {
        "pod" if detail.gone => Html::default(),
        "pod" => pod_actions(detail, at, send),
        "node" => node_actions(detail, at.name, send),
        _ => {
            let (word, on) = if detail.on {
                ("Stop", false)
            } else {
                ("Start", true)
            };
            action(word, send, UserCommand::SetPart { name: at.name, on })
        }
    };
    html! { <div class="row">{buttons}</div> }
}

fn node_actions(detail: &DetailView, name: String, send: &Callback<Msg>) -> Html {
    let switch = if detail.on { "Switch off" } else { "Switch on" };
    let fence = if detail.cordoned {
        "Uncordon"
    } else {
        "Cordon"
    };
    let cordoned = !detail.cordoned;
    html! {
        <>
            {action(switch, send, UserCommand::SetNode { name: name.clone(), on: !detail.on })}
            {action(fence, send, UserCommand::SetCordoned { name: name.clone(), cordoned })}
            {action("Drain", send, UserCommand::Drain { name })}
        </>
    }
}

fn pod_actions(detail: &DetailView, at: Place, send: &Callback<Msg>) -> Html {
    let broken = !detail.broken;
    let word = if detail.broken {
        "Heal readiness"
    } else {
        "Break readiness"
    };
    html! {
        <>
            {action("Delete Pod", send, UserCommand::Delete { kind: "Pod".to_owned(), at: at.clone() })}
            {action("Crash container", send, UserCommand::Crash { at: at.clone(), code: 1 })}
            {action(word, send, UserCommand::SetReadiness { at, broken })}
        </>
    }
}

fn containers(detail: &DetailView) -> Html {
    html! {
        <>{for detail.containers.iter().map(|container| {
            let mood = if container.ready { "ready" } else if container.state == "Running" { "busy" } else { "failing" };
            html! {
                <div class="card container" key={container.name.clone()}>
                    <p><strong>{&container.name}</strong>{" "}<span class={format!("state {mood}")}>{shape(mood)}{&container.state}{if container.ready { ", ready" } else { ", not ready" }}</span>
                        if container.restarts > 0 { <span class="muted">{format!(" restarted {}×", container.restarts)}</span> }</p>
                    <p class="mono">{&container.image}</p>
                    if !container.note.is_empty() { <p class="muted">{&container.note}</p> }
                </div>
            }
        })}</>
    }
}

/// The conditions of an object.
pub fn conditions(conditions: &[ConditionView]) -> Html {
    if conditions.is_empty() {
        return Html::default();
    }
    html! {
        <details class="conditions"><summary>{format!("Conditions ({})", conditions.len())}</summary>
            <ul>{for conditions.iter().map(|condition| html! {
                <li key={condition.name.clone()}><strong>{&condition.name}</strong>{" "}{&condition.status}
                    if !condition.reason.is_empty() { {format!(", {}", condition.reason)} }
                    <span class="mono muted">{" since "}{&condition.since}</span>
                    if !condition.message.is_empty() { <p>{&condition.message}</p> }
                </li>
            })}</ul>
        </details>
    }
}

fn curl(at: &Place, send: &Callback<Msg>) -> Html {
    let from = at.clone();
    let fetch = send.reform(move |url: String| {
        let from = from.clone();
        Msg::Command(UserCommand::Fetch { from, url })
    });
    html! { <Field label="curl" testid="curl" current="http://hello/" button="Send" on_submit={fetch} /> }
}
