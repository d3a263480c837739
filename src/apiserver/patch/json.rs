//! RFC 6902: a list of operations on paths, as the library that upstream uses takes them. In these it
//! departs from the RFC: `replace` sets a field that is not there, what is missing is equal to null,
//! and an index below zero counts from the end.
//!
//! Upstream: vendor/gopkg.in/evanphx/json-patch.v4/patch.go,
//! staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go (`jsonPatcher`), v1.36. Left out: the
//! warning about unknown and repeated fields of an operation.

use crate::api::decode::{DEPTH_MAX, go_type, is_bounded};
use crate::api::{Reason, Status};
use serde_json::{Map, Value};

/// How many operations a patch may have.
pub const OPERATIONS_MAX: usize = 10_000;
/// How many bytes of JSON the `copy` operations of a patch may add (`JSONPatchMaxCopyBytes`).
const COPY_LIMIT: usize = 3 * 1024 * 1024;

/// All that a client is told of an operation that does not fit.
const REFUSED: &str = "the server rejected our request due to an error in our request";

/// Applies `operations` to `object`.
///
/// # Errors
/// `BadRequest` where they are malformed, `RequestEntityTooLarge` where there are too many, `Invalid`
/// where one does not fit the object.
pub fn apply(object: &mut Value, operations: &Value) -> Result<(), Status> {
    let operations = decode(operations)?;
    if operations.len() > OPERATIONS_MAX {
        let message = format!(
            "The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {}",
            operations.len()
        );
        return Err(Status::plain(Reason::RequestEntityTooLarge, message));
    }
    let mut copied = 0;
    let applied = operations
        .into_iter()
        .try_for_each(|operation| apply_one(object, operation, &mut copied));
    applied.ok_or_else(|| Status::plain(Reason::Invalid, REFUSED.to_owned()))
}

/// An operation; an absent one changes nothing, but is of no known kind.
type Operation<'a> = Option<&'a Map<String, Value>>;

fn decode(operations: &Value) -> Result<Vec<Operation<'_>>, Status> {
    let refuse = |given: &Value, into: &str| {
        let given = go_type(given);
        let message =
            format!("error decoding patch: json: cannot unmarshal {given} into Go {into}");
        Status::bad_request(message)
    };
    let items: &[Value] = match operations {
        Value::Array(items) => items,
        Value::Null => &[],
        other => return Err(refuse(other, "value of type []handlers.jsonPatchOp")),
    };
    let decode = |item| match item {
        &Value::Null => Ok(None),
        Value::Object(fields) => {
            for name in ["op", "path", "from"] {
                let given = fields.get(name).unwrap_or(&Value::Null);
                if !given.is_string() && !given.is_null() {
                    let into = format!("struct field jsonPatchOp.{name} of type string");
                    return Err(refuse(given, &into));
                }
            }
            Ok(Some(fields))
        }
        other => Err(refuse(other, "value of type handlers.jsonPatchOp")),
    };
    items.iter().map(decode).collect()
}

/// Applies one operation; `None` where it does not fit. `copied` is what was copied so far.
fn apply_one(object: &mut Value, operation: Operation<'_>, copied: &mut usize) -> Option<()> {
    let operation = operation?;
    let text = |field| operation.get(field).and_then(Value::as_str);
    let value = || operation.get("value").cloned().unwrap_or_default();
    match text("op")? {
        "add" => Place::find(object, text("path")?)?.add(value()),
        "remove" => Place::find(object, text("path")?)?.remove().map(drop),
        "replace" if text("path")?.is_empty() => {
            let value = value();
            (value.is_object() || value.is_array()).then(|| *object = value)
        }
        "replace" => Place::find(object, text("path")?)?.set(value()),
        "move" => {
            let moved = Place::find(object, text("from")?)?.remove()?;
            Place::find(object, text("path")?)?.add(moved)
        }
        "copy" => {
            let copy = Place::find(object, text("from")?)?.get()?.clone();
            let to = Place::find(object, text("path")?)?;
            *copied += copy.to_string().len();
            (*copied <= COPY_LIMIT).then(|| to.add(copy))?
        }
        "test" if text("path")?.is_empty() => (*object == value()).then_some(()),
        "test" => {
            let place = Place::find(object, text("path")?)?;
            (*place.get()? == value()).then_some(())
        }
        _ => None,
    }
}

/// What holds the value at a path, and its name there.
struct Place<'a> {
    holder: &'a mut Value,
    name: String,
    /// How many names lead there.
    depth: usize,
}

impl<'a> Place<'a> {
    fn find(object: &'a mut Value, path: &str) -> Option<Self> {
        let (parents, name) = path.rsplit_once('/')?;
        let mut holder = object;
        for name in parents.split('/').skip(1) {
            let name = unescaped(name);
            holder = match holder {
                Value::Object(fields) => fields.get_mut(&name)?,
                Value::Array(items) => {
                    let at = index(&name, items.len())?;
                    items.get_mut(at)?
                }
                _ => return None,
            };
        }
        let place = Self {
            name: unescaped(name),
            depth: path.matches('/').count(),
            holder,
        };
        matches!(place.holder, Value::Object(_) | Value::Array(_)).then_some(place)
    }

    /// The value, null where a field is missing; `None` where an item is.
    fn get(&self) -> Option<&Value> {
        match &*self.holder {
            Value::Object(fields) => Some(fields.get(&self.name).unwrap_or(&Value::Null)),
            Value::Array(items) => items.get(index(&self.name, items.len())?),
            _ => None,
        }
    }

    /// Sets a field, or an item that is there.
    fn set(&mut self, value: Value) -> Option<()> {
        if !has_room(&value, self.depth) {
            return None;
        }
        match self.holder {
            Value::Object(fields) => {
                fields.insert(self.name.clone(), value);
            }
            Value::Array(items) => {
                let at = index(&self.name, items.len())?;
                *items.get_mut(at)? = value;
            }
            _ => return None,
        }
        Some(())
    }

    /// Sets a field, or puts an item before the one that is there.
    fn add(mut self, value: Value) -> Option<()> {
        let Value::Array(items) = self.holder else {
            return self.set(value);
        };
        let at = match self.name.as_str() {
            "-" => items.len(),
            name => index(name, items.len() + 1)?,
        };
        (at <= items.len() && has_room(&value, self.depth)).then(|| items.insert(at, value))
    }

    fn remove(self) -> Option<Value> {
        match self.holder {
            Value::Object(fields) => fields.remove(&self.name),
            Value::Array(items) => {
                let at = index(&self.name, items.len())?;
                (at < items.len()).then(|| items.remove(at))
            }
            _ => None,
        }
    }
}

/// Whether `value` may stand below `depth` names: else operations could nest without end what others
/// made.
fn has_room(value: &Value, depth: usize) -> bool {
    is_bounded(value, DEPTH_MAX.saturating_sub(depth))
}

/// The place that `name` means in a list of `length` items: below zero it counts from the end. It may
/// lie behind the end.
fn index(name: &str, length: usize) -> Option<usize> {
    let number: i64 = name.parse().ok()?;
    let length = i64::try_from(length).ok()?;
    usize::try_from(if number < 0 { number + length } else { number }).ok()
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `object` after `operation`; `None` where it is refused.
    fn after(mut object: Value, operation: Value) -> Option<Value> {
        apply(&mut object, &json!([operation])).ok()?;
        Some(object)
    }

    fn add(path: &str) -> Value {
        json!({"op": "add", "path": path, "value": 9})
    }

    #[test]
    fn operations_apply_in_their_order_or_say_why_not() {
        let mut object = json!({"spec": {"replicas": 1, "list": ["a"]}});
        let operations = json!([
            {"op": "test", "path": "/spec/replicas", "value": 1},
            {"op": "replace", "path": "/spec/replicas", "value": 3},
            {"op": "add", "path": "/spec/list/-", "value": "b"},
            {"op": "remove", "path": "/spec/list/0"},
            {"op": "copy", "from": "/spec/replicas", "path": "/spec/copied"},
            {"op": "move", "from": "/spec/list", "path": "/moved"},
        ]);
        apply(&mut object, &operations).unwrap();
        let want = json!({"spec": {"replicas": 3, "copied": 3}, "moved": ["b"]});
        assert_eq!(object, want);
        let wrong = json!([{"op": "test", "path": "/moved/0", "value": "a"}]);
        let refused = apply(&mut object, &wrong).unwrap_err();
        assert_eq!(
            (refused.reason, refused.message.as_str()),
            (Reason::Invalid, REFUSED)
        );
    }

    #[test]
    fn lists_are_counted_from_either_end() {
        let list = || json!({"l": [1, 2]});
        assert_eq!(after(list(), add("/l/0")), Some(json!({"l": [9, 1, 2]})));
        assert_eq!(after(list(), add("/l/2")), Some(json!({"l": [1, 2, 9]})));
        assert_eq!(after(list(), add("/l/-1")), Some(json!({"l": [1, 2, 9]})));
        assert_eq!(after(list(), add("/l/-3")), Some(json!({"l": [9, 1, 2]})));
        for path in ["/l/3", "/l/-4", "/l/x", "/l/"] {
            assert_eq!(after(list(), add(path)), None, "{path}");
        }
        let remove = |path: &str| after(list(), json!({"op": "remove", "path": path}));
        assert_eq!(remove("/l/-1"), Some(json!({"l": [1]})));
        assert_eq!(remove("/l/2"), None);
        let replace = json!({"op": "replace", "path": "/l/1", "value": 5});
        assert_eq!(after(list(), replace), Some(json!({"l": [1, 5]})));
        let replace = json!({"op": "replace", "path": "/l/2", "value": 5});
        assert_eq!(after(list(), replace), None);
    }

    #[test]
    fn what_is_not_there_is_null_and_can_be_replaced() {
        let replace = json!({"op": "replace", "path": "/a~1b", "value": 1});
        assert_eq!(after(json!({}), replace), Some(json!({"a/b": 1})));
        let test = json!({"op": "test", "path": "/a", "value": null});
        assert_eq!(after(json!({}), test), Some(json!({})));
        let test = json!({"op": "test", "path": "/a"});
        assert_eq!(after(json!({"a": 1}), test), None);
        for operation in [
            json!({"op": "remove", "path": "/a"}),
            json!({"op": "move", "from": "/a", "path": "/b"}),
            json!({"op": "replace", "path": "/a/b", "value": 1}),
            json!({"op": "replace", "path": "", "value": 1}),
            json!({"op": "add", "path": "", "value": {}}),
            json!({"op": "add", "value": 1}),
            json!({"op": "grow", "path": "/a"}),
            json!(null),
        ] {
            assert_eq!(after(json!({}), operation.clone()), None, "{operation}");
        }
    }

    #[test]
    fn malformed_operations_are_told_apart_from_those_that_do_not_fit() {
        for (operations, into) in [
            (
                json!({"op": "add"}),
                "object into Go value of type []handlers.jsonPatchOp",
            ),
            (
                json!([1]),
                "number into Go value of type handlers.jsonPatchOp",
            ),
            (
                json!([{"op": "add", "path": true}]),
                "bool into Go struct field jsonPatchOp.path of type string",
            ),
        ] {
            let wrong = apply(&mut json!({}), &operations).unwrap_err();
            let want = format!("error decoding patch: json: cannot unmarshal {into}");
            assert_eq!((wrong.reason, wrong.message), (Reason::BadRequest, want));
        }
    }

    #[test]
    fn copies_cannot_grow_without_bound() {
        let double = json!({"op": "copy", "from": "", "path": "/x"});
        assert_eq!(after(json!({}), double), None, "the whole has no name");
        let double = json!({"op": "copy", "from": "/a", "path": "/a/-"});
        let operations = Value::Array(vec![double; 100]);
        let mut object = json!({"a": [1]});
        let refused = apply(&mut object, &operations).unwrap_err();
        assert_eq!(refused.reason, Reason::Invalid);
        assert!(object.to_string().len() <= 2 * COPY_LIMIT);
    }

    #[test]
    fn objects_do_not_nest_deeper_with_each_operation() {
        let mut object = json!({"a": {}});
        let below = json!([
            {"op": "copy", "from": "/a", "path": "/b"},
            {"op": "move", "from": "/b", "path": "/a/a"},
        ]);
        let done = (0..200).take_while(|_| apply(&mut object, &below).is_ok());
        assert_eq!(done.count(), DEPTH_MAX - 2);
        let replace = json!([{"op": "replace", "path": "/a/a", "value": object["a"]}]);
        assert!(apply(&mut object, &replace).is_err());
    }
}
