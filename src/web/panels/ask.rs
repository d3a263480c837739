//! Asking a Service: from where, by which name, once or again and again.

use crate::protocol::{LoadView, NodeView, Place, ServiceView, Spot, UserCommand};
use crate::web::app::Msg;
use crate::web::dom;
use std::rc::Rc;
use std::sync::Arc;
use yew::prelude::*;

/// What the form needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The Service.
    pub service: Arc<ServiceView>,
    /// The nodes that a request from outside can enter at.
    pub nodes: Vec<Arc<NodeView>>,
    /// The Pods that it can come from.
    pub callers: Rc<Vec<Place>>,
    /// The loads under way.
    pub loads: Vec<Arc<LoadView>>,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// Where a request comes from, as the select holds it: `ip 198.51.100.1` (from outside, to this
/// external address), `node worker-1` (from outside, to this node), `pod default/web`.
#[derive(Clone, Debug, PartialEq)]
enum From {
    Outside(String),
    Node(String),
    Pod(Place),
}

impl From {
    fn read(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(' ')?;
        match (kind, name.split_once('/')) {
            ("pod", Some((namespace, name))) => Some(Self::Pod(Place {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })),
            ("ip", _) => Some(Self::Outside(name.to_owned())),
            _ => Some(Self::Node(name.to_owned())),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Outside(ip) => format!("ip {ip}"),
            Self::Node(name) => format!("node {name}"),
            Self::Pod(at) => format!("pod {}/{}", at.namespace, at.name),
        }
    }
}

/// The names by which a Pod can call a Service: (what it is, the host).
fn names(service: &ServiceView) -> Vec<(&'static str, String)> {
    let Place { namespace, name } = &service.at;
    let mut names = vec![
        ("short name", name.clone()),
        ("with namespace", format!("{name}.{namespace}")),
        ("full name", service.dns.clone()),
    ];
    if !service.headless && !service.cluster_ip.is_empty() {
        names.push(("cluster IP", service.cluster_ip.clone()));
    }
    names
}

/// The form.
#[component]
pub fn Ask(props: &Props) -> Html {
    let Props {
        service,
        nodes,
        callers,
        loads,
        send,
    } = props;
    let from = use_state_eq(String::new);
    let by = use_state_eq(|| 0_usize);
    let path = use_state_eq(|| "/".to_owned());
    let pace = use_state_eq(|| 5_u32);
    let outside = service.ports.iter().any(|port| port.node_port > 0);
    let options = origins(service, nodes, callers, outside);
    let known = |text: &str| options.iter().any(|(value, _)| value == text);
    let chosen = match known(&from) {
        true => (*from).clone(),
        false => options
            .first()
            .map(|(value, _)| value.clone())
            .unwrap_or_default(),
    };
    let origin = From::read(&chosen);
    let names = names(service);
    let host = names
        .get(*by)
        .or(names.first())
        .map(|(_, host)| host.clone());
    let once = origin
        .as_ref()
        .map(|origin| once(service, origin, host.as_deref(), &path));
    let set = |state: &UseStateHandle<String>| {
        let state = state.clone();
        Callback::from(move |event: Event| state.set(dom::value(&event)))
    };
    let typed = {
        let path = path.clone();
        Callback::from(move |event: InputEvent| path.set(dom::value(&event)))
    };
    let onsubmit = {
        let send = send.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if let Some(command) = once.clone() {
                send.emit(Msg::Command(command));
            }
        })
    };
    html! {
        <form class="ask" {onsubmit} aria-label="Send a request" data-testid="ask">
            <label>{"From"}<select onchange={set(&from)} data-testid="from">
                {for options.iter().map(|(value, label)| html! { <option key={value.clone()} value={value.clone()} selected={*value == chosen}>{label}</option> })}
            </select></label>
            {target(origin.as_ref(), service, nodes, &names, &by)}
            <div class="ask-line"><label>{"Path"}<input value={(*path).clone()} oninput={typed} data-testid="path" autocomplete="off" /></label>
                <button type="submit" class="main" disabled={origin.is_none()} data-testid="send-request">{"Send request"}</button>
            </div>
            <div class="ask-line">
                {steady(service, origin.as_ref(), &path, &pace, loads, send)}
            </div>
        </form>
    }
}

/// (value, label) of all places that a request can come from.
fn origins(
    service: &ServiceView,
    nodes: &[Arc<NodeView>],
    callers: &[Place],
    outside: bool,
) -> Vec<(String, String)> {
    let mut nodes: Vec<&Arc<NodeView>> = nodes.iter().filter(|_| outside).collect();
    // Workers first: that is where people send requests.
    nodes.sort_by_key(|node| node.role == "control-plane");
    let entry = |node: &Arc<NodeView>| {
        let value = From::Node(node.name.clone()).text();
        (value, format!("outside, at {}", node.name))
    };
    let address = |ip: &String| {
        let value = From::Outside(ip.clone()).text();
        (value, format!("outside, at {ip}"))
    };
    let mut options: Vec<(String, String)> = service.external_ips.iter().map(address).collect();
    options.extend(nodes.into_iter().map(entry));
    options.extend(callers.iter().map(|at| {
        let value = From::Pod(at.clone()).text();
        (value, format!("Pod {}", at.name))
    }));
    options
}

fn target(
    origin: Option<&From>,
    service: &ServiceView,
    nodes: &[Arc<NodeView>],
    names: &[(&'static str, String)],
    by: &UseStateHandle<usize>,
) -> Html {
    if let Some(From::Node(name)) = origin {
        let port = service.ports.first().map_or(0, |port| port.node_port);
        let node = nodes.iter().find(|node| node.name == *name);
        let ip = node.map_or("", |node| node.ip.as_str());
        return html! { <p class="ask-to"><span>{"To"}</span><span class="mono">{format!("{ip}:{port}")}<span class="muted">{" (its node port)"}</span></span></p> };
    }
    if let Some(From::Outside(ip)) = origin {
        let port = service.ports.first().map_or(0, |port| port.port);
        return html! { <p class="ask-to"><span>{"To"}</span><span class="mono">{format!("{ip}:{port}")}<span class="muted">{" (its external address)"}</span></span></p> };
    }
    let onchange = {
        let by = by.clone();
        Callback::from(move |event: Event| by.set(dom::value(&event).parse().unwrap_or(0)))
    };
    html! {
        <label>{"To"}<select {onchange} data-testid="to">
            {for names.iter().enumerate().map(|(index, (what, host))| html! {
                <option key={*what} value={index.to_string()} selected={index == **by}>{format!("{host} ({what})")}</option>
            })}
        </select></label>
    }
}

/// One request.
fn once(service: &ServiceView, origin: &From, host: Option<&str>, path: &str) -> UserCommand {
    let port = service.ports.first().map_or(80, |port| port.port);
    match origin {
        From::Outside(ip) => UserCommand::Fetch {
            from: Place::default(),
            url: format!("http://{ip}:{port}{path}"),
        },
        From::Node(node) => UserCommand::Request {
            to: service.at.clone(),
            node: node.clone(),
            from: Place::default(),
            path: path.to_owned(),
        },
        From::Pod(from) => UserCommand::Fetch {
            from: from.clone(),
            url: format!("http://{}:{port}{path}", host.unwrap_or_default()),
        },
    }
}

/// The load from that place, or the means to begin one.
fn steady(
    service: &ServiceView,
    origin: Option<&From>,
    path: &str,
    pace: &UseStateHandle<u32>,
    loads: &[Arc<LoadView>],
    send: &Callback<Msg>,
) -> Html {
    let Some(origin) = origin else {
        return Html::default();
    };
    let (node, from) = match origin {
        // A load enters at a node.
        From::Outside(_) => return Html::default(),
        From::Node(node) => (node.clone(), Place::default()),
        From::Pod(from) => (String::new(), from.clone()),
    };
    let spot = match from.name.is_empty() {
        true => Spot::named("node", "", &node),
        false => Spot::pod(&from),
    };
    let running = loads
        .iter()
        .find(|load| load.to == service.at && load.from == spot);
    let command = |per_second: u32| UserCommand::SetLoad {
        to: service.at.clone(),
        node: node.clone(),
        from: from.clone(),
        per_second,
        path: path.to_owned(),
    };
    let start = {
        let command = command(**pace);
        send.reform(move |_: MouseEvent| Msg::Command(command.clone()))
    };
    let oninput = {
        let pace = pace.clone();
        Callback::from(move |event: InputEvent| {
            if let Ok(value) = dom::value(&event).parse::<u32>() {
                pace.set(value.clamp(1, 100));
            }
        })
    };
    html! {
        <>
            <label>{"Load"}<span class="row"><input type="number" min="1" max="100" value={pace.to_string()} {oninput} data-testid="pace" aria-label="Requests each second" />{"each second"}</span></label>
            <button type="button" onclick={start} data-testid="load-start">{if running.is_some() { "Change load" } else { "Start load" }}</button>
        </>
    }
}
