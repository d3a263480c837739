//! What a Deployment of 300 replicas costs natively, in CPU time of this thread:
//! `cargo bench --bench rollout`. `tests/rollout_wasm.rs` measures the same in WebAssembly.
//!
//! A number as its argument says how often to run it (under a profiler, once or twice will do):
//! `cargo bench --bench rollout -- 2`.

#[path = "../../src/allocator.rs"]
mod allocator;
#[path = "../cpu.rs"]
mod cpu;
mod scenario;

use scenario::{REPLICAS, RUNS};
use std::process::ExitCode;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

const BUDGET_US: u64 = 50_000;

fn main() -> ExitCode {
    let runs = std::env::args().find_map(|word| word.parse().ok());
    let before = scenario::before();
    let measured = (0..runs.unwrap_or(RUNS)).map(|_| {
        let mut cluster = before.clone();
        let start = cpu::ns();
        let run = scenario::run(&mut cluster);
        ((cpu::ns() - start) / 1_000, run)
    });
    let Some((cpu_us, run)) = measured.min_by_key(|(cpu_us, _)| *cpu_us) else {
        return ExitCode::FAILURE;
    };
    println!("{REPLICAS} replicas ready: {cpu_us} us of CPU (budget {BUDGET_US}), {run}");
    match cpu_us <= BUDGET_US {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
