//! The latest events.

use crate::protocol::Screen;
use yew::prelude::*;

/// The card of events.
pub fn view(screen: &Screen) -> Html {
    html! {
        <section class="card" aria-labelledby="events">
            <header><h2 id="events">{"Events"}</h2></header>
            <ul class="scroll lines" tabindex="0" aria-label="The latest events">
                {for screen.events.iter().map(|event| html! {
                    <li>
                        <span class="mono muted">{&event.at}</span>{" "}
                        <strong class={if event.warning { "warning" } else { "" }}>
                            {if event.warning { "▲ " } else { "" }}{&event.reason}
                            if event.count > 1 { {format!(" ×{}", event.count)} }
                        </strong>
                        {" "}<span class="muted">{&event.object}</span>
                        <div>{&event.message}</div>
                    </li>
                })}
            </ul>
        </section>
    }
}
