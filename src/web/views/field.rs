//! An input that shows what is there until somebody types, and then what they type.

use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// What a field needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What it is, for the person.
    pub label: AttrValue,
    /// `text`, `number` or `range`.
    #[prop_or(AttrValue::Static("text"))]
    pub kind: AttrValue,
    /// The name by which tests find it; its button has `-set` behind.
    pub testid: AttrValue,
    /// What is there.
    pub current: AttrValue,
    /// The largest number.
    #[prop_or_default]
    pub max: Option<AttrValue>,
    /// The button's word; a range has none and acts when it is let go.
    #[prop_or_default]
    pub button: Option<AttrValue>,
    /// Gets what was typed.
    pub on_submit: Callback<String>,
}

fn value(target: Option<web_sys::EventTarget>) -> String {
    let input = target.and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
    input.map(|input| input.value()).unwrap_or_default()
}

/// The field.
#[component]
pub fn Field(props: &Props) -> Html {
    let typed = use_state_eq(|| None::<String>);
    let shown = typed
        .as_ref()
        .map_or_else(|| props.current.to_string(), Clone::clone);
    let oninput = {
        let typed = typed.clone();
        Callback::from(move |event: InputEvent| typed.set(Some(value(event.target()))))
    };
    let submit = {
        let (typed, on_submit, shown) = (typed.clone(), props.on_submit.clone(), shown.clone());
        move || {
            on_submit.emit(shown.clone());
            typed.set(None);
        }
    };
    let acts_alone = props.button.is_none();
    let onchange = {
        let (typed, on_submit) = (typed.clone(), props.on_submit.clone());
        Callback::from(move |event: Event| {
            if acts_alone {
                on_submit.emit(value(event.target()));
                typed.set(None);
            }
        })
    };
    let onsubmit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        submit();
    });
    html! {
        <form class="row" {onsubmit}>
            <label>{&props.label}{" "}
                <input type={props.kind.clone()} value={shown} {oninput} {onchange} min="0"
                    max={props.max.clone()} data-testid={props.testid.clone()} />
            </label>
            if let Some(button) = &props.button {
                <button type="submit" data-testid={format!("{}-set", props.testid)}>{button}</button>
            }
        </form>
    }
}
