//! Kinds that a cluster's CustomResourceDefinitions define, and their objects.
//!
//! A custom kind is a small handle on a description that is made once and kept for good: each
//! different description (names, version, scope, subresources, columns) takes some hundred bytes for
//! as long as the program runs, and there are at most [`KINDS_MAX`] of them: the API server refuses
//! definitions that would need more. Two handles are the same
//! kind where group and plural agree, whatever else their descriptions say: what is stored stays
//! where it is when a definition changes. Which kinds a cluster has is not known here: that is in
//! its store (`apiserver/custom`).

use super::codec;
use super::kinds::{KindRow, Scope};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

/// How many different descriptions a program keeps.
pub const KINDS_MAX: usize = 2_048;

/// A column of a custom kind's table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomColumn {
    /// The heading.
    pub name: String,
    /// The type of the cells: `string`, `integer`, `number`, `boolean`, `date`.
    pub type_: String,
    /// A hint at what the cells are.
    pub format: String,
    /// What the column says; its path, where the definition does not say it.
    pub description: String,
    /// 0: always shown; more: only where there is room.
    pub priority: u8,
    /// Where in the object the cell is.
    pub path: String,
}

/// Where a custom kind keeps what its `scale` subresource shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScalePaths {
    /// `.spec.replicas`
    pub spec: String,
    /// `.status.replicas`
    pub status: String,
    /// `.status.selector`, or nothing.
    pub selector: String,
}

/// All that is described of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomShape {
    /// The API group.
    pub group: String,
    /// The version that this handle reads and writes.
    pub version: String,
    /// The kind as manifests write it.
    pub kind: String,
    /// The kind of its lists.
    pub list_kind: String,
    /// The resource name in paths.
    pub plural: String,
    /// The singular that kubectl accepts.
    pub singular: String,
    /// The short names that kubectl accepts.
    pub short_names: Vec<String>,
    /// The groups of kinds that it belongs to for `kubectl get`.
    pub categories: Vec<String>,
    /// Whether it lives in a namespace.
    pub scope: Scope,
    /// Whether its status is written apart.
    pub status: bool,
    /// Whether it can be scaled, and where.
    pub scale: Option<ScalePaths>,
    /// The columns after the name; none: its age.
    pub columns: Vec<CustomColumn>,
}

struct Known {
    shape: CustomShape,
    row: KindRow,
}

/// The descriptions, in the order in which they came; each place is written once.
static KNOWN: [OnceLock<&'static Known>; KINDS_MAX] = [const { OnceLock::new() }; KINDS_MAX];

/// A kind that a definition defines, in one of its versions.
#[derive(Clone, Copy)]
pub struct CustomKind(&'static Known);

fn kept<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn texts(texts: &[String]) -> &'static [&'static str] {
    let texts: Vec<&'static str> = texts.iter().map(|text| &**kept(text.clone())).collect();
    kept(texts)
}

impl Known {
    fn of(shape: CustomShape) -> Self {
        let text = |text: &String| -> &'static str { kept(text.clone()) };
        let row = KindRow {
            group: text(&shape.group),
            version: text(&shape.version),
            kind: text(&shape.kind),
            plural: text(&shape.plural),
            singular: text(&shape.singular),
            short_names: texts(&shape.short_names),
            categories: texts(&shape.categories),
            scope: shape.scope,
            subresources: match (shape.status, shape.scale.is_some()) {
                (false, false) => &[],
                (true, false) => &["status"],
                (false, true) => &["scale"],
                (true, true) => &["status", "scale"],
            },
        };
        Self { shape, row }
    }
}

impl CustomKind {
    /// The kind of this shape; `None` where the program keeps [`KINDS_MAX`] others already.
    pub fn of(shape: CustomShape) -> Option<Self> {
        for place in &KNOWN {
            let known = match place.get() {
                Some(known) => known,
                None => place.get_or_init(|| kept(Known::of(shape.clone()))),
            };
            if known.shape == shape {
                return Some(Self(known));
            }
        }
        None
    }

    /// Its row in the table of kinds.
    pub const fn row(self) -> &'static KindRow {
        &self.0.row
    }

    /// All that is described of it.
    pub const fn shape(self) -> &'static CustomShape {
        &self.0.shape
    }

    const fn identity(self) -> (&'static str, &'static str) {
        (self.0.row.group, self.0.row.plural)
    }
}

impl PartialEq for CustomKind {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0) || self.identity() == other.identity()
    }
}

impl Eq for CustomKind {}

impl PartialOrd for CustomKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CustomKind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for CustomKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl fmt::Debug for CustomKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.row();
        write!(f, "{}.{}/{}", row.plural, row.group, row.version)
    }
}

/// By what makes it the same kind: the name of its definition.
impl Serialize for CustomKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = self.row();
        serializer.collect_str(&format_args!("{}.{}", row.plural, row.group))
    }
}

/// An object of a custom kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomObject {
    /// The metadata that every object has.
    pub metadata: ObjectMeta,
    /// Every other field but `apiVersion` and `kind`.
    pub fields: Map<String, Value>,
}

impl CustomObject {
    /// The object as JSON, as one of `kind`.
    pub fn to_json(&self, kind: CustomKind) -> Value {
        let row = kind.row();
        let mut json = self.fields.clone();
        let version = format!("{}/{}", row.group, row.version);
        json.insert("apiVersion".to_owned(), version.into());
        json.insert("kind".to_owned(), row.kind.into());
        json.insert("metadata".to_owned(), codec::to_value(&self.metadata));
        Value::Object(json)
    }

    /// An object out of JSON whose metadata the decoder has normalised.
    ///
    /// # Errors
    /// The decoder's words where the metadata does not fit.
    pub fn from_json(json: Value) -> Result<Self, String> {
        let Value::Object(mut fields) = json else {
            return Err("it is no object".to_owned());
        };
        fields.remove("apiVersion");
        fields.remove("kind");
        let metadata = match fields.remove("metadata") {
            Some(metadata) => codec::from_value(metadata)?,
            None => ObjectMeta::default(),
        };
        Ok(Self { metadata, fields })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, Object};
    use serde_json::json;

    fn shape(version: &str) -> CustomShape {
        CustomShape {
            group: "tests.kubarium.example".to_owned(),
            version: version.to_owned(),
            kind: "Book".to_owned(),
            list_kind: "BookList".to_owned(),
            plural: "books".to_owned(),
            singular: "book".to_owned(),
            short_names: vec!["bk".to_owned()],
            categories: Vec::new(),
            scope: Scope::Namespaced,
            status: true,
            scale: None,
            columns: Vec::new(),
        }
    }

    #[test]
    fn a_description_is_kept_once_and_its_versions_are_one_kind() {
        let one = CustomKind::of(shape("v1")).expect("room");
        let same = CustomKind::of(shape("v1")).expect("room");
        assert!(std::ptr::eq(one.0, same.0));
        let other = CustomKind::of(shape("v2")).expect("room");
        assert_eq!(one, other);
        assert_eq!(
            Kind::Custom(other).api_version(),
            "tests.kubarium.example/v2"
        );
        assert_eq!(one.row().subresources, ["status"]);
        assert!(Kind::Custom(one) > Kind::Pod);
    }

    #[test]
    fn an_object_is_the_same_after_json() {
        let kind = Kind::Custom(CustomKind::of(shape("v1")).expect("room"));
        let json = json!({
            "apiVersion": "tests.kubarium.example/v1", "kind": "Book",
            "metadata": {"name": "a", "namespace": "default"},
            "spec": {"pages": [1, {"x": null}]},
        });
        let object = Object::from_json(kind, json.clone()).expect("it decodes");
        assert_eq!(object.to_json(), json);
        assert_eq!(object.key().kind, kind);
        assert!(Object::from_json(kind, json!({"metadata": 1})).is_err());
    }
}
