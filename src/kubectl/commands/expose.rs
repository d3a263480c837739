//! `kubectl expose`: a Service for what makes Pods.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/expose/expose.go, v1.36. Left out: `-f`,
//! `--overrides`, `--load-balancer-ip`.

use super::create::make;
use super::{Pending, Verb};
use crate::api::Object;
use crate::api::meta::MetaExt;
use crate::kubectl::edit::pod_spec_mut;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{DRY_RUN, Flag, OUTPUT, Takes, flag, lettered};
use crate::kubectl::resource::{self, Named, Scope};
use crate::kubectl::shell::Shell;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const FLAGS: &[Flag] = &[
    flag("port", Takes::Text),
    flag("target-port", Takes::Text),
    flag("protocol", Takes::Text),
    flag("type", Takes::Text),
    flag("name", Takes::Text),
    lettered("labels", 'l', Takes::Text),
    flag("selector", Takes::Text),
    flag("cluster-ip", Takes::Text),
    flag("external-ip", Takes::Text),
    flag("session-affinity", Takes::Text),
];

pub const VERB: Verb = Verb {
    name: "expose",
    usage: "expose (TYPE NAME | TYPE/NAME) [--port=port] [--target-port=number-or-name] [--name=name] [--type=type]",
    about: "Create a Service for a Deployment, ReplicaSet, ReplicationController, Service or Pod",
    flags: &[DRY_RUN, OUTPUT, FLAGS],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    if shell.words.args.is_empty() {
        return Err(resource::nothing_named());
    }
    let named = Named::parse(&shell.words.args, shell.api.kinds())?;
    if !matches!(named, Named::Objects(_)) {
        let message = "resource(s) were provided, but no name was specified";
        return Err(Failure::client(message));
    }
    let scope = Scope {
        selects: false,
        ..Scope::of(&Default::default(), shell.namespace)?
    };
    let found = resource::find(shell, &named, &scope)?;
    let objects = found.objects();
    Failure::unless_empty(found.failures)?;
    for object in objects {
        one(shell, object)?;
    }
    Ok(None)
}

fn one(shell: &mut Shell<'_>, mut object: Object) -> Result<(), Failure> {
    let words = shell.words;
    let selector = match words.text("selector") {
        Some(text) => pairs(text)?,
        None => selector(&object)?,
    };
    let ports = ports(shell, &mut object)?;
    let name = words.text("name").unwrap_or(object.name()).to_owned();
    let mut spec = json!({"ports": ports, "selector": selector});
    for (flag, field) in [
        ("type", "type"),
        ("cluster-ip", "clusterIP"),
        ("session-affinity", "sessionAffinity"),
    ] {
        if let Some(text) = words.text(flag) {
            spec[field] = json!(text);
        }
    }
    if let Some(ip) = words.text("external-ip") {
        spec["externalIPs"] = json!([ip]);
    }
    let mut metadata = json!({"name": name, "namespace": object.namespace()});
    let labels = match words.text("labels") {
        Some(text) => Some(pairs(text)?),
        None => object
            .meta()
            .labels
            .clone()
            .filter(|labels| !labels.is_empty()),
    };
    if let Some(labels) = labels {
        metadata["labels"] = json!(labels);
    }
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": spec,
        "status": {"loadBalancer": {}},
    });
    create(shell, service)
}

/// Creates the Service; what is said of it is `exposed`, not `created`.
fn create(shell: &mut Shell<'_>, service: Value) -> Result<(), Failure> {
    use crate::api::codec;
    use crate::apiserver::door::{FieldValidation, decode};
    use crate::apiserver::{Operation, Request};
    if shell.words.text("dry-run").is_some() || shell.words.text("output").is_some() {
        return make(shell, service, "");
    }
    let decoded = decode(codec::to_value(&service), FieldValidation::Strict)?;
    let name = decoded.name().to_owned();
    let create = Request::by_user(Operation::Create(decoded));
    shell.api.handle(create, shell.now)?;
    shell.out.line(&format!("service/{name} exposed"));
    Ok(())
}

type Pairs = BTreeMap<String, String>;

fn pairs(text: &str) -> Result<Pairs, Failure> {
    let pair = |part: &str| match part.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Failure::client(format!("unexpected label spec: {part}"))),
    };
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(pair)
        .collect()
}

/// What selects the Pods of an object.
fn selector(object: &Object) -> Result<Pairs, Failure> {
    let none = |why: &str| {
        Failure::client(format!(
            "couldn't retrieve selectors via --selector flag or introspection: {why}"
        ))
    };
    let of_sets =
        |selector: &k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector| match selector
            .match_expressions
            .as_deref()
            .unwrap_or_default()
        {
            [] => Ok(selector.match_labels.clone().unwrap_or_default()),
            _ => Err(none(
                "couldn't convert expressions to map-based selector format",
            )),
        };
    match object {
        Object::Deployment(d) => of_sets(&d.spec.clone().unwrap_or_default().selector),
        Object::ReplicaSet(r) => of_sets(&r.spec.clone().unwrap_or_default().selector),
        Object::ReplicationController(c) => {
            let spec = c.spec.clone().unwrap_or_default();
            Ok(spec.selector.unwrap_or_default())
        }
        Object::Pod(pod) => match pod.metadata.labels.clone().unwrap_or_default() {
            labels if labels.is_empty() => Err(none("the pod has no labels and cannot be exposed")),
            labels => Ok(labels),
        },
        Object::Service(service) => {
            let spec = service.spec.clone().unwrap_or_default();
            let selector = spec.selector.filter(|selector| !selector.is_empty());
            selector.ok_or_else(|| none("invalid service: no selector"))
        }
        other => Err(Failure::client(format!(
            "cannot expose a {}",
            other.kind().row().kind
        ))),
    }
}

/// The ports asked for, or those that the containers name.
fn ports(shell: &Shell<'_>, object: &mut Object) -> Result<Vec<Value>, Failure> {
    let words = shell.words;
    let given = words.texts("port");
    let mut ports: Vec<(i64, String)> = Vec::new();
    for text in given {
        let port = text
            .parse()
            .map_err(|_| Failure::client(format!("invalid port: {text}")))?;
        ports.push((port, words.text("protocol").unwrap_or("TCP").to_owned()));
    }
    if ports.is_empty() {
        ports = known_ports(object);
    }
    if ports.is_empty() {
        return Err(Failure::client(
            "couldn't find port via --port flag or introspection",
        ));
    }
    let several = ports.len() > 1;
    let port = |(at, (port, protocol)): (usize, (i64, String))| {
        let target = match words.text("target-port") {
            None => json!(port),
            Some(text) => text
                .parse::<i64>()
                .map_or(json!(text), |number| json!(number)),
        };
        let mut fields = Map::new();
        if several {
            fields.insert("name".to_owned(), json!(format!("port-{}", at + 1)));
        }
        fields.insert("port".to_owned(), json!(port));
        fields.insert("protocol".to_owned(), json!(protocol));
        fields.insert("targetPort".to_owned(), target);
        Value::Object(fields)
    };
    Ok(ports.into_iter().enumerate().map(port).collect())
}

fn known_ports(object: &mut Object) -> Vec<(i64, String)> {
    let protocol = |text: &Option<String>| text.clone().unwrap_or("TCP".to_owned());
    if let Object::Service(service) = object {
        let spec = service.spec.clone().unwrap_or_default();
        let ports = spec.ports.unwrap_or_default();
        return ports
            .iter()
            .map(|p| (i64::from(p.port), protocol(&p.protocol)))
            .collect();
    }
    let Some(pod) = pod_spec_mut(object) else {
        return Vec::new();
    };
    let ports = pod.containers.iter().flat_map(|c| c.ports.iter().flatten());
    ports
        .map(|p| (i64::from(p.container_port), protocol(&p.protocol)))
        .collect()
}
