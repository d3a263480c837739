//! Custom objects: their names, and the columns that their definition asks for.
//!
//! Upstream: staging/src/k8s.io/apiextensions-apiserver/pkg/registry/customresource/tableconvertor/
//! tableconvertor.go, v1.36.

use super::{Cell, Column, format};
use crate::api::codec;
use crate::api::custom::{CustomColumn, CustomKind, CustomObject};
use crate::apiserver::custom::path;
use crate::sim::SimTime;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Number, Value};

pub(super) fn columns(kind: CustomKind) -> Vec<Column> {
    let shape = kind.shape();
    let mut columns = vec![Column::name()];
    columns.extend(shape.columns.iter().map(|column| Column {
        name: &column.name,
        type_: &column.type_,
        format: &column.format,
        description: &column.description,
        priority: column.priority,
    }));
    if shape.columns.is_empty() {
        columns.push(Column::new("Age", "date", ""));
    }
    columns
}

pub(super) fn cells(kind: CustomKind, object: &CustomObject, now: SimTime) -> Vec<Cell> {
    let name = object.metadata.name.clone().unwrap_or_default();
    let mut cells = vec![Cell::Text(name)];
    let columns = &kind.shape().columns;
    if columns.is_empty() {
        cells.push(super::age_of(&object.metadata, now));
        return cells;
    }
    let json = object.to_json(kind);
    cells.extend(columns.iter().map(|column| cell(column, &json, now)));
    cells
}

/// A number without its fraction.
#[expect(clippy::cast_possible_truncation, reason = "upstream does the same")]
fn whole(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| Some(number.as_f64()? as i64))
}

fn cell(column: &CustomColumn, json: &Value, now: SimTime) -> Cell {
    let found = path::find(json, &column.path);
    let cell = match (column.type_.as_str(), found) {
        (_, None | Some(Value::Null)) => None,
        ("string", Some(Value::String(text))) => Some(Cell::text(text)),
        ("string", Some(other)) => Some(Cell::Text(other.to_string())),
        ("integer", Some(Value::Number(number))) => whole(number).map(Cell::Number),
        ("number", Some(number @ Value::Number(_))) => Some(Cell::Json(number.clone())),
        ("boolean", Some(truth)) => truth.as_bool().map(Cell::Truth),
        ("date", Some(text @ Value::String(_))) => {
            Some(Cell::Text(match codec::from_value::<Time>(text.clone()) {
                Ok(at) => format::age(Some(&at), now),
                Err(_) => "<invalid>".to_owned(),
            }))
        }
        _ => None,
    };
    cell.unwrap_or(Cell::Json(Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cell_is_what_its_column_asks_for_or_nothing() {
        let json = json!({"n": 3.7, "t": "x", "at": "1970-01-01T00:00:10Z", "o": {"a": [1]}});
        let now = SimTime::from_secs(70);
        for (type_, path, wanted) in [
            ("integer", ".n", "3"),
            ("integer", ".t", ""),
            ("number", ".n", "3.7"),
            ("string", ".n", "3.7"),
            ("string", ".o", "{\"a\":[1]}"),
            ("string", ".none", ""),
            ("boolean", ".t", ""),
            ("date", ".t", "<invalid>"),
            ("date", ".n", ""),
        ] {
            let column = CustomColumn {
                type_: type_.to_owned(),
                path: path.to_owned(),
                ..CustomColumn::default()
            };
            assert_eq!(
                cell(&column, &json, now).to_string(),
                wanted,
                "{type_} {path}"
            );
        }
    }
}
