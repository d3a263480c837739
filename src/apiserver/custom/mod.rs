//! The kinds that a cluster serves, those of its CustomResourceDefinitions among them, and custom
//! objects on their way in.
//!
//! Upstream: staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go and
//! pkg/registry/customresource/{strategy,validator}.go, v1.36. Which kinds there are is worked out
//! from the stored definitions at each question: the API server remembers nothing of them. Left out:
//! conversion (every version shows the same fields), embedded resources' own validation.

pub mod check;
pub mod fit;
mod object;
pub mod path;
pub mod pattern;
pub mod scale;

pub use object::{
    decode_noting, prepare_for_create, prepare_for_status_update, prepare_for_update, validate,
    validate_update,
};

use super::door::{self, FieldValidation};
use crate::api::custom::{CustomKind, KINDS_MAX};
use crate::api::custom_resource_definition::{
    CustomResourceDefinition, ESTABLISHED, TERMINATING, text_at,
};
use crate::api::{Kind, Object, ObjectKey, Reason, Status};
use crate::etcd::Etcd;
use serde_json::Value;

/// What kinds there are: those of the table and, where there is a store, those that it defines.
#[derive(Clone, Copy, Debug)]
pub struct Kinds<'a> {
    etcd: Option<&'a Etcd>,
}

/// The definition of a custom kind.
pub fn definition(etcd: &Etcd, kind: CustomKind) -> Option<&CustomResourceDefinition> {
    let row = kind.row();
    let name = format!("{}.{}", row.plural, row.group);
    let key = ObjectKey::new(Kind::CustomResourceDefinition, "", name);
    etcd.get(&key)?
        .get::<CustomResourceDefinition>()
        .map(AsRef::as_ref)
}

impl<'a> Kinds<'a> {
    /// The kinds of a server whose store is this.
    pub const fn of(etcd: &'a Etcd) -> Self {
        Self { etcd: Some(etcd) }
    }

    /// The kinds of the table alone, which every server has.
    pub const fn of_table() -> Self {
        Self { etcd: None }
    }

    /// The custom kinds: of each definition the stored version first, then the others served.
    pub fn custom(self) -> Vec<Kind> {
        let definitions = self.etcd.into_iter();
        let definitions = definitions.flat_map(|e| e.list(Kind::CustomResourceDefinition, None));
        let definitions = definitions.filter_map(Object::get::<CustomResourceDefinition>);
        let kinds = definitions.flat_map(|definition| definition.kinds());
        kinds.map(Kind::Custom).collect()
    }

    /// Every kind: those of the table first. A custom kind is there once, in its first version.
    pub fn all(self) -> Vec<Kind> {
        let mut all = Kind::ALL.to_vec();
        for kind in self.custom() {
            if !all.contains(&kind) {
                all.push(kind);
            }
        }
        all
    }

    /// The kind whose objects are served as `plural` in this group and version.
    pub fn of_resource(self, group: &str, version: &str, plural: &str) -> Option<Kind> {
        Kind::of_resource(group, version, plural).or_else(|| {
            self.custom().into_iter().find(|kind| {
                let row = kind.row();
                row.plural == plural && row.group == group && row.version == version
            })
        })
    }

    /// The kind that `apiVersion` and `kind` of a manifest name.
    pub fn of_manifest(self, api_version: &str, kind: &str) -> Option<Kind> {
        Kind::of_manifest(api_version, kind).or_else(|| {
            let mut custom = self.custom().into_iter();
            custom.find(|k| k.row().kind == kind && k.api_version() == api_version)
        })
    }

    /// The custom kind of a stored object: its version may no longer be served, or be there at all.
    pub fn of_stored(self, json: &Value) -> Option<Kind> {
        let (group, version) = text_at(json, "/apiVersion").split_once('/')?;
        let definitions = self.etcd?.list(Kind::CustomResourceDefinition, None);
        let mut definitions = definitions.filter_map(Object::get::<CustomResourceDefinition>);
        let kind = text_at(json, "/kind");
        let found = definitions.find(|d| {
            d.group() == group && text_at(&d.spec, "/names/kind") == kind && d.is(ESTABLISHED)
        })?;
        found.stored_kind(version).map(Kind::Custom)
    }

    /// The first kind, a custom one after the table's, whose row is as wanted.
    pub fn find(self, is: impl Fn(Kind) -> bool) -> Option<Kind> {
        let known = Kind::ALL.iter().copied().find(|kind| is(*kind));
        known.or_else(|| self.custom().into_iter().find(|kind| is(*kind)))
    }

    /// Decodes `json` into the object that its `apiVersion` and `kind` name.
    ///
    /// # Errors
    /// As [`door::decode`].
    pub fn decode(self, json: Value, validation: FieldValidation) -> Result<Object, Status> {
        let text = |field: &str| json.get(field).and_then(Value::as_str).unwrap_or_default();
        match self.of_manifest(text("apiVersion"), text("kind")) {
            Some(kind @ Kind::Custom(_)) => self.decode_as(kind, json, validation),
            _ => door::decode(json, validation),
        }
    }

    /// Decodes `json` as an object of `kind`.
    ///
    /// # Errors
    /// As [`door::decode_as`].
    pub fn decode_as(
        self,
        kind: Kind,
        json: Value,
        validation: FieldValidation,
    ) -> Result<Object, Status> {
        let (object, sentences) = self.decode_noting(kind, json)?;
        door::judge(kind, object, &sentences, validation)
    }

    /// Decodes `json` as an object of `kind`, with a sentence for every unknown field.
    ///
    /// # Errors
    /// As [`door::decode_noting`].
    pub fn decode_noting(self, kind: Kind, json: Value) -> Result<(Object, Vec<String>), Status> {
        match kind {
            Kind::Custom(custom) => {
                let found = self.etcd.and_then(|etcd| definition(etcd, custom));
                decode_noting(custom, found, json)
            }
            kind => door::decode_noting(kind, json),
        }
    }
}

/// Refuses a definition for whose kinds there is no room.
///
/// # Errors
/// `Forbidden`.
pub fn check_room(object: &Object) -> Result<(), Status> {
    match object {
        Object::CustomResourceDefinition(definition) if !definition.make_room() => {
            let why = format!(
                "at most {KINDS_MAX} different versions of custom kinds are kept from the start of the program on, and there are as many"
            );
            Err(Status::forbidden(&object.key(), &why))
        }
        _ => Ok(()),
    }
}

/// Refuses a new object of a kind whose definition is going.
///
/// # Errors
/// `MethodNotAllowed`.
pub fn check_create(etcd: &Etcd, kind: Kind) -> Result<(), Status> {
    let Kind::Custom(custom) = kind else {
        return Ok(());
    };
    match definition(etcd, custom) {
        Some(definition) if !definition.is(TERMINATING) => Ok(()),
        Some(_) => Err(Status::plain(
            Reason::MethodNotAllowed,
            "create not allowed while custom resource definition is terminating",
        )),
        None => Err(Status::plain(
            Reason::NotFound,
            "the server could not find the requested resource",
        )),
    }
}
