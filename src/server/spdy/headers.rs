//! Blocks of headers: pairs of texts, compressed by one zlib stream for all blocks of a connection.
//!
//! What comes in is inflated with the protocol's dictionary. What goes out is put into the stream
//! uncompressed, without a dictionary, which every inflater reads.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// The most bytes that a block may have, inflated.
pub const BLOCK_LIMIT: usize = 16 * 1024;
/// As far back as a compressed stream may refer.
const WINDOW: usize = 32 * 1024;
/// The zlib header, and the checksum of the dictionary.
const PROLOGUE: usize = 6;

const WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin";
const TAIL: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/// The dictionary that both sides know.
fn dictionary() -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in WORDS.split(' ') {
        push(&mut bytes, &word.replace('_', " "));
    }
    bytes.extend_from_slice(TAIL.as_bytes());
    bytes
}

fn push(bytes: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

/// Reads the blocks of one connection, in their order.
pub struct Reader {
    state: Box<DecompressorOxide>,
    window: Vec<u8>,
    at: usize,
    /// Whether the dictionary has to be there, and is.
    primed: bool,
    begun: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            state: Box::default(),
            window: vec![0; WINDOW],
            at: 0,
            primed: false,
            begun: false,
        }
    }
}

impl Reader {
    /// The headers of a block; names in small letters.
    ///
    /// # Errors
    /// The block is malformed or too large; nothing can be read after it.
    pub fn read(&mut self, block: &[u8]) -> Result<Vec<(String, String)>, String> {
        let bytes = self.inflate(block)?;
        let mut rest = bytes.as_slice();
        let count = number(&mut rest)?;
        // Each pair takes eight bytes at least.
        if count > rest.len() / 8 {
            return Err("a block of headers that is too short".to_owned());
        }
        let mut pairs = Vec::with_capacity(count);
        for _ in 0..count {
            let name = text(&mut rest)?.to_ascii_lowercase();
            pairs.push((name, text(&mut rest)?));
        }
        Ok(pairs)
    }

    fn begin<'a>(&mut self, block: &'a [u8]) -> Result<&'a [u8], String> {
        if self.begun {
            return Ok(block);
        }
        self.begun = true;
        let uses = block.get(1).ok_or("an empty block of headers")? & 0x20 != 0;
        if !uses {
            return Ok(&block[2..]);
        }
        let dictionary = dictionary();
        self.window[..dictionary.len()].copy_from_slice(&dictionary);
        self.at = dictionary.len();
        self.primed = true;
        let rest = block.get(PROLOGUE..);
        rest.ok_or_else(|| "a block of headers without its dictionary's checksum".to_owned())
    }

    fn inflate(&mut self, block: &[u8]) -> Result<Vec<u8>, String> {
        let (mut rest, mut bytes) = (self.begin(block)?, Vec::new());
        loop {
            let (status, read, written) = decompress(
                &mut self.state,
                rest,
                &mut self.window,
                self.at,
                TINFL_FLAG_HAS_MORE_INPUT,
            );
            bytes.extend_from_slice(&self.window[self.at..self.at + written]);
            self.at = (self.at + written) % WINDOW;
            rest = &rest[read..];
            if bytes.len() > BLOCK_LIMIT {
                return Err(format!(
                    "a block of headers of more than {BLOCK_LIMIT} bytes"
                ));
            }
            match status {
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput if rest.is_empty() => return Ok(bytes),
                _ => return Err("a block of headers that cannot be inflated".to_owned()),
            }
        }
    }
}

fn number(rest: &mut &[u8]) -> Result<usize, String> {
    let (head, tail) = rest
        .split_first_chunk::<4>()
        .ok_or("a block of headers that ends early")?;
    *rest = tail;
    usize::try_from(u32::from_be_bytes(*head)).map_err(|error| error.to_string())
}

fn text(rest: &mut &[u8]) -> Result<String, String> {
    let length = number(rest)?;
    let (head, tail) = rest
        .split_at_checked(length)
        .ok_or("a block of headers that ends early")?;
    *rest = tail;
    Ok(String::from_utf8_lossy(head).into_owned())
}

/// Writes the blocks of one connection.
#[derive(Default)]
pub struct Writer {
    begun: bool,
}

impl Writer {
    /// A block with these headers.
    pub fn write(&mut self, pairs: &[(&str, &str)]) -> Vec<u8> {
        let count = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
        let mut plain = count.to_be_bytes().to_vec();
        for (name, value) in pairs {
            push(&mut plain, name);
            push(&mut plain, value);
        }
        let mut block = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            block.extend_from_slice(&[0x78, 0x01]);
        }
        // A stored block, and an empty one: by that the reader knows that it has all of it.
        for part in [plain.as_slice(), &[]] {
            let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
            block.push(0);
            block.extend_from_slice(&length.to_le_bytes());
            block.extend_from_slice(&(!length).to_le_bytes());
            block.extend_from_slice(part);
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python's `zlib.compressobj(zdict=…)` with a synchronising flush makes of two blocks.
    const FIRST: &str = "78f9e3c6a7c202253a703a2b294a4dcc851625aca9a0808614cb45a024cc64610024398b209198094adc8c0600000000ffff";
    const SECOND: &str = "c2aa15540a2512d209000000ffff";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("text"), 16);
        digits.map(|pair| byte(pair).expect("hex")).collect()
    }

    fn adler(bytes: &[u8]) -> u32 {
        let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
            let a = (a + u32::from(*byte)) % 65_521;
            (a, (b + a) % 65_521)
        });
        (b << 16) | a
    }

    #[test]
    fn the_dictionary_is_the_protocols() {
        let dictionary = dictionary();
        assert_eq!((dictionary.len(), adler(&dictionary)), (1_423, 0xe3c6_a7c2));
    }

    #[test]
    fn blocks_of_one_stream_are_read_in_order() {
        let mut reader = Reader::default();
        let pairs = |reader: &mut Reader, hex: &str| {
            let pairs = reader.read(&bytes(hex)).expect("a good block");
            let pairs = pairs
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            pairs(&mut reader, FIRST),
            "streamtype=error port=80 requestid=0"
        );
        assert!(reader.primed);
        assert_eq!(
            pairs(&mut reader, SECOND),
            "streamtype=data port=80 requestid=0"
        );
    }

    #[test]
    fn what_is_written_can_be_read() {
        let (mut writer, mut reader) = (Writer::default(), Reader::default());
        for pairs in [&[("a", "b"), ("status", "200 OK")][..], &[], &[("c", "")]] {
            let block = writer.write(pairs);
            let read = reader.read(&block).expect("a good block");
            let read: Vec<(&str, &str)> =
                read.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(read, pairs);
        }
    }

    /// Whatever comes is read or refused, and nothing panics.
    #[test]
    fn nonsense_is_refused() {
        let mut rng = crate::sim::SimRng::new(5);
        for _ in 0..2_000 {
            let mut block = bytes(FIRST);
            for _ in 0..rng.between(1, 6) {
                let at = rng.below(block.len() as u64) as usize;
                block[at] = rng.next_u64() as u8;
            }
            block.truncate(rng.between(0, block.len() as u64) as usize);
            let mut reader = Reader::default();
            if let Ok(pairs) = reader.read(&block) {
                assert!(pairs.len() < BLOCK_LIMIT);
            }
        }
        // A few bytes that become very many.
        let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; 1 << 20], 9);
        assert!(Reader::default().read(&bomb).is_err());
    }
}
