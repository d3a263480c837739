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
    /// What is kept aside.
    Aside,
    /// Whether to do something at an earlier moment.
    CarryOn,
    /// Whether to delete the object shown.
    Delete,
}

/// What a dialog needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// What `Frame` needs.
#[derive(Clone, PartialEq, Properties)]
pub struct FrameProps {
    /// What it is about.
    pub title: AttrValue,
    /// Where messages go.
    pub send: Callback<Msg>,
    /// What it holds.
    pub children: Html,
}

/// A dialog that keeps the keyboard until it is closed.
#[component]
pub fn Frame(props: &FrameProps) -> Html {
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

/// A number of a new cluster.
struct Number {
    label: &'static str,
    name: &'static str,
    bounds: (u64, u64),
    get: fn(&NewCluster) -> u64,
    /// Sets it to a number that is inside the bounds.
    set: fn(&mut NewCluster, u64),
}

const fn wide((low, high): (u32, u32)) -> (u64, u64) {
    (low as u64, high as u64)
}

const FIELDS: [Number; 5] = [
    Number {
        label: "Worker nodes",
        name: "workers",
        bounds: (NewCluster::WORKERS.0 as u64, NewCluster::WORKERS.1 as u64),
        get: |new| u64::from(new.workers),
        set: |new, value| new.workers = value as u8,
    },
    Number {
        label: "CPU of each, in thousandths",
        name: "cpu",
        bounds: wide(NewCluster::CPU_MILLI),
        get: |new| u64::from(new.cpu_milli),
        set: |new, value| new.cpu_milli = value as u32,
    },
    Number {
        label: "Memory of each, in MiB",
        name: "memory",
        bounds: wide(NewCluster::MEMORY_MIB),
        get: |new| u64::from(new.memory_mib),
        set: |new, value| new.memory_mib = value as u32,
    },
    Number {
        label: "Pods that each takes",
        name: "pods",
        bounds: wide(NewCluster::PODS),
        get: |new| u64::from(new.pods),
        set: |new, value| new.pods = value as u32,
    },
    Number {
        label: "Seed of all chance",
        name: "seed",
        bounds: (0, u32::MAX as u64),
        get: |new| new.seed,
        set: |new, value| new.seed = value,
    },
];

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
    let field = |number: &'static Number| {
        let (low, high) = number.bounds;
        let oninput = {
            let new = new.clone();
            Callback::from(move |event: InputEvent| {
                let mut next = (*new).clone();
                if let Ok(value) = dom::value(&event).parse::<u64>() {
                    (number.set)(&mut next, value.min(high));
                    new.set(next);
                }
            })
        };
        let value = (number.get)(&new).to_string();
        html! {
            <label key={number.name}><span>{number.label}</span>
                <input type="number" required=true min={low.to_string()} max={high.to_string()} {value} {oninput} data-testid={format!("new-{}", number.name)} />
            </label>
        }
    };
    html! {
        <Frame title="A new cluster" send={props.send.clone()}>
            <p>{"If this tab may save and you did something to the cluster you have now, that is kept aside in this browser: look under Cluster, Kept aside. Else export it first."}</p>
            <form class="fields" {onsubmit}>
                {for FIELDS.iter().map(field)}
                <button type="submit" class="main" data-testid="new-create">{"Create"}</button>
            </form>
        </Frame>
    }
}
