//! Keys that do something from anywhere on the page, but never while somebody types.

use super::dom;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, KeyboardEvent};

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Time stands still, or goes on.
    Pause,
    /// The next event happens.
    Next,
    /// Slower or faster.
    Pace(i8),
    /// The tab with this number, from 0.
    Tab(u8),
    /// The filter.
    Filter,
    /// The list of keys.
    Help,
    /// Nothing is chosen any more.
    Escape,
}

/// (key, what it does), as the help shows them.
pub const HELP: [(&str, &str); 8] = [
    ("Space", "pause or resume"),
    ("n", "next event"),
    ("[  ]", "slower, faster"),
    ("1 … 7", "the tabs beside the stage"),
    ("/", "filter the writes"),
    ("Esc", "close what was chosen"),
    ("Ctrl Enter", "apply the manifest"),
    ("?", "this list"),
];

/// Whether the element takes keys for itself.
fn is_taken(element: &Element, key: &str) -> bool {
    let types = "input:not([type=range]), textarea, select, [contenteditable=true], dialog";
    let found = |selector: &str| element.closest(selector).ok().flatten().is_some();
    let presses = key == " " && found("button, summary, a, [role=tab], input");
    found(types) || presses
}

fn meaning(event: &KeyboardEvent) -> Option<Key> {
    if event.ctrl_key() || event.meta_key() || event.alt_key() || event.repeat() {
        return None;
    }
    let key = event.key();
    if dom::target(event).is_some_and(|target| is_taken(&target, &key)) {
        return None;
    }
    Some(match key.as_str() {
        " " => Key::Pause,
        "n" => Key::Next,
        "[" => Key::Pace(-1),
        "]" => Key::Pace(1),
        "/" => Key::Filter,
        "?" => Key::Help,
        "Escape" => Key::Escape,
        digit => {
            let number = digit.parse::<u8>().ok()?;
            (1..=7).contains(&number).then(|| Key::Tab(number - 1))?
        }
    })
}

/// Listens for as long as the page is open.
pub fn listen(on_key: impl Fn(Key) + 'static) {
    let listener = Closure::<dyn FnMut(KeyboardEvent)>::new(move |event: KeyboardEvent| {
        if let Some(key) = meaning(&event) {
            event.prevent_default();
            on_key(key);
        }
    });
    if let Some(document) = dom::document() {
        document.set_onkeydown(Some(listener.as_ref().unchecked_ref()));
    }
    listener.forget();
}
