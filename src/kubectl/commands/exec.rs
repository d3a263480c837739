//! `kubectl exec`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/exec/exec.go, v1.36. Left out: typing to a command
//! that is on its way; a shell with `-it` reads what stands on standard input, and ends.

use super::logs::{pods_of, select};
use super::{Pending, Verb};
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName};
use crate::apiserver::{ApiHandle, ExecCall, ExecEnd, ExecProgress};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{FILES, Flag, Takes, flag, lettered};
use crate::kubectl::output::Output;
use crate::kubectl::resource::{self, kind_of};
use crate::kubectl::shell::Shell;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;
use std::sync::Arc;

const FLAGS: &[Flag] = &[
    lettered("container", 'c', Takes::Text),
    lettered("stdin", 'i', Takes::Switch),
    lettered("tty", 't', Takes::Switch),
    lettered("quiet", 'q', Takes::Switch),
    flag("pod-running-timeout", Takes::Duration),
];

pub const VERB: Verb = Verb {
    name: "exec",
    usage: "exec (POD | TYPE/NAME) [-c CONTAINER] [-i] [-t] -- COMMAND [args...]",
    about: "Execute a command in a container",
    flags: &[FLAGS, FILES],
    run,
};

/// A command in a container that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wait {
    pod: NamespacedName,
    id: u32,
    /// When the command goes on.
    pub until: Option<SimTime>,
}

impl Wait {
    /// Lets the command go on; answers whether it goes on after that.
    ///
    /// # Errors
    /// It ended with another exit code than 0.
    pub fn resume(
        &mut self,
        api: &mut dyn ApiHandle,
        now: SimTime,
        out: &mut Output,
    ) -> Result<bool, Failure> {
        let call = ExecCall::Continue {
            id: self.id,
            input: String::new(),
            closed: false,
        };
        let progress = api.pod_exec(&self.pod, &call, now)?;
        self.until = progress.until;
        shown(progress, out).map(|ended| !ended)
    }
}

/// Prints what came; answers whether it was all.
fn shown(progress: ExecProgress, out: &mut Output) -> Result<bool, Failure> {
    out.out(progress.stdout);
    out.err(progress.stderr);
    match progress.end {
        None => Ok(false),
        Some(ExecEnd::Code(0)) => Ok(true),
        Some(ExecEnd::Code(code)) => Err(Failure::Exit(code)),
        Some(ExecEnd::Failed(message)) => Err(Failure::client(message)),
    }
}

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let words = shell.words;
    let dash = words.dash.unwrap_or(words.args.len());
    let (before, command) = words.args.split_at(dash.min(words.args.len()));
    if command.is_empty() {
        if before.len() > 1 {
            let message = "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead";
            return Err(shell.usage(message));
        }
        let message = match before {
            [] => "pod, type/name or --filename must be specified",
            _ => "you must specify at least one command for the container",
        };
        return Err(Failure::client(message));
    }
    let pod = pod(shell, before)?;
    let phase = pod.status.as_ref().and_then(|status| status.phase.clone());
    if let Some(phase @ ("Succeeded" | "Failed")) = phase.as_deref() {
        return Err(Failure::client(format!(
            "cannot exec into a container in a completed pod; current phase is {phase}"
        )));
    }
    let container = match words.text("container") {
        Some(name) => {
            known_container(&pod, name)?;
            name.to_owned()
        }
        None => default_container(shell, &pod),
    };
    let input = shell.files.stdin.clone().filter(|_| words.switch("stdin"));
    let name = NamespacedName::new(pod.namespace(), pod.name());
    let start = ExecCall::Start {
        container,
        command: command.to_vec(),
        stdin: input.is_some(),
        // Without somebody who types there is no terminal, as when kubectl's input is no terminal.
        tty: false,
    };
    let mut progress = shell.api.pod_exec(&name, &start, shell.now)?;
    if let Some(input) = input.filter(|_| progress.end.is_none()) {
        let id = progress.id;
        shown(progress, shell.out)?;
        let go_on = ExecCall::Continue {
            id,
            input,
            closed: true,
        };
        progress = shell.api.pod_exec(&name, &go_on, shell.now)?;
    }
    let wait = Wait {
        pod: name,
        id: progress.id,
        until: progress.until,
    };
    let ended = shown(progress, shell.out)?;
    Ok((!ended).then_some(Pending::Exec(wait)))
}

fn known_container(pod: &Pod, name: &str) -> Result<(), Failure> {
    let spec = pod.spec.as_ref();
    let own = spec.map_or(&[][..], |spec| spec.containers.as_slice());
    let inits = spec.and_then(|spec| spec.init_containers.as_deref());
    let all = own.iter().chain(inits.unwrap_or_default());
    let names: Vec<&str> = all.map(|c| c.name.as_str()).collect();
    match names.contains(&name) {
        true => Ok(()),
        false => Err(Failure::client(format!(
            "container {name} is not valid for pod {} out of: {}",
            pod.name(),
            names.join(", ")
        ))),
    }
}

fn default_container(shell: &mut Shell<'_>, pod: &Pod) -> String {
    let spec = pod.spec.as_ref();
    let containers = spec.map_or(&[][..], |spec| spec.containers.as_slice());
    let names: Vec<&str> = containers.iter().map(|c| c.name.as_str()).collect();
    let annotated = pod.annotation("kubectl.kubernetes.io/default-container");
    if let Some(name) = annotated.filter(|name| names.contains(name)) {
        return name.to_owned();
    }
    let first = names.first().copied().unwrap_or_default();
    if names.len() > 1 && !shell.words.switch("quiet") {
        let text = format!(
            "Defaulted container \"{first}\" out of: {}\n",
            names.join(", ")
        );
        shell.out.err(text);
    }
    first.to_owned()
}

fn pod(shell: &mut Shell<'_>, before: &[String]) -> Result<Arc<Pod>, Failure> {
    let [arg] = before else {
        let message = "exactly one POD or TYPE/NAME must be specified before --";
        return Err(Failure::client(message));
    };
    let (kind, name) = match arg.split_once('/') {
        Some((kind, name)) => (kind_of(kind, shell.api.kinds())?, name),
        None => (Kind::Pod, arg.as_str()),
    };
    let key = resource::key(kind, shell.namespace, name);
    let object = resource::read(shell, &key)?;
    if let Some(pod) = object.get::<Pod>() {
        return Ok(pod.clone());
    }
    let kind_name = kind.row().kind;
    let labels = pods_of(&object)
        .ok_or_else(|| Failure::client(format!("cannot attach to {kind_name}: it has no Pods")))?;
    let found = select(shell, labels)?;
    let missing = || Failure::client("timed out waiting for the condition");
    found.first().cloned().ok_or_else(missing)
}
