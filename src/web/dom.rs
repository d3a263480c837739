//! Short ways to what the browser knows.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, HtmlElement, Window};

/// The window.
pub fn window() -> Option<Window> {
    web_sys::window()
}

/// The document.
pub fn document() -> Option<Document> {
    window().and_then(|window| window.document())
}

/// What was chosen in the select, or typed into the input, that an event is about.
pub fn value(event: &web_sys::Event) -> String {
    let value = event
        .target()
        .and_then(|target| js_sys::Reflect::get(&target, &JsValue::from_str("value")).ok());
    value
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

/// Gives the keyboard to the first element that `selector` finds.
pub fn focus(selector: &str) {
    let found = document().and_then(|document| document.query_selector(selector).ok().flatten());
    if let Some(element) = found.and_then(|found| found.dyn_into::<HtmlElement>().ok()) {
        // An element that cannot have the keyboard leaves it where it was.
        let _ = element.focus();
    }
}

/// The same once the page has been drawn again.
pub fn focus_soon(selector: &'static str) {
    gloo::timers::callback::Timeout::new(50, move || focus(selector)).forget();
}

/// The element that an event is about.
pub fn target(event: &web_sys::Event) -> Option<Element> {
    event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
}

/// Whether a media query holds.
pub fn media(query: &str) -> bool {
    let list = window().and_then(|window| window.match_media(query).ok().flatten());
    list.is_some_and(|list| list.matches())
}

/// The part of the address behind `#`.
pub fn fragment() -> String {
    let hash = window().and_then(|window| window.location().hash().ok());
    hash.unwrap_or_default().trim_start_matches('#').to_owned()
}

/// Tells tests and tools that the first screen is drawn.
pub fn mark_ready() {
    if let Some(body) = document().and_then(|document| document.body()) {
        // Only a hint: nothing depends on it.
        let _ = body.dataset().set("ready", "true");
    }
}

/// Puts the link into the address bar and on the clipboard; answers what to say.
pub fn put_link(fragment: &str) -> String {
    let Some(window) = window() else {
        return String::new();
    };
    let location = window.location();
    if location.set_hash(fragment).is_err() {
        return "The link could not be made.".to_owned();
    }
    let link = location.href().unwrap_or_default();
    // A browser may refuse the clipboard; the link stands in the address bar all the same.
    let _ = window.navigator().clipboard().write_text(&link);
    let length = link.len();
    format!("The link is in the address bar and on the clipboard: {length} characters.")
}

/// Offers `text` as a file.
pub fn save_file(text: &str) {
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let offered = web_sys::Blob::new_with_str_sequence(&parts)
        .and_then(|blob| web_sys::Url::create_object_url_with_blob(&blob))
        .ok();
    let anchor = document()
        .and_then(|document| document.create_element("a").ok())
        .and_then(|element| element.dyn_into::<web_sys::HtmlAnchorElement>().ok());
    if let (Some(url), Some(anchor)) = (offered, anchor) {
        anchor.set_href(&url);
        anchor.set_download("kubarium.json");
        anchor.click();
        // The browser frees it with the page at the latest.
        let _ = web_sys::Url::revoke_object_url(&url);
    }
}
