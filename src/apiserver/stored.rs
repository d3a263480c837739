//! Objects out of a backup: decoded and checked as a client's would be, kept as they were stored.
//!
//! Upstream's `etcdctl snapshot restore` trusts its file; a backup here may come out of a link.

use super::custom::Kinds;
use super::{door, registry};
use crate::api::meta::MetaExt;
use crate::api::{Object, Status};
use crate::etcd::Etcd;
use serde_json::Value;

/// The object that `json` holds, as a store at `revision` may have had it; custom objects by the
/// `definitions` of that store.
///
/// # Errors
/// What the API server says of a body that it cannot decode or that is not valid, or what a stored
/// object lacks.
pub fn decode_stored(json: Value, revision: u64, definitions: &Etcd) -> Result<Object, Status> {
    let kinds = Kinds::of(definitions);
    let ignore = door::FieldValidation::Ignore;
    let mut object = match kinds.of_stored(&json) {
        Some(kind) => kinds.decode_as(kind, json, ignore)?,
        None => kinds.decode(json, ignore)?,
    };
    registry::default(&mut object);
    // A schema may have changed since it let an object in: without definitions there is none.
    let errors = registry::validate(&object, &Etcd::default());
    if !errors.is_empty() {
        return Err(Status::invalid(object.kind(), object.name(), &errors));
    }
    let meta = object.meta();
    let is_filled = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    let lacks = if !is_filled(&meta.name) {
        Some("a name")
    } else if !is_filled(&meta.uid) {
        Some("a uid")
    } else if meta.creation_timestamp.is_none() {
        Some("its creation's time")
    } else if object.kind().is_namespaced() != is_filled(&meta.namespace) {
        Some("the scope of its kind")
    } else if !(1..=revision).contains(&object.revision()) {
        Some("a resource version of its store")
    } else {
        None
    };
    match lacks {
        None => Ok(object),
        Some(what) => Err(Status::bad_request(format!(
            "{} lacks {what}",
            object.key()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_a_store_may_hold_is_decoded() {
        let whole = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
            "metadata": {
                "name": "a", "namespace": "default", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
        });
        let object = decode_stored(whole.clone(), 7, &Etcd::default()).expect("whole");
        assert_eq!(object.to_json(), whole);
        assert!(decode_stored(whole.clone(), 6, &Etcd::default()).is_err());
        for (pointer, value) in [
            ("/metadata/uid", json!("")),
            ("/metadata/name", json!("A_b")),
            ("/metadata/namespace", json!(null)),
            ("/metadata/creationTimestamp", json!(null)),
            ("/metadata/resourceVersion", json!("x")),
            ("/data/a", json!(1)),
            ("/kind", json!("Nothing")),
        ] {
            let mut damaged = whole.clone();
            *damaged.pointer_mut(pointer).expect("a field") = value;
            assert!(
                decode_stored(damaged, 7, &Etcd::default()).is_err(),
                "{pointer}"
            );
        }
    }
}
