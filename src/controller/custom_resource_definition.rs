//! Accepts the names of CustomResourceDefinitions, establishes them, and deletes their objects when
//! they go. It is a part of the API server and runs where that does.
//!
//! Upstream: staging/src/k8s.io/apiextensions-apiserver/pkg/controller/{status/naming_controller,
//! establish/establishing_controller,apiapproval/apiapproval_controller,finalizer/crd_finalizer}.go,
//! v1.36. It keeps nothing: there are few definitions, so each wake-up looks at all of them, and what
//! is new of one is written at once. Left out: the condition of schemas that are not structural (none
//! are stored), and that of objects that a minute did not remove.

use crate::api::custom_resource_definition::{
    APPROVAL, Approval, CLEANUP_FINALIZER, CustomResourceDefinition, ESTABLISHED, NAMES_ACCEPTED,
    TERMINATING, text_at,
};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, Reason, Status};
use crate::apiserver::DeleteOptions;
use crate::client::{Component, Ctx};
use crate::sim::{SimDuration, SimTime};
use serde::Serialize;
use serde_json::Value;

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
    note_approval(&mut changed, ctx.now);
    if let Some(names) = plan_names(all, at) {
        changed.status["acceptedNames"] = names.accepted;
        let (truth, reason, message) = match &names.conflict {
            Some((reason, message)) => (false, *reason, message.as_str()),
            None => (true, "NoConflicts", "no conflicts found"),
        };
        changed.set_condition([NAMES_ACCEPTED, reason, message], truth, ctx.now);
        let words = match truth {
            true => ["Installing", "the initial names have been accepted"],
            false => ["NotAccepted", "not all names are accepted"],
        };
        if changed.condition(ESTABLISHED).is_none() || (truth && !changed.is(ESTABLISHED)) {
            changed.set_condition([ESTABLISHED, words[0], words[1]], false, ctx.now);
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

/// Says what the annotation of a definition in one of Kubernetes' own groups says.
fn note_approval(definition: &mut CustomResourceDefinition, now: SimTime) {
    let Some((approval, message)) = definition.approval() else {
        return;
    };
    let reason = match approval {
        Approval::Missing => "MissingAnnotation",
        Approval::Invalid => "InvalidAnnotation",
        Approval::Unapproved => "UnapprovedAnnotation",
        Approval::Approved => "ApprovedAnnotation",
    };
    let truth = approval == Approval::Approved;
    definition.set_condition([APPROVAL, reason, &message], truth, now);
}

/// What becomes of the names that a definition asks for.
struct Names {
    accepted: Value,
    /// The reason, and which names are another's.
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
    let (mut resources, mut kinds): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let group = definition.group();
    for names in all.iter().filter(|other| other.group() == group) {
        let names = &names.status["acceptedNames"];
        resources.extend([text_at(names, "/plural"), text_at(names, "/singular")]);
        resources.extend(texts(&names["shortNames"]));
        kinds.extend([text_at(names, "/kind"), text_at(names, "/listKind")]);
    }
    let mut accepted = had.clone();
    let mut conflict = None;
    for (field, reason, taken) in [
        ("plural", "PluralConflict", &resources),
        ("singular", "SingularConflict", &resources),
        ("shortNames", "ShortNamesConflict", &resources),
        ("kind", "KindConflict", &kinds),
        ("listKind", "ListKindConflict", &kinds),
        ("categories", "", &Vec::new()),
    ] {
        let (new, old) = (&wanted[field], &had[field]);
        if new == old {
            continue;
        }
        // A short name may be one of the definition's own other names.
        let own = |name: &str| {
            let others = [text_at(had, "/plural"), text_at(had, "/singular")];
            field == "shortNames" && (others.contains(&name) || texts(old).contains(&name))
        };
        let disputed = texts(new)
            .into_iter()
            .filter(|name| taken.contains(name) && !own(name));
        let disputed: Vec<String> = disputed
            .map(|name| format!("{name:?} is already in use"))
            .collect();
        match disputed.as_slice() {
            [] => accepted[field] = new.clone(),
            [one] => conflict = Some((reason, one.clone())),
            many => conflict = Some((reason, format!("[{}]", many.join(", ")))),
        }
    }
    if let Some(accepted) = accepted.as_object_mut() {
        accepted.retain(|_, name| !name.is_null());
    }
    let (reason, message) = match &conflict {
        Some((reason, message)) => (*reason, message.as_str()),
        None => ("NoConflicts", "no conflicts found"),
    };
    let same = definition.condition(NAMES_ACCEPTED).is_some_and(|told| {
        text_at(told, "/reason") == reason && text_at(told, "/message") == message
    });
    (accepted != *had || !same).then_some(Names { accepted, conflict })
}

/// A name, or several.
fn texts(names: &Value) -> Vec<&str> {
    let names = match names {
        Value::Array(names) => names.as_slice(),
        one => std::slice::from_ref(one),
    };
    names.iter().filter_map(Value::as_str).collect()
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
    let kind = changed.stored_kind("").map(Kind::Custom);
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
    use serde_json::json;

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
        let words = "\"b\" is already in use".to_owned();
        assert_eq!(conflict, ("ShortNamesConflict", words));
        assert_eq!(second.accepted["plural"], "boats");
        assert_eq!(second.accepted.get("shortNames"), None);
    }

    #[test]
    fn kinds_and_resources_have_names_apart() {
        let mut all = vec![definition("books", "b"), definition("boats", "c")];
        let first = plan_names(&all, 0).expect("it is new");
        all[0].status["acceptedNames"] = first.accepted;
        all[1].spec["names"]["kind"] = "b".into();
        all[1].spec["names"]["shortNames"] = json!(["c", "books", "b"]);
        let second = plan_names(&all, 1).expect("it is new");
        let words = "[\"books\" is already in use, \"b\" is already in use]".to_owned();
        assert_eq!(second.conflict, Some(("ShortNamesConflict", words)));
        assert_eq!(second.accepted["kind"], "b");
        // A short name that is its own plural is no conflict.
        all[0].spec["names"]["shortNames"] = json!(["b", "books"]);
        assert_eq!(plan_names(&all, 0).expect("it changes").conflict, None);
    }
}
