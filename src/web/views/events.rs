//! The latest events.

use crate::protocol::Screen;
use yew::prelude::*;

/// The card of events.
pub fn view(screen: &Screen) -> Html {
    html! {
        <section class="card" aria-labelledby="events">
            <header><h2 id="events">{"Events"}</h2></header>
            <div class="scroll" tabindex="0" role="region" aria-labelledby="events"><table>
                <thead><tr><th>{"Time"}</th><th>{"Reason"}</th><th>{"About"}</th><th>{"Message"}</th></tr></thead>
                <tbody>{for screen.events.iter().map(|event| html! {
                    <tr>
                        <td class="mono">{&event.at}</td>
                        <td class={if event.warning { "warning" } else { "" }}>
                            {if event.warning { "▲ " } else { "" }}{&event.reason}
                            if event.count > 1 { {format!(" ×{}", event.count)} }
                        </td>
                        <td>{&event.object}</td>
                        <td>{&event.message}</td>
                    </tr>
                })}</tbody>
            </table></div>
        </section>
    }
}
