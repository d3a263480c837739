//! WebSocket: channels in one connection, each message beginning with its channel's number; or the
//! bytes of another protocol.
//!
//! Upstream: staging/src/k8s.io/streaming/pkg/httpstream/wsstream/conn.go,
//! staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go, v1.36.

use super::exec::{Begun, Input, Output};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
/// Since `v5`: the channel named in the second byte is closed.
const CLOSE: u8 = 255;
/// How many messages wait each way.
const MESSAGES_MAX: usize = 8;
/// The longest message that is sent, in bytes.
const MESSAGE_LIMIT: usize = 32 * 1024;
/// How long a client may take to close its end after the last message.
const PATIENCE: Duration = Duration::from_secs(30);

fn message(channel: u8, bytes: &[u8]) -> Message {
    let mut all = vec![channel];
    all.extend_from_slice(bytes);
    Message::Binary(all.into())
}

fn pieces(channel: u8, text: &str) -> Vec<Message> {
    let pieces = text.as_bytes().chunks(MESSAGE_LIMIT);
    pieces.map(|piece| message(channel, piece)).collect()
}

fn last(status: &Value) -> Message {
    message(ERROR, status.to_string().as_bytes())
}

/// Carries a command or a container's output.
pub async fn serve(mut socket: WebSocket, closes: bool, begun: Begun) {
    let first = match (begun.stdout, begun.stderr) {
        (true, _) => STDOUT,
        (_, true) => STDERR,
        _ => ERROR,
    };
    let (stdout, stderr) = (begun.stdout, begun.stderr);
    // By an empty message a client knows that the connection is there.
    if socket.send(message(first, &[])).await.is_err() {
        return;
    }
    let (inputs, given) = mpsc::channel(MESSAGES_MAX);
    let (outputs, mut printed) = mpsc::channel(MESSAGES_MAX);
    let running = tokio::spawn(begun.run(given, outputs));
    let mut ended = false;
    while !ended {
        // Nothing is taken from the client for which there is no place: what is printed goes on.
        let receive = async {
            let place = inputs.reserve().await.ok();
            (place, socket.recv().await)
        };
        tokio::select! {
            (place, received) = receive => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(received)) => {
                    if let (Some(place), Some(input)) = (place, input(&received, closes)) {
                        place.send(input);
                    }
                }
            },
            output = printed.recv() => {
                let messages = match output {
                    Some(Output::Out(text)) if stdout => pieces(STDOUT, &text),
                    Some(Output::Err(text)) if stderr => pieces(STDERR, &text),
                    Some(Output::Out(_) | Output::Err(_)) => Vec::new(),
                    Some(Output::End(status)) => {
                        ended = true;
                        vec![last(&status)]
                    }
                    None => break,
                };
                for message in messages {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
    drop((inputs, printed));
    let close = CloseFrame {
        code: close_code::NORMAL,
        reason: "".into(),
    };
    // The client may be gone.
    let _ = socket.send(Message::Close(Some(close))).await;
    let wait = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(PATIENCE, wait).await;
    let _ = running.await;
}

fn input(received: &Message, closes: bool) -> Option<Input> {
    let bytes: &[u8] = match received {
        Message::Binary(bytes) => bytes,
        Message::Text(text) => text.as_bytes(),
        _ => return None,
    };
    match bytes {
        [STDIN, rest @ ..] if !rest.is_empty() => Some(Input::Bytes(rest.to_vec())),
        [CLOSE, STDIN] if closes => Some(Input::Closed),
        _ => None,
    }
}

/// The bytes of another protocol, one message after the other.
pub fn tunnel(mut socket: WebSocket) -> DuplexStream {
    let (near, mut far) = duplex(2 * MESSAGE_LIMIT);
    tokio::spawn(async move {
        let mut buffer = vec![0; MESSAGE_LIMIT];
        loop {
            tokio::select! {
                received = socket.recv() => match received {
                    Some(Ok(Message::Binary(bytes))) => {
                        if far.write_all(&bytes).await.is_err() {
                            break;
                        }
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    _ => break,
                },
                count = far.read(&mut buffer) => match count {
                    Ok(count @ 1..) => {
                        let bytes = Bytes::copy_from_slice(&buffer[..count]);
                        if socket.send(Message::Binary(bytes)).await.is_err() {
                            break;
                        }
                    }
                    _ => break,
                },
            }
        }
        // The client may be gone.
        let _ = socket.send(Message::Close(None)).await;
    });
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_standard_input_is_read() {
        let read =
            |bytes: &[u8], closes| match input(&Message::Binary(bytes.to_vec().into()), closes) {
                Some(Input::Bytes(bytes)) => String::from_utf8(bytes).expect("text"),
                Some(Input::Closed) => "closed".to_owned(),
                None => "nothing".to_owned(),
            };
        assert_eq!(read(&[0, b'h', b'i'], true), "hi");
        assert_eq!(read(&[255, 0], true), "closed");
        assert_eq!(read(&[255, 0], false), "nothing");
        for nothing in [&[][..], &[0], &[4, b'{'], &[255], &[255, 7], &[9, 9]] {
            assert_eq!(read(nothing, true), "nothing");
        }
    }
}
