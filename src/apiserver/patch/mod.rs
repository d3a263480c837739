//! Partial changes: JSON patch, merge patch, strategic merge patch.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go, v1.36. Server-side apply,
//! the fourth sort of patch, is in `managed/`.

mod json;
mod merge;
pub mod rules;
mod strategic;

pub use json::{OPERATIONS_MAX, apply as apply_json};
pub use merge::apply as apply_merge;
pub use strategic::apply as apply_strategic;

use super::Patch;
use crate::api::schema::schema;
use crate::api::{Kind, Reason, Status};
use serde_json::Value;

/// `object` of `kind` with `patch` applied; not decoded yet.
///
/// # Errors
/// `Invalid`, `BadRequest` or `RequestEntityTooLarge` where the patch does not fit the object.
pub fn apply(kind: Kind, object: &Value, patch: &Patch) -> Result<Value, Status> {
    if let Kind::Custom(_) = kind {
        if matches!(patch, Patch::StrategicMerge(_)) {
            return Err(no_strategic_merge());
        }
        return apply_as("", object, patch);
    }
    let row = kind.row();
    let definition = schema()
        .root(row.group, row.version, row.kind)
        .expect("invariant: the field table has every kind of the table of kinds");
    apply_as(definition.name, object, patch)
}

/// Nothing is known of how lists of a custom object merge.
fn no_strategic_merge() -> Status {
    Status::plain(
        Reason::UnsupportedMediaType,
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
    )
}

/// The same for JSON of the definition with this name.
///
/// # Errors
/// As [`apply`].
pub fn apply_as(definition: &'static str, object: &Value, patch: &Patch) -> Result<Value, Status> {
    let mut patched = object.clone();
    match patch {
        Patch::Json(operations) => apply_json(&mut patched, operations)?,
        Patch::Merge(change) => apply_merge(&mut patched, change),
        Patch::StrategicMerge(change) => {
            apply_strategic(&mut patched, change.clone(), definition)
                .map_err(Status::bad_request)?;
        }
    }
    Ok(patched)
}
