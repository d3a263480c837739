//! Runs a list of steps; makes a failing one as short as it gets.

use crate::rest;
use crate::step::Step;
use crate::world::World;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The most runs that shrinking takes.
const RUNS: u32 = 400;

/// Runs `steps` and heals; errors are what must never be, panics among them.
pub fn run(seed: u64, steps: &[Step]) -> Result<(), String> {
    let whole = || {
        let mut world = World::new(seed);
        steps.iter().try_for_each(|step| world.take(step))?;
        rest::converge(&mut world)
    };
    catch_unwind(AssertUnwindSafe(whole)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("panicked: {}", text.unwrap_or_default()))
    })
}

/// Leaves out steps, many at once and then single ones, for as long as `fails` holds.
pub fn shrink(steps: Vec<Step>, mut fails: impl FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut steps = steps;
    let mut left = RUNS;
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < steps.len() && left > 0 {
            left -= 1;
            let mut candidate = steps.clone();
            candidate.drain(at..(at + size).min(steps.len()));
            match fails(&candidate) {
                true => {
                    steps = candidate;
                    shorter = true;
                }
                false => at += size,
            }
        }
        if !shorter || left == 0 {
            size /= 2;
        }
    }
    steps
}

/// Runs `steps`; panics with the seed, the shortest steps that fail and why.
pub fn must_hold(seed: u64, steps: Vec<Step>) {
    let Err(first) = run(seed, &steps) else {
        return;
    };
    let kind = |why: &str| why.split(':').next().unwrap_or_default().to_owned();
    let steps = shrink(steps, |steps| {
        run(seed, steps).is_err_and(|why| kind(&why) == kind(&first))
    });
    let why = run(seed, &steps).err().unwrap_or(first);
    let script: String = steps.iter().map(|step| format!("  {step}\n")).collect();
    panic!("seed {seed}\n{script}{why}");
}

#[test]
fn only_what_makes_it_fail_is_left() {
    let steps: Vec<Step> = (0..40).map(Step::Wait).collect();
    let both = |steps: &[Step]| steps.contains(&Step::Wait(7)) && steps.contains(&Step::Wait(31));
    assert_eq!(shrink(steps, both), [Step::Wait(7), Step::Wait(31)]);
}
