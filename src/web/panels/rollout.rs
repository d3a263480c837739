//! A Deployment: how its rollout stands against its budget, and what can be done with it.

use super::details::conditions;
use super::{action, action_for};
use crate::protocol::{RevisionView, RolloutView, UserCommand};
use crate::web::app::Msg;
use crate::web::field::Field;
use crate::web::icon::shape;
use std::sync::Arc;
use yew::prelude::*;

/// What a Deployment needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The Deployment.
    pub rollout: Arc<RolloutView>,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// The shape for a rollout's word.
fn mood(state: &str) -> &'static str {
    match state {
        "Complete" => "ready",
        "Stalled" => "failing",
        "Paused" => "ending",
        _ => "busy",
    }
}

/// A Deployment.
#[component]
pub fn Rollout(props: &Props) -> Html {
    let Props { rollout, send } = props;
    let mood = mood(&rollout.state);
    html! {
        <article class={format!("card rollout {mood}")} aria-label={format!("Deployment {}", rollout.at.name)} data-testid={format!("rollout-{}", rollout.at.name)}>
            <header><h3>{&rollout.at.name}<span class="muted">{" "}{&rollout.at.namespace}</span></h3>
                <span class={format!("state badge {mood}")} data-testid="state">{shape(mood)}{&rollout.state}</span></header>
            <p><strong data-testid="counts">{format!("{}/{} available, {} updated", rollout.available, rollout.desired, rollout.updated)}</strong></p>
            <p class="mono muted sentence">{&rollout.status}</p>
            if !rollout.troubles.is_empty() {
                <ul class="alert" data-testid="troubles">{for rollout.troubles.iter().map(|line| html! { <li key={line.0.clone()}>{shape("failing")}<div><strong>{&line.0}</strong><p>{&line.1}</p></div></li> })}</ul>
            }
            {budget(rollout)}
            {for rollout.revisions.iter().map(|revision| revision_view(rollout, revision, send))}
            <Controls rollout={rollout.clone()} send={send.clone()} />
            {conditions(&rollout.conditions)}
        </article>
    }
}

/// All Pods against the two limits that a rollout may not cross.
fn budget(rollout: &RolloutView) -> Html {
    let least = (rollout.desired - rollout.max_unavailable).max(0);
    let most = rollout.desired + rollout.max_surge;
    let recreate = rollout.strategy == "Recreate";
    html! {
        <div class="budget">
            <div class="bar-line"><span class="bar-name">{"All"}</span>{bar(rollout, rollout.available, rollout.ready, rollout.current, "all")}
                <span class="mono bar-count">{format!("{} / {}", rollout.available, rollout.current)}</span></div>
            <p class="muted rule">
                if recreate { <span>{"Recreate: all old Pods go before new ones come"}</span> } else {
                    <span><b class="key least"></b>{format!("at least {least} available")}</span>
                    <span><b class="key desired"></b>{format!("{} wanted", rollout.desired)}</span>
                    <span>{format!("at most {most} Pods")}</span>
                }
                if rollout.min_ready_seconds > 0 { <span>{format!("available once ready for {} s", rollout.min_ready_seconds)}</span> }
                <span>{format!("deadline {} s", rollout.deadline_seconds)}</span>
            </p>
        </div>
    }
}

/// Available, ready and other Pods on one scale, with the limits marked.
fn bar(
    rollout: &RolloutView,
    available: i32,
    ready: i32,
    current: i32,
    class: &'static str,
) -> Html {
    let most = (rollout.desired + rollout.max_surge).max(current).max(1);
    let width = |count: i32| {
        format!(
            "width:{}%",
            f64::from(count.max(0)) * 100.0 / f64::from(most)
        )
    };
    let place = |count: i32| {
        format!(
            "left:{}%",
            f64::from(count.max(0)) * 100.0 / f64::from(most)
        )
    };
    let label = format!(
        "{available} available, {} ready but not long enough, {} not ready",
        (ready - available).max(0),
        (current - ready).max(0)
    );
    let least = rollout.desired - rollout.max_unavailable;
    html! {
        <span class={format!("stack {class}")} role="img" aria-label={label.clone()} title={label}>
            <i class="available" style={width(available)}></i><i class="unripe" style={width(ready - available)}></i><i class="unready" style={width(current - ready.max(available))}></i>
            if rollout.strategy != "Recreate" && least > 0 && least < most { <b class="mark least" style={place(least)}></b> }
            <b class="mark desired" style={place(rollout.desired)}></b>
        </span>
    }
}

fn revision_view(rollout: &RolloutView, revision: &RevisionView, send: &Callback<Msg>) -> Html {
    let RevisionView {
        revision: number,
        desired,
        current,
        ready,
        available,
        ..
    } = revision;
    let undo = UserCommand::Undo {
        at: rollout.at.clone(),
        revision: *number,
    };
    let class = if revision.present { "present" } else { "past" };
    html! {
        <div class={format!("revision {class}")} key={revision.name.clone()} data-testid={format!("revision-{number}")}>
            <div class="bar-line"><span class="bar-name">{format!("r{number}")}</span>{bar(rollout, *available, *ready, *current, class)}
                <span class="mono bar-count">{format!("{available} / {current}")}</span></div>
            <div class="revision-line">
                <span class="mono image">{&revision.image}</span>
                if revision.present { <span class="tag">{"present"}</span> } else { {action_for("Undo to this", &format!("Undo to this: revision {number} of {}", rollout.at.name), send, undo)} }
            </div>
            <p class="muted numbers">{format!("ReplicaSet {}: {desired} desired, {current} current, {ready} ready, {available} available", revision.name)}</p>
            if !revision.cause.is_empty() { <p class="cause">{&revision.cause}</p> }
        </div>
    }
}

/// What can be done with a Deployment.
#[component]
fn Controls(props: &Props) -> Html {
    let Props { rollout, send } = props;
    let at = &rollout.at;
    let to = |replicas: i32| UserCommand::Scale {
        at: at.clone(),
        replicas,
    };
    let scale = {
        let (at, send) = (at.clone(), send.clone());
        Callback::from(move |typed: String| {
            if let Ok(replicas) = typed.trim().parse() {
                send.emit(Msg::Command(UserCommand::Scale {
                    at: at.clone(),
                    replicas,
                }));
            }
        })
    };
    let set_image = {
        let at = at.clone();
        send.reform(move |image: String| {
            let (at, container) = (at.clone(), "*".to_owned());
            Msg::Command(UserCommand::SetImage {
                at,
                container,
                image,
            })
        })
    };
    let paused = UserCommand::SetPaused {
        at: at.clone(),
        paused: !rollout.paused,
    };
    let delete = UserCommand::Delete {
        kind: "Deployment".to_owned(),
        at: at.clone(),
    };
    let desired = rollout.desired;
    html! {
        <div class="controls">
            <div class="row">
                {action_for("−", "One replica less", send, to((desired - 1).max(0)))}
                {action_for("+", "One replica more", send, to(desired + 1))}
                <Field label="Replicas" kind="number" testid="replicas" current={desired.to_string()} max="1000" button="Scale" on_submit={scale} />
            </div>
            <Field label="Image" testid="image" current={rollout.image.clone()} button="Set image" on_submit={set_image} />
            <div class="row">
                {action(if rollout.paused { "Resume" } else { "Pause" }, send, paused)}
                {action("Undo", send, UserCommand::Undo { at: at.clone(), revision: 0 })}
                {action("Restart", send, UserCommand::Restart { at: at.clone() })}
                {action("Delete", send, delete)}
            </div>
        </div>
    }
}
