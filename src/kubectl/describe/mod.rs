//! `kubectl describe`: everything about one object, in words; one file per kind.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/describe/describe.go, v1.36. Kinds without a file of
//! their own are shown field by field, as upstream's generic describer does.

mod config_map;
mod container;
mod daemon_set;
mod deployment;
mod endpoint_slice;
mod endpoints;
mod events;
mod generic;
mod job;
mod namespace;
mod node;
mod node_resources;
mod pod;
mod replica_set;
mod replication_controller;
mod secret;
mod service;
mod stateful_set;
mod template;
mod volume;
mod writer;

use super::failure::Failure;
use super::shell::Shell;
use crate::api::Object;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use writer::Writer;

/// Everything about `object`; with its events, if they are asked for.
///
/// # Errors
/// The server's refusal of what else has to be read.
pub fn text(shell: &mut Shell<'_>, object: &Object, events: bool) -> Result<String, Failure> {
    let mut w = Writer::default();
    match object {
        Object::Pod(pod) => pod::write(&mut w, pod, shell.now),
        Object::Deployment(deployment) => deployment::write(&mut w, deployment, shell)?,
        Object::ReplicaSet(set) => replica_set::write(&mut w, set, shell)?,
        Object::ReplicationController(controller) => {
            replication_controller::write(&mut w, controller, shell)?;
        }
        Object::DaemonSet(set) => daemon_set::write(&mut w, set, shell)?,
        Object::StatefulSet(set) => stateful_set::write(&mut w, set, shell)?,
        Object::Job(job) => job::write(&mut w, job),
        Object::CronJob(job) => job::write_cron(&mut w, job),
        Object::Service(service) => service::write(&mut w, service, shell)?,
        Object::Node(node) => node::write(&mut w, node, shell)?,
        Object::Endpoints(endpoints) => endpoints::write(&mut w, endpoints),
        Object::EndpointSlice(slice) => endpoint_slice::write(&mut w, slice),
        Object::ConfigMap(map) => config_map::write(&mut w, map),
        Object::Namespace(namespace) => {
            // Upstream tells no events of a namespace.
            namespace::write(&mut w, namespace);
            return Ok(w.finish());
        }
        Object::Secret(secret) => {
            // Nor of a Secret.
            secret::write(&mut w, secret);
            return Ok(w.finish());
        }
        _ => generic::write(&mut w, object),
    }
    if events {
        let found = events::of(shell, object)?;
        events::write(&mut w, &found, shell.now);
    }
    Ok(w.finish())
}

/// A Pod template as `rollout history` shows it: with its tabs.
pub fn template_text(template: &PodTemplateSpec) -> String {
    let mut w = Writer::default();
    template::write(&mut w, template);
    w.raw()
}
