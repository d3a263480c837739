//! The latest events.

use super::Shown;
use crate::protocol::EventView;
use crate::web::app::Msg;
use crate::web::icon::shape;
use std::sync::Arc;
use yew::prelude::*;

/// The tab.
pub fn view(shown: &Shown, send: &Callback<Msg>) -> Html {
    html! {
        <section aria-labelledby="events-title">
            <h2 id="events-title">{"Events"}</h2>
            <p class="muted">{"What the parts of the cluster report, the latest first."}</p>
            {super::filter(&shown.view.filter, "events-filter", send)}
            <List events={shown.beside.events.clone()} />
        </section>
    }
}

/// What the list needs.
#[derive(Clone, PartialEq, Properties)]
struct Props {
    events: Arc<Vec<EventView>>,
}

/// The list.
#[component]
fn List(props: &Props) -> Html {
    if props.events.is_empty() {
        return html! { <p class="empty">{"No event."}</p> };
    }
    html! {
        <ul class="events" aria-label="The latest events" data-testid="events">
            {for props.events.iter().map(|event| html! {
                <li key={event.id.clone()} class={if event.warning { "warning" } else { "" }}>
                    <div class="event-head">
                        {shape(if event.warning { "failing" } else { "ready" })}
                        <strong>{if event.warning { "Warning " } else { "" }}{&event.reason}</strong>
                        if event.count > 1 { <span>{format!("×{}", event.count)}</span> }
                        <span class="muted event-object">{&event.object}</span>
                        <time class="mono muted">{&event.at}</time>
                    </div>
                    <p>{&event.message}</p>
                </li>
            })}
        </ul>
    }
}
