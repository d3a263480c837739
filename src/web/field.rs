//! An input that shows what is there until somebody types, and then what they type.

use super::dom;
use yew::prelude::*;

/// What a field needs.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// What it is, for the person.
    pub label: AttrValue,
    /// `text` or `number`.
    #[prop_or(AttrValue::Static("text"))]
    pub kind: AttrValue,
    /// The name by which tests find it; its button has `-set` behind.
    pub testid: AttrValue,
    /// What is there.
    pub current: AttrValue,
    /// The largest number.
    #[prop_or_default]
    pub max: Option<AttrValue>,
    /// The button's word.
    pub button: AttrValue,
    /// Gets what was typed.
    pub on_submit: Callback<String>,
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
        Callback::from(move |event: InputEvent| typed.set(Some(dom::value(&event))))
    };
    let submit = {
        let (typed, on_submit, shown) = (typed.clone(), props.on_submit.clone(), shown.clone());
        move || {
            on_submit.emit(shown.clone());
            typed.set(None);
        }
    };
    let onsubmit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        submit();
    });
    html! {
        <form class="field" {onsubmit}>
            <label>{&props.label}
                <input type={props.kind.clone()} value={shown} {oninput} min="0" max={props.max.clone()}
                    autocomplete="off" spellcheck="false" data-testid={props.testid.clone()} />
            </label>
            <button type="submit" data-testid={format!("{}-set", props.testid)}>{&props.button}</button>
        </form>
    }
}
