//! The three-way merge of `kubectl apply`: what was applied before, what is applied now, what is
//! there.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go, v1.36. Left out:
//! `$patch` directives, the order of merged lists.

use serde_json::{Map, Value};

/// The fields by which the items of a list are told apart, by the list's own name.
fn merge_keys(list: &str) -> &'static [&'static str] {
    match list {
        "containers" | "initContainers" | "volumes" | "env" | "imagePullSecrets" => &["name"],
        "ports" => &["containerPort", "port"],
        "volumeMounts" => &["mountPath"],
        "hostAliases" => &["ip"],
        _ => &[],
    }
}

/// `current` as it is to be: what `modified` says is set, what only `original` said is removed, what
/// others added stays.
pub fn three_way(original: &Value, modified: &Value, current: &Value, name: &str) -> Value {
    match (modified, current) {
        (Value::Object(modified), Value::Object(current)) => {
            Value::Object(objects(original, modified, current))
        }
        (Value::Array(modified), Value::Array(current)) => lists(original, modified, current, name),
        _ => modified.clone(),
    }
}

fn objects(
    original: &Value,
    modified: &Map<String, Value>,
    current: &Map<String, Value>,
) -> Map<String, Value> {
    let mut merged = current.clone();
    for name in original.as_object().into_iter().flat_map(Map::keys) {
        if !modified.contains_key(name) {
            merged.remove(name);
        }
    }
    for (name, value) in modified {
        let before = original.get(name).unwrap_or(&Value::Null);
        let value = match (value, current.get(name)) {
            (Value::Null, _) => {
                merged.remove(name);
                continue;
            }
            (value, Some(current)) => three_way(before, value, current, name),
            (value, None) => value.clone(),
        };
        merged.insert(name.clone(), value);
    }
    merged
}

fn lists(original: &Value, modified: &[Value], current: &[Value], name: &str) -> Value {
    let keys = merge_keys(name);
    let key_of = |item: &Value| keys.iter().find_map(|key| item.get(key).cloned());
    if keys.is_empty()
        || modified
            .iter()
            .chain(current)
            .any(|item| key_of(item).is_none())
    {
        return Value::Array(modified.to_vec());
    }
    let null = Value::Null;
    let before = original.as_array().cloned().unwrap_or_default();
    let find = |list: &[Value], key: &Option<Value>| list.iter().position(|i| key_of(i) == *key);
    let mut merged: Vec<Value> = modified
        .iter()
        .map(|item| {
            let key = key_of(item);
            match find(current, &key) {
                Some(at) => {
                    let original = find(&before, &key).map_or(&null, |at| &before[at]);
                    three_way(original, item, &current[at], "")
                }
                None => item.clone(),
            }
        })
        .collect();
    for item in current {
        let key = key_of(item);
        if find(modified, &key).is_none() && find(&before, &key).is_none() {
            merged.push(item.clone());
        }
    }
    Value::Array(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_longer_applied_goes_and_what_others_set_stays() {
        let original =
            json!({"a": 1, "b": 2, "containers": [{"name": "x", "image": "1"}, {"name": "y"}]});
        let modified = json!({"a": 5, "containers": [{"name": "x", "image": "2"}]});
        let current = json!({
            "a": 1, "b": 2, "other": true,
            "containers": [{"name": "x", "image": "1", "pull": "Always"}, {"name": "y"}, {"name": "z"}]
        });
        let want = json!({
            "a": 5, "other": true,
            "containers": [{"name": "x", "image": "2", "pull": "Always"}, {"name": "z"}]
        });
        assert_eq!(three_way(&original, &modified, &current, ""), want);
    }
}
