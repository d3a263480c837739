//! One file for each part of the page. Views take what the engine sent and give HTML.

pub mod clock;
pub mod events;
mod field;
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
