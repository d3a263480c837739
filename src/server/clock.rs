//! The wall clock, and the simulated time that it stands for.

#![allow(clippy::disallowed_types)]

use crate::sim::{SimDuration, SimTime};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds since the Unix epoch.
pub fn unix_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Simulated time runs from `start`, so many times as fast as real time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    start: SimTime,
    speed: f64,
}

impl Clock {
    /// A clock that shows `start` now.
    pub fn new(start: SimTime, speed: f64) -> Self {
        Self {
            began: Instant::now(),
            start,
            speed,
        }
    }

    /// What it shows.
    pub fn now(&self) -> SimTime {
        let passed = self.began.elapsed().mul_f64(self.speed);
        let micros = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX);
        self.start + SimDuration::micros(micros)
    }

    /// How long it takes until it shows `at`.
    pub fn until(&self, at: SimTime) -> Duration {
        let left = at.as_micros().saturating_sub(self.now().as_micros());
        Duration::from_micros(left).div_f64(self.speed)
    }
}
