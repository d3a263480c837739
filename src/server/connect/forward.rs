//! Port-forward: each connection is a pair of streams, one for its bytes and one for what went wrong.
//!
//! The bytes are HTTP/1: requests travel into the simulated Pod, its answers come back.
//!
//! Upstream: staging/src/k8s.io/cri-streaming/pkg/streaming/portforward/httpstream.go, v1.36. Left out:
//! other protocols than HTTP/1, which simulated containers do not speak.

use crate::api::NamespacedName;
use crate::server::machine::{Forwarded, Handle};
use crate::server::spdy::{Outgoing, Stream};
use crate::server::{Shared, simulated};
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::convert::Infallible;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::mpsc;

/// The most connections whose second stream has not come.
const HALVES_MAX: usize = 64;
const BUFFER: usize = 32 * 1024;

/// Serves connections until the client opens no more.
pub async fn serve(shared: Shared, pod: NamespacedName, mut streams: mpsc::Receiver<Stream>) {
    let mut halves: BTreeMap<String, Stream> = BTreeMap::new();
    while let Some(stream) = streams.recv().await {
        let id = stream.header("requestid").to_owned();
        match stream.header("streamtype") {
            "error" if halves.len() < HALVES_MAX => drop(halves.insert(id, stream)),
            "data" => {
                if let Some(error) = halves.remove(&id) {
                    let (handle, pod) = (shared.machine.clone(), pod.clone());
                    tokio::spawn(carry(handle, pod, stream, error.outgoing));
                }
            }
            _ => {}
        }
    }
}

async fn carry(handle: Handle, pod: NamespacedName, data: Stream, error: Outgoing) {
    let port: Option<u16> = data.header("port").parse().ok().filter(|port| *port > 0);
    let refused = match port {
        None => Some(format!("unable to parse port {:?}", data.header("port"))),
        Some(port) if !handle.listens(&pod, port).await => Some(format!(
            "error forwarding port {port} to pod {}: failed to execute portforward in network namespace: failed to connect to localhost:{port} inside the namespace: dial tcp4 127.0.0.1:{port}: connect: connection refused",
            pod.name
        )),
        Some(_) => None,
    };
    match (port, refused) {
        (Some(port), None) => {
            pump(handle, pod, port, data).await;
        }
        (_, refused) => {
            let why = refused.unwrap_or_default();
            // The client may be gone.
            let _ = error.send(why.as_bytes()).await;
            data.outgoing.close().await;
        }
    }
    error.close().await;
}

/// Lets HTTP/1 be spoken on a stream.
async fn pump(handle: Handle, pod: NamespacedName, port: u16, data: Stream) {
    let Stream {
        mut incoming,
        outgoing,
        ..
    } = data;
    let (near, far) = duplex(BUFFER);
    let (mut answers, mut requests) = tokio::io::split(near);
    let to_pod = async move {
        while let Some(bytes) = incoming.recv().await {
            if requests.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // Whoever answers may have ended first.
        let _ = requests.shutdown().await;
    };
    let from_pod = async move {
        let mut buffer = vec![0; BUFFER];
        while let Ok(count @ 1..) = answers.read(&mut buffer).await {
            if !outgoing.send(&buffer[..count]).await {
                return;
            }
        }
        outgoing.close().await;
    };
    let to_pod = tokio::spawn(to_pod);
    let answer = service_fn(move |request: Request<Incoming>| {
        let asked = Forwarded {
            pod: pod.clone(),
            port,
            method: request.method().to_string(),
            path: request
                .uri()
                .path_and_query()
                .map_or("/".to_owned(), ToString::to_string),
        };
        let handle = handle.clone();
        async move {
            let answered = handle.forward(asked).await;
            let response = match answered {
                Ok(response) => simulated::response(response.status, response.body),
                Err(why) => simulated::response(502, why),
            };
            Ok::<axum::http::Response<Body>, Infallible>(response)
        }
    });
    let speaking = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(far), answer);
    tokio::spawn(async move {
        // What is no HTTP ends the connection.
        let _ = speaking.await;
    });
    from_pod.await;
    to_pod.abort();
}
