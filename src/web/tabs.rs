//! The row of tabs beside the stage; on a narrow page also the way back to the stage.

use super::app::Msg;
use super::dom;
use super::icon::icon;
use crate::protocol::{Spot, Tab};
use yew::prelude::*;

/// (tab, its word, its drawing), in the order of their keys.
pub const TABS: [(Tab, &str, &str); 7] = [
    (Tab::Manifest, "Manifest", "file"),
    (Tab::Workloads, "Workloads", "layers"),
    (Tab::Services, "Services", "route"),
    (Tab::Objects, "Objects", "list"),
    (Tab::Events, "Events", "bell"),
    (Tab::Writes, "Writes", "pen"),
    (Tab::Details, "Details", "look"),
];

/// What the tabs need.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The open one.
    pub open: Tab,
    /// Whether the stage is in front, where it does not stand beside the tabs.
    pub on_stage: bool,
    /// What was chosen: without it there are no details.
    pub chosen: Spot,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// Moves the keyboard to the tab before or after the one that has it, and opens it.
fn walk(event: &KeyboardEvent) {
    let step = match event.key().as_str() {
        "ArrowRight" | "ArrowDown" => "nextElementSibling",
        "ArrowLeft" | "ArrowUp" => "previousElementSibling",
        _ => return,
    };
    event.prevent_default();
    let Some(here) = dom::target(event) else {
        return;
    };
    let there = match step {
        "nextElementSibling" => here.next_element_sibling(),
        _ => here.previous_element_sibling(),
    };
    if let Some(id) = there.map(|there| there.id()) {
        dom::focus(&format!("#{id}"));
        let clicked = dom::document().and_then(|document| document.get_element_by_id(&id));
        if let Some(tab) =
            clicked.and_then(|tab| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(tab).ok())
        {
            tab.click();
        }
    }
}

/// The row.
#[component]
pub fn Tabs(props: &Props) -> Html {
    let Props {
        open,
        on_stage,
        chosen,
        send,
    } = props;
    let to_stage = send.reform(|_: MouseEvent| Msg::ToStage);
    let tab = |(tab, word, drawing): &(Tab, &'static str, &str)| {
        let (tab, selected) = (*tab, tab == open);
        let onclick = send.reform(move |_: MouseEvent| Msg::Open(tab));
        html! {
            <button role="tab" id={format!("tab-{word}")} key={*word} class={if selected { "tab open" } else { "tab" }}
                aria-selected={selected.to_string()} aria-controls="panel" tabindex={if selected { "0" } else { "-1" }} {onclick}>
                {icon(drawing)}<span>{*word}</span>
            </button>
        }
    };
    let shown = TABS.iter().filter(|(tab, _, _)| {
        *tab != Tab::Details || !chosen.kind.is_empty() || *open == Tab::Details
    });
    html! {
        <div class="tabs">
            <button class={if *on_stage { "tab to-stage open" } else { "tab to-stage" }} aria-pressed={on_stage.to_string()} onclick={to_stage} data-testid="to-stage">{icon("stage")}<span>{"Stage"}</span></button>
            <div role="tablist" aria-label="Beside the stage" onkeydown={Callback::from(|event: KeyboardEvent| walk(&event))}>
                {for shown.map(tab)}
            </div>
        </div>
    }
}
