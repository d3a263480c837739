//! RFC 6902: a list of operations on paths, with the words of the library that upstream uses.
//!
//! Upstream: vendor/gopkg.in/evanphx/json-patch.v4/patch.go, v1.36.

use crate::api::{Reason, Status, decode};
use json_patch::{PatchOperation, patch};
use serde_json::Value;

/// How many operations a patch may have.
pub const OPERATIONS_MAX: usize = 10_000;

/// Applies `operations` to `object`; on an error the object is as it was.
///
/// # Errors
/// `BadRequest` where they are malformed, `Invalid` where one does not fit the object,
/// `RequestEntityTooLarge` where they are too many, or make too much of it.
pub fn apply(object: &mut Value, operations: &Value) -> Result<(), Status> {
    let count = operations.as_array().map_or(0, Vec::len);
    if count > OPERATIONS_MAX {
        let message = format!(
            "The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {count}"
        );
        return Err(Status::plain(Reason::RequestEntityTooLarge, message));
    }
    let operations: Vec<PatchOperation> = serde_json::from_value(operations.clone())
        .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    for operation in &operations {
        let one = std::slice::from_ref(operation);
        let before = object.clone();
        if patch(object, one).is_err() {
            let why = refusal(operation, &before);
            return Err(Status::plain(Reason::Invalid, why));
        }
        // Before it grows again: operations copy what others made.
        if !decode::is_bounded(object) {
            let message = decode::UNBOUNDED;
            return Err(Status::plain(Reason::RequestEntityTooLarge, message));
        }
    }
    Ok(())
}

fn refusal(operation: &PatchOperation, object: &Value) -> String {
    let path = operation.path().to_string();
    let missing = "missing value";
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    match operation {
        PatchOperation::Test(_) => format!("testing value {path} failed: test failed"),
        PatchOperation::Add(_) if object.pointer(parent).is_none() => {
            format!("add operation does not apply: doc is missing path: {path:?}: {missing}")
        }
        PatchOperation::Add(_) => {
            format!("add operation does not apply: error in add for path: '{path}': invalid index")
        }
        PatchOperation::Remove(_) if object.pointer(parent).is_none() => {
            format!("remove operation does not apply: doc is missing path: {path:?}: {missing}")
        }
        PatchOperation::Remove(_) => {
            let name = path.rsplit('/').next().unwrap_or_default();
            format!(
                "error in remove for path: '{path}': Unable to remove nonexistent key: {name}: {missing}"
            )
        }
        PatchOperation::Replace(_) if object.pointer(parent).is_none() => {
            format!("replace operation does not apply: doc is missing path: {path}: {missing}")
        }
        PatchOperation::Replace(_) => {
            format!("replace operation does not apply: doc is missing key: {path}: {missing}")
        }
        PatchOperation::Move(_) => format!("error in move for path: '{path}': {missing}"),
        PatchOperation::Copy(_) => format!("error in copy for from: '{path}': {missing}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_apply_in_their_order_or_say_why_not() {
        let mut object = json!({"spec": {"replicas": 1, "list": ["a"]}});
        let operations = json!([
            {"op": "test", "path": "/spec/replicas", "value": 1},
            {"op": "replace", "path": "/spec/replicas", "value": 3},
            {"op": "add", "path": "/spec/list/-", "value": "b"},
            {"op": "remove", "path": "/spec/list/0"},
        ]);
        apply(&mut object, &operations).unwrap();
        assert_eq!(object, json!({"spec": {"replicas": 3, "list": ["b"]}}));
        for (operation, want) in [
            (
                json!({"op": "test", "path": "/spec/replicas", "value": 9}),
                "testing value /spec/replicas failed: test failed",
            ),
            (
                json!({"op": "remove", "path": "/spec/x"}),
                "error in remove for path: '/spec/x': Unable to remove nonexistent key: x: missing value",
            ),
            (
                json!({"op": "replace", "path": "/x/y", "value": 1}),
                "replace operation does not apply: doc is missing path: /x/y: missing value",
            ),
        ] {
            let refused = apply(&mut object, &json!([operation])).unwrap_err();
            assert_eq!(refused.message, want);
        }
        let wrong = apply(&mut object, &json!({"op": "add"})).unwrap_err();
        assert_eq!(wrong.reason, Reason::BadRequest);
    }

    #[test]
    fn an_object_does_not_grow_without_bounds() {
        let copy = json!({"op": "copy", "from": "", "path": "/a"});
        for (mut object, count) in [
            (json!({"a": 1}), 200),
            (json!({"a": "x".repeat(9_999)}), 20),
        ] {
            let path = |i: usize| json!({"op": "copy", "from": "", "path": format!("/{i}")});
            let copies: Value = match count {
                20 => (0..count).map(path).collect(),
                _ => vec![copy.clone(); count].into(),
            };
            let status = apply(&mut object, &copies).expect_err("too much");
            assert_eq!(status.reason, Reason::RequestEntityTooLarge);
        }
    }
}
