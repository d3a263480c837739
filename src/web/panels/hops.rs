//! The last request, hop by hop. The numbers are those on the stage.

use crate::protocol::{ChoiceView, HopView, RequestView, Spot};
use crate::web::app::Msg;
use crate::web::flow;
use crate::web::icon::shape;
use yew::prelude::*;

/// The last request.
pub fn view(request: &RequestView, send: &Callback<Msg>) -> Html {
    let spots: Vec<Spot> = request.hops.iter().map(|hop| hop.spot.clone()).collect();
    let (_, numbers) = flow::places(&spots);
    let clear = send.reform(|_: MouseEvent| Msg::ClearRequest);
    let took: u32 = request.hops.iter().map(|hop| hop.latency).sum();
    let (mood, word) = match (request.answered, request.status) {
        (true, status) if status < 500 => ("ready", format!("answered, HTTP {status}")),
        (true, status) => ("failing", format!("answered with an error, HTTP {status}")),
        (false, _) => ("failing", "not answered".to_owned()),
    };
    html! {
        <div class="card request" data-testid="request">
            <header><h3 class="mono">{"curl "}{&request.url}</h3><button class="small" onclick={clear}>{"Clear"}</button></header>
            <p><span class={format!("state {mood}")}>{shape(mood)}{word}</span>{" "}<span class="muted">{format!("after {}", time(took))}</span></p>
            <ol class="hops" data-testid="hops">{for request.hops.iter().zip(numbers).map(|(hop, number)| hop_view(hop, number))}</ol>
            if request.answered && !request.body.is_empty() { <pre class="answer" data-testid="answer">{&request.body}</pre> }
        </div>
    }
}

/// Microseconds, as a person says them.
fn time(micros: u32) -> String {
    match micros {
        0..=999 => format!("{micros} µs"),
        1_000..=999_999 => format!("{}.{} ms", micros / 1_000, micros / 100 % 10),
        _ => format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10),
    }
}

/// What a stage of the way is called.
fn word(stage: &str) -> &'static str {
    match stage {
        "client" => "Client",
        "dns" => "DNS",
        "service" => "Service",
        "rule" => "kube-proxy's rule",
        "node" => "Node",
        "pod" => "Reaches",
        "answer" => "Answer",
        _ => "It ends here",
    }
}

fn hop_view(hop: &HopView, number: usize) -> Html {
    html! {
        <li class={classes!("hop", format!("stage-{}", hop.stage), (number == 0).then_some("nowhere"))}>
            <span class="hop-number" aria-hidden="true">{if number > 0 { number.to_string() } else { "·".to_owned() }}</span>
            <div><strong>{word(&hop.stage)}</strong>{" "}{&hop.text}
                if hop.latency > 0 { <span class="mono muted">{" +"}{time(hop.latency)}</span> }
                if !hop.choices.is_empty() { {choices(&hop.choices)} }
            </div>
        </li>
    }
}

/// What a rule chose among.
fn choices(choices: &[ChoiceView]) -> Html {
    html! {
        <details class="alternatives"><summary>{format!("It chose among {}", choices.len())}</summary>
            <ul>{for choices.iter().map(|choice| {
                let name = if choice.pod.name.is_empty() { &choice.address } else { &choice.pod.name };
                let (mood, why) = match (choice.chosen, choice.reason.as_str()) {
                    (true, _) => ("ready", "chosen".to_owned()),
                    (_, "") => ("off", String::new()),
                    (_, reason) => ("busy", reason.to_owned()),
                };
                html! { <li key={choice.address.clone()} class={if choice.chosen { "chosen" } else { "" }}>
                    {shape(mood)}<span class="mono chance">{format!("{}.{}%", choice.chance / 100, choice.chance / 10 % 10)}</span><span>{name}</span><span class="muted">{&choice.node}{" "}{why}</span></li> }
            })}</ul>
        </details>
    }
}
