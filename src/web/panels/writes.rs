//! Every write: who made it, and which write made them.

use super::Shown;
use crate::protocol::TraceView;
use crate::web::app::Msg;
use std::sync::Arc;
use yew::prelude::*;

/// The tab.
pub fn view(shown: &Shown, send: &Callback<Msg>) -> Html {
    html! {
        <section aria-labelledby="writes-title">
            <h2 id="writes-title">{"Who wrote what, and why"}</h2>
            <p class="muted">{"Every change goes through the API server. Choose a cause to follow it back to the first one."}</p>
            {super::filter(&shown.view.filter, "trace-filter", send)}
            if shown.view.follow > 0 {
                {followed(shown, send)}
            }
            <List trace={shown.beside.trace.clone()} follow={shown.view.follow} send={send.clone()} />
        </section>
    }
}

fn followed(shown: &Shown, send: &Callback<Msg>) -> Html {
    let close = send.reform(|_: MouseEvent| Msg::Follow(0));
    html! {
        <div class="card followed" data-testid="chain">
            <header><h3>{format!("How revision {} came about", shown.view.follow)}</h3>
                <button class="small" onclick={close}>{"Close"}</button></header>
            if shown.beside.chain.is_empty() { <p class="empty">{"This write is no longer kept."}</p> }
            {chain(&shown.beside.chain)}
        </div>
    }
}

/// A chain of writes, the first cause first.
pub fn chain(chain: &[TraceView]) -> Html {
    html! {
        <ol class="chain">
            {for chain.iter().map(|entry| html! {
                <li key={entry.revision.to_string()}>
                    <span class={format!("verb {}", entry.verb)}>{verb(&entry.verb)}</span>
                    <span><strong>{&entry.actor}</strong>{" "}{verb(&entry.verb)}{" "}<span class="object">{&entry.object}</span></span>
                    <span class="mono muted">{format!("{} · {}", entry.revision, entry.at)}</span>
                </li>
            })}
        </ol>
    }
}

fn verb(verb: &str) -> &'static str {
    match verb {
        "Added" => "created",
        "Deleted" => "deleted",
        _ => "changed",
    }
}

/// What the list needs.
#[derive(Clone, PartialEq, Properties)]
struct Props {
    trace: Arc<Vec<TraceView>>,
    follow: u64,
    send: Callback<Msg>,
}

/// The list.
#[component]
fn List(props: &Props) -> Html {
    let Props {
        trace,
        follow,
        send,
    } = props;
    let row = |entry: &TraceView| {
        let (revision, cause) = (entry.revision, entry.cause);
        let why = send.reform(move |_: MouseEvent| Msg::Follow(revision));
        html! {
            <tr key={revision.to_string()} title={entry.at.clone()} class={if revision == *follow { "chosen" } else { "" }}>
                <td class="mono">{revision}</td>
                <td>{&entry.actor}</td>
                <td>{verb(&entry.verb)}</td>
                <td class="object">{&entry.object}</td>
                <td>if cause > 0 { <button class="small mono" onclick={why} aria-label={format!("Follow the cause of revision {revision}: {cause}")}>{cause}</button> } else { {"–"} }</td>
            </tr>
        }
    };
    html! {
        <table class="writes" data-testid="trace">
            <colgroup><col class="c-rev" /><col class="c-who" /><col class="c-did" /><col /><col class="c-why" /></colgroup>
            <thead><tr><th>{"Rev."}</th><th>{"Who"}</th><th>{"Did"}</th><th>{"To"}</th><th>{"Because of"}</th></tr></thead>
            <tbody>{for trace.iter().map(row)}</tbody>
        </table>
    }
}
