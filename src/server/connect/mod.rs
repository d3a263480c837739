//! Connections with a Pod: exec, attach and port-forward, over WebSocket or SPDY.
//!
//! What is wrong with the request is answered before the connection is upgraded, as upstream: by the
//! API server with a `Status`, by a kubelet with a text.
//!
//! Upstream: pkg/registry/core/pod/rest/subresources.go, pkg/kubelet/server/server.go,
//! staging/src/k8s.io/apiserver/pkg/util/proxy, v1.36. Left out: the protocols before `v4.channel.k8s.io`
//! and the older form of port-forward over WebSocket, which kubectl does not use.

mod exec;
mod forward;
mod spdy_streams;
mod terminal;
mod websocket;

use super::answer::{is_own_host, plain};
use super::{Shared, spdy};
use crate::api::{Reason, Status};
use crate::apiserver::ExecCall;
use crate::apiserver::rest::{ConnectRequest, ConnectWhat};
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::header::{CONNECTION, ORIGIN, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode};
use exec::Begun;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// The largest message that is read.
const MESSAGE_LIMIT: usize = 1 << 20;
/// How a kubelet's own words reach the client; it puts the words before the colon there itself.
const KUBELET_SAYS: &str = "error: unable to upgrade connection: ";
const VERSIONS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
const PORT_FORWARD: &str = "portforward.k8s.io";
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
const VERSION_HEADER: &str = "x-stream-protocol-version";
/// How often a Pod is looked at whose ports are forwarded.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How many streams wait to be taken.
const STREAMS_MAX: usize = 8;

/// Connects a client with a Pod.
///
/// # Errors
/// The `Status` that the API server answers.
pub async fn answer(
    shared: Shared,
    asked: ConnectRequest,
    mut parts: Parts,
) -> Result<Response<Body>, Status> {
    // Any page may open a WebSocket to this machine: only those of this machine are answered.
    if let Some(origin) = parts.headers.get(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let host = origin.split_once("://").map(|(_, host)| host);
        if !host.is_some_and(|host| !host.is_empty() && is_own_host(host)) {
            let message = "the Origin header names another site";
            return Err(Status::plain(Reason::Forbidden, message));
        }
    }
    let upgrade = parts
        .headers
        .get(UPGRADE)
        .and_then(|value| value.to_str().ok());
    let upgrade = upgrade.unwrap_or_default().to_ascii_lowercase();
    let answered = match upgrade.as_str() {
        "websocket" => over_websocket(shared, asked, &mut parts).await,
        "spdy/3.1" => over_spdy(shared, asked, &mut parts).await,
        _ => Err(Status::bad_request("Upgrade request required")),
    };
    answered.or_else(|status| match status.message.strip_prefix(KUBELET_SAYS) {
        Some(words) => Ok(plain(500, Body::from(words.to_owned()))),
        None => Err(status),
    })
}

/// What is done before the connection is upgraded.
async fn begin(shared: &Shared, asked: &ConnectRequest) -> Result<Begun, Status> {
    match &asked.what {
        ConnectWhat::Exec { container, command } => {
            let start = ExecCall::Start {
                container: container.clone(),
                command: command.clone(),
                stdin: asked.stdin,
                tty: asked.tty,
            };
            Begun::exec(shared.clone(), asked, start).await
        }
        ConnectWhat::Attach { container } => {
            let starts = shared.machine.reach(&asked.pod, Some(container)).await?;
            Ok(Begun::attach(shared.clone(), asked, container, starts).await)
        }
        ConnectWhat::PortForward => {
            shared.machine.reach(&asked.pod, None).await?;
            Ok(Begun::nothing(shared.clone(), asked))
        }
    }
}

/// The first protocol offered that the client asks for in a header.
///
/// # Errors
/// What both of them know, as upstream words it.
fn negotiate(
    parts: &Parts,
    header: &str,
    offered: &[&'static str],
) -> Result<&'static str, String> {
    let values = parts.headers.get_all(header).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let wanted: Vec<&str> = texts
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .collect();
    let chosen = offered.iter().find(|name| wanted.contains(name));
    chosen.copied().ok_or_else(|| {
        format!(
            "unable to upgrade: unable to negotiate protocol: client supports {wanted:?}, server supports {offered:?}"
        )
    })
}

async fn over_websocket(
    shared: Shared,
    asked: ConnectRequest,
    parts: &mut Parts,
) -> Result<Response<Body>, Status> {
    let offered: &[&'static str] = match asked.what {
        ConnectWhat::PortForward => &[TUNNEL],
        _ => &VERSIONS,
    };
    let chosen =
        negotiate(parts, "sec-websocket-protocol", offered).map_err(Status::bad_request)?;
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await;
    let upgrade = upgrade.map_err(|why| Status::bad_request(why.body_text()))?;
    let begun = begin(&shared, &asked).await?;
    let upgrade = upgrade
        .protocols([chosen])
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(MESSAGE_LIMIT);
    Ok(upgrade.on_upgrade(async move |socket| match asked.what {
        ConnectWhat::PortForward => {
            let io = websocket::tunnel(socket);
            carry_ports(shared, asked, io).await;
        }
        _ => websocket::serve(socket, chosen == VERSIONS[0], begun).await,
    }))
}

async fn over_spdy(
    shared: Shared,
    asked: ConnectRequest,
    parts: &mut Parts,
) -> Result<Response<Body>, Status> {
    let offered: &[&'static str] = match asked.what {
        ConnectWhat::PortForward => &[PORT_FORWARD],
        _ => &VERSIONS[1..],
    };
    let chosen = negotiate(parts, VERSION_HEADER, offered)
        .map_err(|why| Status::plain(Reason::Forbidden, why))?;
    let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
        return Err(Status::bad_request("the connection cannot be upgraded"));
    };
    let begun = begin(&shared, &asked).await?;
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else {
            return;
        };
        let io = TokioIo::new(upgraded);
        match asked.what {
            ConnectWhat::PortForward => carry_ports(shared, asked, io).await,
            _ => spdy_streams::serve(io, &asked, begun).await,
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("SPDY/3.1"));
    headers.insert(VERSION_HEADER, HeaderValue::from_static(chosen));
    Ok(response)
}

/// Waits until the Pod runs no more.
async fn gone(shared: &Shared, asked: &ConnectRequest) {
    while shared.machine.reach(&asked.pod, None).await.is_ok() {
        sleep(LOOK_INTERVAL).await;
    }
}

/// Serves the streams of a port-forward until the client or the server ends.
async fn carry_ports(
    shared: Shared,
    asked: ConnectRequest,
    io: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + 'static,
) {
    let (sender, streams) = mpsc::channel(STREAMS_MAX);
    tokio::select! {
        () = spdy::serve(io, sender) => {}
        () = forward::serve(shared.clone(), asked.pod.clone(), streams) => {}
        () = gone(&shared, &asked) => {}
        () = shared.stopped() => {}
    }
}
