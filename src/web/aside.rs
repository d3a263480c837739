//! The dialog of what is kept aside.

use super::app::Msg;
use super::dialogs::Frame;
use crate::protocol::{Aside, AsideCommand, ToEngine};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use yew::prelude::*;

/// What the dialog needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What there is; `None` until the engine has said it.
    pub kept: Option<Rc<Vec<Aside>>>,
    /// Where messages go.
    pub send: Callback<Msg>,
}

fn when(at_ms: u64) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(at_ms as f64));
    date.to_locale_string("default", &JsValue::UNDEFINED).into()
}

/// The list.
#[component]
pub fn KeptAside(props: &Props) -> Html {
    let Props { kept, send } = props;
    let list = match kept {
        None => html! { <p class="muted">{"Looking…"}</p> },
        Some(kept) if kept.is_empty() => html! { <p class="empty">{"Nothing is kept aside."}</p> },
        Some(kept) => html! {
            <ul class="asides">{for kept.iter().map(|aside| item(aside, send))}</ul>
        },
    };
    html! {
        <Frame title="Kept aside" send={send.clone()}>
            <p>{"Clusters that gave way to another one, and saves that could not be opened. The newest five stay in this browser."}</p>
            {list}
        </Frame>
    }
}

fn item(aside: &Aside, send: &Callback<Msg>) -> Html {
    let when = when(aside.at_ms);
    let button = |word: &'static str, testid: &'static str, command: AsideCommand| {
        let closes = matches!(command, AsideCommand::Open(_));
        let onclick = {
            let send = send.clone();
            Callback::from(move |_: MouseEvent| {
                send.emit(Msg::Ask(ToEngine::Aside(command.clone())));
                if closes {
                    send.emit(Msg::Dialog(None));
                }
            })
        };
        html! { <button {onclick} aria-label={format!("{word}: {when}")} data-testid={testid}>{word}</button> }
    };
    let name = || aside.name.clone();
    let size = aside.bytes.div_ceil(1_000);
    html! {
        <li key={aside.name.clone()} data-testid="aside">
            <p><strong>{&when}</strong>{" "}<span class="muted">{format!("{size} KB")}</span>
                if !aside.why.is_empty() { <br />{&aside.why} }</p>
            <div class="row">
                {button("Open", "aside-open", AsideCommand::Open(name()))}
                {button("Save as a file", "aside-export", AsideCommand::Export(name()))}
                {button("Discard", "aside-discard", AsideCommand::Discard(name()))}
            </div>
        </li>
    }
}
