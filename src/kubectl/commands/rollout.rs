//! `kubectl rollout`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/rollout/*.go,
//! staging/src/k8s.io/kubectl/pkg/polymorphichelpers/{history,rollback}.go, v1.36.

use super::rollout_stage::{self, Stage};
use super::{Pending, Verb};
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, ObjectKey, Reason, Status};
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
    about: "Show the revisions of a Deployment, DaemonSet or StatefulSet",
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
        each(shell, |api, key, now| edit::undo(api, key, revision, now))
    },
};

pub const PAUSE: Verb = Verb {
    name: "rollout pause",
    usage: "rollout pause (TYPE NAME | TYPE/NAME)",
    about: "Let changes of a Deployment wait",
    flags: &[SELECT],
    run: |shell| {
        each(shell, |api, key, now| {
            edit::set_paused(api, &key.namespaced_name(), true, now)
        })
    },
};

pub const RESUME: Verb = Verb {
    name: "rollout resume",
    usage: "rollout resume (TYPE NAME | TYPE/NAME)",
    about: "Let the changes of a paused Deployment roll out",
    flags: &[SELECT],
    run: |shell| {
        each(shell, |api, key, now| {
            edit::set_paused(api, &key.namespaced_name(), false, now)
        })
    },
};

pub const RESTART: Verb = Verb {
    name: "rollout restart",
    usage: "rollout restart (TYPE NAME | TYPE/NAME)",
    about: "Replace all Pods of a Deployment, DaemonSet or StatefulSet",
    flags: &[SELECT],
    run: |shell| each(shell, edit::restart),
};

/// Whether objects of `kind` roll out, which only Deployments do that can be paused.
fn rolls_out(verb: &str, kind: Kind) -> bool {
    match kind {
        Kind::Deployment => true,
        Kind::DaemonSet | Kind::StatefulSet => !matches!(verb, "rollout pause" | "rollout resume"),
        _ => false,
    }
}

/// What the arguments name.
fn keys(shell: &mut Shell<'_>) -> Result<Vec<ObjectKey>, Failure> {
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
    let mut keys = Vec::new();
    for (kind, name) in objects {
        if !rolls_out(shell.verb, kind) {
            return Err(Failure::client(refusal(shell.verb, kind, &name)));
        }
        keys.push(NamespacedName::new(shell.namespace, name).of(kind));
    }
    Ok(keys)
}

fn refusal(verb: &str, kind: Kind, name: &str) -> String {
    let (viewer, word) = match verb {
        "rollout status" => ("status viewer", ""),
        "rollout history" => ("history viewer", ""),
        "rollout undo" => ("rollbacker", ""),
        "rollout pause" => ("", "pausing"),
        "rollout resume" => ("", "resuming"),
        _ => ("", "restarting"),
    };
    let row = kind.row();
    if viewer.is_empty() {
        let resource = kind.qualified_resource();
        return format!("{resource} \"{name}\" {word} is not supported");
    }
    let qualified = match row.group {
        "" => row.kind.to_owned(),
        group => format!("{}.{group}", row.kind),
    };
    format!("no {viewer} has been implemented for \"{qualified}\"")
}

type Change = Result<String, Status>;

fn each(
    shell: &mut Shell<'_>,
    change: impl Fn(&mut dyn ApiHandle, &ObjectKey, SimTime) -> Change,
) -> Result<Option<Pending>, Failure> {
    let mut failures = Vec::new();
    for key in keys(shell)? {
        match change(shell.api, &key, shell.now) {
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
    for key in keys(shell)? {
        let object = get(shell.api, &key, shell.now)?;
        let past = edit::past(shell.api, &object, shell.now)?;
        let head = crate::kubectl::printed_name(&key);
        let cause = |past: &edit::Past| {
            let annotations = past.metadata.annotations.as_ref();
            annotations.and_then(|all| all.get(CAUSE)).cloned()
        };
        if revision == 0 {
            let mut rows = "REVISION\tCHANGE-CAUSE\n".to_owned();
            for one in &past {
                let cause = cause(one).filter(|cause| !cause.is_empty());
                let cause = cause.unwrap_or_else(|| "<none>".to_owned());
                rows.push_str(&format!("{}\t{cause}\n", one.number));
            }
            let rows = match past.is_empty() {
                true => "No rollout history found.".to_owned(),
                false => tabs::align(&rows, tabs::DESCRIBE),
            };
            shell.out.out(format!("{head} \n{rows}\n"));
            continue;
        }
        let Some(one) = past.iter().find(|one| one.number == revision) else {
            return Err(Failure::client("unable to find the specified revision"));
        };
        let mut template = one.template.clone();
        if let Some(cause) = cause(one).filter(|_| key.kind == Kind::Deployment) {
            let metadata = template.metadata.get_or_insert_default();
            let annotations = metadata.annotations.get_or_insert_default();
            annotations.insert(CAUSE.to_owned(), cause);
        }
        let text = template_text(&template);
        shell
            .out
            .out(format!("{head} with revision #{revision}\n{text}\n"));
    }
    Ok(None)
}

fn status(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let revision = shell.words.number("revision").unwrap_or(0);
    if revision < 0 {
        let message = format!("revision must be a positive integer: {revision}");
        return Err(Failure::client(message));
    }
    let keys = keys(shell)?;
    let [key] = keys.as_slice() else {
        return Err(Failure::client(format!(
            "rollout status is only supported on individual resources and resource collections - {} resources were found",
            keys.len()
        )));
    };
    get(shell.api, key, shell.now)?;
    let timeout = shell
        .words
        .seconds("timeout")
        .filter(|seconds| *seconds > 0);
    let mut watch = Watch {
        key: key.clone(),
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
    key: ObjectKey,
    /// The revision that must stay the newest; 0: any may.
    revision: i64,
    /// The version of the object that was told of last.
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
        let object = match get(api, &self.key, now) {
            Ok(object) => object,
            Err(status) if status.reason == Reason::NotFound => {
                return Err(Failure::client("object has been deleted"));
            }
            // A server that does not answer now is asked again.
            Err(_) => return Ok(true),
        };
        if object.revision() == self.seen {
            return Ok(true);
        }
        self.seen = object.revision();
        if self.revision > 0 && self.key.kind == Kind::Deployment {
            let running = object.annotation("deployment.kubernetes.io/revision");
            let running: i64 = running.and_then(|text| text.parse().ok()).unwrap_or(0);
            if running != self.revision {
                return Err(Failure::client(format!(
                    "desired revision ({}) is different from the running revision ({running})",
                    self.revision
                )));
            }
        }
        let (text, waits) = match rollout_stage::of(&object) {
            Stage::Waiting(text) => (text, true),
            Stage::Done(text) => (text, false),
            Stage::Failed(text) => return Err(Failure::client(text)),
        };
        out.line(&text);
        Ok(waits)
    }
}
