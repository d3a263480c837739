//! Accepts the names of CustomResourceDefinitions, establishes them, and deletes their objects when
//! they go. It is a part of the API server and runs where that does.
//!
//! Upstream: staging/src/k8s.io/apiextensions-apiserver/pkg/controller/{status/naming_controller,
//! establish/establishing_controller,finalizer/crd_finalizer}.go, v1.36. It keeps nothing: there are
//! few definitions, so each wake-up looks at all of them. Left out: the conditions of schemas that are
//! not structural (none are stored) and of approved groups.

use crate::api::custom_resource_definition::{
    CLEANUP_FINALIZER, CustomResourceDefinition, ESTABLISHED, NAMES_ACCEPTED, TERMINATING, list_at,
    text_at,
};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, Reason, Status};
use crate::apiserver::DeleteOptions;
use crate::client::{Component, Ctx};
use crate::sim::SimDuration;
use serde::Serialize;
use serde_json::{Value, json};

/// How soon an API server that does not answer is asked again.
const RETRY_DELAY: SimDuration = SimDuration::secs(1);
/// How often objects that are being deleted are looked for.
const POLL: SimDuration = SimDuration::secs(5);

/// The controllers of definitions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DefinitionControllers;

impl Component for DefinitionControllers {
    fn interests(&self) -> &'static [Kind] {
        &[Kind::CustomResourceDefinition]
    }

    fn wake(&mut self, ctx: &mut Ctx<'_>) {
        let Ok((_, items)) = ctx.list(Kind::CustomResourceDefinition) else {
            ctx.agenda.wake_at(ctx.now + RETRY_DELAY);
            return;
        };
        let mut all: Vec<CustomResourceDefinition> = items
            .iter()
            .filter_map(Object::get::<CustomResourceDefinition>)
            .map(|definition| CustomResourceDefinition::clone(definition))
            .collect();
        for at in 0..all.len() {
            ctx.cause = Some(all[at].revision());
            match reconcile(&all, at, ctx) {
                // What one accepts the next may not take.
                Ok(Some(changed)) => all[at] = changed,
                Ok(None) => {}
                Err(status) if matches!(status.reason, Reason::NotFound | Reason::Conflict) => {}
                Err(_) => ctx.agenda.wake_at(ctx.now + RETRY_DELAY),
            }
        }
    }
}

/// Does the next thing that the definition needs; answers it as it is then stored.
fn reconcile(
    all: &[CustomResourceDefinition],
    at: usize,
    ctx: &mut Ctx<'_>,
) -> Result<Option<CustomResourceDefinition>, Status> {
    let definition = &all[at];
    let finalizers = definition
        .metadata
        .finalizers
        .as_deref()
        .unwrap_or_default();
    if definition.is_terminating() {
        return match finalizers.iter().any(|f| f == CLEANUP_FINALIZER) {
            true => finish(definition, ctx),
            false => Ok(None),
        };
    }
    let mut changed = definition.clone();
    if let Some(names) = plan_names(all, at) {
        changed.status["acceptedNames"] = names.accepted;
        let (truth, reason) = match names.conflict {
            Some((reason, _)) => (false, reason),
            None => (true, "NoConflicts"),
        };
        let message = match &names.conflict {
            Some((_, name)) => format!("{name:?} is already in use"),
            None => "no conflicts found".to_owned(),
        };
        changed.set_condition([NAMES_ACCEPTED, reason, &message], truth, ctx.now);
        if !changed.is(ESTABLISHED) {
            let words = match truth {
                true => [
                    ESTABLISHED,
                    "Installing",
                    "the initial names have been accepted",
                ],
                false => [ESTABLISHED, "NotAccepted", "not all names are accepted"],
            };
            changed.set_condition(words, false, ctx.now);
        }
    } else if changed.is(NAMES_ACCEPTED) && !changed.is(ESTABLISHED) {
        let words = [
            ESTABLISHED,
            "InitialNamesAccepted",
            "the initial names have been accepted",
        ];
        changed.set_condition(words, true, ctx.now);
    }
    if changed == *definition {
        return Ok(None);
    }
    let stored = ctx.update_status(changed)?;
    Ok(Some(CustomResourceDefinition::clone(&stored)))
}

/// What becomes of the names that a definition asks for.
struct Names {
    accepted: Value,
    /// The reason, and the name that another definition has.
    conflict: Option<(&'static str, String)>,
}

/// The names that a definition gets; `None` where it has those that it wants, or nothing changes.
fn plan_names(all: &[CustomResourceDefinition], at: usize) -> Option<Names> {
    let definition = &all[at];
    let wanted = &definition.spec["names"];
    let had = &definition.status["acceptedNames"];
    if wanted == had {
        return None;
    }
    let mut taken: Vec<&str> = Vec::new();
    for (other, definition) in all.iter().enumerate() {
        if other != at && definition.group() == all[at].group() {
            let names = &definition.status["acceptedNames"];
            for name in ["/plural", "/singular", "/kind", "/listKind"] {
                taken.push(text_at(names, name));
            }
            let short = list_at(names, "/shortNames").iter();
            taken.extend(short.filter_map(Value::as_str));
        }
    }
    let mut accepted = json!({"kind": text_at(had, "/kind"), "plural": text_at(had, "/plural")});
    let mut conflict = None;
    for (field, reason) in [
        ("plural", "PluralConflict"),
        ("singular", "SingularConflict"),
        ("shortNames", "ShortNamesConflict"),
        ("kind", "KindConflict"),
        ("listKind", "ListKindConflict"),
    ] {
        let Some(value) = wanted.get(field) else {
            continue;
        };
        let names = match value {
            Value::Array(names) => names.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut names = names.iter().filter_map(Value::as_str);
        match names.find(|name| taken.contains(name)) {
            Some(name) => {
                conflict = Some((reason, name.to_owned()));
                if let Some(old) = had.get(field) {
                    accepted[field] = old.clone();
                }
            }
            None => accepted[field] = value.clone(),
        }
    }
    if let Some(categories) = wanted.get("categories") {
        accepted["categories"] = categories.clone();
    }
    let told = definition.condition(NAMES_ACCEPTED);
    let reason = conflict
        .as_ref()
        .map_or("NoConflicts", |(reason, _)| reason);
    let same = told.is_some_and(|told| text_at(told, "/reason") == reason);
    (accepted != *had || !same).then_some(Names { accepted, conflict })
}

/// Deletes the objects of a definition that goes, and lets it go once there are none.
fn finish(
    definition: &CustomResourceDefinition,
    ctx: &mut Ctx<'_>,
) -> Result<Option<CustomResourceDefinition>, Status> {
    let mut changed = definition.clone();
    let message = "CustomResource deletion is in progress";
    changed.set_condition(
        [TERMINATING, "InstanceDeletionInProgress", message],
        true,
        ctx.now,
    );
    if changed != *definition {
        let stored = ctx.update_status(changed)?;
        changed = CustomResourceDefinition::clone(&stored);
    }
    let kind = changed.stored_kind().map(Kind::Custom);
    let kind = kind.filter(|_| changed.is(ESTABLISHED));
    let words = match kind {
        None => [
            TERMINATING,
            "NeverEstablished",
            "resource was never established",
        ],
        Some(kind) => {
            for object in ctx.list(kind)?.1 {
                if object.meta().deletion_timestamp.is_none() {
                    ctx.delete(object.key(), DeleteOptions::default())?;
                }
            }
            if !ctx.list(kind)?.1.is_empty() {
                // Their finalizers hold them.
                ctx.agenda.wake_at(ctx.now + POLL);
                return Ok(Some(changed));
            }
            [
                TERMINATING,
                "InstanceDeletionCompleted",
                "removed all instances",
            ]
        }
    };
    changed.set_condition(words, false, ctx.now);
    if let Some(finalizers) = changed.metadata.finalizers.as_mut() {
        finalizers.retain(|finalizer| finalizer != CLEANUP_FINALIZER);
    }
    ctx.update_status(changed).map(|_| None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(plural: &str, short: &str) -> CustomResourceDefinition {
        CustomResourceDefinition {
            spec: json!({"group": "example.com", "names": {
                "plural": plural, "singular": plural, "kind": plural,
                "listKind": format!("{plural}List"), "shortNames": [short],
            }}),
            status: json!({"acceptedNames": {"kind": "", "plural": ""}}),
            ..CustomResourceDefinition::default()
        }
    }

    #[test]
    fn names_that_another_has_are_not_accepted() {
        let mut all = vec![definition("books", "b"), definition("boats", "b")];
        let first = plan_names(&all, 0).expect("it is new");
        assert_eq!(first.conflict, None);
        assert_eq!(first.accepted, all[0].spec["names"]);
        all[0].status["acceptedNames"] = first.accepted;
        assert!(plan_names(&all, 0).is_none(), "it has what it wants");
        let second = plan_names(&all, 1).expect("it is new");
        let conflict = second.conflict.expect("one short name");
        assert_eq!(conflict, ("ShortNamesConflict", "b".to_owned()));
        assert_eq!(second.accepted["plural"], "boats");
        assert_eq!(second.accepted.get("shortNames"), None);
    }
}
