//! Every write: who made it and which write made them.

use crate::protocol::Screen;
use crate::web::app::Msg;
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// The card of writes.
pub fn view(screen: &Screen, filter: &str, send: &Callback<Msg>) -> Html {
    let oninput = send.reform(|event: InputEvent| {
        Msg::Filter(event.target_unchecked_into::<HtmlInputElement>().value())
    });
    html! {
        <section class="card" aria-labelledby="trace">
            <header>
                <h2 id="trace">{"Who wrote what, and why"}</h2>
                <label>{"Only "}<input {oninput} value={filter.to_owned()} placeholder="Pod default/web" data-testid="trace-filter" /></label>
            </header>
            <div class="scroll" tabindex="0" role="group" aria-label="The latest writes"><table data-testid="trace">
                <thead><tr><th>{"Rev."}</th><th>{"Who"}</th><th>{"Did"}</th><th>{"To"}</th><th>{"Cause"}</th></tr></thead>
                <tbody>{for screen.trace.iter().map(|entry| html! {
                    <tr key={entry.revision.to_string()} title={entry.at.clone()}>
                        <td class="mono">{entry.revision}</td>
                        <td>{&entry.actor}</td>
                        <td>{&entry.verb}</td>
                        <td>{&entry.object}</td>
                        <td class="mono">{if entry.cause > 0 { entry.cause.to_string() } else { "–".to_owned() }}</td>
                    </tr>
                })}</tbody>
            </table></div>
        </section>
    }
}
