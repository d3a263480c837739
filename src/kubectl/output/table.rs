//! The rows that the API server prints, as `kubectl get` lays them out.
//!
//! Upstream: staging/src/k8s.io/cli-runtime/pkg/printers/tableprinter.go, v1.36.

use super::tabs;
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object};
use crate::apiserver::table;
use crate::kubectl::printed_name;
use crate::sim::SimTime;
use serde::Serialize;

/// What is shown of each object besides its own columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The columns that need more room.
    pub wide: bool,
    /// No headings.
    pub no_headers: bool,
    /// The namespace, in front.
    pub namespace: bool,
    /// The kind before the name.
    pub kind: bool,
    /// All labels, at the end.
    pub labels: bool,
    /// The labels that have a column of their own.
    pub label_columns: Vec<String>,
}

/// The headings and the rows of objects of one kind.
pub fn lines(kind: Kind, objects: &[Object], shown: &Shown, now: SimTime) -> String {
    let columns = table::columns(kind);
    let visible = |at: usize| shown.wide || columns[at].priority == 0;
    let mut text = String::new();
    if !shown.no_headers {
        let names = (0..columns.len()).filter(|at| visible(*at));
        let mut heads: Vec<String> = names.map(|at| columns[at].name.to_uppercase()).collect();
        if shown.namespace {
            heads.insert(0, "NAMESPACE".to_owned());
        }
        heads.extend(shown.label_columns.iter().map(|label| heading(label)));
        if shown.labels {
            heads.push("LABELS".to_owned());
        }
        text.push_str(&format!("{}\n", heads.join("\t")));
    }
    for object in objects {
        let cells = table::cells(object, now);
        let mut cells: Vec<String> = cells
            .iter()
            .enumerate()
            .filter(|(at, _)| visible(*at))
            .map(|(at, cell)| match columns[at].format {
                "name" if shown.kind => printed_name(&object.key()),
                _ => one_line(&cell.to_string()),
            })
            .collect();
        if shown.namespace {
            cells.insert(0, object.namespace().to_owned());
        }
        let own = |label: &String| object.label(label).unwrap_or_default().to_owned();
        cells.extend(shown.label_columns.iter().map(own));
        if shown.labels {
            cells.push(table::format_labels(object.meta().labels.as_ref()));
        }
        text.push_str(&format!("{}\n", cells.join("\t")));
    }
    text
}

/// The headings and rows, with their columns set.
pub fn text(kind: Kind, objects: &[Object], shown: &Shown, now: SimTime) -> String {
    tabs::align(&lines(kind, objects, shown, now), tabs::GET)
}

/// The heading of a label's column: its last part.
fn heading(label: &str) -> String {
    let last = label.rsplit('/').next().unwrap_or(label);
    last.to_uppercase()
}

/// A cell may not break its line.
fn one_line(cell: &str) -> String {
    match cell.split_once(['\n', '\r', '\u{c}']) {
        Some((first, _)) => format!("{first}..."),
        None => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_with_what_was_asked_for() {
        let map = |name: &str| {
            let json =
                json!({"metadata": {"name": name, "namespace": "x", "labels": {"a/tier": "t"}}});
            Object::from_json(Kind::ConfigMap, json).expect("it decodes")
        };
        let maps = [map("one"), map("number-two")];
        let plain = text(
            Kind::ConfigMap,
            &maps,
            &Shown::default(),
            SimTime::default(),
        );
        assert_eq!(
            plain,
            "NAME         DATA   AGE\none          0      <unknown>\nnumber-two   0      <unknown>\n"
        );
        let shown = Shown {
            no_headers: true,
            namespace: true,
            kind: true,
            labels: true,
            label_columns: vec!["a/tier".to_owned()],
            wide: false,
        };
        let all = text(Kind::ConfigMap, &maps[..1], &shown, SimTime::default());
        assert_eq!(
            all,
            "x     configmap/one   0     <unknown>   t     a/tier=t\n"
        );
    }
}
