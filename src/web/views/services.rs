//! Services: who they send to, and one request followed hop by hop.

use super::action;
use crate::protocol::{Place, Screen, ServiceView, UserCommand};
use crate::web::app::Msg;
use yew::prelude::*;

/// The card of all Services.
pub fn view(screen: &Screen, chosen: &str, send: &Callback<Msg>) -> Html {
    html! {
        <section class="card" aria-labelledby="services">
            <header><h2 id="services">{"Services"}</h2></header>
            {for screen.services.iter().map(|service| service_view(service, screen, chosen, send))}
        </section>
    }
}

fn service_view(
    service: &ServiceView,
    screen: &Screen,
    chosen: &str,
    send: &Callback<Msg>,
) -> Html {
    let to = service.at.clone();
    let asked = screen.request.as_ref().filter(|request| request.to == to);
    let worker = screen
        .nodes
        .iter()
        .find(|node| node.role == "worker" && node.on);
    let node = worker.map(|node| node.name.clone()).unwrap_or_default();
    let request = |node: String, from: Place| UserCommand::Request {
        to: to.clone(),
        node,
        from,
        path: "/".to_owned(),
    };
    let from = chosen.split_once('/').map(|(namespace, name)| Place {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    });
    html! {
        <div class="service" data-testid={format!("service-{}", to.name)}>
            <h3>{&to.name}{" "}<span class="muted">{&service.kind}</span></h3>
            <p class="mono">{&service.cluster_ip}{" · "}{&service.ports}</p>
            <p class="muted mono">{&service.dns}</p>
            if !service.selector.is_empty() { <p>{"selects "}<code>{&service.selector}</code></p> }
            if !service.endpoints.is_empty() {
                <table>
                    <thead><tr><th>{"Endpoint"}</th><th>{"Node"}</th><th>{"Ready"}</th><th>{"Answers"}</th></tr></thead>
                    <tbody>{for service.endpoints.iter().map(|endpoint| html! {
                        <tr key={endpoint.address.clone()}>
                            <td class="mono" title={endpoint.pod.clone()}>{&endpoint.address}</td>
                            <td>{&endpoint.node}</td>
                            <td>{if endpoint.ready { "● yes" } else { "▲ no" }}</td>
                            <td>{endpoint.hits}</td>
                        </tr>
                    })}</tbody>
                </table>
            }
            <div class="row">
                if service.ports.contains(':') {
                    {action(&format!("Request from outside to {node}"), send, request(node.clone(), Place::default()))}
                }
                if let Some(from) = from {
                    {action("Request from the Pod chosen", send, request(String::new(), from))}
                }
            </div>
            if let Some(asked) = asked {
                <ol class="hops" data-testid="hops">{for asked.hops.iter().map(|hop| html! {
                    <li><strong>{&hop.stage}</strong>{" "}{&hop.text}</li>
                })}</ol>
            }
        </div>
    }
}
