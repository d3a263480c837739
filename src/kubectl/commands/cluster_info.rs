//! `kubectl cluster-info`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/clusterinfo/clusterinfo.go, v1.36. Left out: colours,
//! `dump`.

use super::{Pending, Verb};
use crate::api::endpoints::Endpoints;
use crate::api::meta::MetaExt;
use crate::api::selector::Selector;
use crate::api::{Kind, Object};
use crate::kubectl::failure::Failure;
use crate::kubectl::resource::{self, Scope};
use crate::kubectl::shell::Shell;
use k8s_openapi::api::core::v1::Service;

pub const VERB: Verb = Verb {
    name: "cluster-info",
    usage: "cluster-info",
    about: "Show where the control plane and cluster services answer",
    flags: &[],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    if shell.words.args.first().is_some_and(|arg| arg == "dump") {
        let message = "Kubarium does not have 'kubectl cluster-info dump' yet";
        return Err(Failure::client(message));
    }
    let server = server(shell)?;
    shell
        .out
        .line(&format!("Kubernetes control plane is running at {server}"));
    let labels = Selector::parse("kubernetes.io/cluster-service=true").map_err(Failure::Client)?;
    let scope = Scope {
        namespace: Some("kube-system".to_owned()),
        labels,
        fields: Default::default(),
        selects: true,
    };
    for object in resource::list(shell, Kind::Service, &scope)? {
        let Some(service) = object.get::<Service>() else {
            continue;
        };
        let name = service
            .label("kubernetes.io/name")
            .unwrap_or(service.name());
        let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_ref());
        let port = ports.and_then(|ports| ports.first());
        let port = port
            .and_then(|port| port.name.as_deref())
            .filter(|name| !name.is_empty());
        let port = port.map(|name| format!(":{name}")).unwrap_or_default();
        shell.out.line(&format!(
            "{name} is running at {server}/api/v1/namespaces/kube-system/services/{}{port}/proxy",
            service.name()
        ));
    }
    shell
        .out
        .line("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.");
    Ok(None)
}

/// Where the API server answers, as it says itself in its own endpoints.
fn server(shell: &mut Shell<'_>) -> Result<String, Failure> {
    let key = resource::key(Kind::Endpoints, "default", "kubernetes");
    let object = crate::kubectl::get(shell.api, &key, shell.now)?;
    Ok(address(&object).unwrap_or_else(|| "https://localhost:6443".to_owned()))
}

fn address(object: &Object) -> Option<String> {
    let endpoints = object.get::<Endpoints>()?;
    let subset = endpoints.subsets.as_ref()?.first()?;
    let ip = &subset.addresses.as_ref()?.first()?.ip;
    Some(format!(
        "https://{ip}:{}",
        subset.ports.as_ref()?.first()?.port
    ))
}
