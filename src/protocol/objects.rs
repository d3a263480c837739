//! The objects of one kind as the API server prints them, and one of them as YAML.

use super::Place;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which objects are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectsRequest {
    /// The kind, as manifests write it; empty for Pods.
    pub kind: String,
    /// Only objects of this namespace; empty for all.
    pub namespace: String,
    /// Only objects whose name holds this text.
    pub name: String,
    /// The columns that need more room too.
    pub wide: bool,
    /// The object shown as YAML; without a name none is.
    pub chosen: Place,
}

/// A kind that the API server serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindView {
    /// Its name, as manifests write it.
    pub name: String,
    /// `v1`, `apps/v1`.
    pub version: String,
    /// How many objects of it there are.
    pub count: u32,
}

/// What a table says besides its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableView {
    /// The kind shown; empty while nothing is.
    pub kind: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// The headings of its columns.
    pub columns: Vec<String>,
    /// Which column opens the object: that of its name, where there is one.
    pub name_column: u32,
    /// How many objects there are beyond those shown.
    pub more: u32,
    /// The namespaces that there are.
    pub namespaces: Vec<String>,
    /// What a newcomer is told of the kind: that nothing acts on it yet.
    pub note: String,
}

/// A row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowView {
    /// The object.
    pub at: Place,
    /// Its cells, one for each column.
    pub cells: Vec<String>,
}

/// The object chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectView {
    /// Its kind.
    pub kind: String,
    /// Where it is.
    pub at: Place,
    /// The object as YAML; empty where it is gone.
    pub yaml: String,
    /// How many lines of it are left out.
    pub more: u32,
}

/// All that the tab of objects shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Objects {
    /// Every kind served, by its version.
    pub kinds: Arc<Vec<KindView>>,
    /// The table without its rows.
    pub table: Arc<TableView>,
    /// The rows.
    pub rows: BTreeMap<Place, Arc<RowView>>,
    /// The object chosen.
    pub object: Option<Arc<ObjectView>>,
}

/// What differs from the objects shown before. What is left out is as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectsUpdate {
    /// Nothing of what was shown before is left.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
    /// All kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<KindView>>,
    /// The table without its rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableView>,
    /// Rows that are new or changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowView>,
    /// Rows that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Place>,
    /// The object chosen, or that none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Vec<ObjectView>>,
}

impl Objects {
    /// Takes in what changed.
    pub fn take(&mut self, update: ObjectsUpdate) {
        if update.anew {
            *self = Self::default();
        }
        if let Some(kinds) = update.kinds {
            self.kinds = Arc::new(kinds);
        }
        if let Some(table) = update.table {
            self.table = Arc::new(table);
        }
        for gone in &update.gone {
            self.rows.remove(gone);
        }
        for row in update.rows {
            self.rows.insert(row.at.clone(), Arc::new(row));
        }
        if let Some(object) = update.object {
            self.object = object.into_iter().next().map(Arc::new);
        }
    }

    /// What `new` has that these have not; `None` where they are the same.
    pub fn update_to(&self, new: &Self) -> Option<ObjectsUpdate> {
        if self == new {
            return None;
        }
        let anew = self.table.kind != new.table.kind;
        let nothing = Self::default();
        let old = if anew { &nothing } else { self };
        let changed = new
            .rows
            .iter()
            .filter(|(at, row)| old.rows.get(*at) != Some(*row));
        let gone = old.rows.keys().filter(|at| !new.rows.contains_key(*at));
        let object = (old.object != new.object).then_some(&new.object);
        Some(ObjectsUpdate {
            anew,
            kinds: (old.kinds != new.kinds).then(|| new.kinds.to_vec()),
            table: (old.table != new.table).then(|| TableView::clone(&new.table)),
            rows: changed.map(|(_, row)| RowView::clone(row)).collect(),
            gone: gone.cloned().collect(),
            object: object.map(|one| one.iter().map(|one| ObjectView::clone(one)).collect()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(kind: &str, rows: &[(&str, &str)]) -> Objects {
        let row = |(name, cell): &(&str, &str)| {
            let at = Place {
                namespace: "default".into(),
                name: (*name).to_owned(),
            };
            let cells = vec![(*cell).to_owned()];
            (at.clone(), Arc::new(RowView { at, cells }))
        };
        let table = TableView {
            kind: kind.to_owned(),
            ..TableView::default()
        };
        Objects {
            table: Arc::new(table),
            rows: rows.iter().map(row).collect(),
            ..Objects::default()
        }
    }

    /// Checks that the update leads from one to the other; answers it.
    fn crosses(old: &Objects, new: &Objects) -> ObjectsUpdate {
        let update = old.update_to(new).expect("they differ");
        let text = serde_json::to_string(&update).expect("plain data");
        let mut taken = old.clone();
        taken.take(serde_json::from_str(&text).expect("the same again"));
        assert_eq!(&taken, new);
        assert_eq!(taken.update_to(new), None);
        update
    }

    #[test]
    fn of_one_kind_only_rows_that_differ_cross() {
        let old = objects("Secret", &[("a", "1"), ("b", "1"), ("c", "1")]);
        let new = objects("Secret", &[("a", "1"), ("b", "2"), ("d", "1")]);
        let update = crosses(&old, &new);
        assert_eq!((update.rows.len(), update.gone.len()), (2, 1));
        assert!(!update.anew && update.table.is_none() && update.object.is_none());
    }

    #[test]
    fn another_kind_begins_anew_and_the_tab_closes_in_a_word() {
        let old = objects("Secret", &[("a", "1"), ("b", "1")]);
        let update = crosses(&old, &objects("Pod", &[("a", "1")]));
        assert!(update.anew && update.gone.is_empty() && update.rows.len() == 1);
        let closed = crosses(&old, &Objects::default());
        let text = serde_json::to_string(&closed).expect("plain data");
        assert_eq!(text, r#"{"anew":true}"#);
    }

    #[test]
    fn an_object_is_shown_and_put_away() {
        let old = objects("Secret", &[("a", "1")]);
        let mut new = old.clone();
        new.object = Some(Arc::default());
        assert!(crosses(&old, &new).rows.is_empty());
        crosses(&new, &old);
    }
}
