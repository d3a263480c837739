//! What takes a while, and how far it is.

use super::bar::brand;
use yew::prelude::*;

/// Something that takes a while.
#[derive(Clone, Debug, PartialEq, Properties)]
pub struct Work {
    /// What is done.
    pub what: String,
    /// How many hundredths of it are done, where that is known.
    #[prop_or_default]
    pub percent: Option<u8>,
}

impl Work {
    /// Something of which nobody knows how far it is.
    pub fn of(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            percent: None,
        }
    }
}

fn bar(work: &Work) -> Html {
    let label = format!("{}…", work.what);
    let value = work.percent.map(|percent| percent.to_string());
    let shown = work.percent.map(|percent| format!(" {percent} %"));
    html! {
        <>
            <p>{&label}<span class="mono">{shown}</span></p>
            if value.is_some() { <progress max="100" {value} aria-label={label.clone()} /> }
        </>
    }
}

/// The page before the first screen.
#[component]
pub fn Loading(work: &Work) -> Html {
    html! {
        <>
            <header class="bar">{brand()}</header>
            <main class="loading"><div role="status">{bar(work)}</div></main>
        </>
    }
}

/// Over the screen, which stands still meanwhile.
#[component]
pub fn Working(work: &Work) -> Html {
    html! { <div class="working" data-testid="working">{bar(work)}</div> }
}
