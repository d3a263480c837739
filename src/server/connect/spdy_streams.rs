//! A command's streams over SPDY, one stream each, for clients that speak no WebSocket.
//!
//! Upstream: staging/src/k8s.io/cri-streaming/pkg/streaming/remotecommand/httpstream.go, v1.36.

use super::exec::{Begun, Input, Output};
use crate::apiserver::rest::ConnectRequest;
use crate::server::spdy::{self, Outgoing, Stream};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long the client may take to open its streams.
const PATIENCE: Duration = Duration::from_secs(30);
const MESSAGES_MAX: usize = 8;

/// The streams of a command.
#[derive(Default)]
struct Streams {
    error: Option<Stream>,
    stdin: Option<Stream>,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
    resize: Option<Stream>,
}

impl Streams {
    async fn open(asked: &ConnectRequest, streams: &mut mpsc::Receiver<Stream>) -> Option<Self> {
        let mut found = Self::default();
        let wanted = [true, asked.stdin, asked.stdout, asked.stderr, asked.tty];
        for _ in wanted.iter().filter(|wanted| **wanted) {
            let stream = streams.recv().await?;
            let place = match stream.header("streamtype") {
                "error" => &mut found.error,
                "stdin" => &mut found.stdin,
                "stdout" => &mut found.stdout,
                "stderr" => &mut found.stderr,
                "resize" => &mut found.resize,
                _ => return None,
            };
            *place = Some(stream);
        }
        Some(found)
    }
}

/// Carries a command or a container's output.
pub async fn serve(
    io: impl AsyncRead + AsyncWrite + Send + 'static,
    asked: &ConnectRequest,
    begun: Begun,
) {
    let (sender, mut streams) = mpsc::channel(MESSAGES_MAX);
    let connection = tokio::spawn(spdy::serve(io, sender));
    if let Ok(Some(found)) = timeout(PATIENCE, Streams::open(asked, &mut streams)).await {
        carry(found, begun).await;
    }
    // The client closes the connection once it has read the end.
    drop(streams);
    let abort = connection.abort_handle();
    if timeout(PATIENCE, connection).await.is_err() {
        abort.abort();
    }
}

async fn carry(streams: Streams, begun: Begun) {
    let (inputs, given) = mpsc::channel(MESSAGES_MAX);
    let (outputs, mut printed) = mpsc::channel(MESSAGES_MAX);
    let running = tokio::spawn(begun.run(given, outputs));
    let resize = streams.resize;
    if let Some(stdin) = streams.stdin {
        tokio::spawn(async move {
            let mut incoming = stdin.incoming;
            while let Some(bytes) = incoming.recv().await {
                if inputs.send(Input::Bytes(bytes)).await.is_err() {
                    return;
                }
            }
            // The command may have ended.
            let _ = inputs.send(Input::Closed).await;
        });
    }
    let outgoing = |stream: Option<Stream>| stream.map(|stream| stream.outgoing);
    let (stdout, stderr) = (outgoing(streams.stdout), outgoing(streams.stderr));
    let error = outgoing(streams.error);
    while let Some(output) = printed.recv().await {
        let there = match output {
            Output::Out(text) => send(stdout.as_ref(), &text).await,
            Output::Err(text) => send(stderr.as_ref(), &text).await,
            Output::End(status) => {
                send(error.as_ref(), &status.to_string()).await;
                break;
            }
        };
        if !there {
            break;
        }
    }
    drop((printed, resize));
    for stream in [stdout, stderr, error].into_iter().flatten() {
        stream.close().await;
    }
    // It has ended, or does so at its next word.
    let _ = running.await;
}

async fn send(stream: Option<&Outgoing>, text: &str) -> bool {
    match stream {
        Some(stream) => stream.send(text.as_bytes()).await,
        None => true,
    }
}
