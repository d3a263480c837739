//! Numbers for what a cluster is: equal runs have equal ones, natively and in wasm32.

use super::Cluster;

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(hash: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl Cluster {
    /// FNV-1a over the whole state as JSON.
    pub fn digest(&self) -> u64 {
        fnv(BASIS, crate::api::codec::to_value(self).to_string().bytes())
    }

    /// A cheap number that two runs share only if every part woke as often and everything was
    /// written as often in both: the time, the store's revision and where the generators stand.
    pub fn mark(&self) -> u64 {
        let revision = self.api.etcd().revision();
        let (rng, api_rng) = (self.rng.state(), self.api.rng().state());
        let numbers = [self.now.as_micros(), revision, rng, api_rng];
        fnv(BASIS, numbers.into_iter().flat_map(u64::to_le_bytes))
    }
}
