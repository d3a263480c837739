//! One file for each part of the page. Views take what the engine sent and give HTML.

pub mod clock;
pub mod events;
pub mod manifest;
pub mod rollouts;
pub mod services;
pub mod stage;
pub mod trace;

use super::app::Msg;
use crate::protocol::UserCommand;
use yew::prelude::*;

/// A button that does something to the cluster.
fn action(label: &str, send: &Callback<Msg>, command: UserCommand) -> Html {
    let onclick = send.reform(move |_: MouseEvent| Msg::Command(command.clone()));
    html! { <button {onclick}>{label.to_owned()}</button> }
}

/// What stands in the input with this id.
fn input_value(id: &str) -> String {
    use wasm_bindgen::JsCast;
    let document = web_sys::window().and_then(|window| window.document());
    let element = document.and_then(|document| document.get_element_by_id(id));
    let input = element.and_then(|element| element.dyn_into::<web_sys::HtmlInputElement>().ok());
    input.map(|input| input.value()).unwrap_or_default()
}
