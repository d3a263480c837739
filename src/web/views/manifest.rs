//! The manifest editor with its examples, and what became of the last command.

use crate::protocol::{Report, UserCommand};
use crate::web::app::Msg;
use crate::web::editor;
use crate::web::examples::EXAMPLES;
use wasm_bindgen::closure::Closure;
use yew::prelude::*;

/// What the editor needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What became of the last command.
    pub report: Report,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// The editor's card.
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
            let target = event.target();
            let value = target.and_then(|t| js_sys::Reflect::get(&t, &"value".into()).ok());
            let index = value.and_then(|value| value.as_string()?.parse::<usize>().ok());
            if let Some((_, text)) = index.and_then(|index| EXAMPLES.get(index)) {
                editor::set_text(text);
                editor::mark("[]");
            }
        });
        let onclick = send.reform(|_: MouseEvent| apply());
        html! {
            <section class="card" aria-labelledby="manifest">
                <header>
                    <h2 id="manifest">{"Manifest"}</h2>
                    <button class="main" {onclick} data-testid="apply" title="Ctrl-Enter">{"Apply"}</button>
                </header>
                <label class="row">{"Example "}
                    <select onchange={choose} data-testid="examples">
                        {for EXAMPLES.iter().enumerate().map(|(index, (title, _))| html! {
                            <option value={index.to_string()} selected={index == 0}>{*title}</option>
                        })}
                    </select>
                </label>
                <div class="editor" ref={self.host.clone()} data-testid="editor" style="margin-top: 8px"></div>
                <ul class="report" aria-live="polite" data-testid="report">
                    {for report.lines.iter().map(|line| html! { <li>{line}</li> })}
                    {for report.errors.iter().map(|error| html! {
                        <li class="bad">{"✗ "}
                            if error.line > 0 { {format!("line {}: ", error.line)} }
                            {&error.message}
                        </li>
                    })}
                </ul>
            </section>
        }
    }
}

fn apply() -> Msg {
    Msg::Command(UserCommand::Apply {
        text: editor::text(),
    })
}
