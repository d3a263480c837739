//! Kubernetes' own merge: lists of named items merge by their key, directives delete and reorder.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go, v1.36 (the server's
//! half, `StrategicMergeMapPatch`).

use super::rules;
use crate::api::schema::{FieldType, schema};
use crate::sim::order::sort_by;
use serde_json::{Map, Value};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ELEMENT_ORDER: &str = "$setElementOrder/";
/// How deeply a patch may nest.
const DEPTH_MAX: u32 = 100;

type Fields = Map<String, Value>;

/// Applies `patch` to `object`, which is of the definition with this name.
///
/// # Errors
/// Upstream's words for a patch that makes no sense.
pub fn apply(object: &mut Value, patch: Value, definition: &'static str) -> Result<(), String> {
    let (Value::Object(fields), Value::Object(patch)) = (&mut *object, patch) else {
        return Err("invalid JSON document".to_owned());
    };
    let merged = merge_map(std::mem::take(fields), patch, Some(definition), 0)?;
    *object = Value::Object(merged);
    Ok(())
}

/// What a field holds, as far as merging goes.
struct Place {
    /// The definition of its objects, or of its items.
    definition: Option<&'static str>,
    merges: bool,
    key: Option<&'static str>,
}

fn place(definition: Option<&'static str>, field: &str) -> Place {
    let known = definition.and_then(|name| schema().definition(name));
    let kind = known
        .and_then(|known| known.field(field))
        .map(|field| &field.kind);
    let of = |kind: &FieldType| match kind {
        FieldType::Object(name) => Some(*name),
        _ => None,
    };
    let inner = match kind {
        Some(FieldType::Array(item) | FieldType::Map(item)) => of(item),
        Some(kind) => of(kind),
        None => None,
    };
    let rule = definition.map(|definition| rules::rule(definition, field));
    Place {
        definition: inner,
        merges: rule.is_some_and(|rule| rule.merges),
        key: rule.and_then(|rule| rule.merge_key),
    }
}

fn merge_map(
    mut original: Fields,
    mut patch: Fields,
    definition: Option<&'static str>,
    depth: u32,
) -> Result<Fields, String> {
    if depth > DEPTH_MAX {
        return Err("exceeded max depth".to_owned());
    }
    if let Some(directive) = patch.remove(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => Ok(patch),
            Some("delete") => Ok(Fields::new()),
            _ => Err(bad_directive(&directive)),
        };
    }
    retain_keys(&mut original, &mut patch)?;
    let mut orders = Vec::new();
    for (name, value) in patch {
        if let Some(field) = name.strip_prefix(ELEMENT_ORDER) {
            let Value::Array(order) = value else {
                return Err("invalid patch format of setElementOrder list".to_owned());
            };
            orders.push((field.to_owned(), order));
            continue;
        }
        if let Some(field) = name.strip_prefix(DELETE_FROM) {
            delete_from(&mut original, field, &value)?;
            continue;
        }
        merge_field(&mut original, &name, value, definition, depth)?;
    }
    for (field, order) in orders {
        let key = place(definition, &field).key;
        if let Some(Value::Array(items)) = original.get_mut(&field) {
            let before = items.clone();
            reorder(items, &order, &before, key);
        }
    }
    Ok(original)
}

fn merge_field(
    original: &mut Fields,
    name: &str,
    value: Value,
    definition: Option<&'static str>,
    depth: u32,
) -> Result<(), String> {
    if value.is_null() {
        original.remove(name);
        return Ok(());
    }
    let merged = match (original.remove(name), value) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            let inner = place(definition, name).definition;
            // The items of a map are no fields: their names say nothing of their types.
            let is_map = definition.is_some_and(|definition| holds_map(definition, name));
            let next = if is_map { None } else { inner };
            let deleted = new.get(DIRECTIVE).and_then(Value::as_str) == Some("delete");
            let merged = merge_map(old, new, next, depth + 1)?;
            (!deleted || !merged.is_empty()).then_some(Value::Object(merged))
        }
        (Some(Value::Array(old)), Value::Array(new)) => {
            let place = place(definition, name);
            match place.merges {
                true => Some(Value::Array(merge_list(old, new, &place, depth)?)),
                false => Some(Value::Array(new)),
            }
        }
        (_, new) => without_directives(new, depth)?,
    };
    if let Some(merged) = merged {
        original.insert(name.to_owned(), merged);
    }
    Ok(())
}

fn holds_map(definition: &str, field: &str) -> bool {
    let known = schema().definition(definition).and_then(|d| d.field(field));
    known.is_some_and(|field| matches!(field.kind, FieldType::Map(_)))
}

/// A value that is new, without nulls and without what a directive deletes.
fn without_directives(value: Value, depth: u32) -> Result<Option<Value>, String> {
    if depth > DEPTH_MAX {
        return Err("exceeded max depth".to_owned());
    }
    Ok(match value {
        Value::Object(fields) if fields.contains_key(DIRECTIVE) => {
            let replaces = fields.get(DIRECTIVE).and_then(Value::as_str) == Some("replace");
            let mut fields = fields;
            fields.remove(DIRECTIVE);
            (replaces && !fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Object(fields) => {
            let mut kept = Fields::new();
            for (name, value) in fields {
                let directive = name == RETAIN_KEYS
                    || name.starts_with(DELETE_FROM)
                    || name.starts_with(ELEMENT_ORDER);
                if value.is_null() || directive {
                    continue;
                }
                if let Some(value) = without_directives(value, depth + 1)? {
                    kept.insert(name, value);
                }
            }
            Some(Value::Object(kept))
        }
        Value::Array(items) => {
            let mut kept = Vec::new();
            for item in items {
                kept.extend(without_directives(item, depth + 1)?);
            }
            Some(Value::Array(kept))
        }
        other => Some(other),
    })
}

fn retain_keys(original: &mut Fields, patch: &mut Fields) -> Result<(), String> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let wrong = || "invalid patch format of retainKeys".to_owned();
    let keys = keys.as_array().ok_or_else(wrong)?;
    let is_kept = |name: &String| keys.iter().any(|key| key.as_str() == Some(name));
    let known = |name: &String, value: &Value| {
        value.is_null()
            || name.starts_with(DELETE_FROM)
            || name.starts_with(ELEMENT_ORDER)
            || is_kept(name)
    };
    if !patch.iter().all(|(name, value)| known(name, value)) {
        return Err(wrong());
    }
    original.retain(|name, _| is_kept(name));
    Ok(())
}

fn delete_from(original: &mut Fields, field: &str, value: &Value) -> Result<(), String> {
    let Some(gone) = value.as_array() else {
        return Err("invalid patch format of primitive list".to_owned());
    };
    if let Some(Value::Array(items)) = original.get_mut(field) {
        items.retain(|item| !gone.contains(item));
    }
    Ok(())
}

fn bad_directive(directive: &Value) -> String {
    format!("unknown patch type: {directive} in map")
}

fn merge_list(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    place: &Place,
    depth: u32,
) -> Result<Vec<Value>, String> {
    let objects = original.iter().chain(&patch).any(Value::is_object);
    let Some(key) = place.key.filter(|_| objects) else {
        if objects {
            return Err("cannot merge lists without merge key".to_owned());
        }
        let before = original.clone();
        for item in &patch {
            if !original.contains(item) {
                original.push(item.clone());
            }
        }
        reorder(&mut original, &patch, &before, None);
        return Ok(original);
    };
    let (mut wanted, mut replaces) = (Vec::new(), false);
    for item in patch {
        let Value::Object(item) = item else {
            return Err("expected a map, but received another type".to_owned());
        };
        match item
            .get(DIRECTIVE)
            .map(|directive| (directive.as_str(), directive))
        {
            None => wanted.push(item),
            Some((Some("replace"), _)) => replaces = true,
            Some((Some("delete"), _)) => {
                let value = item.get(key).ok_or_else(|| no_key(&item, key))?;
                original.retain(|old| old.get(key) != Some(value));
            }
            Some((_, directive)) => return Err(bad_directive(directive)),
        }
    }
    if replaces {
        return Ok(wanted.into_iter().map(Value::Object).collect());
    }
    let before = original.clone();
    let mut order = Vec::new();
    for item in wanted {
        let value = item.get(key).cloned().ok_or_else(|| no_key(&item, key))?;
        let mut named = Map::new();
        named.insert(key.to_owned(), value.clone());
        order.push(Value::Object(named));
        match original.iter_mut().find(|old| old.get(key) == Some(&value)) {
            Some(old) => {
                let fields = old.as_object_mut().map(std::mem::take).unwrap_or_default();
                *old = Value::Object(merge_map(fields, item, place.definition, depth + 1)?);
            }
            None => original.extend(without_directives(Value::Object(item), depth)?),
        }
    }
    reorder(&mut original, &order, &before, Some(key));
    Ok(original)
}

fn no_key(item: &Fields, key: &str) -> String {
    let shown = Value::Object(item.clone());
    format!("map: {shown} does not contain declared merge key: {key}")
}

/// Puts `items` into the order of the patch; what the patch does not name stays, as far as that
/// goes, where it stood `before`.
fn reorder(items: &mut Vec<Value>, order: &[Value], before: &[Value], key: Option<&str>) {
    let same = |a: &Value, b: &Value| match key {
        Some(key) => a.get(key).is_some() && a.get(key) == b.get(key),
        None => a == b,
    };
    let index = |list: &[Value], item: &Value| list.iter().position(|other| same(other, item));
    let all = std::mem::take(items);
    let (mut named, others): (Vec<Value>, Vec<Value>) = all
        .into_iter()
        .partition(|item| index(order, item).is_some());
    sort_by(&mut named, |a, b| index(order, a).cmp(&index(order, b)));
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    loop {
        let other_first = match (others.peek(), named.peek()) {
            (Some(other), Some(named)) => match (index(before, other), index(before, named)) {
                (Some(a), Some(b)) => a < b,
                _ => false,
            },
            (Some(_), None) => true,
            (None, _) => false,
        };
        match if other_first {
            others.next()
        } else {
            named.next()
        } {
            Some(item) => items.push(item),
            None => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(object: Value, patch: Value) -> Result<Value, String> {
        let mut object = object;
        apply(&mut object, patch, "apps.v1.Deployment")?;
        Ok(object)
    }

    fn pod(spec: Value) -> Value {
        json!({"spec": {"template": {"spec": spec}}})
    }

    #[test]
    fn lists_merge_by_their_key_and_keep_their_order() {
        let before = pod(json!({"containers": [
            {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}]},
            {"name": "b", "image": "b:1"},
        ]}));
        for (patch, want) in [
            (
                json!({"containers": [{"name": "b", "image": "b:2"}]}),
                json!([
                    {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}]},
                    {"name": "b", "image": "b:2"},
                ]),
            ),
            (
                json!({"containers": [{"name": "c", "image": "c:1"}]}),
                json!([
                    {"name": "c", "image": "c:1"},
                    {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}]},
                    {"name": "b", "image": "b:1"},
                ]),
            ),
            (
                json!({
                    "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
                    "containers": [{"name": "a", "$patch": "delete"}],
                }),
                json!([{"name": "b", "image": "b:1"}]),
            ),
            (
                json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
                json!([
                    {"name": "b", "image": "b:1"},
                    {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}]},
                ]),
            ),
            (
                json!({"containers": [{"name": "a", "env": [{"name": "X", "value": null, "valueFrom": {"fieldRef": {"fieldPath": "p"}}}]}]}),
                json!([
                    {"name": "a", "image": "a:1", "env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "p"}}}]},
                    {"name": "b", "image": "b:1"},
                ]),
            ),
            (
                json!({"containers": [{"$patch": "replace"}, {"name": "z", "image": "z"}]}),
                json!([{"name": "z", "image": "z"}]),
            ),
        ] {
            let got = patched(before.clone(), pod(patch.clone())).unwrap();
            assert_eq!(
                got["spec"]["template"]["spec"]["containers"], want,
                "{patch}"
            );
        }
    }

    #[test]
    fn directives_replace_retain_and_delete() {
        let rolling = json!({"spec": {"strategy": {
            "type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1},
        }}});
        let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
        let got = patched(rolling.clone(), patch).unwrap();
        assert_eq!(got, json!({"spec": {"strategy": {"type": "Recreate"}}}));
        let patch = json!({"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}}});
        assert_eq!(patched(rolling.clone(), patch).unwrap(), got);
        let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "x": 1}}});
        assert_eq!(
            patched(rolling, patch).unwrap_err(),
            "invalid patch format of retainKeys"
        );
        let finalizers = json!({"metadata": {"finalizers": ["a", "b"]}});
        let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}});
        let got = patched(finalizers, patch).unwrap();
        assert_eq!(got, json!({"metadata": {"finalizers": ["c", "b"]}}));
    }

    #[test]
    fn lists_without_a_strategy_are_replaced_and_maps_merge() {
        let before =
            pod(json!({"tolerations": [{"key": "a"}], "nodeSelector": {"a": "1", "b": "2"}}));
        let patch =
            pod(json!({"tolerations": [{"key": "b"}], "nodeSelector": {"b": null, "c": "3"}}));
        let got = patched(before, patch).unwrap();
        let want =
            pod(json!({"tolerations": [{"key": "b"}], "nodeSelector": {"a": "1", "c": "3"}}));
        assert_eq!(got, want);
    }

    #[test]
    fn an_item_without_its_key_is_refused() {
        let before = pod(json!({"containers": [{"name": "a"}]}));
        let patch = pod(json!({"containers": [{"image": "x"}]}));
        assert_eq!(
            patched(before, patch).unwrap_err(),
            "map: {\"image\":\"x\"} does not contain declared merge key: name"
        );
    }
}
