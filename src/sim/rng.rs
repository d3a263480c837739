//! Chance that repeats: a small generator that is part of the state and forks by name.

use serde::{Deserialize, Serialize};

/// A SplitMix64 generator. Two forks with different names never share their numbers, so one
/// component asking for more of them does not change what another gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimRng {
    state: u64,
}

impl SimRng {
    /// The generator that `seed` starts.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// What [`SimRng::new`] makes this same generator from.
    pub const fn state(&self) -> u64 {
        self.state
    }

    /// An independent generator for the part called `name`; the same name gives the same one.
    pub fn fork(&self, name: &str) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ self.state;
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut fork = Self { state: hash };
        fork.next_u64();
        fork
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// `length` characters of the alphabet that generated names use.
    ///
    /// Upstream: staging/src/k8s.io/apimachinery/pkg/util/rand/rand.go, v1.36: no vowels and no
    /// digits that look like them, so that no bad words appear.
    pub fn suffix(&mut self, length: u32) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..length)
            .map(|_| ALPHABET[self.below(ALPHABET.len() as u64) as usize] as char)
            .collect()
    }

    /// A random (version 4) UUID in its text form.
    pub fn uuid(&mut self) -> String {
        let (a, b) = (self.next_u64(), self.next_u64());
        let groups = [
            (a >> 32, 8),
            ((a >> 16) & 0xffff, 4),
            (0x4000 | (a & 0xfff), 4),
            (0x8000 | ((b >> 48) & 0x3fff), 4),
            (b & 0xffff_ffff_ffff, 12),
        ];
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (number, digits) in groups {
            write_hex(&mut text[at..at + digits], number);
            at += digits + 1;
        }
        str::from_utf8(&text).unwrap_or_default().to_owned()
    }
}

/// Appends the last `digits` hexadecimal digits of `number`. Names and ids are made by the thousand,
/// and `format!` takes ten times as long.
pub fn push_hex(text: &mut String, number: u64, digits: u32) {
    let mut places = [0; 16];
    let digits = (digits as usize).min(places.len());
    write_hex(&mut places[..digits], number);
    text.push_str(str::from_utf8(&places[..digits]).unwrap_or_default());
}

/// Fills `places` with the last hexadecimal digits of `number`.
fn write_hex(places: &mut [u8], mut number: u64) {
    for place in places.iter_mut().rev() {
        *place = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_are_independent_and_repeatable() {
        let root = SimRng::new(7);
        let (mut a, mut b, mut again) = (root.fork("a"), root.fork("b"), root.fork("a"));
        let first: Vec<u64> = (0..4).map(|_| a.next_u64()).collect();
        assert_eq!(first, (0..4).map(|_| again.next_u64()).collect::<Vec<_>>());
        assert_ne!(first, (0..4).map(|_| b.next_u64()).collect::<Vec<_>>());
    }

    #[test]
    fn below_stays_below_and_suffix_has_no_vowels() {
        let mut rng = SimRng::new(1);
        assert!((0..1_000).all(|_| rng.below(3) < 3));
        assert_eq!(rng.below(0), 0);
        assert!(
            !rng.suffix(100)
                .contains(['a', 'e', 'i', 'o', 'u', '0', '1', '3'])
        );
        assert_eq!(rng.uuid().len(), 36);
    }

    #[test]
    fn hexadecimal_digits_are_those_of_format() {
        let mut text = String::new();
        push_hex(&mut text, 0x0123_4567_89ab_cdef, 16);
        push_hex(&mut text, 0xf_00a0, 4);
        assert_eq!(
            text,
            format!("{:016x}{:04x}", 0x0123_4567_89ab_cdef_u64, 0xa0)
        );
    }
}
