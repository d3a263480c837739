//! Patches: which sort, onto what, and what of the result is refused.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go, v1.36.

use super::body::{self, Body, Directive};
use super::write::told;
use super::{Answer, Asked, Door, read};
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, Status};
use crate::apiserver::access::{Access, Attributes, User};
use crate::apiserver::{Apply, Operation, Patch, patch};
use serde_json::Value;

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// A patch and the repeated fields of its text.
struct Given {
    patch: Patch,
    twice: Vec<String>,
}

fn media<'a>(asked: &'a Asked<'_>) -> &'a str {
    let content_type = asked.request.content_type.as_str();
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether nothing is known of how lists of the object merge.
fn is_custom(asked: &Asked<'_>) -> bool {
    matches!(asked.path.kind, Kind::Custom(_))
}

fn given(asked: &Asked<'_>) -> Result<Given, Status> {
    let make: fn(Value) -> Patch = match media(asked) {
        JSON => Patch::Json,
        MERGE => Patch::Merge,
        STRATEGIC if !is_custom(asked) => Patch::StrategicMerge,
        other if is_custom(asked) => return Err(body::unsupported(other, &[JSON, MERGE, APPLY])),
        other => return Err(body::unsupported(other, &[JSON, MERGE, STRATEGIC, APPLY])),
    };
    let Body { value, twice } = body::json(&asked.request.body)
        .map_err(|status| Status::bad_request(format!("error decoding patch: {status}")))?;
    if !value.is_object() && media(asked) != JSON {
        return Err(Status::bad_request("error decoding patch: it is no object"));
    }
    Ok(Given {
        patch: make(value),
        twice,
    })
}

fn check_options(asked: &Asked<'_>) -> Result<(), Status> {
    if !asked.query.get("force").is_empty() && media(asked) != APPLY {
        let path = Path::new("force");
        let error = FieldError::forbidden(&path, "may not be specified for non-apply patch");
        return Err(Status::invalid_as(
            "meta.k8s.io",
            "PatchOptions",
            "",
            &[error],
        ));
    }
    if asked.query.get("fieldManager").is_empty() && media(asked) == APPLY {
        let error = FieldError::required(&Path::new("fieldManager"), "is required for apply patch");
        return Err(Status::invalid_as(
            "meta.k8s.io",
            "PatchOptions",
            "",
            &[error],
        ));
    }
    Ok(())
}

pub fn answer<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    let directive = Directive::read(&asked.query, "PatchOptions")?;
    check_options(asked)?;
    if media(asked) == APPLY {
        return apply(door, asked, directive);
    }
    let Given { patch, twice } = given(asked)?;
    let old = read::current(door, asked)?;
    let (kind, version) = (asked.path.kind, asked.path.version);
    let patched = match version {
        None => patch::apply(kind, &old.to_json(), &patch)?,
        Some(version) => {
            let definition = version.definition().name;
            patch::apply_as(definition, &version.show(old.to_json()), &patch)?
        }
    };
    let shown = patched.to_string();
    let invalid = |why: &str| {
        let error = FieldError::invalid(&Path::new("patch"), &shown, why);
        Status::invalid_as("", "", "", &[error])
    };
    let decoded = match version {
        None => door.kinds().decode_noting(kind, patched),
        Some(version) => version.decode(patched),
    };
    let (mut new, unknown) = decoded.map_err(|status| {
        let (_, why) = status
            .message
            .split_once(": ")
            .unwrap_or(("", &status.message));
        invalid(why)
    })?;
    let mut warnings = directive.judge(twice.into_iter().chain(unknown).collect(), invalid)?;
    asked.check_name(&mut new)?;
    asked.place(&mut new)?;
    keep_version(&mut new, &old);
    let operation = match asked.path.subresource.as_str() {
        "status" => Operation::UpdateStatus(new),
        _ => Operation::Update(new),
    };
    let stored = asked.write(door, operation, "PatchOptions")?;
    warnings.extend(told(door, &stored, Some(&old)));
    Ok(Answer::object(stored).warned(warnings))
}

/// A patch that takes the resource version away does not ask for any.
fn keep_version(new: &mut Object, old: &Object) {
    if new.revision() == 0 {
        new.meta_mut()
            .resource_version
            .clone_from(&old.meta().resource_version);
    }
}

/// Server-side apply: creates what is not there.
fn apply<D: Door>(door: &mut D, asked: &Asked<'_>, directive: Directive) -> Result<Answer, Status> {
    let Body { value, twice } = body::yaml(&asked.request.body)?;
    let refuse = |why: &str| Status::bad_request(format!("error strict decoding YAML: {why}"));
    let mut warnings = directive.judge(twice, refuse)?;
    let kind = asked.path.kind;
    let (value, unknown) = match asked.path.version {
        Some(version) => version.to_stored(value)?,
        None => {
            let (_, unknown) = door.kinds().decode_noting(kind, value.clone())?;
            (value, unknown)
        }
    };
    let subject =
        |why: &str| Status::bad_request(format!("failed to create typed patch object: {why}"));
    warnings.extend(directive.judge(unknown, subject)?);
    let apply = Apply {
        key: asked.path.key(),
        config: value,
        force: asked.query.is_set("force"),
        subresource: asked.path.subresource.clone(),
    };
    let old = asked.stored(door);
    let fresh = old.is_none();
    if let (Some(user), true) = (&asked.user, fresh) {
        may_create(door, user, asked)?;
    }
    let stored = asked.write(door, Operation::Apply(apply), "PatchOptions")?;
    warnings.extend(told(door, &stored, old.as_ref()));
    let answer = Answer::object(stored).warned(warnings);
    Ok(match fresh {
        true => Answer {
            code: 201,
            ..answer.warned_of_new()
        },
        false => answer,
    })
}

/// Refuses an apply that would create what its user may not create.
fn may_create<D: Door>(door: &D, user: &User, asked: &Asked<'_>) -> Result<(), Status> {
    let key = asked.path.key();
    let wanted = Attributes::of_kind("create", key.kind, &key.namespace, &key.name);
    let decision = Access::new(door.server().etcd()).decide(user, &wanted);
    match decision.allowed {
        true => Ok(()),
        false => Err(Status::forbidden(&key, &decision.reason)),
    }
}

/// A scale with the request's patch applied.
pub fn patched_scale(asked: &Asked<'_>, scale: &Value) -> Result<Value, Status> {
    check_options(asked)?;
    if media(asked) == APPLY {
        let mut scale = scale.clone();
        patch::apply_merge(&mut scale, &body::yaml(&asked.request.body)?.value);
        return Ok(scale);
    }
    let mut scale = scale.clone();
    match given(asked)?.patch {
        Patch::Json(operations) => patch::apply_json(&mut scale, &operations)?,
        Patch::Merge(change) => patch::apply_merge(&mut scale, &change),
        Patch::StrategicMerge(change) => {
            patch::apply_strategic(&mut scale, change, "autoscaling.v1.Scale")
                .map_err(Status::bad_request)?;
        }
    }
    Ok(scale)
}
