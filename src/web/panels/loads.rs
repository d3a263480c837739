//! The steady loads on a Service: how many requests, who answers, what fails.

use crate::protocol::{LoadView, Place, ServiceView, UserCommand};
use crate::web::app::Msg;
use crate::web::icon::shape;
use std::sync::Arc;
use yew::prelude::*;

/// The loads on this Service.
pub fn view(loads: &[Arc<LoadView>], service: &ServiceView, send: &Callback<Msg>) -> Html {
    let own = loads.iter().filter(|load| load.to == service.at);
    html! {
        <>{for own.map(|load| html! { <Load key={load.from.key()} load={load.clone()} send={send.clone()} /> })}</>
    }
}

/// What a load needs.
#[derive(Clone, PartialEq, Properties)]
struct Props {
    load: Arc<LoadView>,
    send: Callback<Msg>,
}

/// A load.
#[component]
fn Load(props: &Props) -> Html {
    let Props { load, send } = props;
    let outside = load.from.is("node");
    let (node, from) = match outside {
        true => (load.from.at.name.clone(), Place::default()),
        false => (String::new(), load.from.at.clone()),
    };
    let end = UserCommand::SetLoad {
        to: load.to.clone(),
        node,
        from,
        per_second: 0,
        path: load.path.clone(),
    };
    let whence = match outside {
        true => format!("outside, at {}", load.from.at.name),
        false => format!("Pod {}", load.from.at.name),
    };
    let failed: u64 = load.failures.iter().map(|failure| failure.count).sum();
    let most = load
        .endpoints
        .iter()
        .map(|count| count.answered + count.failed)
        .max()
        .unwrap_or(0)
        .max(1);
    html! {
        <div class="card load" data-testid="load">
            <header><h3>{format!("{} a second from {whence}", load.per_second)}</h3>{super::action_for("Stop load", &format!("Stop load from {whence}"), send, end)}</header>
            <p><span>{format!("{} sent", load.sent)}</span>{" · "}<span class="state ready">{shape("request")}<span data-testid="load-answered">{load.answered}</span>{" answered"}</span>{" · "}
                <span class="state failing">{shape("failed")}<span data-testid="load-failed">{failed}</span>{" failed"}</span></p>
            if !load.failures.is_empty() {
                <ul class="failures">{for load.failures.iter().map(|failure| html! { <li key={failure.reason.clone()}>{format!("{}: {}", failure.reason, failure.count)}</li> })}</ul>
            }
            <ul class="shares" tabindex="0" aria-label="Who answers">{for load.endpoints.iter().map(|count| {
                let width = format!("width:{}%", (count.answered + count.failed) * 100 / most);
                html! { <li key={count.pod.name.clone()} title={count.node.clone()}><span class="share-name">{super::name(&count.pod.name)}</span><span class="share"><i style={width}></i></span>
                    <span class="mono">{count.answered}if count.failed > 0 { {format!(" ✕{}", count.failed)} }</span></li> }
            })}</ul>
        </div>
    }
}
