//! What a person chooses of a new cluster. Its bounds stand here, so that the page can show them and
//! the engine can hold to them.

use serde::{Deserialize, Serialize};

/// The size and the seed of a new cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewCluster {
    /// How many workers.
    pub workers: u8,
    /// Thousandths of a CPU of each worker.
    pub cpu_milli: u32,
    /// MiB of memory of each worker.
    pub memory_mib: u32,
    /// How many Pods each worker takes.
    pub pods: u32,
    /// What all chance in it starts from.
    pub seed: u64,
}

impl Default for NewCluster {
    fn default() -> Self {
        Self {
            workers: 3,
            cpu_milli: 4_000,
            memory_mib: 8_192,
            pods: 110,
            seed: 1,
        }
    }
}

impl NewCluster {
    /// The fewest and the most workers.
    pub const WORKERS: (u8, u8) = (1, 50);
    /// The smallest and the largest CPU of a worker, in thousandths.
    pub const CPU_MILLI: (u32, u32) = (100, 1_024_000);
    /// The smallest and the largest memory of a worker, in MiB.
    pub const MEMORY_MIB: (u32, u32) = (128, 16_777_216);
    /// The fewest and the most Pods of a worker: its range has 253 addresses for them.
    pub const PODS: (u32, u32) = (1, 250);

    /// Whether every number is inside its bounds.
    ///
    /// # Errors
    /// The first one that is not, for a person.
    pub fn validate(&self) -> Result<(), String> {
        let (few, many) = Self::WORKERS;
        for (what, value, (low, high)) in [
            (
                "the number of workers",
                u32::from(self.workers),
                (u32::from(few), u32::from(many)),
            ),
            (
                "a worker's CPU, in thousandths,",
                self.cpu_milli,
                Self::CPU_MILLI,
            ),
            (
                "a worker's memory, in MiB,",
                self.memory_mib,
                Self::MEMORY_MIB,
            ),
            ("the number of a worker's Pods", self.pods, Self::PODS),
        ] {
            if !(low..=high).contains(&value) {
                return Err(format!("{what} must be from {low} to {high}, not {value}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_out_of_bounds_is_named() {
        assert_eq!(NewCluster::default().validate(), Ok(()));
        let none = NewCluster {
            workers: 0,
            ..NewCluster::default()
        };
        assert_eq!(
            none.validate().expect_err("no workers"),
            "the number of workers must be from 1 to 50, not 0"
        );
        let crowded = NewCluster {
            pods: 251,
            ..NewCluster::default()
        };
        assert!(crowded.validate().expect_err("too many").contains("Pods"));
    }
}
