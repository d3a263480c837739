//! One number for everything a cluster is: equal runs have equal digests, natively and in wasm32.

use super::Cluster;

impl Cluster {
    /// FNV-1a over the whole state as JSON.
    pub fn digest(&self) -> u64 {
        let text = crate::api::codec::to_value(self).to_string();
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }
}
