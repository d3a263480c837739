//! The frames of a connection, and how they are told apart in what comes in.

/// The most bytes that a frame's content may have.
const CONTENT_LIMIT: usize = 1 << 20;
const HEAD: usize = 8;
/// The version, with the bit that marks a control frame.
const CONTROL: u16 = 0x8003;
const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GO_AWAY: u16 = 7;
/// The flag of the last frame of a stream's direction.
const FIN: u8 = 1;
/// The status of a stream that is refused.
const REFUSED_STREAM: u32 = 3;

/// A frame that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A stream begins; its headers are still compressed.
    Open {
        /// Its number.
        id: u32,
        /// Whether nothing comes on it.
        last: bool,
        /// Its headers.
        block: Vec<u8>,
    },
    /// Bytes of a stream.
    Data {
        /// Its number.
        id: u32,
        /// Whether these are the last ones.
        last: bool,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A stream is given up.
    Reset(u32),
    /// Answered by the same.
    Ping(u32),
    /// Nothing will come any more.
    GoAway,
    /// One that changes nothing: settings, windows, priorities.
    Other,
}

/// Cuts what comes in into frames.
#[derive(Default)]
pub struct Decoder {
    buffer: Vec<u8>,
}

impl Decoder {
    /// Takes bytes that came in.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, where it is whole.
    ///
    /// # Errors
    /// A frame that is malformed or too large; nothing can be read after it.
    pub fn next(&mut self) -> Result<Option<Frame>, String> {
        let Some(head) = self.buffer.first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let word = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let (flags, length) = (head[4], u32::from_be_bytes([0, head[5], head[6], head[7]]));
        let length = length as usize;
        if length > CONTENT_LIMIT {
            return Err(format!("a frame of {length} bytes; {CONTENT_LIMIT} may be"));
        }
        if self.buffer.len() < HEAD + length {
            return Ok(None);
        }
        let content: Vec<u8> = self.buffer.drain(..HEAD + length).skip(HEAD).collect();
        let last = flags & FIN != 0;
        if word >> 31 == 0 {
            let (id, bytes) = (word, content);
            return Ok(Some(Frame::Data { id, last, bytes }));
        }
        if word >> 16 != u32::from(CONTROL) {
            return Err("a frame of another version than SPDY/3.1".to_owned());
        }
        let number = || -> Result<u32, String> {
            let bytes = content
                .first_chunk::<4>()
                .ok_or("a frame that is too short")?;
            Ok(u32::from_be_bytes(*bytes) & 0x7fff_ffff)
        };
        // The lower half of the word: what sort it is.
        Ok(Some(match (word & 0xffff) as u16 {
            SYN_STREAM => {
                let id = number()?;
                let block = content
                    .get(10..)
                    .ok_or("a frame that is too short")?
                    .to_vec();
                Frame::Open { id, last, block }
            }
            RST_STREAM => Frame::Reset(number()?),
            PING => {
                let bytes = content
                    .first_chunk::<4>()
                    .ok_or("a frame that is too short")?;
                Frame::Ping(u32::from_be_bytes(*bytes))
            }
            GO_AWAY => Frame::GoAway,
            _ => Frame::Other,
        }))
    }
}

fn with_head(word: u32, flags: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    let mut frame = word.to_be_bytes().to_vec();
    frame.extend_from_slice(&[flags, length[1], length[2], length[3]]);
    frame.extend_from_slice(content);
    frame
}

fn control(sort: u16, content: &[u8]) -> Vec<u8> {
    with_head(u32::from(CONTROL) << 16 | u32::from(sort), 0, content)
}

/// Accepts a stream.
pub fn reply(id: u32, block: &[u8]) -> Vec<u8> {
    control(SYN_REPLY, &[&id.to_be_bytes(), block].concat())
}

/// Bytes of a stream.
pub fn data(id: u32, last: bool, bytes: &[u8]) -> Vec<u8> {
    with_head(id, if last { FIN } else { 0 }, bytes)
}

/// Refuses a stream.
pub fn refuse(id: u32) -> Vec<u8> {
    control(
        RST_STREAM,
        &[id.to_be_bytes(), REFUSED_STREAM.to_be_bytes()].concat(),
    )
}

/// Answers a ping.
pub fn pong(id: u32) -> Vec<u8> {
    control(PING, &id.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Frame>, String> {
        let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
        for byte in bytes {
            decoder.feed(&[*byte]);
            while let Some(frame) = decoder.next()? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    #[test]
    fn frames_are_cut_out_of_what_comes() {
        let open = control(
            SYN_STREAM,
            &[&[0, 0, 0, 5, 0, 0, 0, 0, 0, 0][..], b"xy"].concat(),
        );
        let bytes = [
            open,
            data(5, true, b"abc"),
            pong(7),
            refuse(5),
            control(9, &[0; 8]),
        ]
        .concat();
        let want = [
            Frame::Open {
                id: 5,
                last: false,
                block: b"xy".to_vec(),
            },
            Frame::Data {
                id: 5,
                last: true,
                bytes: b"abc".to_vec(),
            },
            Frame::Ping(7),
            Frame::Reset(5),
            Frame::Other,
        ];
        assert_eq!(all(&bytes).expect("good frames"), want);
        let reply = reply(5, b"z");
        assert_eq!(reply, [0x80, 3, 0, 2, 0, 0, 0, 5, 0, 0, 0, 5, b'z']);
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for bytes in [
            &[0x80, 2, 0, 1, 0, 0, 0, 0][..],
            &[0x80, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1],
            &[0x80, 3, 0, 6, 0, 0, 0, 1, 0],
            &[0, 0, 0, 1, 0, 0xff, 0xff, 0xff],
        ] {
            assert!(all(bytes).is_err(), "{bytes:?}");
        }
    }

    /// Whatever comes, nothing panics and no more is kept than came.
    #[test]
    fn nonsense_is_refused_or_waited_for() {
        let mut rng = crate::sim::SimRng::new(9);
        for _ in 0..5_000 {
            let count = rng.below(64);
            let bytes: Vec<u8> = (0..count)
                .map(|at| match (at, rng.below(3)) {
                    (0, 0) => 0x80,
                    (1, 0) => 3,
                    (5 | 6, _) => 0,
                    _ => rng.next_u64() as u8,
                })
                .collect();
            let mut decoder = Decoder::default();
            decoder.feed(&bytes);
            while let Ok(Some(_)) = decoder.next() {}
            assert!(decoder.buffer.len() <= bytes.len());
        }
    }
}
