//! One Service at a time: what it selects, who may answer, and requests to it.

use super::ask::Ask;
use super::{Shown, hops, loads};
use crate::protocol::{EndpointView, PortView, ServiceView, Spot};
use crate::web::app::Msg;
use crate::web::icon::shape;
use std::sync::Arc;
use yew::prelude::*;

/// The tab.
pub fn view(shown: &Shown, send: &Callback<Msg>) -> Html {
    let at = &shown.view.service;
    let service = shown
        .beside
        .services
        .iter()
        .find(|service| service.at == *at)
        .or_else(|| shown.beside.services.first());
    let Some(service) = service else {
        return html! { <p class="empty">{"No Service."}</p> };
    };
    html! {
        <section aria-labelledby="services-title">
            <h2 id="services-title">{"Services"}</h2>
            <div class="choices" role="group" aria-label="Which Service">
                {for shown.beside.services.iter().map(|other| choice(other, other.at == service.at, send))}
            </div>
            <div data-testid={format!("service-{}", service.at.name)}>
                <Facts service={service.clone()} />
                <Ask service={service.clone()} nodes={shown.beside.nodes.clone()} callers={shown.callers.clone()} loads={shown.beside.loads.clone()} send={send.clone()} />
                {loads::view(&shown.beside.loads, service, send)}
                if let Some(request) = &shown.beside.request { {hops::view(request, send)} }
                <Endpoints service={service.clone()} send={send.clone()} />
            </div>
        </section>
    }
}

fn choice(service: &ServiceView, shown: bool, send: &Callback<Msg>) -> Html {
    let at = service.at.clone();
    let onclick = send.reform(move |_: MouseEvent| Msg::Service(at.clone()));
    let (ready, all) = service.ready;
    html! {
        <button key={format!("{}/{}", service.at.namespace, service.at.name)} {onclick} aria-pressed={shown.to_string()} title={service.at.namespace.clone()}>
            {&service.at.name}<span class="muted">{format!(" {ready}/{all}")}</span>
        </button>
    }
}

/// What a Service needs.
#[derive(Clone, PartialEq, Properties)]
struct Props {
    service: Arc<ServiceView>,
}

/// As a person says it: `8080 → the Pods' 8080, and every node's 30001`.
fn port(port: &PortView) -> String {
    let mut text = format!(
        "{}/{} leads to the Pods' {}",
        port.port, port.protocol, port.target
    );
    if port.node_port > 0 {
        text.push_str(&format!(", also by every node's {}", port.node_port));
    }
    match port.name.is_empty() {
        true => text,
        false => format!("{}: {text}", port.name),
    }
}

fn policies(service: &ServiceView) -> String {
    let mut words = Vec::new();
    if service.sticky {
        words.push("a client stays with its endpoint (sessionAffinity: ClientIP)");
    }
    if service.local_outside {
        words.push("from outside only to Pods of the same node (externalTrafficPolicy: Local)");
    }
    if service.local_inside {
        words.push("from inside only to Pods of the same node (internalTrafficPolicy: Local)");
    }
    words.join("; ")
}

/// What a Service is.
#[component]
fn Facts(props: &Props) -> Html {
    let service = &props.service;
    let ip = if service.headless {
        "none: its name stands for its Pods"
    } else {
        &service.cluster_ip
    };
    let ports: Vec<String> = service.ports.iter().map(port).collect();
    let facts = [
        ("Type", service.kind.clone()),
        ("Selects", service.selector.clone()),
        ("Cluster IP", ip.to_owned()),
        ("DNS name", service.dns.clone()),
        ("Ports", ports.join("; ")),
        ("Stands for", service.external_name.clone()),
        ("From outside", service.external_ips.join(", ")),
        ("Policies", policies(service)),
    ];
    let told = facts.into_iter().filter(|(_, value)| !value.is_empty());
    html! {
        <dl class="facts">{for told.map(|(name, value)| html! { <div key={name}><dt>{name}</dt><dd>{value}</dd></div> })}</dl>
    }
}

/// What endpoints need.
#[derive(Clone, PartialEq, Properties)]
struct EndpointsProps {
    service: Arc<ServiceView>,
    send: Callback<Msg>,
}

/// Who may answer.
#[component]
fn Endpoints(props: &EndpointsProps) -> Html {
    let EndpointsProps { service, send } = props;
    let most = service
        .endpoints
        .iter()
        .map(|endpoint| endpoint.hits)
        .max()
        .unwrap_or(0)
        .max(1);
    html! {
        <>
            <h3>{format!("Endpoints: {} of {} ready", service.ready.0, service.ready.1)}</h3>
            if service.endpoints.is_empty() {
                <p class="empty">{"None: no Pod has the labels that it selects."}</p>
            } else {
                <table class="endpoints" data-testid="endpoints">
                    <thead><tr><th>{"Pod"}</th><th>{"State"}</th><th>{"Node"}</th><th>{"Answers"}</th></tr></thead>
                    <tbody>{for service.endpoints.iter().map(|endpoint| row(endpoint, most, send))}</tbody>
                </table>
                if service.ready.1 as usize > service.endpoints.len() { <p class="muted">{format!("and {} more", service.ready.1 as usize - service.endpoints.len())}</p> }
            }
        </>
    }
}

fn row(endpoint: &EndpointView, most: u32, send: &Callback<Msg>) -> Html {
    let (mood, word) = match (endpoint.ready, endpoint.terminating, endpoint.serving) {
        (true, false, _) => ("ready", "ready"),
        (_, true, true) => ("ending", "ending, serving"),
        (_, true, false) => ("ending", "ending"),
        (false, false, _) => ("busy", "not ready"),
    };
    let spot = Spot::pod(&endpoint.pod);
    let onclick = send.reform(move |_: MouseEvent| Msg::Choose(spot.clone()));
    let width = format!(
        "width:{}%",
        u64::from(endpoint.hits) * 100 / u64::from(most)
    );
    html! {
        <tr key={endpoint.address.clone()}>
            <td>if endpoint.pod.name.is_empty() { {&endpoint.address} } else {
                <button class="link" {onclick} title={endpoint.address.clone()}>{&endpoint.pod.name}</button> }</td>
            <td><span class={format!("state {mood}")}>{shape(mood)}{word}</span></td>
            <td>{&endpoint.node}</td>
            <td class="hits"><span class="mono">{endpoint.hits}</span><i style={width}></i></td>
        </tr>
    }
}
