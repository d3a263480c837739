//! Objects as trees of fields: which they have, how two differ, and how one is laid over another.
//!
//! Upstream: vendor/sigs.k8s.io/structured-merge-diff/v6/typed/{tofieldset,compare,merge,remove}.go,
//! v1.36.

use super::set::FieldSet;
use crate::api::schema::{FieldType, schema};
use crate::apiserver::patch::rules::{self, Topology};
use serde_json::{Map, Value, json};

/// What a place in an object holds, as far as ownership goes.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// One value.
    Leaf,
    /// A custom object: its metadata as every object's, the rest free.
    Custom,
    /// Whatever is an object is owned field by field, a list as one.
    Free,
    /// An object of this definition, owned field by field.
    Fields(&'static str),
    /// A map, owned entry by entry.
    Entries(&'static FieldType),
    /// A list of values.
    Set,
    /// A list of objects with keys.
    Items(&'static [&'static str], &'static str),
}

/// Structs that Go's types always hold, so that an object without one has an empty one.
const ALWAYS: [&str; 7] = [
    "metadata",
    "spec",
    "status",
    "template",
    "strategy",
    "updateStrategy",
    "resources",
];

fn shape_of(kind: &'static FieldType, topology: &'static Topology) -> Shape {
    match (kind, topology) {
        (_, Topology::Atomic) => Shape::Leaf,
        (FieldType::Object(name), _) => match rules::rule(name, "*").topology {
            Topology::Atomic => Shape::Leaf,
            _ => Shape::Fields(name),
        },
        (FieldType::Map(item), _) => Shape::Entries(item),
        (FieldType::Array(_), Topology::Set) => Shape::Set,
        (FieldType::Array(item), Topology::Keyed(keys)) => match **item {
            FieldType::Object(name) => Shape::Items(keys, name),
            _ => Shape::Set,
        },
        _ => Shape::Leaf,
    }
}

impl Shape {
    /// The shape of what stands below `name`; `None` for a field that the type does not have.
    fn below(self, name: &str) -> Option<Shape> {
        match self {
            Shape::Fields(definition) => {
                let field = schema().definition(definition)?.field(name)?;
                Some(shape_of(
                    &field.kind,
                    &rules::rule(definition, name).topology,
                ))
            }
            Shape::Entries(item) => Some(shape_of(item, &Topology::Plain)),
            Shape::Items(_, definition) => Some(Shape::Fields(definition)),
            Shape::Custom if name == "metadata" => Some(Shape::Fields("meta.v1.ObjectMeta")),
            Shape::Custom | Shape::Free => Some(Shape::Free),
            Shape::Leaf | Shape::Set => Some(Shape::Leaf),
        }
    }

    fn is_leaf(self, value: &Value) -> bool {
        match self {
            Shape::Leaf => true,
            Shape::Fields(_) | Shape::Entries(_) | Shape::Custom | Shape::Free => {
                !value.is_object()
            }
            Shape::Set | Shape::Items(..) => !value.is_array(),
        }
    }

    /// The value's parts, each with its step and its shape.
    fn parts(self, value: &Value) -> Vec<(String, &Value, Shape)> {
        match (self, value) {
            (
                Shape::Fields(_) | Shape::Entries(_) | Shape::Custom | Shape::Free,
                Value::Object(fields),
            ) => fields
                .iter()
                .map(|(name, value)| {
                    let shape = self.below(name).unwrap_or(Shape::Leaf);
                    (format!("f:{name}"), value, shape)
                })
                .collect(),
            (Shape::Set, Value::Array(items)) => items
                .iter()
                .map(|item| (format!("v:{item}"), item, Shape::Leaf))
                .collect(),
            (Shape::Items(keys, definition), Value::Array(items)) => items
                .iter()
                .map(|item| {
                    (
                        key_step(keys, definition, item),
                        item,
                        Shape::Fields(definition),
                    )
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    fn step_of(self, item: &Value) -> String {
        match self {
            Shape::Items(keys, definition) => key_step(keys, definition, item),
            _ => format!("v:{item}"),
        }
    }
}

/// `k:{"containerPort":80,"protocol":"TCP"}`
fn key_step(keys: &[&str], definition: &str, item: &Value) -> String {
    let mut found = Map::new();
    for key in keys {
        let default = || rules::rule(definition, key).default.map(|text| json!(text));
        if let Some(value) = item.get(key).cloned().or_else(default) {
            found.insert((*key).to_owned(), value);
        }
    }
    format!("k:{}", Value::Object(found))
}

/// Every field that `value` has.
pub fn fields(value: &Value, shape: Shape) -> FieldSet {
    if shape.is_leaf(value) {
        return FieldSet::leaf();
    }
    let mut set = FieldSet::default();
    for (step, part, inner) in shape.parts(value) {
        let mut below = fields(part, inner);
        let empty = part.is_null() || part.as_object().is_some_and(Map::is_empty);
        // A struct's own place is no member; items, entries and empty structs are.
        below.member |= empty || !matches!(shape, Shape::Fields(_));
        set.put(step, below);
    }
    set
}

/// How two values differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Fields that only the new one has, or that changed.
    pub changed: FieldSet,
    /// Fields that only the old one has.
    pub removed: FieldSet,
}

/// How `new` differs from `old`.
pub fn compare(old: Option<&Value>, new: Option<&Value>, shape: Shape) -> Difference {
    let mut found = Difference::default();
    let (old_leaf, new_leaf) = (
        old.is_some_and(|value| shape.is_leaf(value)),
        new.is_some_and(|value| shape.is_leaf(value)),
    );
    if old_leaf || new_leaf {
        found.changed.member = new.is_some() && new != old;
        found.removed.member = new.is_none();
        return found;
    }
    found.changed.member = old.is_none();
    found.removed.member = new.is_none();
    let parts = |value: Option<&Value>| -> Vec<(String, Value, Shape)> {
        let parts = value.map(|value| shape.parts(value)).unwrap_or_default();
        parts
            .into_iter()
            .map(|(step, part, inner)| (step, part.clone(), inner))
            .collect()
    };
    let (before, after) = (parts(old), parts(new));
    let empty = json!({});
    for (step, part, inner) in &after {
        let known = before.iter().find(|(other, ..)| other == step);
        let name = step.strip_prefix("f:").unwrap_or_default();
        let implied = old.is_some()
            && matches!((shape, inner), (Shape::Fields(_), Shape::Fields(_)))
            && ALWAYS.contains(&name);
        let earlier = match known {
            Some((_, earlier, _)) => Some(earlier),
            None => implied.then_some(&empty),
        };
        let inside = compare(earlier, Some(part), *inner);
        found.changed.put(step.clone(), inside.changed);
        found.removed.put(step.clone(), inside.removed);
    }
    for (step, part, inner) in &before {
        if !after.iter().any(|(other, ..)| other == step) {
            let inside = compare(Some(part), None, *inner);
            found.removed.put(step.clone(), inside.removed);
        }
    }
    found
}

/// `config` laid over `live`.
pub fn merge(live: Option<&Value>, config: &Value, shape: Shape) -> Value {
    let Some(live) = live else {
        return config.clone();
    };
    if shape.is_leaf(live) || shape.is_leaf(config) {
        return config.clone();
    }
    match (live, config) {
        (Value::Object(old), Value::Object(new)) => {
            let mut merged = old.clone();
            for (name, value) in new {
                let inner = shape.below(name).unwrap_or(Shape::Leaf);
                let below = merge(old.get(name), value, inner);
                match below.is_null() {
                    true => merged.remove(name),
                    false => merged.insert(name.clone(), below),
                };
            }
            Value::Object(merged)
        }
        (Value::Array(old), Value::Array(new)) => merge_items(old, new, shape),
        _ => config.clone(),
    }
}

/// The items of both, in the order of `new`; what only `old` has stays before what it stood before.
fn merge_items(old: &[Value], new: &[Value], shape: Shape) -> Value {
    let inner = match shape {
        Shape::Items(_, definition) => Shape::Fields(definition),
        _ => Shape::Leaf,
    };
    let wanted: Vec<String> = new.iter().map(|item| shape.step_of(item)).collect();
    let known: Vec<String> = old.iter().map(|item| shape.step_of(item)).collect();
    let (mut merged, mut next) = (Vec::new(), 0);
    let mut take_until = |end: usize, merged: &mut Vec<Value>| {
        while next < end {
            if !wanted.contains(&known[next]) {
                merged.push(old[next].clone());
            }
            next += 1;
        }
    };
    for (item, step) in new.iter().zip(&wanted) {
        match known.iter().position(|other| other == step) {
            Some(at) => {
                take_until(at, &mut merged);
                merged.push(merge(Some(&old[at]), item, inner));
            }
            None => merged.push(item.clone()),
        }
    }
    take_until(old.len(), &mut merged);
    Value::Array(merged)
}

/// Takes away what was `owned` and is `kept` by nobody: whole items and structs with all below them,
/// where nobody keeps anything in them.
pub fn prune(value: &mut Value, shape: Shape, owned: &FieldSet, kept: &FieldSet) {
    let mut gone = Vec::new();
    let mut inside = Vec::new();
    for (step, _, inner) in shape.parts(value) {
        let Some(own) = owned.children.get(&step) else {
            continue;
        };
        match kept.children.get(&step) {
            None => gone.push(step),
            Some(keep) => inside.push((step, inner, own, keep)),
        }
    }
    for (step, inner, own, keep) in inside {
        if let Some(part) = part_mut(value, shape, &step) {
            prune(part, inner, own, keep);
        }
    }
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| {
                !gone
                    .iter()
                    .any(|step| step.strip_prefix("f:") == Some(name))
            });
        }
        Value::Array(items) => items.retain(|item| !gone.contains(&shape.step_of(item))),
        _ => {}
    }
}

fn part_mut<'v>(value: &'v mut Value, shape: Shape, step: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(fields) => fields.get_mut(step.strip_prefix("f:")?),
        Value::Array(items) => items.iter_mut().find(|item| shape.step_of(item) == step),
        _ => None,
    }
}
