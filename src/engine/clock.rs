//! Real time to simulated time.

// The one place that reads the wall clock.
#![allow(clippy::disallowed_methods)]

use crate::sim::{SimDuration, SimTime};

/// The slowest and the fastest speed, in thousandths of real time.
const SPEEDS: (u32, u32) = (100, 1_000_000);
/// The longest stretch of real time that one tick makes up for, in milliseconds.
const CATCH_UP_MS: f64 = 500.0;

/// How fast simulated time passes.
pub struct Pace {
    paused: bool,
    speed: u32,
    last_ms: f64,
}

impl Pace {
    /// As fast as real time.
    pub fn new() -> Self {
        Self {
            paused: false,
            speed: 1_000,
            last_ms: js_sys::Date::now(),
        }
    }

    /// Forgets the real time that has passed.
    pub fn restart(&mut self) {
        self.last_ms = js_sys::Date::now();
    }

    /// Whether time stands still.
    pub const fn paused(&self) -> bool {
        self.paused
    }

    /// Thousandths of real time.
    pub const fn speed(&self) -> u32 {
        self.speed
    }

    /// Lets time stand still or go on.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        self.restart();
    }

    /// Sets the speed, within its bounds.
    pub fn set_speed(&mut self, speed: u32) {
        self.speed = speed.clamp(SPEEDS.0, SPEEDS.1);
    }

    /// The cluster could not keep up: what is missing is not made up for.
    pub fn fell_behind(&mut self) {
        self.restart();
    }

    /// The moment the cluster should have reached by now.
    pub fn target(&mut self, from: SimTime) -> SimTime {
        let now = js_sys::Date::now();
        let real_ms = (now - self.last_ms).clamp(0.0, CATCH_UP_MS);
        self.last_ms = now;
        if self.paused {
            return from;
        }
        from + SimDuration::micros((real_ms * f64::from(self.speed)) as u64)
    }
}

/// Real time, in milliseconds since 1970.
pub fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

/// A text that no other tab has.
pub fn chance() -> String {
    format!("{:016x}", js_sys::Math::random().to_bits())
}
