//! Time, chance and order: the three things a simulation must be given. Knows no Kubernetes.

mod map;
pub mod order;
mod queue;
mod rng;
mod set;
mod time;

pub use map::SortedMap;
pub use queue::EventQueue;
pub use rng::{SimRng, push_hex};
pub use set::SortedSet;
pub use time::{SimDuration, SimTime};

/// A map as a list of pairs both ways, for keys that are no strings: `#[serde(with = "…")]`.
pub mod pairs {
    use super::SortedMap;
    use serde::{Deserialize, Deserializer};

    pub use super::as_pairs as serialize;

    /// Reads what [`serialize`] writes.
    ///
    /// # Errors
    /// The deserializer's own.
    pub fn deserialize<'de, K, V, D>(deserializer: D) -> Result<SortedMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Vec::<(K, V)>::deserialize(deserializer).map(SortedMap::from_iter)
    }
}

/// Serialises a map as a list of pairs, for keys that are no strings.
///
/// # Errors
/// The serializer's own.
pub fn as_pairs<'m, M, S>(map: &'m M, serializer: S) -> Result<S::Ok, S::Error>
where
    &'m M: IntoIterator<Item: serde::Serialize>,
    S: serde::Serializer,
{
    serializer.collect_seq(map)
}
