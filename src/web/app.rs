//! The frame of the page: it holds the engine, the latest screen and the last answers.

use super::editor;
use super::engine::Engine;
use super::views::{clock, events, manifest, rollouts, services, stage, trace};
use crate::protocol::{ClockCommand, FromEngine, Report, Screen, ToEngine, UserCommand};
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use yew::prelude::*;

/// Everything that changes the page.
pub enum Msg {
    /// The engine said something.
    Engine(FromEngine),
    /// The person does something to the cluster.
    Command(UserCommand),
    /// The person does something to the clock.
    Clock(ClockCommand),
    /// The person asks the engine for something else.
    Ask(ToEngine),
    /// The person chose a Pod (`namespace/name`), or none.
    Choose(String),
    /// The person filters the writes.
    Filter(String),
    /// The person has read the notice.
    Dismiss,
}

/// The page.
pub struct App {
    engine: Option<Engine>,
    screen: Option<Rc<Screen>>,
    loading: String,
    notice: Option<String>,
    /// What can be done about the notice: its word, and what the engine is told.
    offer: Option<(String, ToEngine)>,
    report: Report,
    chosen: String,
    filter: String,
    next_id: u32,
    applying: Option<u32>,
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let link = ctx.link().clone();
        let engine = Engine::start(move |message| link.send_message(Msg::Engine(message)));
        let notice = engine
            .is_err()
            .then(|| "This browser cannot start the cluster's worker.".to_owned());
        Self {
            engine: engine.ok(),
            screen: None,
            loading: "Loading the cluster".to_owned(),
            notice,
            offer: None,
            report: Report::default(),
            chosen: String::new(),
            filter: String::new(),
            next_id: 1,
            applying: None,
        }
    }

    fn update(&mut self, _: &Context<Self>, message: Msg) -> bool {
        match message {
            Msg::Engine(message) => return self.hear(message),
            Msg::Command(command) => {
                let id = self.next_id;
                self.next_id += 1;
                self.applying = matches!(command, UserCommand::Apply { .. }).then_some(id);
                self.send(&ToEngine::Command { id, command });
                return false;
            }
            Msg::Clock(command) => self.send(&ToEngine::Clock(command)),
            Msg::Ask(message) => self.send(&message),
            Msg::Choose(pod) => {
                self.chosen = if self.chosen == pod {
                    String::new()
                } else {
                    pod
                };
                self.select();
            }
            Msg::Filter(filter) => {
                self.filter = filter;
                self.select();
            }
            Msg::Dismiss => (self.notice, self.offer) = (None, None),
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let send = ctx.link().callback(|message: Msg| message);
        let Some(screen) = self.screen.clone() else {
            return html! {
                <>
                    <header class="frame-head"><h1>{"Kubarium"}</h1></header>
                    <main class="frame-loading" aria-live="polite"><p>{&self.loading}{"…"}</p>{self.notice(&send)}</main>
                </>
            };
        };
        html! {
            <>
                <header class="frame-head">
                    <h1>{"Kubarium"}</h1>
                    <p>{"a Kubernetes cluster under glass"}</p>
                    {clock::view(&screen, &send)}
                </header>
                <main class="columns">
                    <div class="column">
                        <manifest::Manifest report={self.report.clone()} send={send.clone()} />
                        {events::view(&screen)}
                    </div>
                    <div class="column stage-column">
                        {stage::view(&screen, &self.chosen, &send)}
                    </div>
                    <div class="column">
                        {rollouts::view(&screen, &send)}
                        {services::view(&screen, &self.chosen, &send)}
                        {trace::view(&screen, &self.filter, &send)}
                    </div>
                </main>
                {self.notice(&send)}
            </>
        }
    }
}

impl App {
    fn send(&self, message: &ToEngine) {
        if let Some(engine) = &self.engine {
            engine.send(message);
        }
    }

    fn select(&self) {
        let (pod, trace) = (self.chosen.clone(), self.filter.clone());
        self.send(&ToEngine::Select { pod, trace });
    }

    /// Takes in what the engine says; answers whether the page changes.
    fn hear(&mut self, message: FromEngine) -> bool {
        match message {
            FromEngine::Loading(stage) if stage == "ready" => {
                let fragment = location_fragment();
                self.send(&ToEngine::Open { fragment });
                self.select();
            }
            FromEngine::Loading(stage) => self.loading = stage,
            FromEngine::Screen(screen) => {
                if self.screen.is_none() {
                    mark_ready();
                }
                self.screen = Some(Rc::new(*screen));
            }
            FromEngine::Done { id, report } => {
                if self.applying == Some(id) {
                    let errors = serde_json::to_string(&report.errors).unwrap_or_default();
                    editor::mark(&errors);
                }
                self.report = report;
            }
            FromEngine::Link(fragment) => self.notice = Some(put_link(&fragment)),
            FromEngine::File(text) => save_file(&text),
            FromEngine::Notice(text) => (self.notice, self.offer) = (Some(text), None),
            FromEngine::Offer {
                text,
                label,
                message,
            } => (self.notice, self.offer) = (Some(text), Some((label, *message))),
            // The engine's keeper on the page hears these.
            FromEngine::Pong | FromEngine::Crashed(_) => return false,
        }
        true
    }

    fn notice(&self, send: &Callback<Msg>) -> Html {
        let Some(text) = &self.notice else {
            return Html::default();
        };
        let dismiss = send.reform(|_: MouseEvent| Msg::Dismiss);
        let offer = self.offer.clone().map(|(label, message)| {
            let accept = send.reform(move |_: MouseEvent| Msg::Ask(message.clone()));
            html! { <button onclick={accept} data-testid="offer">{label}</button> }
        });
        html! {
            <div class="notice" role="status" data-testid="notice">
                <span>{text}</span>{offer}<button onclick={dismiss}>{"Close"}</button>
            </div>
        }
    }
}

fn location_fragment() -> String {
    let location = web_sys::window().map(|window| window.location());
    let hash = location
        .and_then(|location| location.hash().ok())
        .unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}

/// Tells tests and tools that the first screen is drawn.
fn mark_ready() {
    let body = web_sys::window()
        .and_then(|w| w.document())
        .and_then(|d| d.body());
    if let Some(body) = body {
        // Only a hint: nothing depends on it.
        let _ = body.dataset().set("ready", "true");
    }
}

/// Puts the link into the address bar and on the clipboard; answers what to say.
fn put_link(fragment: &str) -> String {
    let Some(window) = web_sys::window() else {
        return String::new();
    };
    let location = window.location();
    if location.set_hash(fragment).is_err() {
        return "The link could not be made.".to_owned();
    }
    let link = location.href().unwrap_or_default();
    // A browser may refuse the clipboard; the link stands in the address bar all the same.
    let _ = window.navigator().clipboard().write_text(&link);
    format!(
        "The link is in the address bar and on the clipboard: {} characters.",
        link.len()
    )
}

/// Offers `text` as a file.
fn save_file(text: &str) {
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let offered = web_sys::Blob::new_with_str_sequence(&parts)
        .and_then(|blob| web_sys::Url::create_object_url_with_blob(&blob))
        .ok();
    let document = web_sys::window().and_then(|window| window.document());
    let anchor = document
        .and_then(|document| document.create_element("a").ok())
        .and_then(|element| element.dyn_into::<web_sys::HtmlAnchorElement>().ok());
    if let (Some(url), Some(anchor)) = (offered, anchor) {
        anchor.set_href(&url);
        anchor.set_download("kubarium.json");
        anchor.click();
        // The browser frees it with the page at the latest.
        let _ = web_sys::Url::revoke_object_url(&url);
    }
}
