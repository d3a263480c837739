//! Time, chance and order: the three things a simulation must be given. Knows no Kubernetes.

mod queue;
mod rng;
mod time;

pub use queue::EventQueue;
pub use rng::{SimRng, push_hex};
pub use time::{SimDuration, SimTime};

/// Serialises a map as a list of pairs, for keys that are no strings.
///
/// # Errors
/// The serializer's own.
pub fn as_pairs<K, V, S>(
    map: &std::collections::BTreeMap<K, V>,
    serializer: S,
) -> Result<S::Ok, S::Error>
where
    K: serde::Serialize,
    V: serde::Serialize,
    S: serde::Serializer,
{
    serializer.collect_seq(map)
}
