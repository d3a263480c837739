//! What a request to be connected with a Pod asks for: exec, attach, port-forward, proxy.
//!
//! Upstream: pkg/registry/core/pod/rest/subresources.go, pkg/registry/core/pod/strategy.go
//! (streamLocation), v1.36.

use super::{Asked, Door, container_of, read};
use crate::api::meta::MetaExt;
use crate::api::{Kind, NamespacedName, Status};
use crate::apiserver::access::{Access, Attributes};

/// What is to be done with the Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectWhat {
    /// Run a command in a container.
    Exec {
        /// The container.
        container: String,
        /// The program and its arguments.
        command: Vec<String>,
    },
    /// Show what a container prints from now on.
    Attach {
        /// The container.
        container: String,
    },
    /// Carry connections to its ports.
    PortForward,
}

/// A request to be connected with a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectRequest {
    /// The Pod.
    pub pod: NamespacedName,
    /// The node it runs on; empty before it has one.
    pub node: String,
    /// What for.
    pub what: ConnectWhat,
    /// Whether input is sent.
    pub stdin: bool,
    /// Whether standard output is wanted.
    pub stdout: bool,
    /// Whether standard error is wanted.
    pub stderr: bool,
    /// Whether there is a terminal.
    pub tty: bool,
}

/// A request that the API server sends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyRequest {
    /// Pod or Service.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The port's number or, of a Service, its name; empty: the only one.
    pub port: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path there, with its query.
    pub path: String,
}

/// Reads a request for `proxy`: `[scheme:]name[:port]`, and the path behind it.
///
/// # Errors
/// The name is malformed, or asks for encryption, which simulated containers do not speak.
pub fn proxy(asked: &Asked<'_>) -> Result<ProxyRequest, Status> {
    let path = &asked.path;
    let parts: Vec<&str> = path.name.split(':').collect();
    let (scheme, name, port) = match parts.as_slice() {
        [name] => ("", *name, ""),
        [name, port] => ("", *name, *port),
        [scheme, name, port] => (*scheme, *name, *port),
        _ => {
            let message = format!(
                "invalid {} request {:?}",
                path.kind.row().singular,
                path.name
            );
            return Err(Status::bad_request(message));
        }
    };
    if !matches!(scheme, "" | "http") {
        let message = format!("simulated containers do not speak {scheme}");
        return Err(Status::bad_request(message));
    }
    // /api/v1/namespaces/NAMESPACE/pods/NAME/proxy/…
    let behind = asked
        .request
        .path
        .trim_start_matches('/')
        .splitn(8, '/')
        .nth(7);
    let query = match asked.request.query.as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    Ok(ProxyRequest {
        kind: path.kind,
        namespace: path.namespace.clone(),
        name: name.to_owned(),
        port: port.to_owned(),
        method: asked.request.method.clone(),
        path: format!("/{}{query}", behind.unwrap_or_default()),
    })
}

/// Reads a request for `exec`, `attach` or `portforward`.
///
/// # Errors
/// There is no such Pod or container, or whoever asks may not create what is asked for.
pub fn read<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<ConnectRequest, Status> {
    let (path, query) = (&asked.path, &asked.query);
    if let Some(user) = &asked.user {
        // A WebSocket begins with a GET; whoever may only get may not connect.
        let mut create = Attributes::of_kind("create", Kind::Pod, &path.namespace, &path.name);
        create.subresource.clone_from(&path.subresource);
        Access::new(door.server().etcd()).check(user, &create)?;
    }
    let pod = read::current(door, asked)?;
    let spec = pod.get::<k8s_openapi::api::core::v1::Pod>();
    let node = spec.and_then(|pod| pod.spec.as_ref()?.node_name.clone());
    let node = node.unwrap_or_default();
    let container = || container_of(&pod, query.get("container"));
    let what = match path.subresource.as_str() {
        "exec" => ConnectWhat::Exec {
            container: container()?,
            command: query.all("command"),
        },
        "attach" => ConnectWhat::Attach {
            container: container()?,
        },
        _ => ConnectWhat::PortForward,
    };
    if node.is_empty() {
        let message = format!("pod {} does not have a host assigned", pod.name());
        return Err(Status::bad_request(message));
    }
    let tty = query.is_set("tty");
    Ok(ConnectRequest {
        pod: pod.namespaced_name(),
        node,
        what,
        stdin: query.is_set("stdin"),
        stdout: query.is_set("stdout"),
        stderr: query.is_set("stderr") && !tty,
        tty,
    })
}
