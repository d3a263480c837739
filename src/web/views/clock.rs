//! The clock and what is kept: pause, speed, single step, rewind; share, export, import, reset.

use super::field::Field;
use crate::protocol::{ClockCommand, NewCluster, Screen, Storage, ToEngine};
use crate::web::app::Msg;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// (label, thousandths of real time)
const SPEEDS: [(&str, u32); 6] = [
    ("0.1x", 100),
    ("1x", 1_000),
    ("5x", 5_000),
    ("20x", 20_000),
    ("100x", 100_000),
    ("1000x", 1_000_000),
];

/// The controls in the page's head.
pub fn view(screen: &Screen, send: &Callback<Msg>) -> Html {
    let clock = &screen.clock;
    let toggle = match clock.paused {
        true => ClockCommand::Resume,
        false => ClockCommand::Pause,
    };
    let pause = send.reform(move |_: MouseEvent| Msg::Clock(toggle.clone()));
    let step = send.reform(|_: MouseEvent| Msg::Clock(ClockCommand::NextEvent));
    let speed = send.reform(|event: Event| {
        Msg::Clock(ClockCommand::Speed(value(&event).parse().unwrap_or(1_000)))
    });
    let start = clock.start;
    let rewind = send.reform(move |seconds: String| {
        let seconds: u64 = seconds.parse().unwrap_or(0);
        Msg::Clock(ClockCommand::RewindTo(
            start + seconds.saturating_mul(1_000_000),
        ))
    });
    let elapsed = (clock.now - clock.start) / 1_000_000;
    html! {
        <div class="clock">
            <span class="mono" data-testid="now">{&clock.text}</span>
            <button onclick={pause} data-testid="pause">{if clock.paused { "Resume" } else { "Pause" }}</button>
            <button onclick={step} title="Pause and let the next event happen">{"Next event"}</button>
            <label>{"Speed "}
                <select onchange={speed} data-testid="speed">
                    {for SPEEDS.iter().map(|(label, speed)| html! {
                        <option value={speed.to_string()} selected={*speed == clock.speed}>{*label}</option>
                    })}
                </select>
            </label>
            <Field label="Rewind" kind="range" testid="rewind" current={elapsed.to_string()} max={elapsed.to_string()} on_submit={rewind} />
            {keeping(&screen.storage, send)}
        </div>
    }
}

/// What was chosen in a select, or typed into an input.
fn value(event: &Event) -> String {
    let value = event
        .target()
        .and_then(|target| js_sys::Reflect::get(&target, &"value".into()).ok());
    value
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

fn keeping(storage: &Storage, send: &Callback<Msg>) -> Html {
    let ask = |message: ToEngine| send.reform(move |_: MouseEvent| Msg::Ask(message.clone()));
    let reset = {
        let send = send.clone();
        Callback::from(move |_: MouseEvent| {
            let question = "Throw this cluster away and begin anew?";
            let answer = web_sys::window().map(|window| window.confirm_with_message(question));
            if matches!(answer, Some(Ok(true))) {
                send.emit(Msg::Ask(ToEngine::New(NewCluster::default())));
            }
        })
    };
    let import = {
        let send = send.clone();
        Callback::from(move |event: Event| {
            let input = event
                .target()
                .and_then(|t| t.dyn_into::<HtmlInputElement>().ok());
            let files = input.and_then(|input| input.files());
            let Some(file) = files.and_then(|files| files.get(0)) else {
                return;
            };
            let send = send.clone();
            spawn_local(async move {
                let text = gloo::file::futures::read_as_text(&gloo::file::Blob::from(file)).await;
                send.emit(match text {
                    Ok(text) => Msg::Ask(ToEngine::Import(text)),
                    Err(error) => Msg::Engine(crate::protocol::FromEngine::Notice(format!(
                        "The file cannot be read: {error}"
                    ))),
                });
            });
        })
    };
    let (word, title) = match storage {
        Storage::Unknown => ("…", String::new()),
        Storage::Saved => ("Saved", "Everything is kept in this browser.".to_owned()),
        Storage::MemoryOnly(why) => ("Not saved", why.clone()),
    };
    html! {
        <>
            <button onclick={ask(ToEngine::MakeLink)} data-testid="share">{"Share link"}</button>
            <button onclick={ask(ToEngine::Export)}>{"Export"}</button>
            <label class="file">{"Import"}<input type="file" accept=".json,application/json" onchange={import} /></label>
            <button onclick={reset} data-testid="reset">{"Reset"}</button>
            <span class="muted" data-testid="storage" {title}>{word}</span>
        </>
    }
}
