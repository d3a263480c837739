//! `kubectl create service`: the first argument is the type.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/create/create_service.go, v1.36.

use super::create::{make, metadata};
use super::{Pending, Verb};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{DRY_RUN, Flag, OUTPUT, Takes, flag};
use crate::kubectl::shell::Shell;
use serde_json::{Value, json};

const FLAGS: &[Flag] = &[
    flag("tcp", Takes::Text),
    flag("clusterip", Takes::Text),
    flag("node-port", Takes::Number),
    flag("external-name", Takes::Text),
];

pub const VERB: Verb = Verb {
    name: "create service",
    usage: "create service (clusterip|nodeport|loadbalancer|externalname) NAME [--tcp=PORT:TARGET] [--clusterip=None] [--node-port=PORT] [--external-name=HOST]",
    about: "Create a Service",
    flags: &[DRY_RUN, OUTPUT, FLAGS],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let (type_, names) = match shell.words.args.split_first() {
        Some((type_, names)) => (type_.as_str(), names),
        None => {
            let message = "kubectl create service needs one of: clusterip, externalname, loadbalancer, nodeport";
            return Err(Failure::client(message));
        }
    };
    let type_ = match type_ {
        "clusterip" => "ClusterIP",
        "nodeport" => "NodePort",
        "loadbalancer" => "LoadBalancer",
        "externalname" => "ExternalName",
        other => return Err(shell.usage(&format!("unknown command \"{other}\""))),
    };
    let [name] = names else {
        let message = format!("exactly one NAME is required, got {}", names.len());
        let command = format!("kubectl create service {}", type_.to_lowercase());
        return Err(Failure::usage(&command, &message));
    };
    let labels = json!({"app": name});
    let mut spec = json!({"type": type_});
    let mut ports = ports(shell)?;
    if let Some(port) = shell.words.number("node-port") {
        ports.iter_mut().for_each(|p| p["nodePort"] = json!(port));
    }
    match (type_, shell.words.text("external-name")) {
        ("ExternalName", None) => {
            return Err(Failure::client(
                "required flag(s) \"external-name\" not set",
            ));
        }
        ("ExternalName", Some(host)) => spec["externalName"] = json!(host),
        _ => {}
    }
    let cluster_ip = shell.words.text("clusterip");
    if ports.is_empty() && type_ != "ExternalName" && cluster_ip != Some("None") {
        return Err(Failure::client(
            "at least one tcp port specifier must be provided",
        ));
    }
    if let Some(ip) = cluster_ip {
        spec["clusterIP"] = json!(ip);
    }
    if !ports.is_empty() {
        spec["ports"] = json!(ports);
    }
    spec["selector"] = labels.clone();
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(shell, name, Some(labels)),
        "spec": spec,
        "status": {"loadBalancer": {}},
    });
    make(shell, service, &format!("failed to create {type_} service"))?;
    Ok(None)
}

/// Reads `--tcp=80` and `--tcp=80:8080`.
fn ports(shell: &Shell<'_>) -> Result<Vec<Value>, Failure> {
    let number = |text: &str| {
        text.parse::<u16>()
            .map_err(|_| Failure::client(format!("invalid port specified: {text}")))
    };
    let port = |spec: &str| {
        let (port, target) = spec.split_once(':').unwrap_or((spec, spec));
        let target = match number(target) {
            Ok(number) => json!(number),
            Err(_) if spec.contains(':') => json!(target),
            Err(failure) => return Err(failure),
        };
        let name = spec.replace(':', "-");
        Ok(json!({"name": name, "port": number(port)?, "protocol": "TCP", "targetPort": target}))
    };
    shell.words.texts("tcp").into_iter().map(port).collect()
}
