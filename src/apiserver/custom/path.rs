//! The paths of columns: `.spec.size`, `.status.conditions[?(@.type=="Ready")].status`.
//!
//! Upstream: staging/src/k8s.io/client-go/util/jsonpath, v1.36, of which a column uses one result.
//! Left out: slices, unions, `..`, and filters other than one comparison with a text or a number; such
//! a column stays empty.

use serde_json::Value;

/// How long a path is read.
const PATH_MAX: usize = 500;

/// The first value that `path` leads to.
pub fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.len() > PATH_MAX {
        return None;
    }
    let (mut value, mut rest) = (value, path);
    while !rest.is_empty() && rest != "." {
        let (next, left) = step(value, rest)?;
        (value, rest) = (next?, left);
    }
    Some(value)
}

/// What one step leads to, and the path after it; nothing where it cannot be read.
fn step<'a, 'p>(value: &'a Value, path: &'p str) -> Option<(Option<&'a Value>, &'p str)> {
    if let Some(inside) = path.strip_prefix('[') {
        let (inside, rest) = bracket(inside)?;
        return Some((choose(value, inside)?, rest));
    }
    let path = path.strip_prefix('.')?;
    if path.starts_with('[') {
        return Some((Some(value), path));
    }
    let mut name = String::new();
    let mut signs = path.char_indices();
    let mut end = path.len();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '.' | '[' => {
                end = at;
                break;
            }
            // A dot within a name, as in `kubernetes\.io`.
            '\\' => name.extend(signs.next().map(|(_, sign)| sign)),
            sign => name.push(sign),
        }
    }
    let found = match name.as_str() {
        "*" => first(value),
        name => value.get(name),
    };
    Some((found, &path[end..]))
}

/// What stands up to the closing bracket, and the rest.
fn bracket(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, sign) in text.char_indices() {
        match (sign, quote) {
            ('\'' | '"', None) => quote = Some(sign),
            (sign, Some(open)) if sign == open => quote = None,
            (']', None) => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

fn first(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(items) => items.first(),
        Value::Object(fields) => fields.values().next(),
        _ => None,
    }
}

/// A value as a filter writes it.
fn bare(value: &Value) -> String {
    value.to_string()
}

fn unquoted(text: &str) -> Option<&str> {
    let inner = |sign: char| text.strip_prefix(sign)?.strip_suffix(sign);
    inner('\'').or_else(|| inner('"'))
}

fn choose<'a>(value: &'a Value, inside: &str) -> Option<Option<&'a Value>> {
    let inside = inside.trim();
    if let Some(filter) = inside.strip_prefix("?(").and_then(|f| f.strip_suffix(')')) {
        let equal = filter.split_once("==");
        let (equal, (left, right)) = match equal {
            Some(parts) => (true, parts),
            None => (false, filter.split_once("!=")?),
        };
        let (left, right) = (left.trim().strip_prefix('@')?, right.trim());
        let is = |item: &&Value| {
            let found = find(item, left);
            let same = found.is_some_and(|found| match (found, unquoted(right)) {
                (Value::String(text), Some(right)) => text == right,
                (found, None) => bare(found) == right,
                (_, Some(_)) => false,
            });
            same == equal
        };
        return Some(value.as_array().and_then(|items| items.iter().find(is)));
    }
    if let Some(name) = unquoted(inside) {
        return Some(value.get(name));
    }
    if inside == "*" {
        return Some(first(value));
    }
    let index: i64 = inside.parse().ok()?;
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    let from_end = || items.len().checked_sub(usize::try_from(-index).ok()?);
    let index = match index {
        ..0 => from_end(),
        index => usize::try_from(index).ok(),
    };
    Some(index.and_then(|index| items.get(index)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_lead_to_one_value() {
        let value = json!({
            "spec": {"size": 3, "list": ["a", "b"], "a.b": true},
            "status": {"conditions": [
                {"type": "Old", "status": "False"}, {"type": "Ready", "status": "True"},
            ]},
        });
        for (path, wanted) in [
            (".spec.size", json!(3)),
            (".spec.list[1]", json!("b")),
            (".spec.list[-1]", json!("b")),
            (".spec.list[*]", json!("a")),
            (".spec['a.b']", json!(true)),
            (r".spec.a\.b", json!(true)),
            (
                ".status.conditions[?(@.type==\"Ready\")].status",
                json!("True"),
            ),
            (
                ".status.conditions[?(@.type=='Ready')].status",
                json!("True"),
            ),
            (
                ".status.conditions[?(@.type != 'Old')].type",
                json!("Ready"),
            ),
        ] {
            assert_eq!(find(&value, path), Some(&wanted), "{path}");
        }
        for path in [
            ".spec.none.x",
            ".spec.list[7]",
            ".spec[",
            "spec",
            ".spec.list[1:2]",
            ".spec[?(@)]",
        ] {
            assert_eq!(find(&value, path), None, "{path}");
        }
    }
}
