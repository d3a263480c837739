//! The page: it draws what the engine says and sends what the person does. It knows no Kubernetes
//! type.

// What is drawn is shared with Yew, which keeps it as Rc; the browser calls back into the flow.
#![allow(clippy::disallowed_types)]

mod app;
mod aside;
mod bar;
mod dialogs;
mod dom;
mod editor;
mod engine;
mod examples;
mod field;
mod flow;
mod icon;
mod keys;
mod loading;
mod panels;
mod past;
mod stage;
mod tabs;
mod theme;
mod time_bar;

/// Starts the page.
pub fn run() {
    console_error_panic_hook::set_once();
    let document = web_sys::window().and_then(|window| window.document());
    if let Some(root) = document.and_then(|document| document.get_element_by_id("app")) {
        root.set_inner_html("");
        yew::Renderer::<app::App>::with_root(root).render();
    }
}
