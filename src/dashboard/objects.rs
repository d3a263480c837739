//! The objects of one kind as the API server prints them, and one of them as YAML.

use super::place;
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Object, codec};
use crate::apiserver::{inert, table};
use crate::cluster::Cluster;
use crate::protocol::{KindView, ObjectView, Objects, ObjectsRequest, Place, RowView, TableView};
use crate::sim::{SimTime, order};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many rows are shown.
const ROWS_LIMIT: u32 = 200;
/// How many namespaces can be chosen from.
const NAMESPACES_LIMIT: u32 = 200;
/// How much of a cell is shown, in signs.
const CELL_LIMIT: u32 = 200;
/// How much of an object's YAML is shown, in bytes.
const YAML_LIMIT: u32 = 64 * 1_024;

/// What `request` asks for. The rows are left out while one object is shown.
pub fn view(cluster: &Cluster, request: &ObjectsRequest) -> Objects {
    let known = cluster.api().kinds();
    let named = known.find(|kind| kind.row().kind == request.kind);
    let kind = named.unwrap_or(Kind::Pod);
    let columns = Columns::of(kind, request);
    let (mut rows, mut more) = (BTreeMap::new(), 0);
    let object = (!request.chosen.name.is_empty()).then(|| object(cluster, kind, &request.chosen));
    if object.is_none() {
        for object in listed(cluster, kind, request) {
            match rows.len() < ROWS_LIMIT as usize {
                true => {
                    let row = columns.row(object, cluster.now());
                    rows.insert(row.at.clone(), Arc::new(row));
                }
                false => more += 1,
            }
        }
    }
    let names = cluster.api().etcd().list(Kind::Namespace, None);
    let names = names.map(|object| object.name().to_owned());
    let table = TableView {
        kind: kind.row().kind.to_owned(),
        namespaced: kind.is_namespaced(),
        columns: columns.headings,
        name_column: columns.name,
        more,
        namespaces: names.take(NAMESPACES_LIMIT as usize).collect(),
        note: inert::warning(kind).unwrap_or_default().to_owned(),
    };
    Objects {
        kinds: Arc::new(kinds(cluster)),
        table: Arc::new(table),
        rows,
        object: object.map(Arc::new),
    }
}

/// Every kind, those of one version together, with the number of its objects.
fn kinds(cluster: &Cluster) -> Vec<KindView> {
    let mut kinds = cluster.api().kinds().all();
    order::sort_by_key(&mut kinds, |kind| (kind.row().group, kind.row().kind));
    let view = |kind: Kind| KindView {
        name: kind.row().kind.to_owned(),
        version: kind.api_version(),
        count: u32::try_from(cluster.api().etcd().list(kind, None).count()).unwrap_or(u32::MAX),
    };
    kinds.into_iter().map(view).collect()
}

/// The objects that `request` asks for, in the order of their names.
fn listed<'a>(
    cluster: &'a Cluster,
    kind: Kind,
    request: &'a ObjectsRequest,
) -> impl Iterator<Item = &'a Object> {
    let namespace = Some(request.namespace.as_str());
    let namespace = namespace.filter(|name| kind.is_namespaced() && !name.is_empty());
    let objects = cluster.api().etcd().list(kind, namespace);
    objects.filter(|object| object.name().contains(&request.name))
}

/// Which columns of a kind's table are shown.
struct Columns {
    headings: Vec<String>,
    shown: Vec<bool>,
    /// Whether the namespace stands in front.
    namespace: bool,
    /// The place of the name among those shown, or of the first one where the table has none.
    name: u32,
}

impl Columns {
    fn of(kind: Kind, request: &ObjectsRequest) -> Self {
        let namespace = kind.is_namespaced() && request.namespace.is_empty();
        let mut columns = Self {
            headings: Vec::new(),
            shown: Vec::new(),
            namespace,
            name: 0,
        };
        if namespace {
            columns.headings.push("Namespace".to_owned());
            columns.name = 1;
        }
        for column in table::columns(kind) {
            let shown = request.wide || column.priority == 0;
            columns.shown.push(shown);
            if !shown {
                continue;
            }
            if column.format == "name" {
                columns.name = u32::try_from(columns.headings.len()).unwrap_or_default();
            }
            columns.headings.push(column.name.to_owned());
        }
        columns
    }

    fn row(&self, object: &Object, now: SimTime) -> RowView {
        let mut cells = Vec::new();
        if self.namespace {
            cells.push(object.namespace().to_owned());
        }
        for (cell, shown) in table::cells(object, now).iter().zip(&self.shown) {
            if *shown {
                cells.push(short(&cell.to_string()));
            }
        }
        RowView {
            at: place(object),
            cells,
        }
    }
}

/// The first line of a cell, as far as it is shown.
fn short(cell: &str) -> String {
    let line = cell.lines().next().unwrap_or_default();
    let mut text: String = line.chars().take(CELL_LIMIT as usize).collect();
    if text.len() < cell.len() {
        text.push_str("...");
    }
    text
}

/// The object at `at` as `kubectl get -o yaml` prints it.
fn object(cluster: &Cluster, kind: Kind, at: &Place) -> ObjectView {
    let key = NamespacedName::new(at.namespace.as_str(), at.name.as_str()).of(kind);
    let stored = cluster.api().etcd().get(&key);
    let mut yaml = stored.map(yaml).unwrap_or_default();
    let more = cut(&mut yaml, YAML_LIMIT as usize);
    ObjectView {
        kind: kind.row().kind.to_owned(),
        at: at.clone(),
        yaml,
        more,
    }
}

fn yaml(object: &Object) -> String {
    let mut json = object.to_json();
    if let Some(metadata) = json.get_mut("metadata").and_then(|m| m.as_object_mut()) {
        metadata.remove("managedFields");
    }
    codec::to_yaml(&json)
}

/// Cuts the text to whole lines within `limit` bytes; answers how many lines are left out.
fn cut(text: &mut String, limit: usize) -> u32 {
    if text.len() <= limit {
        return 0;
    }
    let kept = text.as_bytes()[..limit]
        .iter()
        .rposition(|byte| *byte == b'\n');
    let rest = text.split_off(kept.map_or(0, |at| at + 1));
    u32::try_from(rest.lines().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::testing::session;
    use super::*;
    use crate::protocol::UserCommand;
    use crate::session::Session;
    use crate::sim::SimDuration;

    fn apply(session: &mut Session, text: &str) {
        let text = text.to_owned();
        let report = session.execute(UserCommand::Apply { text });
        assert!(report.errors.is_empty(), "{report:?}");
    }

    fn of(kind: &str) -> ObjectsRequest {
        ObjectsRequest {
            kind: kind.to_owned(),
            ..ObjectsRequest::default()
        }
    }

    const SECRET: &str =
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: key\ndata:\n  word: c2VjcmV0\n";

    #[test]
    fn columns_are_the_api_servers_own() {
        let session = session();
        let shown = view(session.cluster(), &of("Deployment"));
        let names = [
            "Namespace",
            "Name",
            "Ready",
            "Up-to-date",
            "Available",
            "Age",
        ];
        assert_eq!(shown.table.columns, names);
        assert_eq!(shown.table.name_column, 1);
        let row = shown.rows.values().find(|row| row.at.name == "hello");
        assert_eq!(
            row.expect("the sample").cells[..3],
            ["default", "hello", "3/3"]
        );
        let request = ObjectsRequest {
            namespace: "default".into(),
            wide: true,
            ..of("Deployment")
        };
        let shown = view(session.cluster(), &request);
        assert_eq!(shown.table.columns[0], "Name");
        assert!(shown.table.columns.contains(&"Selector".to_owned()));
        assert!(shown.rows.keys().all(|at| at.namespace == "default"));
        assert!(
            shown
                .rows
                .values()
                .all(|row| row.cells.len() == shown.table.columns.len())
        );
    }

    const SHELVES: &str = r#"{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "shelves.library.example"},
        "spec": {"group": "library.example", "scope": "Cluster",
            "names": {"plural": "shelves", "kind": "Shelf"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "additionalPrinterColumns": [{"name": "Room", "type": "integer", "jsonPath": ".room"}],
                "schema": {"openAPIV3Schema": {"type": "object",
                    "properties": {"room": {"type": "integer"}}}}}]}}"#;

    #[test]
    fn custom_kinds_are_listed_with_their_own_columns() {
        let mut session = session();
        apply(&mut session, SHELVES);
        session.advance(session.start() + SimDuration::secs(40), u32::MAX);
        let shelf = "apiVersion: library.example/v1\nkind: Shelf\nmetadata: {name: a}\nroom: 3\n";
        apply(&mut session, shelf);
        let shown = view(session.cluster(), &of("Shelf"));
        assert_eq!(shown.table.columns, ["Name", "Room"]);
        let row = shown.rows.values().next().expect("one shelf");
        assert_eq!(row.cells, ["a", "3"]);
        let counted = shown.kinds.iter().find(|kind| kind.name == "Shelf");
        let counted = counted.expect("it is listed");
        assert_eq!(
            (counted.version.as_str(), counted.count),
            ("library.example/v1", 1)
        );
    }

    #[test]
    fn every_kind_is_listed_and_counted() {
        let mut session = session();
        apply(&mut session, SECRET);
        for kind in Kind::ALL {
            let name = kind.row().kind;
            let shown = view(session.cluster(), &of(name));
            assert_eq!(shown.table.kind, name);
            let counted = shown.kinds.iter().find(|view| view.name == name);
            let counted = counted.map(|view| view.count as usize);
            assert_eq!(counted, Some(shown.rows.len() + shown.table.more as usize));
        }
        let shown = view(session.cluster(), &of("Event"));
        assert_eq!(
            (shown.table.name_column, shown.table.columns[1].as_str()),
            (1, "Last Seen")
        );
        let shown = view(session.cluster(), &of("Nothing"));
        assert_eq!(
            (shown.table.kind.as_str(), shown.kinds[0].version.as_str()),
            ("Pod", "v1")
        );
    }

    #[test]
    fn an_object_is_shown_as_kubectl_prints_it() {
        let mut session = session();
        apply(&mut session, SECRET);
        let at = Place {
            namespace: "default".into(),
            name: "key".into(),
        };
        let request = ObjectsRequest {
            chosen: at.clone(),
            ..of("Secret")
        };
        let shown = view(session.cluster(), &request);
        assert!(shown.rows.is_empty());
        let object = shown.object.expect("it was chosen");
        assert!(
            object
                .yaml
                .starts_with("apiVersion: v1\ndata:\n  word: c2VjcmV0\nkind: Secret\n")
        );
        assert!(!object.yaml.contains("managedFields"));
        session.execute(UserCommand::Delete {
            kind: "Secret".into(),
            at,
        });
        let gone = view(session.cluster(), &request)
            .object
            .expect("still chosen");
        assert!(gone.yaml.is_empty());
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let mut session = session();
        let map = |n: u32| {
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m-{n:03}}}\n---\n")
        };
        let many: String = (0..ROWS_LIMIT + 7).map(map).collect();
        apply(&mut session, &many);
        let others = cluster_maps(&session) - ROWS_LIMIT - 7;
        let shown = view(session.cluster(), &of("ConfigMap"));
        assert_eq!((shown.rows.len(), shown.table.more), (200, 7 + others));
        let request = ObjectsRequest {
            name: "m-20".into(),
            ..of("ConfigMap")
        };
        let shown = view(session.cluster(), &request);
        assert_eq!((shown.rows.len(), shown.table.more), (7, 0));
        let mut text = "one\ntwo\nthree\n".to_owned();
        assert_eq!((cut(&mut text, 9), text.as_str()), (1, "one\ntwo\n"));
        assert_eq!(short("a\nb"), "a...");
        assert_eq!(short(&"x".repeat(201)).len(), 203);
    }

    fn cluster_maps(session: &Session) -> u32 {
        let maps = session.cluster().api().etcd().list(Kind::ConfigMap, None);
        u32::try_from(maps.count()).expect("few")
    }
}
