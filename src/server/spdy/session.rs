//! One connection: frames in and out, and the streams that the client opens.

use super::frame::{self, Decoder, Frame};
use super::headers::{Reader, Writer};
use std::collections::BTreeMap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// The most streams of a connection at a time.
const STREAMS_MAX: usize = 256;
/// How many pieces wait for whoever is slower than they come.
const PIECES_MAX: usize = 16;
/// The longest piece that is sent.
const PIECE_LIMIT: usize = 32 * 1024;
const READ_BUFFER: usize = 16 * 1024;

/// A stream that the client has opened.
pub struct Stream {
    /// Its headers; their names in small letters.
    pub headers: Vec<(String, String)>,
    /// What comes on it, to its end.
    pub incoming: mpsc::Receiver<Vec<u8>>,
    /// What goes out on it.
    pub outgoing: Outgoing,
}

impl Stream {
    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// The direction from the server to the client.
pub struct Outgoing {
    id: u32,
    frames: mpsc::Sender<Vec<u8>>,
}

impl Outgoing {
    /// Sends bytes; answers whether the client is still there.
    pub async fn send(&self, bytes: &[u8]) -> bool {
        for piece in bytes.chunks(PIECE_LIMIT) {
            let frame = frame::data(self.id, false, piece);
            if self.frames.send(frame).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Nothing more is sent.
    pub async fn close(self) {
        // A client that is gone needs no end.
        let _ = self.frames.send(frame::data(self.id, true, &[])).await;
    }
}

/// Serves a connection until its client goes or says what is no SPDY, or nobody wants its streams.
pub async fn serve(
    io: impl AsyncRead + AsyncWrite + Send + 'static,
    streams: mpsc::Sender<Stream>,
) {
    let (mut read, mut write) = tokio::io::split(io);
    let (frames, mut waiting) = mpsc::channel::<Vec<u8>>(PIECES_MAX);
    let writer = tokio::spawn(async move {
        while let Some(frame) = waiting.recv().await {
            if write.write_all(&frame).await.is_err() || write.flush().await.is_err() {
                return;
            }
        }
        // The client may be gone already.
        let _ = write.shutdown().await;
    });
    let mut session = Session {
        headers: Reader::default(),
        replies: Writer::default(),
        open: BTreeMap::new(),
        frames,
        streams,
    };
    let (mut decoder, mut buffer) = (Decoder::default(), vec![0; READ_BUFFER]);
    'connection: while let Ok(count @ 1..) = read.read(&mut buffer).await {
        decoder.feed(&buffer[..count]);
        loop {
            match decoder.next() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    if !session.take(frame).await {
                        break 'connection;
                    }
                }
                Err(_) => break 'connection,
            }
        }
    }
    drop(session);
    // Streams that still answer hold the writer; it ends with the last of them.
    let _ = writer.await;
}

struct Session {
    headers: Reader,
    replies: Writer,
    /// Where what comes on a stream goes.
    open: BTreeMap<u32, mpsc::Sender<Vec<u8>>>,
    frames: mpsc::Sender<Vec<u8>>,
    streams: mpsc::Sender<Stream>,
}

impl Session {
    /// Does what a frame says; answers whether the connection goes on.
    async fn take(&mut self, frame: Frame) -> bool {
        match frame {
            Frame::Open { id, last, block } => return self.open(id, last, &block).await,
            Frame::Data { id, last, bytes } => {
                if let Some(stream) = self.open.get(&id)
                    && !bytes.is_empty()
                {
                    // Whoever does not read this stream any more misses nothing.
                    let _ = stream.send(bytes).await;
                }
                if last {
                    self.open.remove(&id);
                }
            }
            Frame::Reset(id) => drop(self.open.remove(&id)),
            Frame::Ping(id) => return self.frames.send(frame::pong(id)).await.is_ok(),
            Frame::GoAway => return false,
            Frame::Other => {}
        }
        true
    }

    async fn open(&mut self, id: u32, last: bool, block: &[u8]) -> bool {
        // Headers have to be read in any case: later ones refer to them.
        let Ok(headers) = self.headers.read(block) else {
            return false;
        };
        if self.open.len() >= STREAMS_MAX || self.open.contains_key(&id) {
            return self.frames.send(frame::refuse(id)).await.is_ok();
        }
        let (pieces, incoming) = mpsc::channel(PIECES_MAX);
        if !last {
            self.open.insert(id, pieces);
        }
        let reply = frame::reply(id, &self.replies.write(&[]));
        let outgoing = Outgoing {
            id,
            frames: self.frames.clone(),
        };
        let stream = Stream {
            headers,
            incoming,
            outgoing,
        };
        self.frames.send(reply).await.is_ok() && self.streams.send(stream).await.is_ok()
    }
}
