//! `kubectl rollout`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/rollout/*.go,
//! staging/src/k8s.io/kubectl/pkg/polymorphichelpers/{rollout_status,history,rollback}.go, v1.36.
//! Only Deployments roll out here yet.

use super::{Pending, Verb};
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Reason, Status, condition};
use crate::apiserver::ApiHandle;
use crate::kubectl::describe::template_text;
use crate::kubectl::edit;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, SELECT, Takes, flag, lettered};
use crate::kubectl::get;
use crate::kubectl::output::{Output, tabs};
use crate::kubectl::resource::Named;
use crate::kubectl::shell::Shell;
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::apps::v1::Deployment;
use serde::Serialize;

const STATUS_FLAGS: &[Flag] = &[
    lettered("watch", 'w', Takes::Switch),
    flag("revision", Takes::Number),
    flag("timeout", Takes::Duration),
];
const HISTORY_FLAGS: &[Flag] = &[flag("revision", Takes::Number)];
const UNDO_FLAGS: &[Flag] = &[flag("to-revision", Takes::Number)];
const CAUSE: &str = "kubernetes.io/change-cause";

pub const STATUS: Verb = Verb {
    name: "rollout status",
    usage: "rollout status (TYPE NAME | TYPE/NAME) [--timeout=duration] [--watch=false]",
    about: "Wait until a rollout is done",
    flags: &[SELECT, STATUS_FLAGS],
    run: status,
};

pub const HISTORY: Verb = Verb {
    name: "rollout history",
    usage: "rollout history (TYPE NAME | TYPE/NAME) [--revision=N]",
    about: "Show the revisions of a Deployment",
    flags: &[SELECT, HISTORY_FLAGS],
    run: history,
};

pub const UNDO: Verb = Verb {
    name: "rollout undo",
    usage: "rollout undo (TYPE NAME | TYPE/NAME) [--to-revision=N]",
    about: "Go back to an earlier revision",
    flags: &[SELECT, UNDO_FLAGS],
    run: |shell| {
        let revision = shell.words.number("to-revision").unwrap_or(0);
        each(shell, |api, name, now| edit::undo(api, name, revision, now))
    },
};

pub const PAUSE: Verb = Verb {
    name: "rollout pause",
    usage: "rollout pause (TYPE NAME | TYPE/NAME)",
    about: "Let changes of a Deployment wait",
    flags: &[SELECT],
    run: |shell| {
        each(shell, |api, name, now| {
            edit::set_paused(api, name, true, now)
        })
    },
};

pub const RESUME: Verb = Verb {
    name: "rollout resume",
    usage: "rollout resume (TYPE NAME | TYPE/NAME)",
    about: "Let the changes of a paused Deployment roll out",
    flags: &[SELECT],
    run: |shell| {
        each(shell, |api, name, now| {
            edit::set_paused(api, name, false, now)
        })
    },
};

pub const RESTART: Verb = Verb {
    name: "rollout restart",
    usage: "rollout restart (TYPE NAME | TYPE/NAME)",
    about: "Replace all Pods of a Deployment",
    flags: &[SELECT],
    run: |shell| each(shell, edit::restart),
};

/// The Deployments that the arguments name.
fn names(shell: &mut Shell<'_>) -> Result<Vec<NamespacedName>, Failure> {
    if shell.words.args.is_empty() {
        return Err(Failure::client("required resource not specified"));
    }
    let named = Named::parse(&shell.words.args, shell.api.kinds())?;
    let objects = match named {
        Named::Objects(objects) => objects,
        Named::Kinds(kinds) => {
            let scope = crate::kubectl::resource::Scope::of(shell.words, shell.namespace)?;
            let named = Named::Kinds(kinds);
            let found = crate::kubectl::resource::find(shell, &named, &scope)?;
            let objects = found.objects();
            objects
                .iter()
                .map(|o| (o.kind(), o.name().to_owned()))
                .collect()
        }
    };
    let mut names = Vec::new();
    for (kind, name) in objects {
        if kind != Kind::Deployment {
            let message = format!(
                "no {} has been implemented for \"{}\"",
                word(shell.verb),
                qualified(kind)
            );
            return Err(Failure::client(message));
        }
        names.push(NamespacedName::new(shell.namespace, name));
    }
    Ok(names)
}

fn word(verb: &str) -> &'static str {
    match verb {
        "rollout status" => "status viewer",
        "rollout history" => "history viewer",
        "rollout undo" => "rollbacker",
        _ => "rollout",
    }
}

fn qualified(kind: Kind) -> String {
    let row = kind.row();
    match row.group {
        "" => row.kind.to_owned(),
        group => format!("{}.{group}", row.kind),
    }
}

type Change = Result<String, Status>;

fn each(
    shell: &mut Shell<'_>,
    change: impl Fn(&mut dyn ApiHandle, &NamespacedName, SimTime) -> Change,
) -> Result<Option<Pending>, Failure> {
    let mut failures = Vec::new();
    for name in names(shell)? {
        match change(shell.api, &name, shell.now) {
            Ok(text) => shell.out.line(&text),
            Err(status) => failures.push(Failure::from(status)),
        }
    }
    Failure::unless_empty(failures).map(|()| None)
}

fn history(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let revision = shell.words.number("revision").unwrap_or(0);
    if revision < 0 {
        let message = format!("revision must be a positive integer: {revision}");
        return Err(Failure::client(message));
    }
    for name in names(shell)? {
        let deployment = read(shell.api, &name, shell.now)?;
        let sets = edit::owned_sets(shell.api, &deployment, shell.now)?;
        let head = crate::kubectl::printed_name(&name.of(Kind::Deployment));
        if revision == 0 {
            let mut rows = "REVISION\tCHANGE-CAUSE\n".to_owned();
            for (number, set) in &sets {
                let cause = set.annotation(CAUSE).filter(|cause| !cause.is_empty());
                rows.push_str(&format!("{number}\t{}\n", cause.unwrap_or("<none>")));
            }
            let rows = match sets.is_empty() {
                true => "No rollout history found.".to_owned(),
                false => tabs::align(&rows, tabs::DESCRIBE),
            };
            shell.out.out(format!("{head} \n{rows}\n"));
            continue;
        }
        let Some((_, set)) = sets.iter().find(|(number, _)| *number == revision) else {
            return Err(Failure::client("unable to find the specified revision"));
        };
        let spec = set.spec.clone().unwrap_or_default();
        let mut template = spec.template.unwrap_or_default();
        if let Some(cause) = set.annotation(CAUSE) {
            let metadata = template.metadata.get_or_insert_default();
            let annotations = metadata.annotations.get_or_insert_default();
            annotations.insert(CAUSE.to_owned(), cause.to_owned());
        }
        let text = template_text(&template);
        shell
            .out
            .out(format!("{head} with revision #{revision}\n{text}\n"));
    }
    Ok(None)
}

fn read(
    api: &mut dyn ApiHandle,
    name: &NamespacedName,
    now: SimTime,
) -> Result<Deployment, Status> {
    let key = name.of(Kind::Deployment);
    let object = get(api, &key, now)?;
    let found = object.get::<Deployment>().map(|d| Deployment::clone(d));
    found.ok_or_else(|| Status::not_found(&key))
}

fn status(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let revision = shell.words.number("revision").unwrap_or(0);
    if revision < 0 {
        let message = format!("revision must be a positive integer: {revision}");
        return Err(Failure::client(message));
    }
    let names = names(shell)?;
    let [name] = names.as_slice() else {
        return Err(Failure::client(format!(
            "rollout status is only supported on individual resources and resource collections - {} resources were found",
            names.len()
        )));
    };
    read(shell.api, name, shell.now)?;
    let timeout = shell
        .words
        .seconds("timeout")
        .filter(|seconds| *seconds > 0);
    let mut watch = Watch {
        name: name.clone(),
        revision,
        seen: 0,
        until: timeout.map(|seconds| shell.now + SimDuration::secs(seconds)),
    };
    let waits = watch.resume(shell.api, shell.now, shell.out)?;
    let watches = shell.words.switch_or("watch", true);
    Ok((waits && watches).then_some(Pending::Rollout(watch)))
}

/// A rollout that is watched until it is done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Watch {
    name: NamespacedName,
    /// The revision that must stay the newest; 0: any may.
    revision: i64,
    /// The version of the Deployment that was told of last.
    seen: u64,
    pub(super) until: Option<SimTime>,
}

impl Watch {
    pub(super) fn resume(
        &mut self,
        api: &mut dyn ApiHandle,
        now: SimTime,
        out: &mut Output,
    ) -> Result<bool, Failure> {
        let deployment = match read(api, &self.name, now) {
            Ok(deployment) => deployment,
            Err(status) if status.reason == Reason::NotFound => {
                return Err(Failure::client("object has been deleted"));
            }
            // A server that does not answer now is asked again.
            Err(_) => return Ok(true),
        };
        if deployment.revision() == self.seen {
            return Ok(true);
        }
        self.seen = deployment.revision();
        if self.revision > 0 {
            let running = deployment.annotation("deployment.kubernetes.io/revision");
            let running: i64 = running.and_then(|text| text.parse().ok()).unwrap_or(0);
            if running != self.revision {
                return Err(Failure::client(format!(
                    "desired revision ({}) is different from the running revision ({running})",
                    self.revision
                )));
            }
        }
        let (text, waits) = match stage(&deployment) {
            Stage::Waiting(text) => (text, true),
            Stage::Done(text) => (text, false),
            Stage::Failed(text) => return Err(Failure::client(text)),
        };
        out.line(&text);
        Ok(waits)
    }
}

/// How far a rollout is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Waiting(String),
    Done(String),
    Failed(String),
}

/// What `kubectl rollout status` says of a Deployment.
pub fn status_text(deployment: &Deployment) -> String {
    match stage(deployment) {
        Stage::Waiting(text) | Stage::Done(text) | Stage::Failed(text) => text,
    }
}

fn stage(deployment: &Deployment) -> Stage {
    let name = deployment.name();
    let spec = deployment.spec.clone().unwrap_or_default();
    let status = deployment.status.clone().unwrap_or_default();
    let observed = status.observed_generation.unwrap_or(0);
    if deployment.metadata.generation.unwrap_or(0) > observed {
        let text = "Waiting for deployment spec update to be observed...";
        return Stage::Waiting(text.to_owned());
    }
    let progressing = condition::find(status.conditions.as_ref(), "Progressing");
    if progressing.is_some_and(|c| c.reason.as_deref() == Some("ProgressDeadlineExceeded")) {
        let text = format!("deployment \"{name}\" exceeded its progress deadline");
        return Stage::Failed(text);
    }
    let updated = status.updated_replicas.unwrap_or(0);
    let replicas = status.replicas.unwrap_or(0);
    let available = status.available_replicas.unwrap_or(0);
    let wanted = spec.replicas.unwrap_or(1);
    let rest = if updated < wanted {
        format!("{updated} out of {wanted} new replicas have been updated...")
    } else if replicas > updated {
        format!(
            "{} old replicas are pending termination...",
            replicas - updated
        )
    } else if available < updated {
        format!("{available} of {updated} updated replicas are available...")
    } else {
        return Stage::Done(format!("deployment \"{name}\" successfully rolled out"));
    };
    Stage::Waiting(format!(
        "Waiting for deployment \"{name}\" rollout to finish: {rest}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn the_stages_of_a_rollout() {
        let stage = |generation: i64, status: serde_json::Value| {
            let json = json!({
                "metadata": {"name": "web", "generation": generation},
                "spec": {"replicas": 3, "selector": {}, "template": {}}, "status": status
            });
            stage(&codec::from_value(json).expect("it decodes"))
        };
        let status = |updated: i32, replicas: i32, available: i32| json!({"observedGeneration": 2, "updatedReplicas": updated, "replicas": replicas, "availableReplicas": available});
        for (generation, status, want) in [
            (
                3,
                status(3, 3, 3),
                "Waiting for deployment spec update to be observed...",
            ),
            (
                2,
                status(1, 4, 3),
                "Waiting for deployment \"web\" rollout to finish: 1 out of 3 new replicas have been updated...",
            ),
            (
                2,
                status(3, 4, 3),
                "Waiting for deployment \"web\" rollout to finish: 1 old replicas are pending termination...",
            ),
            (
                2,
                status(3, 3, 2),
                "Waiting for deployment \"web\" rollout to finish: 2 of 3 updated replicas are available...",
            ),
            (
                2,
                status(3, 3, 3),
                "deployment \"web\" successfully rolled out",
            ),
        ] {
            let stage = stage(generation, status);
            match want.contains("successfully") {
                true => assert_eq!(stage, Stage::Done(want.to_owned())),
                false => assert_eq!(stage, Stage::Waiting(want.to_owned())),
            }
        }
        let late = json!({"observedGeneration": 2, "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]});
        let text = "deployment \"web\" exceeded its progress deadline";
        assert_eq!(stage(2, late), Stage::Failed(text.to_owned()));
    }
}
