//! The manifest editor with its examples, and what became of what was applied.

use crate::protocol::{Report, Served, UserCommand};
use crate::web::app::Msg;
use crate::web::examples::EXAMPLES;
use crate::web::icon::shape;
use crate::web::{dom, editor};
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use yew::prelude::*;

/// What the editor needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What became of the manifest applied last.
    pub report: Rc<Report>,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// The editor.
pub struct Manifest {
    host: NodeRef,
    on_apply: Option<Closure<dyn FnMut()>>,
}

impl Component for Manifest {
    type Message = ();
    type Properties = Props;

    fn create(_: &Context<Self>) -> Self {
        Self {
            host: NodeRef::default(),
            on_apply: None,
        }
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &Props) -> bool {
        ctx.props() != old
    }

    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        let Some(host) = self.host.cast::<web_sys::Element>().filter(|_| first) else {
            return;
        };
        let send = ctx.props().send.clone();
        let on_apply = Closure::<dyn FnMut()>::new(move || send.emit(apply()));
        editor::mount(&host, EXAMPLES[0].1, &on_apply);
        self.on_apply = Some(on_apply);
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let Props { report, send } = ctx.props();
        let choose = Callback::from(|event: Event| {
            let index = dom::value(&event).parse::<usize>().ok();
            if let Some((_, text)) = index.and_then(|index| EXAMPLES.get(index)) {
                editor::set_text(text);
                editor::mark("[]");
            }
        });
        let onclick = send.reform(|_: MouseEvent| apply());
        html! {
            <section class="manifest" aria-labelledby="manifest-title">
                <h2 id="manifest-title">{"Say what you want"}</h2>
                <p class="muted">{"Write it as a manifest and apply it. The cluster makes it so."}</p>
                <div class="row">
                    <label class="grow">{"Example"}
                        <select onchange={choose} data-testid="examples">
                            {for EXAMPLES.iter().enumerate().map(|(index, (title, _))| html! {
                                <option value={index.to_string()} selected={index == 0}>{*title}</option>
                            })}
                        </select>
                    </label>
                    <button class="main" {onclick} data-testid="apply" title="Ctrl Enter">{"Apply"}</button>
                </div>
                <div class="editor" ref={self.host.clone()} data-testid="editor"></div>
                <ul class="report" aria-label="What became of it" data-testid="report">
                    {for report.lines.iter().map(|line| {
                        let mood = if line.starts_with("Warning: ") { "busy" } else { "ready" };
                        html! { <li>{shape(mood)}<span>{line}</span></li> }
                    })}
                    {for report.errors.iter().map(|error| html! {
                        <li class="bad">{shape("failing")}<span>
                            if error.line > 0 { {format!("line {}: ", error.line)} }
                            {&error.message}
                        </span></li>
                    })}
                    if let Some(served) = &report.served { <li>{use_served(served)}</li> }
                </ul>
            </section>
        }
    }
}

/// The button that puts the manifest in served versions into the editor.
fn use_served(served: &Served) -> Html {
    let text = served.text.clone();
    let onclick = Callback::from(move |_: MouseEvent| {
        editor::set_text(&text);
        editor::mark("[]");
        dom::focus("[data-testid=apply]");
    });
    html! { <button {onclick} data-testid="use-served">{format!("Use {}", served.versions)}</button> }
}

fn apply() -> Msg {
    Msg::Command(UserCommand::Apply {
        text: editor::text(),
    })
}
