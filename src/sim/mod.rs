//! Time, chance and order: the three things a simulation must be given. Knows no Kubernetes.

mod queue;
mod rng;
mod time;

pub use queue::EventQueue;
pub use rng::SimRng;
pub use time::{SimDuration, SimTime};
