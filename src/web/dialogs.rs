//! The dialogs: a new cluster, and the keys.

use super::app::Msg;
use super::dom;
use super::keys;
use crate::protocol::{NewCluster, ToEngine};
use web_sys::HtmlDialogElement;
use yew::prelude::*;

/// Which dialog is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// A new cluster.
    NewCluster,
    /// The keys.
    Help,
}

/// What a dialog needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// What `Frame` needs.
#[derive(Clone, PartialEq, Properties)]
struct FrameProps {
    title: AttrValue,
    send: Callback<Msg>,
    children: Html,
}

/// A dialog that keeps the keyboard until it is closed.
#[component]
fn Frame(props: &FrameProps) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with((), move |()| {
            if let Some(dialog) = node.cast::<HtmlDialogElement>() {
                // One that is open already stays so.
                let _ = dialog.show_modal();
            }
        });
    }
    let onclose = props.send.reform(|_: Event| Msg::Dialog(None));
    let close = props.send.reform(|_: MouseEvent| Msg::Dialog(None));
    html! {
        <dialog ref={node} {onclose} aria-labelledby="dialog-title">
            <header><h2 id="dialog-title">{&props.title}</h2>
                <button class="plain square" aria-label="Close" onclick={close}>{super::icon::icon("close")}</button></header>
            {props.children.clone()}
        </dialog>
    }
}

/// The list of keys.
#[component]
pub fn Help(props: &Props) -> Html {
    html! {
        <Frame title="Keys" send={props.send.clone()}>
            <dl class="keys">{for keys::HELP.iter().map(|(key, what)| html! {
                <div key={*key}><dt><kbd>{*key}</kbd></dt><dd>{*what}</dd></div>
            })}</dl>
            <p class="muted">{"They do nothing while you type. On the stage, Tab goes from one thing to the next and Enter chooses it."}</p>
        </Frame>
    }
}

/// (label, name of the field, bounds, what it is measured in)
const FIELDS: [(&str, &str, u64, u64); 5] = [
    (
        "Worker nodes",
        "workers",
        NewCluster::WORKERS.0 as u64,
        NewCluster::WORKERS.1 as u64,
    ),
    (
        "CPU of each, in thousandths",
        "cpu",
        NewCluster::CPU_MILLI.0 as u64,
        NewCluster::CPU_MILLI.1 as u64,
    ),
    (
        "Memory of each, in MiB",
        "memory",
        NewCluster::MEMORY_MIB.0 as u64,
        NewCluster::MEMORY_MIB.1 as u64,
    ),
    (
        "Pods that each takes",
        "pods",
        NewCluster::PODS.0 as u64,
        NewCluster::PODS.1 as u64,
    ),
    ("Seed of all chance", "seed", 0, u32::MAX as u64),
];

fn number(new: &NewCluster, name: &str) -> u64 {
    match name {
        "workers" => u64::from(new.workers),
        "cpu" => u64::from(new.cpu_milli),
        "memory" => u64::from(new.memory_mib),
        "pods" => u64::from(new.pods),
        _ => new.seed,
    }
}

fn set_number(new: &mut NewCluster, name: &str, value: u64) {
    let small = u32::try_from(value).unwrap_or(u32::MAX);
    match name {
        "workers" => new.workers = u8::try_from(value).unwrap_or(u8::MAX),
        "cpu" => new.cpu_milli = small,
        "memory" => new.memory_mib = small,
        "pods" => new.pods = small,
        _ => new.seed = value,
    }
}

/// The size of a new cluster.
#[component]
pub fn NewClusterForm(props: &Props) -> Html {
    let new = use_state_eq(NewCluster::default);
    let onsubmit = {
        let (new, send) = (new.clone(), props.send.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            send.emit(Msg::Ask(ToEngine::New((*new).clone())));
            send.emit(Msg::Dialog(None));
        })
    };
    let field = |(label, name, low, high): &(&'static str, &'static str, u64, u64)| {
        let oninput = {
            let (new, name) = (new.clone(), *name);
            Callback::from(move |event: InputEvent| {
                let mut next = (*new).clone();
                if let Ok(value) = dom::value(&event).parse() {
                    set_number(&mut next, name, value);
                    new.set(next);
                }
            })
        };
        let value = number(&new, name).to_string();
        html! {
            <label key={*name}><span>{*label}</span>
                <input type="number" required=true min={low.to_string()} max={high.to_string()} {value} {oninput} data-testid={format!("new-{name}")} />
            </label>
        }
    };
    html! {
        <Frame title="A new cluster" send={props.send.clone()}>
            <p>{"The cluster you have now is thrown away. Share or export it first if you want it back."}</p>
            <form class="fields" {onsubmit}>
                {for FIELDS.iter().map(field)}
                <button type="submit" class="main" data-testid="new-create">{"Create"}</button>
            </form>
        </Frame>
    }
}
