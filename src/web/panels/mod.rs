//! What stands beside the stage: one file for each tab.

mod ask;
mod details;
mod events;
mod hops;
mod loads;
mod manifest;
pub mod objects;
mod owners;
mod rollout;
mod rollouts;
mod services;
mod writes;

use super::app::Msg;
use crate::protocol::{Beside, Place, Report, Tab, UserCommand, ViewRequest};
use std::rc::Rc;
use yew::prelude::*;

/// All that a panel may show.
#[derive(Clone, PartialEq)]
pub struct Shown {
    /// What the person looks at.
    pub view: ViewRequest,
    /// What became of the manifest applied last.
    pub report: Rc<Report>,
    /// The Pods that a request can be sent from.
    pub callers: Rc<Vec<Place>>,
    /// What the engine says, without a request that the person has seen enough of.
    pub beside: Beside,
}

/// What the panel needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What there is to show.
    pub shown: Shown,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// The open tab's panel. The editor stays where it is: it keeps what was typed.
#[component]
pub fn Panel(props: &Props) -> Html {
    let Props { shown, send } = props;
    let tab = shown.view.tab;
    let (open, word) = match tab {
        Tab::Manifest => (Html::default(), "Manifest"),
        Tab::Workloads => (rollouts::view(shown, send), "Workloads"),
        Tab::Services => (services::view(shown, send), "Services"),
        Tab::Objects => (objects::view(shown, send), "Objects"),
        Tab::Events => (events::view(shown, send), "Events"),
        Tab::Writes => (writes::view(shown, send), "Writes"),
        Tab::Details => (details::view(shown, send), "Details"),
    };
    html! {
        <div class="panel" role="tabpanel" id="panel" aria-labelledby={format!("tab-{word}")} tabindex="0">
            <div class="panel-manifest" hidden={tab != Tab::Manifest}>
                <manifest::Manifest report={shown.report.clone()} send={send.clone()} />
            </div>
            {open}
        </div>
    }
}

/// A button that does something to the cluster.
fn action(label: &str, send: &Callback<Msg>, command: UserCommand) -> Html {
    action_for(label, label, send, command)
}

/// A button whose word alone does not say what it is for.
fn action_for(label: &str, title: &str, send: &Callback<Msg>, command: UserCommand) -> Html {
    let onclick = send.reform(move |_: MouseEvent| Msg::Command(command.clone()));
    let aria = (title != label).then(|| title.to_owned());
    html! { <button {onclick} aria-label={aria}>{label.to_owned()}</button> }
}

/// A name whose end stays in sight where there is no room for all of it: it tells Pods apart.
pub fn name(name: &str) -> Html {
    let (base, tail) = name.split_at(name.rfind('-').unwrap_or(0));
    html! { <span class="name"><span class="base">{base.to_owned()}</span><span>{tail.to_owned()}</span></span> }
}

/// The field that narrows events and writes.
fn filter(filter: &str, testid: &'static str, send: &Callback<Msg>) -> Html {
    let oninput = send.reform(|event: InputEvent| Msg::Filter(super::dom::value(&event)));
    html! {
        <label class="filter"><span>{"Only"}</span>
            <input type="search" {oninput} value={filter.to_owned()} placeholder="for example: Pod default/web" data-testid={testid} />
        </label>
    }
}
