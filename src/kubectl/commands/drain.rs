//! `kubectl drain`, which waits until the Pods are gone.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/drain/drain.go (RunDrain), v1.36. Left out:
//! `--dry-run`, `--disable-eviction`, `--skip-wait-for-delete-timeout`, `--chunk-size`.

use super::cordon::nodes;
use super::{Pending, Verb};
use crate::api::meta::MetaExt;
use crate::api::selector::Selector;
use crate::api::{ObjectKey, Reason};
use crate::apiserver::ApiHandle;
use crate::kubectl::drain::{self, Begun, DrainOptions, set_cordoned};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Takes, flag, lettered};
use crate::kubectl::get;
use crate::kubectl::output::Output;
use crate::kubectl::shell::Shell;
use crate::sim::{SimDuration, SimTime};
use serde::Serialize;

/// How long until an eviction that was refused is tried again.
const RETRY_DELAY: SimDuration = SimDuration::secs(5);

const FLAGS: &[Flag] = &[
    flag("force", Takes::Switch),
    flag("ignore-daemonsets", Takes::Switch),
    flag("delete-emptydir-data", Takes::Switch),
    flag("grace-period", Takes::Number),
    flag("timeout", Takes::Duration),
    lettered("selector", 'l', Takes::Text),
    flag("pod-selector", Takes::Text),
];

pub const VERB: Verb = Verb {
    name: "drain",
    usage: "drain NODE ...",
    about: "Evict the Pods of nodes, and keep new ones off them",
    flags: &[FLAGS],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let words = shell.words;
    let selects = words.text("selector").is_some();
    if words.args.is_empty() && !selects {
        return Err(shell.usage("USAGE: drain NODE [flags]"));
    }
    if !words.args.is_empty() && selects {
        let message = "cannot specify both a node name and a --selector option";
        return Err(shell.usage(message));
    }
    let pods = Selector::parse(words.text("pod-selector").unwrap_or_default());
    let pods = pods.map_err(|_| {
        Failure::client("--pod-selector=<pod_selector> must be a valid label selector")
    })?;
    let found = nodes(shell)?;
    let targets = found.objects();
    Failure::unless_empty(found.failures)?;
    let mut wait = Wait {
        options: DrainOptions {
            force: words.switch("force"),
            ignore_daemon_sets: words.switch("ignore-daemonsets"),
            delete_empty_dir_data: words.switch("delete-emptydir-data"),
            grace_period_seconds: words.number("grace-period").filter(|grace| *grace >= 0),
            pods,
        },
        timeout: words
            .seconds("timeout")
            .filter(|seconds| *seconds > 0)
            .map(SimDuration::secs),
        nodes: targets.iter().map(|node| node.name().to_owned()).collect(),
        under_way: None,
        failed: Vec::new(),
    };
    for target in targets {
        let name = target.name().to_owned();
        match set_cordoned(shell.api, target, true, shell.now) {
            Ok(text) => shell.out.line(&text),
            Err(status) => shell.out.err(format!(
                "error: unable to cordon node \"{name}\": {status}\n"
            )),
        }
    }
    wait.nodes.reverse();
    let waits = wait.resume(shell.api, shell.now, shell.out)?;
    Ok(waits.then(|| Pending::Drain(Box::new(wait))))
}

/// A node whose Pods have been evicted and may not be gone.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct UnderWay {
    node: String,
    /// Each with its uid: another Pod of the same name is not waited for.
    pods: Vec<(ObjectKey, String)>,
    /// Those whose budgets do not let them go yet, and when they are asked again.
    refused: Vec<(ObjectKey, String)>,
    retry_at: SimTime,
    errors: Vec<String>,
    until: Option<SimTime>,
}

/// Nodes that are drained one after the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wait {
    options: DrainOptions,
    timeout: Option<SimDuration>,
    /// Those to come, the next one last.
    nodes: Vec<String>,
    under_way: Option<UnderWay>,
    /// Those that could not be drained, and why.
    failed: Vec<(String, Vec<String>)>,
}

impl Wait {
    pub(super) fn until(&self) -> Option<SimTime> {
        let there = self.under_way.as_ref()?;
        let retry = Some(there.retry_at).filter(|_| !there.refused.is_empty());
        [there.until, retry].into_iter().flatten().min()
    }

    pub(super) fn resume(
        &mut self,
        api: &mut dyn ApiHandle,
        now: SimTime,
        out: &mut Output,
    ) -> Result<bool, Failure> {
        loop {
            let Some(mut there) = self.under_way.take() else {
                match self.nodes.pop() {
                    Some(node) => self.begin(node, api, now, out),
                    None => return self.end(out).map(|()| false),
                }
                continue;
            };
            if now >= there.retry_at {
                there.retry(&self.options, api, now, out);
            }
            there.look(api, now, out);
            let done = there.pods.is_empty() && there.refused.is_empty();
            if done || there.until.is_some_and(|until| now >= until) {
                self.settle(there, api, now, out);
            } else {
                self.under_way = Some(there);
                return Ok(true);
            }
        }
    }

    fn begin(&mut self, node: String, api: &mut dyn ApiHandle, now: SimTime, out: &mut Output) {
        let begun = drain::begin(api, &node, &self.options, now);
        if let Some(warning) = &begun.warning {
            out.err(format!("{warning}\n"));
        }
        // Pods that may not go stop everything before it has begun.
        if begun.lines.is_empty() && !begun.errors.is_empty() {
            return self.fail(node, begun.errors, out);
        }
        let mut there = UnderWay {
            node,
            pods: Vec::new(),
            refused: Vec::new(),
            retry_at: now,
            errors: Vec::new(),
            until: self.timeout.map(|timeout| now + timeout),
        };
        there.take(begun, now, out);
        self.under_way = Some(there);
    }

    /// A node's Pods are gone, or have taken too long.
    fn settle(&mut self, there: UnderWay, api: &mut dyn ApiHandle, now: SimTime, out: &mut Output) {
        let UnderWay {
            node,
            pods,
            refused,
            mut errors,
            ..
        } = there;
        let timeout = self.timeout.unwrap_or_default();
        errors.extend(refused.iter().map(|(key, _)| {
            format!(
                "error when evicting pods/\"{}\" -n \"{}\": global timeout reached: {timeout}",
                key.name, key.namespace
            )
        }));
        errors.extend(pods.iter().map(|(key, _)| {
            format!(
                "error when waiting for pod \"{}\" in namespace \"{}\" to terminate: context deadline exceeded",
                key.name, key.namespace
            )
        }));
        if errors.is_empty() {
            out.line(&format!("node/{node} drained"));
            return;
        }
        if let Ok(plan) = drain::look(api, &node, &self.options, now)
            && !plan.leaving.is_empty()
        {
            let why = drain::joined(&errors);
            out.err(format!(
                "There are pending pods in node \"{node}\" when an error occurred: {why}\n"
            ));
            for pod in &plan.leaving {
                out.err(format!("pod/{}\n", pod.name()));
            }
        }
        self.fail(node, errors, out);
    }

    fn fail(&mut self, node: String, errors: Vec<String>, out: &mut Output) {
        out.err(format!(
            "error: unable to drain node \"{node}\" due to error: {}, continuing command...\n",
            drain::joined(&errors)
        ));
        self.failed.push((node, errors));
    }

    fn end(&self, out: &mut Output) -> Result<(), Failure> {
        if self.failed.is_empty() {
            return Ok(());
        }
        out.err("There are pending nodes to be drained:\n");
        for (node, _) in &self.failed {
            out.err(format!(" {node}\n"));
        }
        let errors = self.failed.iter().flat_map(|(_, errors)| errors);
        Failure::unless_empty(errors.cloned().map(Failure::Plain).collect())
    }
}

impl UnderWay {
    /// Takes in what came of evictions, and tells of them.
    fn take(&mut self, begun: Begun, now: SimTime, out: &mut Output) {
        for line in &begun.lines {
            out.line(line);
        }
        for (key, uid, status) in begun.refused {
            out.err(format!(
                "error when evicting pods/\"{}\" -n \"{}\" (will retry after 5s): {status}\n",
                key.name, key.namespace
            ));
            self.refused.push((key, uid));
            self.retry_at = now + RETRY_DELAY;
        }
        self.pods.extend(begun.evicted);
        self.errors.extend(begun.errors);
    }

    /// Asks again for what was refused.
    fn retry(
        &mut self,
        options: &DrainOptions,
        api: &mut dyn ApiHandle,
        now: SimTime,
        out: &mut Output,
    ) {
        let mut begun = Begun::default();
        for pod in std::mem::take(&mut self.refused) {
            drain::evict(api, pod, options, now, &mut begun);
        }
        self.take(begun, now, out);
    }

    /// Tells of the Pods that are gone.
    fn look(&mut self, api: &mut dyn ApiHandle, now: SimTime, out: &mut Output) {
        self.pods.retain(|(key, uid)| {
            let stays = match get(api, key, now) {
                Ok(object) => object.uid() == uid,
                // A server that does not answer has not said that it is gone.
                Err(status) => status.reason != Reason::NotFound,
            };
            if !stays {
                out.line(&format!("pod/{} evicted", key.name));
            }
            stays
        });
    }
}
