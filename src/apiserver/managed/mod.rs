//! Who manages which field: `metadata.managedFields`, and server-side apply.
//!
//! A write takes the fields that it changes; an apply takes those that it names, conflicts with
//! others who hold a different value, and lets go of what it no longer names.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/managedfields/internal and
//! vendor/sigs.k8s.io/structured-merge-diff/v6/merge/update.go, v1.36. Fields are tracked for
//! objects that were created over HTTP; what the cluster's own parts create is tracked from its
//! first apply on (upstream's `before-first-apply`). Left out: several versions of one kind.

mod entries;
mod set;
mod walk;

pub use entries::{Manager, Managers};
pub use set::FieldSet;

use crate::api::schema::schema;
use crate::api::{Cause, Kind, ObjectKey, Reason, Status};
use serde_json::Value;
use walk::Shape;

/// An object to be laid over the stored one.
#[derive(Clone, Debug, PartialEq)]
pub struct Apply {
    /// Which object.
    pub key: ObjectKey,
    /// What is known of it.
    pub config: Value,
    /// Take fields from others.
    pub force: bool,
    /// `status`, or empty.
    pub subresource: String,
}

fn root(kind: Kind) -> Shape {
    if let Kind::Custom(_) = kind {
        return Shape::Custom;
    }
    let row = kind.row();
    let definition = schema().root(row.group, row.version, row.kind);
    Shape::Fields(
        definition
            .expect("invariant: the field table has every kind of the table of kinds")
            .name,
    )
}

/// Metadata that no manager owns.
const UNOWNED: [&str; 9] = [
    "f:name",
    "f:namespace",
    "f:creationTimestamp",
    "f:selfLink",
    "f:uid",
    "f:generation",
    "f:managedFields",
    "f:resourceVersion",
    "f:deletionTimestamp",
];

/// The set without what nobody owns, and without what the subresource does not write.
fn owned(mut set: FieldSet, kind: Kind, subresource: &str) -> FieldSet {
    set.children.remove("f:apiVersion");
    set.children.remove("f:kind");
    if let Some(metadata) = set.children.get_mut("f:metadata") {
        metadata.member = false;
        metadata
            .children
            .retain(|step, _| !UNOWNED.contains(&step.as_str()));
        if metadata.is_empty() {
            set.children.remove("f:metadata");
        }
    }
    match subresource {
        "status" => {
            set.children.remove("f:spec");
            set.children.remove("f:metadata");
        }
        _ if kind.row().subresources.contains(&"status") => {
            set.children.remove("f:status");
        }
        _ => {}
    }
    set
}

/// What `managers` are after `manager` has changed `old` to `new`. Answers whether it took a field.
pub fn update(
    kind: Kind,
    old: &Value,
    new: &Value,
    managers: &mut Managers,
    manager: &Manager,
) -> bool {
    let difference = walk::compare(Some(old), Some(new), root(kind));
    let changed = owned(difference.changed, kind, &manager.subresource);
    managers.change(|other, set| match other == manager {
        true => set.difference(&difference.removed),
        false => set.difference(&changed).difference(&difference.removed),
    });
    if changed.is_empty() {
        return false;
    }
    managers.add(manager, &changed);
    true
}

/// Lays `apply` over `live` for `manager`: the merged object, not yet decoded, and its managers.
///
/// # Errors
/// `Conflict` where others hold other values, unless the apply is forced.
pub fn apply(
    apply: &Apply,
    live: &Value,
    mut managers: Managers,
    manager: &Manager,
) -> Result<(Value, Managers), Status> {
    let kind = apply.key.kind;
    let shape = root(kind);
    let mut config = apply.config.clone();
    strip(&mut config, kind, &apply.subresource);
    let names = owned(walk::fields(&config, shape), kind, &apply.subresource);
    let mut merged = walk::merge(Some(live), &config, shape);
    let last = managers.get(manager).cloned().unwrap_or_default();
    managers.set(manager, names);
    walk::prune(&mut merged, shape, &last, &managers.all());
    let difference = walk::compare(Some(live), Some(&merged), shape);
    let changed = owned(difference.changed, kind, &apply.subresource);
    let conflicts: Vec<(Manager, FieldSet)> = managers
        .iter()
        .filter(|(other, _)| *other != manager)
        .map(|(other, set)| (other.clone(), set.intersection(&changed)))
        .filter(|(_, set)| !set.is_empty())
        .collect();
    if !conflicts.is_empty() && !apply.force {
        return Err(conflict(&conflicts, &kind.api_version()));
    }
    managers.change(|other, set| match other == manager {
        true => set.clone(),
        false => set.difference(&changed).difference(&difference.removed),
    });
    Ok((merged, managers))
}

/// Takes away what an apply may not set.
fn strip(config: &mut Value, kind: Kind, subresource: &str) {
    let Some(fields) = config.as_object_mut() else {
        return;
    };
    match subresource {
        "status" => {
            fields.remove("spec");
        }
        _ if kind.row().subresources.contains(&"status") => {
            fields.remove("status");
        }
        _ => {}
    }
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for name in UNOWNED.iter().filter_map(|step| step.strip_prefix("f:")) {
            metadata.remove(name);
        }
    }
}

/// The fields of an object that nobody manages yet.
pub fn before_first_apply(kind: Kind, live: &Value) -> FieldSet {
    owned(walk::fields(live, root(kind)), kind, "")
}

fn conflict(conflicts: &[(Manager, FieldSet)], version: &str) -> Status {
    let name = |manager: &Manager| {
        let mut text = format!("{:?}", manager.name);
        if !manager.subresource.is_empty() {
            text = format!("{text} with subresource {:?}", manager.subresource);
        }
        match manager.applies {
            true => text,
            false => format!("{text} using {version}"),
        }
    };
    let mut causes = Vec::new();
    let mut lines = Vec::new();
    for (manager, set) in conflicts {
        let name = name(manager);
        lines.push(format!("conflicts with {name}:"));
        for field in set.paths() {
            lines.push(format!("- {field}"));
            causes.push(Cause {
                reason: "FieldManagerConflict".to_owned(),
                message: format!("conflict with {name}"),
                field,
            });
        }
    }
    let message = match causes.as_slice() {
        [one] => format!(
            "Apply failed with 1 conflict: {}: {}",
            one.message, one.field
        ),
        many => format!(
            "Apply failed with {} conflicts: {}",
            many.len(),
            lines.join("\n")
        ),
    };
    let mut status = Status::plain(Reason::Conflict, message);
    status.details = Some(crate::api::Details {
        causes,
        ..Default::default()
    });
    status
}

#[cfg(test)]
mod tests;
