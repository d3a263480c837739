//! Kinds that are served in another version besides the one that is stored.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/runtime/scheme.go and pkg/apis/*/v1/conversion.go,
//! v1.36. What a client reads or writes in such a version is converted as JSON on its way; names of
//! managers' fields stay those of the stored version.

mod autoscaler;
mod event;

use super::door;
use crate::api::field::FieldError;
use crate::api::schema::{Definition, schema};
use crate::api::{Kind, KindRow, Object, Status, decode};
use serde_json::Value;

/// Another version of a kind.
#[derive(Debug)]
pub struct Version {
    /// How it is served.
    pub row: KindRow,
    /// What it is stored as.
    pub of: Kind,
    /// Makes a stored object's JSON one of this version; the names of kind and version are set after.
    show: fn(&mut Value),
    /// Makes JSON of this version a stored object's.
    store: fn(&mut Value) -> Result<(), String>,
    /// The stored names of the fields that this version lists by, where they differ.
    labels: &'static [(&'static str, &'static str)],
    /// What this version refuses besides, of a new object's JSON.
    check: fn(&Value) -> Vec<FieldError>,
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.row == other.row
    }
}

impl Eq for Version {}

const ALL: [&Version; 2] = [&autoscaler::V1, &event::V1];

/// The rows of all of them.
pub fn rows() -> impl Iterator<Item = &'static KindRow> {
    ALL.iter().map(|version| &version.row)
}

impl Version {
    /// The version that is served as `plural` in this group and version.
    pub fn of_resource(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        let is =
            |row: &KindRow| row.group == group && row.version == version && row.plural == plural;
        ALL.iter().copied().find(|other| is(&other.row))
    }

    /// The version that `apiVersion` and `kind` of a manifest name.
    pub fn of_manifest(api_version: &str, kind: &str) -> Option<&'static Self> {
        ALL.iter()
            .copied()
            .find(|other| other.row.kind == kind && other.api_version() == api_version)
    }

    /// `group/version`
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.row.group, self.row.version)
    }

    /// Its entry in the table of fields.
    pub fn definition(&self) -> &'static Definition {
        let row = &self.row;
        let found = schema().root(row.group, row.version, row.kind);
        found.expect("invariant: the field table has every version that is served")
    }

    /// A stored object's JSON in this version.
    pub fn show(&self, mut json: Value) -> Value {
        (self.show)(&mut json);
        if json.get("kind").is_some() {
            json["apiVersion"] = self.api_version().into();
            json["kind"] = self.row.kind.into();
        }
        json
    }

    /// The object that JSON of this version is, and a sentence for every unknown field.
    ///
    /// # Errors
    /// `BadRequest` in the decoder's words.
    pub fn decode(&self, json: Value) -> Result<(Object, Vec<String>), Status> {
        let (json, sentences) = self.to_stored(json)?;
        let (object, _) = door::decode_noting(self.of, json)?;
        Ok((object, sentences))
    }

    /// The refusal of a body.
    pub fn refuse(&self, why: &str) -> Status {
        let message = decode::cannot_be_handled(self.row.version, self.row.kind, why);
        Status::bad_request(message)
    }

    /// The stored kind's JSON for JSON of this version, and a sentence for every unknown field.
    ///
    /// # Errors
    /// `BadRequest` in the decoder's words.
    pub fn to_stored(&self, json: Value) -> Result<(Value, Vec<String>), Status> {
        let decoded = decode::decode(self.definition(), json);
        let decoded = decoded.map_err(|error| self.refuse(&error.message))?;
        let sentences = decoded.warnings();
        let mut json = decoded.value;
        (self.store)(&mut json).map_err(|why| self.refuse(&why))?;
        json["apiVersion"] = self.of.api_version().into();
        json["kind"] = self.of.row().kind.into();
        Ok((json, sentences))
    }

    /// What this version refuses of a new object besides what its kind does.
    pub fn check(&self, object: &Object) -> Vec<FieldError> {
        (self.check)(&object.to_json())
    }

    /// The stored kind's name of a field that is listed by.
    pub fn stored_label<'a>(&self, label: &'a str) -> &'a str {
        let found = self.labels.iter().find(|(own, _)| *own == label);
        found.map_or(label, |(_, stored)| stored)
    }
}

/// A manifest in the stored version of its kind; any other is left as it is.
///
/// # Errors
/// `BadRequest` in the decoder's words, for an unknown field too.
pub fn as_stored(json: Value) -> Result<Value, Status> {
    let text = |field: &str| json.get(field).and_then(Value::as_str).unwrap_or_default();
    let Some(version) = Version::of_manifest(text("apiVersion"), text("kind")) else {
        return Ok(json);
    };
    let (json, sentences) = version.to_stored(json)?;
    match decode::strict_error(&sentences) {
        None => Ok(json),
        Some(why) => Err(version.refuse(&why)),
    }
}

/// Moves the value of one field to another.
fn rename(json: &mut Value, from: &str, to: &str) {
    if let Some(fields) = json.as_object_mut()
        && let Some(value) = fields.remove(from)
    {
        fields.insert(to.to_owned(), value);
    }
}
