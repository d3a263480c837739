//! Deployments: how far each rollout is, its revisions, and what to do with it.

use super::action;
use super::field::Field;
use crate::protocol::{RolloutView, Screen, UserCommand};
use crate::web::app::Msg;
use yew::prelude::*;

/// The card of all Deployments.
pub fn view(screen: &Screen, send: &Callback<Msg>) -> Html {
    html! {
        <section class="card" aria-labelledby="rollouts">
            <header><h2 id="rollouts">{"Deployments"}</h2></header>
            if screen.rollouts.is_empty() { <p class="muted">{"none: apply one"}</p> }
            {for screen.rollouts.iter().map(|rollout| rollout_view(rollout, send))}
        </section>
    }
}

fn rollout_view(rollout: &RolloutView, send: &Callback<Msg>) -> Html {
    let at = rollout.at.clone();
    let paused = UserCommand::SetPaused {
        at: at.clone(),
        paused: !rollout.paused,
    };
    let undo = UserCommand::Undo {
        at: at.clone(),
        revision: 0,
    };
    let restart = UserCommand::Restart { at: at.clone() };
    let delete = UserCommand::Delete {
        kind: "Deployment".to_owned(),
        at: at.clone(),
    };
    html! {
        <div class="rollout" data-testid={format!("rollout-{}", at.name)}>
            <h3>{&at.name}{" "}<span class="muted">{&at.namespace}</span></h3>
            <p><span data-testid="counts">{format!("{}/{} available, {} updated", rollout.available, rollout.desired, rollout.updated)}</span>
                {format!(" · surge {} · unavailable {}", rollout.max_surge, rollout.max_unavailable)}
                if rollout.paused { <strong>{" · paused"}</strong> }</p>
            <p class="muted">{&rollout.progress}</p>
            {size_and_image(rollout, send)}
            <div class="row">
                {action(if rollout.paused { "Resume" } else { "Pause" }, send, paused)}
                {action("Undo", send, undo)}
                {action("Restart", send, restart)}
                {action("Delete", send, delete)}
            </div>
            {revisions(rollout, send)}
        </div>
    }
}

fn size_and_image(rollout: &RolloutView, send: &Callback<Msg>) -> Html {
    let scale = {
        let (at, send) = (rollout.at.clone(), send.clone());
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
        let at = rollout.at.clone();
        send.reform(move |image: String| {
            let (at, container) = (at.clone(), "*".to_owned());
            Msg::Command(UserCommand::SetImage {
                at,
                container,
                image,
            })
        })
    };
    let desired = rollout.desired.to_string();
    html! {
        <>
            <Field label="Replicas" kind="number" testid="replicas" current={desired} max="1000" button="Scale" on_submit={scale} />
            <Field label="Image" testid="image" current={rollout.image.clone()} button="Set" on_submit={set_image} />
        </>
    }
}

fn revisions(rollout: &RolloutView, send: &Callback<Msg>) -> Html {
    html! {
        <table>
            <thead><tr><th>{"Rev."}</th><th>{"Image"}</th><th>{"Pods"}</th><th>{"Ready"}</th><th>{"Back to"}</th></tr></thead>
            <tbody>{for rollout.revisions.iter().enumerate().map(|(index, revision)| html! {
                <tr key={revision.name.clone()} title={revision.name.clone()}>
                    <td>{revision.revision}</td>
                    <td>{&revision.image}{" "}<span class="muted">{&revision.cause}</span></td>
                    <td>{format!("{}/{}", revision.current, revision.desired)}</td>
                    <td>{revision.ready}</td>
                    <td>if index > 0 {
                        {action("Undo", send, UserCommand::Undo { at: rollout.at.clone(), revision: revision.revision })}
                    }</td>
                </tr>
            })}</tbody>
        </table>
    }
}
