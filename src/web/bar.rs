//! The head of the page: its name, the time, and what is done with the whole cluster.

use super::app::Msg;
use super::dialogs::Dialog;
use super::icon::icon;
use super::theme::Theme;
use super::time_bar::TimeBar;
use crate::protocol::{Clock, FILE_LIMIT, FromEngine, Storage, ToEngine};
use std::sync::Arc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// What the head needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The clock.
    pub clock: Arc<Clock>,
    /// Whether what is done is kept.
    pub storage: Arc<Storage>,
    /// Light or dark.
    pub theme: Theme,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// Its name.
pub fn brand() -> Html {
    html! { <div class="brand"><h1>{"Kubarium"}</h1><p>{"a Kubernetes cluster under glass"}</p></div> }
}

/// The head.
#[component]
pub fn Bar(props: &Props) -> Html {
    let Props {
        clock,
        storage,
        theme,
        send,
    } = props;
    html! {
        <header class="bar">
            {brand()}
            <TimeBar clock={clock.clone()} send={send.clone()} />
            <Keeping storage={storage.clone()} theme={*theme} send={send.clone()} />
        </header>
    }
}

/// What `Keeping` needs.
#[derive(Clone, PartialEq, Properties)]
pub struct KeepingProps {
    /// Whether what is done is kept.
    pub storage: Arc<Storage>,
    /// Light or dark.
    pub theme: Theme,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// Saved or not, and the buttons for the whole cluster.
#[component]
fn Keeping(props: &KeepingProps) -> Html {
    let KeepingProps {
        storage,
        theme,
        send,
    } = props;
    let open = use_state_eq(|| false);
    let ask = |message: ToEngine| {
        let open = open.clone();
        send.reform(move |_: MouseEvent| {
            open.set(false);
            Msg::Ask(message.clone())
        })
    };
    let toggle = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let dialog = |dialog: Dialog| {
        let open = open.clone();
        send.reform(move |_: MouseEvent| {
            open.set(false);
            Msg::Dialog(Some(dialog))
        })
    };
    let next = theme.next();
    let turn = send.reform(move |_: MouseEvent| Msg::Theme(next));
    let help = send.reform(|_: MouseEvent| Msg::Dialog(Some(Dialog::Help)));
    let label = format!("Theme: {}", theme.word());
    html! {
        <div class="keeping">
            {kept(storage)}
            <button class="plain" onclick={ask(ToEngine::MakeLink)} data-testid="share">{icon("share")}{"Share"}</button>
            <div class="menu">
                <button class="plain" onclick={toggle} aria-expanded={open.to_string()} data-testid="menu">{icon("more")}{"Cluster"}</button>
                <div class="menu-list" hidden={!*open}>
                    <button onclick={dialog(Dialog::NewCluster)} data-testid="new-cluster">{"New cluster…"}</button>
                    <button onclick={ask(ToEngine::Export)} data-testid="export">{"Export to a file"}</button>
                    {import(send, open.setter())}
                    <button onclick={dialog(Dialog::Aside)} data-testid="kept-aside">{"Kept aside…"}</button>
                </div>
            </div>
            <button class="plain square" onclick={turn} title={label.clone()} aria-label={label} data-testid="theme">{icon(theme.icon())}</button>
            <button class="plain square" onclick={help} title="Keys (?)" aria-label="Keys" data-testid="help"><b aria-hidden="true">{"?"}</b></button>
        </div>
    }
}

fn kept(storage: &Storage) -> Html {
    let (word, mood, title) = match storage {
        Storage::Unknown => ("…", "busy", String::new()),
        Storage::Saved => (
            "Saved",
            "ready",
            "Everything is kept in this browser.".to_owned(),
        ),
        Storage::MemoryOnly(why) => ("Not saved", "failing", why.clone()),
    };
    html! { <span class={format!("kept {mood}")} {title}>{super::icon::shape(mood)}<span data-testid="storage">{word}</span></span> }
}

fn import(send: &Callback<Msg>, open: UseStateSetter<bool>) -> Html {
    let send = send.clone();
    let read = Callback::from(move |event: Event| {
        open.set(false);
        let input = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        let Some(input) = input else { return };
        let file = input.files().and_then(|files| files.get(0));
        // The same file can be chosen again.
        input.set_value("");
        let Some(file) = file else { return };
        if file.size() > f64::from(FILE_LIMIT) {
            let limit = FILE_LIMIT / (1_024 * 1_024);
            let text = format!("The file cannot be opened: it is over {limit} MiB.");
            send.emit(Msg::Engine(FromEngine::Notice(text)));
            return;
        }
        let send = send.clone();
        spawn_local(async move {
            let text = gloo::file::futures::read_as_text(&gloo::file::Blob::from(file)).await;
            send.emit(match text {
                Ok(text) => Msg::Ask(ToEngine::Import(text)),
                Err(error) => Msg::Engine(FromEngine::Notice(format!(
                    "The file cannot be read: {error}"
                ))),
            });
        });
    });
    html! {
        <label class="file">{"Import a file…"}
            <input type="file" accept=".json,application/json" onchange={read} data-testid="import" />
        </label>
    }
}
