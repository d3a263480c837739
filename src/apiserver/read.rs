//! Reads: get and list.

use super::{ApiServer, FieldSelector, Response, registry};
use crate::api::meta;
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectKey, Status};

impl ApiServer {
    pub(super) fn get(&self, key: &ObjectKey) -> Result<Object, Status> {
        self.etcd
            .get(key)
            .cloned()
            .map(|object| object.shown_as(key.kind))
            .ok_or_else(|| Status::not_found(key))
    }

    pub(super) fn list(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        labels: &Selector,
        fields: &FieldSelector,
    ) -> Result<Response, Status> {
        for (field, _, _) in &fields.requirements {
            registry::check_field(kind, field)?;
        }
        let items = self
            .etcd
            .list(kind, namespace)
            .filter(|object| labels.matches(meta::labels(object.meta())))
            .filter(|object| {
                fields.requirements.iter().all(|(field, value, equal)| {
                    (registry::field_value(object, field) == *value) == *equal
                })
            })
            .cloned()
            .map(|object| object.shown_as(kind))
            .collect();
        Ok(Response::List {
            revision: self.etcd.revision(),
            items,
        })
    }
}
