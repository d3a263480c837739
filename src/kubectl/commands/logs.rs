//! `kubectl logs`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/logs/logs.go,
//! staging/src/k8s.io/kubectl/pkg/polymorphichelpers/logsforobject.go, v1.36. Left out: following
//! (`-f`), `--since`, `--limit-bytes`, several Pods at once.

use super::{Pending, Verb};
use crate::api::meta::MetaExt;
use crate::api::selector::Selector;
use crate::api::{ApiType, Kind, NamespacedName, Object};
use crate::apiserver::LogOptions;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Takes, flag, lettered};
use crate::kubectl::resource::{self, Scope, kind_of};
use crate::kubectl::shell::Shell;
use crate::sim::order;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, ReplicationController, Service};
use std::sync::Arc;

const FLAGS: &[Flag] = &[
    lettered("container", 'c', Takes::Text),
    flag("tail", Takes::Number),
    lettered("previous", 'p', Takes::Switch),
    flag("timestamps", Takes::Switch),
    flag("all-containers", Takes::Switch),
    flag("prefix", Takes::Switch),
    lettered("follow", 'f', Takes::Switch),
    lettered("selector", 'l', Takes::Text),
];

pub const VERB: Verb = Verb {
    name: "logs",
    usage: "logs (POD | TYPE/NAME) [-c CONTAINER] [--tail=N] [--previous] [--timestamps]",
    about: "Show what a container has printed",
    flags: &[FLAGS],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let words = shell.words;
    if words.switch("follow") {
        let message = "Kubarium cannot follow logs yet: leave out -f";
        return Err(Failure::client(message));
    }
    let pods = pods(shell)?;
    let many = words.switch("all-containers");
    for pod in pods {
        let spec = pod.spec.clone().unwrap_or_default();
        let inits = spec.init_containers.unwrap_or_default();
        let all = inits.iter().chain(&spec.containers);
        let all: Vec<&str> = all.map(|c| c.name.as_str()).collect();
        let own: Vec<&str> = spec.containers.iter().map(|c| c.name.as_str()).collect();
        let chosen: Vec<&str> = match words.text("container").or(container_arg(shell)) {
            _ if many => all,
            Some(name) if all.contains(&name) => vec![name],
            Some(name) => {
                let message = format!("container {name} is not valid for pod {}", pod.name());
                return Err(Failure::client(message));
            }
            None => {
                if own.len() > 1 {
                    let text = format!(
                        "Defaulted container \"{}\" out of: {}\n",
                        own[0],
                        own.join(", ")
                    );
                    shell.out.err(text);
                }
                own.first().copied().into_iter().collect()
            }
        };
        for container in chosen {
            print(shell, &pod, container)?;
        }
    }
    Ok(None)
}

/// `logs POD CONTAINER`
fn container_arg<'a>(shell: &Shell<'a>) -> Option<&'a str> {
    match shell.words.args.as_slice() {
        [first, second] if !first.contains('/') => Some(second.as_str()),
        _ => None,
    }
}

fn print(shell: &mut Shell<'_>, pod: &Pod, container: &str) -> Result<(), Failure> {
    let words = shell.words;
    let tail = words.number("tail").filter(|tail| *tail >= 0);
    let by_label = words.text("selector").is_some();
    let options = LogOptions {
        container: container.to_owned(),
        previous: words.switch("previous"),
        tail: match tail {
            Some(tail) => Some(u32::try_from(tail).unwrap_or(u32::MAX)),
            None => by_label.then_some(10),
        },
        timestamps: words.switch("timestamps"),
    };
    let name = NamespacedName::new(pod.namespace(), pod.name());
    let text = shell.api.pod_log(&name, &options, shell.now)?;
    match words.switch("prefix") {
        false => shell.out.out(text),
        true => {
            let prefix = format!("[pod/{}/{container}] ", pod.name());
            let lines = text.lines().map(|line| format!("{prefix}{line}\n"));
            shell.out.out(lines.collect::<String>());
        }
    }
    Ok(())
}

fn pods(shell: &mut Shell<'_>) -> Result<Vec<Arc<Pod>>, Failure> {
    let words = shell.words;
    if let Some(selector) = words.text("selector") {
        if !words.args.is_empty() {
            let message = "only a selector (-l) or a POD name is allowed";
            return Err(shell.usage(message));
        }
        let labels = Selector::parse(selector).map_err(Failure::Client)?;
        let found = select(shell, labels)?;
        if found.is_empty() {
            let namespace = shell.namespace;
            shell
                .out
                .err(format!("No resources found in {namespace} namespace.\n"));
        }
        return Ok(found);
    }
    let (kind, name) = match words.args.as_slice() {
        [] => {
            return Err(shell.usage("expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command"));
        }
        [arg, ..] => match arg.split_once('/') {
            Some((kind, name)) => (kind_of(kind, shell.api.kinds())?, name.to_owned()),
            None => (Kind::Pod, arg.clone()),
        },
    };
    let key = resource::key(kind, shell.namespace, &name);
    let object = resource::read(shell, &key)?;
    if let Some(pod) = object.get::<Pod>() {
        return Ok(vec![pod.clone()]);
    }
    let labels = pods_of(&object)
        .ok_or_else(|| Failure::client(format!("cannot get the logs from {}", kind.row().kind)))?;
    let found = select(shell, labels)?;
    let Some(first) = found.first() else {
        let message = "timed out waiting for the condition";
        return Err(Failure::client(message));
    };
    if found.len() > 1 {
        let text = format!("Found {} pods, using pod/{}\n", found.len(), first.name());
        shell.out.err(text);
    }
    Ok(vec![first.clone()])
}

pub(super) fn pods_of(object: &Object) -> Option<Selector> {
    fn inner<K: ApiType>(object: &Object) -> Option<&K> {
        object.get::<K>().map(AsRef::as_ref)
    }
    if let Some(service) = inner::<Service>(object) {
        let selector = service.spec.as_ref()?.selector.as_ref()?;
        return Some(Selector::from_map(selector));
    }
    if let Some(controller) = inner::<ReplicationController>(object) {
        let selector = controller.spec.as_ref()?.selector.as_ref()?;
        return Some(Selector::from_map(selector));
    }
    if let Some(job) = inner::<Job>(object) {
        let selector = job.spec.as_ref()?.selector.as_ref();
        return Selector::from_label_selector(selector).ok();
    }
    let selector = match (inner::<Deployment>(object), inner::<ReplicaSet>(object)) {
        (Some(deployment), _) => &deployment.spec.as_ref()?.selector,
        (_, Some(set)) => &set.spec.as_ref()?.selector,
        _ => return None,
    };
    Selector::from_label_selector(Some(selector)).ok()
}

/// The Pods with these labels, those that are ready first and the oldest of them before the others.
pub(super) fn select(shell: &mut Shell<'_>, labels: Selector) -> Result<Vec<Arc<Pod>>, Failure> {
    let scope = Scope {
        namespace: Some(shell.namespace.to_owned()),
        labels,
        fields: Default::default(),
        selects: true,
    };
    let objects = resource::list(shell, Kind::Pod, &scope)?;
    let mut pods: Vec<Arc<Pod>> = objects.iter().filter_map(Object::get).cloned().collect();
    let order = |pod: &Arc<Pod>| {
        let status = pod.status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_ref());
        let ready = crate::api::condition::is_true(conditions, "Ready");
        let unassigned = pod
            .spec
            .as_ref()
            .is_none_or(|spec| spec.node_name.is_none());
        (unassigned, !ready, pod.created_at(), pod.name().to_owned())
    };
    order::sort_by_key(&mut pods, order);
    Ok(pods)
}
