//! Every object, by its kind, in the API server's own columns; one of them as YAML.

use super::Shown;
use crate::protocol::{
    KindView, ObjectView, Objects, ObjectsRequest, Place, RowView, TableView, UserCommand,
};
use crate::web::app::Msg;
use crate::web::dialogs::{Dialog, Frame};
use crate::web::dom;
use crate::web::icon::{icon, shape};
use std::sync::Arc;
use yew::prelude::*;

/// The tab.
pub fn view(shown: &Shown, send: &Callback<Msg>) -> Html {
    let (request, objects) = (&shown.view.objects, &shown.beside.objects);
    if !request.chosen.name.is_empty() {
        let object = objects.object.as_ref();
        let object = object.filter(|object| object.at == request.chosen);
        return match object {
            Some(object) => html! { <Object object={object.clone()} send={send.clone()} /> },
            None => html! { <p class="empty">{"Looking…"}</p> },
        };
    }
    html! {
        <section class="objects" aria-labelledby="objects-title" data-testid="objects">
            <h2 id="objects-title">{"Objects"}</h2>
            <p class="muted">{"All that the API server keeps, in its own columns. Choose a name to read the object."}</p>
            {choices(request, objects, send)}
            if !objects.table.note.is_empty() { <p class="muted">{"Note: "}{&objects.table.note}{"."}</p> }
            {list(objects, send)}
        </section>
    }
}

/// A control that changes what is asked for.
fn change<E: 'static>(
    request: &ObjectsRequest,
    send: &Callback<Msg>,
    set: fn(&mut ObjectsRequest, &E),
) -> Callback<E> {
    let request = request.clone();
    send.reform(move |event: E| {
        let mut next = request.clone();
        set(&mut next, &event);
        Msg::Objects(next)
    })
}

fn choices(request: &ObjectsRequest, objects: &Objects, send: &Callback<Msg>) -> Html {
    let table = &objects.table;
    let kind = change(request, send, |next, event: &Event| {
        next.kind = dom::value(event)
    });
    let namespace = change(request, send, |next, event: &Event| {
        next.namespace = dom::value(event);
    });
    let name = change(request, send, |next, event: &InputEvent| {
        next.name = dom::value(event)
    });
    let wide = change(request, send, |next, _: &Event| next.wide = !next.wide);
    html! {
        <div class="which" role="group" aria-label="Which objects">
            <label>{"Kind"}
                <select onchange={kind} data-testid="objects-kind">{kinds(&objects.kinds, &table.kind)}</select>
            </label>
            <label><input type="checkbox" checked={request.wide} onchange={wide} data-testid="objects-wide" />{"All columns"}</label>
            if table.namespaced {
                <label>{"Namespace"}
                    <select onchange={namespace} data-testid="objects-namespace">
                        <option value="" selected={request.namespace.is_empty()}>{"all"}</option>
                        {for table.namespaces.iter().map(|name| html! {
                            <option key={name.clone()} value={name.clone()} selected={*name == request.namespace}>{name}</option>
                        })}
                    </select>
                </label>
            }
            <label>{"Name"}
                <input type="search" oninput={name} value={request.name.clone()} placeholder="part of it" data-testid="objects-name" />
            </label>
        </div>
    }
}

/// The kinds, those of one version together.
fn kinds(kinds: &[KindView], shown: &str) -> Html {
    let option = |kind: &KindView| {
        html! {
            <option key={kind.name.clone()} value={kind.name.clone()} selected={kind.name == shown}>{format!("{} ({})", kind.name, kind.count)}</option>
        }
    };
    let group = |kinds: &[KindView]| {
        let version = kinds[0].version.clone();
        html! { <optgroup key={version.clone()} label={version}>{for kinds.iter().map(option)}</optgroup> }
    };
    let groups = kinds.chunk_by(|one, next| one.version == next.version);
    html! { <>{for groups.map(group)}</> }
}

fn list(objects: &Objects, send: &Callback<Msg>) -> Html {
    let table = &objects.table;
    if objects.rows.is_empty() {
        let text = if table.kind.is_empty() {
            "Looking…"
        } else {
            "No resources found."
        };
        return html! { <p class="empty" data-testid="objects-none">{text}</p> };
    }
    html! {
        <>
            <div class="columns" tabindex="0" role="region" aria-label={format!("Objects of kind {}", table.kind)}>
                <table data-testid="objects-table">
                    <thead><tr>{for table.columns.iter().map(|column| html! { <th key={column.clone()} scope="col">{column}</th> })}</tr></thead>
                    <tbody>{for objects.rows.values().map(|row| html! {
                        <Row key={format!("{}/{}", row.at.namespace, row.at.name)} row={row.clone()} table={table.clone()} send={send.clone()} />
                    })}</tbody>
                </table>
            </div>
            if table.more > 0 {
                <p class="muted" data-testid="objects-more">{format!("and {} more: narrow the list by namespace or name", table.more)}</p>
            }
        </>
    }
}

/// What a row needs.
#[derive(Clone, PartialEq, Properties)]
struct RowProps {
    row: Arc<RowView>,
    table: Arc<TableView>,
    send: Callback<Msg>,
}

/// A row; the name opens the object.
#[component]
fn Row(props: &RowProps) -> Html {
    let RowProps { row, table, send } = props;
    let at = row.at.clone();
    let onclick = send.reform(move |_: MouseEvent| Msg::ShowObject(at.clone()));
    let cell = |(index, cell): (usize, &String)| match index == table.name_column as usize {
        true => html! {
            <th scope="row"><button class="link" title={row.at.name.clone()} onclick={onclick.clone()}>{cell}</button></th>
        },
        false => html! { <td>{cell}</td> },
    };
    html! { <tr>{for row.cells.iter().enumerate().map(cell)}</tr> }
}

/// What an object needs.
#[derive(Clone, PartialEq, Properties)]
struct Props {
    object: Arc<ObjectView>,
    send: Callback<Msg>,
}

/// One object.
#[component]
fn Object(props: &Props) -> Html {
    let Props { object, send } = props;
    use_effect_with((), |()| dom::focus("[data-testid=object-back]"));
    let back = send.reform(|_: MouseEvent| Msg::ShowObject(Place::default()));
    let delete = send.reform(|_: MouseEvent| Msg::Dialog(Some(Dialog::Delete)));
    let ObjectView {
        kind,
        at,
        yaml,
        more,
    } = &**object;
    html! {
        <section class="object" aria-label={format!("{kind} {}", at.name)} data-testid="object">
            <header class="detail-head"><div><p class="muted">{kind}{" "}{&at.namespace}</p><h2>{&at.name}</h2></div>
                <button class="plain square" onclick={back.clone()} aria-label="Close the object" title="Esc">{icon("close")}</button></header>
            <div class="row">
                <button onclick={back} data-testid="object-back">{"Back to the list"}</button>
                if !yaml.is_empty() { <button onclick={delete} data-testid="object-delete">{"Delete"}</button> }
            </div>
            if yaml.is_empty() {
                <p class="alert">{shape("ending")}<span>{"It is gone."}</span></p>
            } else {
                <pre class="log yaml" tabindex="0" aria-label="The object as YAML" data-testid="object-yaml">{yaml}</pre>
            }
            if *more > 0 { <p class="muted">{format!("and {more} more lines")}</p> }
        </section>
    }
}

/// What the dialog before a deletion needs.
#[derive(Clone, PartialEq, Properties)]
pub struct DeleteProps {
    /// What is shown.
    pub objects: Arc<Objects>,
    /// Where messages go.
    pub send: Callback<Msg>,
}

/// Asks before the object shown is deleted.
#[component]
pub fn DeleteObject(props: &DeleteProps) -> Html {
    let DeleteProps { objects, send } = props;
    let Some(object) = objects.object.clone() else {
        return Html::default();
    };
    let what = match object.kind.as_str() {
        "Namespace" => "Everything in it is deleted with it.",
        "Node" => "Its Pods are deleted with it.",
        _ => "What it owns is deleted with it.",
    };
    let keep = send.reform(|_: MouseEvent| Msg::Dialog(None));
    let (kind, at) = (object.kind.clone(), object.at.clone());
    let send_delete = send.clone();
    let delete = Callback::from(move |_: MouseEvent| {
        send_delete.emit(Msg::Dialog(None));
        send_delete.emit(Msg::ShowObject(Place::default()));
        send_delete.emit(Msg::Command(UserCommand::Delete {
            kind: kind.clone(),
            at: at.clone(),
        }));
    });
    html! {
        <Frame title={format!("Delete {} {}?", object.kind, object.at.name)} send={send.clone()}>
            <p>{what}</p>
            <div class="row">
                <button class="main" onclick={delete} data-testid="object-delete-do">{"Delete"}</button>
                <button onclick={keep}>{"Keep it"}</button>
            </div>
        </Frame>
    }
}
