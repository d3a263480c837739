//! Looking back: what is on the screen is an earlier moment, and what can be done about it.

use super::app::Msg;
use super::dialogs::Frame;
use super::icon::icon;
use crate::protocol::{Clock, Storage};
use std::sync::Arc;
use yew::prelude::*;

/// What both parts need.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The clock.
    pub clock: Arc<Clock>,
    /// Whether what is forgotten can be kept aside.
    pub storage: Arc<Storage>,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// What becomes of what came later when somebody carries on from the moment on the screen.
fn forgets(clock: &Clock, storage: &Storage) -> String {
    let commands = match clock.present.as_ref().map_or(0, |there| there.commands) {
        0 => return "Nothing was done after it.".to_owned(),
        1 => "the command".to_owned(),
        more => format!("the {more} commands"),
    };
    match storage {
        Storage::Saved => {
            format!("Carrying on from here keeps the cluster with {commands} given after it aside.")
        }
        _ => format!("Carrying on from here forgets {commands} given after it."),
    }
}

/// The line under the head; nothing in the present.
#[component]
pub fn Banner(props: &Props) -> Html {
    let Props {
        clock,
        storage,
        send,
    } = props;
    if clock.present.is_none() {
        return Html::default();
    }
    let carry_on = send.reform(|_: MouseEvent| Msg::CarryOn(true));
    let back = send.reform(|_: MouseEvent| Msg::CarryOn(false));
    html! {
        <section class="past" aria-label="Looking back" data-testid="past">
            <p>{icon("past")}<span><strong>{"You are looking at "}{Clock::face(clock.elapsed())}{"."}</strong>{" "}{forgets(clock, storage)}</span></p>
            <div class="row">
                <button onclick={carry_on} data-testid="carry-on">{"Carry on from here"}</button>
                <button class="main" onclick={back} data-testid="return">{"Return to now"}</button>
            </div>
        </section>
    }
}

/// Asks before something is done to an earlier moment.
#[component]
pub fn CarryOn(props: &Props) -> Html {
    let Props {
        clock,
        storage,
        send,
    } = props;
    let carry_on = send.reform(|_: MouseEvent| Msg::CarryOn(true));
    let back = send.reform(|_: MouseEvent| Msg::CarryOn(false));
    html! {
        <Frame title="Do this at an earlier moment?" send={send.clone()}>
            <p>{"You are looking at "}{Clock::face(clock.elapsed())}{". What you do here makes it the present. "}{forgets(clock, storage)}</p>
            <div class="row">
                <button class="main" onclick={carry_on} data-testid="carry-on-do">{"Carry on and do it"}</button>
                <button onclick={back}>{"Return to now"}</button>
            </div>
        </Frame>
    }
}
