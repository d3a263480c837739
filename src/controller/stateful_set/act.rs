//! Takes one step of a StatefulSet, and tells of it.
//!
//! Upstream: pkg/controller/statefulset/stateful_pod_control.go, v1.36.

use super::plan::Step;
use super::{Round, claims, identity};
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Object, Reason, Status, revision};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, EventType};
use crate::controller::templated::TemplatedSets;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

/// Takes a step.
///
/// # Errors
/// The API server's refusal.
pub fn take(
    round: &Round<'_>,
    step: &Step,
    sets: &mut TemplatedSets,
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    match step {
        Step::Create(ordinal) => create(round, *ordinal, sets, ctx),
        Step::Claims(pod) => create_claims(round, pod.name(), sets, ctx),
        Step::Tend(pod) => tend(round, pod, sets, ctx),
        Step::Leave(pod) => retain(round, pod, ctx).map(|_| ()),
        Step::Delete(pod) | Step::Replace(pod) => {
            let key = pod.namespaced_name().of(Kind::Pod);
            let done = ctx.delete(key, DeleteOptions::default());
            if done.as_ref().is_err_and(|s| s.reason == Reason::NotFound) {
                return Ok(());
            }
            tell(round, ["delete", "Delete"], pod.name(), &done, sets, ctx);
            done
        }
    }
}

/// Records what became of a request for a Pod.
fn tell(
    round: &Round<'_>,
    [verb, title]: [&str; 2],
    pod: &str,
    done: &Result<(), Status>,
    sets: &mut TemplatedSets,
    ctx: &mut Ctx<'_>,
) {
    let object = ["Pod ", pod].concat();
    event(round, [verb, title, "successful"], &object, done, sets, ctx);
}

fn event(
    round: &Round<'_>,
    [verb, title, success]: [&str; 3],
    object: &str,
    done: &Result<(), Status>,
    sets: &mut TemplatedSets,
    ctx: &mut Ctx<'_>,
) {
    let (event_type, word, end) = match done {
        Ok(()) => (EventType::Normal, "Successful", success.to_owned()),
        Err(status) => {
            let end = format!("failed error: {status}");
            (EventType::Warning, "Failed", end)
        }
    };
    let set = round.set.name();
    let message = format!("{verb} {object} in StatefulSet {set} {end}");
    let reason = [word, title].concat();
    sets.event(round.templated, event_type, &reason, message, ctx);
}

fn create(
    round: &Round<'_>,
    ordinal: i32,
    sets: &mut TemplatedSets,
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    let kept = match round.shape.keeps_current(ordinal) {
        true => &round.current,
        false => &round.update,
    };
    let template = revision::template(kept);
    let template = template.as_ref().unwrap_or(round.templated.template);
    let service = round.set.spec.as_ref();
    let service = service.and_then(|spec| spec.service_name.as_deref());
    let mut pod = identity::pod(round.templated, template, kept.name(), service, ordinal);
    let name = pod.name().to_owned();
    let wanted = claims::of(round.set, ordinal);
    let waits = claims::Retention::of(round.set).when_scaled
        && wanted.iter().any(|(_, claim)| {
            stored(round, claim).is_some_and(|known| claims::is_stale(known, &name))
        });
    if waits {
        // Its claim goes first; nothing tells of that, so it looks again.
        return Err(Status::plain(Reason::Conflict, "a claim is to be deleted"));
    }
    claims::mount(&wanted, pod.spec.get_or_insert_default());
    let mut done = create_claims(round, &name, sets, ctx);
    if done.is_ok() {
        done = match ctx.create(pod) {
            Err(status) if status.reason == Reason::AlreadyExists => return Err(status),
            Err(status) => Err(status),
            Ok(pod) => retain(round, &pod, ctx).map(|_| ()),
        };
    }
    tell(round, ["create", "Create"], &name, &done, sets, ctx);
    done
}

/// The claim of this name, if there is one.
fn stored<'a>(
    round: &Round<'a>,
    claim: &PersistentVolumeClaim,
) -> Option<&'a PersistentVolumeClaim> {
    let name = NamespacedName::new(claim.namespace(), claim.name());
    let key = name.of(Kind::PersistentVolumeClaim);
    let found = round.informers.others.get(&key)?;
    found.get::<PersistentVolumeClaim>().map(|claim| &**claim)
}

/// Makes what is missing of a Pod's claims.
fn create_claims(
    round: &Round<'_>,
    pod: &str,
    sets: &mut TemplatedSets,
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    let ordinal = identity::ordinal(pod).unwrap_or_default();
    let mut outcome = Ok(());
    for (_, claim) in claims::of(round.set, ordinal) {
        let name = claim.name().to_owned();
        match stored(round, &claim) {
            Some(known) if known.is_terminating() => {
                let message = format!("pvc {name} is being deleted");
                outcome = Err(Status::plain(Reason::Conflict, message));
            }
            Some(_) => {}
            None => {
                let done = ctx.create_object(Object::new(claim));
                match &done {
                    Err(status) if status.reason == Reason::AlreadyExists => continue,
                    Err(status) => {
                        let message = format!("failed to create PVC {name}: {status}");
                        outcome = Err(Status::plain(status.reason, message));
                    }
                    Ok(()) => {}
                }
                let joint = if done.is_ok() { " Pod " } else { " for Pod " };
                let object = ["Claim ", &name, joint, pod].concat();
                event(
                    round,
                    ["create", "Create", "success"],
                    &object,
                    &done,
                    sets,
                    ctx,
                );
            }
        }
    }
    outcome
}

/// Gives a Pod's claims the owners that they should have; answers whether any had others.
fn retain(round: &Round<'_>, pod: &Pod, ctx: &mut Ctx<'_>) -> Result<bool, Status> {
    let ordinal = identity::ordinal(pod.name()).unwrap_or_default();
    let goes = !round.shape.has(ordinal);
    let retention = claims::Retention::of(round.set);
    let set = round.templated.owner();
    let mut changed = false;
    for (_, claim) in claims::of(round.set, ordinal) {
        let Some(known) = stored(round, &claim) else {
            continue;
        };
        if let Some(owners) = claims::plan_owners(retention, &set, pod, goes, known) {
            let mut claim = known.clone();
            claim.metadata.owner_references = Some(owners);
            ctx.update_object(Object::new(claim))?;
            changed = true;
        }
    }
    Ok(changed)
}

fn tend(
    round: &Round<'_>,
    pod: &Pod,
    sets: &mut TemplatedSets,
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    let mut changed = retain(round, pod, ctx);
    if pod.label(identity::NAME_LABEL) != Some(pod.name()) {
        let mut labelled = pod.clone();
        identity::label(&mut labelled);
        changed = changed.and(ctx.update(labelled).map(|_| true));
    }
    let done = match changed {
        Ok(false) => return Ok(()),
        Ok(true) => Ok(()),
        Err(status) => Err(status),
    };
    tell(round, ["update", "Update"], pod.name(), &done, sets, ctx);
    done
}
