//! Simulated runs: random commands and faults, invariants after every event, and once everything is
//! healed the cluster must come to rest.
//!
//! `SIMULATION_SEEDS=2000 cargo test --test simulation` runs more of them; `SIMULATION_FIRST=17`
//! begins with another seed. What fails is printed as a seed and the shortest steps that still fail.
#![cfg(not(target_arch = "wasm32"))]

mod backup;
mod determinism;
mod invariants;
mod jobs;
mod rest;
mod restart;
mod rollout;
mod sets;
mod shrink;
mod step;
mod world;

use kubarium::sim::SimRng;

/// How many runs there are of each group unless more are asked for.
const SEEDS: u64 = 200;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn runs(group: &str, steps: u64, faults: bool) {
    let first = number("SIMULATION_FIRST").unwrap_or(1);
    let count = number("SIMULATION_SEEDS").unwrap_or(SEEDS);
    for seed in first..first + count {
        let mut rng = SimRng::new(seed).fork(group);
        shrink::must_hold(seed, step::random(&mut rng, steps, faults));
    }
}

#[test]
fn commands_alone_leave_a_cluster_at_rest() {
    runs("commands", 12, false);
}

#[test]
fn commands_and_faults_leave_a_cluster_at_rest_once_healed() {
    runs("faults", 20, true);
}
