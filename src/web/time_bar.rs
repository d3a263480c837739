//! The time: stop it, slow it, hurry it, look back.

use super::app::Msg;
use super::dom;
use super::icon::icon;
use crate::protocol::{Clock, ClockCommand};
use std::sync::Arc;
use yew::prelude::*;

/// (label, thousandths of real time)
const SPEEDS: [(&str, u32); 8] = [
    ("0.1x", 100),
    ("0.5x", 500),
    ("1x", 1_000),
    ("2x", 2_000),
    ("5x", 5_000),
    ("20x", 20_000),
    ("100x", 100_000),
    ("1000x", 1_000_000),
];

/// The speed `step` places away from `speed` in the list.
pub fn other_speed(speed: u32, step: i8) -> u32 {
    let at = SPEEDS.iter().position(|(_, value)| *value >= speed);
    let at = at.unwrap_or(SPEEDS.len() - 1);
    let at = at
        .saturating_add_signed(isize::from(step))
        .min(SPEEDS.len() - 1);
    SPEEDS[at].1
}

/// What the time bar needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The clock.
    pub clock: Arc<Clock>,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// The time bar.
#[component]
pub fn TimeBar(props: &Props) -> Html {
    let Props { clock, send } = props;
    let paused = clock.paused;
    let pause = send.reform(move |_: MouseEvent| {
        Msg::Clock(if paused {
            ClockCommand::Resume
        } else {
            ClockCommand::Pause
        })
    });
    let next = send.reform(|_: MouseEvent| Msg::Clock(ClockCommand::NextEvent));
    let speed = send.reform(|event: Event| {
        let speed = dom::value(&event).parse().unwrap_or(1_000);
        Msg::Clock(ClockCommand::Speed(speed))
    });
    html! {
        <div class="time" role="group" aria-label="Time">
            <button class={if paused { "main pause" } else { "pause" }} onclick={pause} data-testid="pause" title="Space">
                {icon(if paused { "play" } else { "pause" })}{if paused { "Resume" } else { "Pause" }}
            </button>
            <button onclick={next} data-testid="next" title="Stop the time and let the next event happen (n)">{icon("next")}<span class="wide">{"Next event"}</span></button>
            <label><span class="wide">{"Speed "}</span>
                <select onchange={speed} data-testid="speed" aria-label="Speed">
                    {for SPEEDS.iter().map(|(label, value)| html! {
                        <option value={value.to_string()} selected={*value == clock.speed}>{*label}</option>
                    })}
                </select>
            </label>
            <output class="elapsed" data-testid="elapsed" title="Since the cluster began">{Clock::face(clock.elapsed())}</output>
            <Rewind elapsed={clock.elapsed()} age={clock.age()} start={clock.start} send={send.clone()} />
            <span class="mono muted now" data-testid="now" title="The cluster's own clock">{&clock.text}</span>
        </div>
    }
}

/// What the slider needs.
#[derive(Clone, PartialEq, Properties)]
pub struct RewindProps {
    /// Seconds from when the cluster began to the moment on the screen.
    pub elapsed: u64,
    /// And to the present.
    pub age: u64,
    /// When it began.
    pub start: u64,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// The slider that shows an earlier moment.
#[component]
fn Rewind(props: &RewindProps) -> Html {
    let RewindProps {
        elapsed,
        age,
        start,
        send,
    } = props;
    let held = use_state_eq(|| None::<u64>);
    let value = held.unwrap_or(*elapsed);
    let oninput = {
        let held = held.clone();
        Callback::from(move |event: InputEvent| held.set(dom::value(&event).parse().ok()))
    };
    let onchange = {
        let (held, send, start, age) = (held.clone(), send.clone(), *start, *age);
        Callback::from(move |event: Event| {
            held.set(None);
            if let Ok(seconds) = dom::value(&event).parse::<u64>() {
                let moment = start + seconds.saturating_mul(1_000_000);
                send.emit(Msg::Clock(match seconds < age {
                    true => ClockCommand::RewindTo(moment),
                    false => ClockCommand::ReturnToNow,
                }));
            }
        })
    };
    let face = Clock::face(value);
    html! {
        <label class="rewind"><span class="wide">{"Look back "}</span>
            <input type="range" min="0" max={age.to_string()} value={value.to_string()} {oninput} {onchange}
                aria-label="Look at an earlier moment" aria-valuetext={face.clone()} data-testid="rewind" />
            if held.is_some() { <output class="bubble">{face}</output> }
        </label>
    }
}
