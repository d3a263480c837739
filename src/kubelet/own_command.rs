//! What a container does whose spec says which command it runs.
//!
//! The interpreter behind `kubectl exec` goes through the command when the container starts, so that
//! one that ends by itself, as those of Jobs do, ends when and how it would. A command that it does not
//! know, that asks the network or that never ends leaves the container running, as one without a
//! command. Left out: a container's `args` without a `command`.

use super::exec::{Place, Process, env};
use super::{Kubelet, Timer};
use crate::api::NamespacedName;
use crate::client::Ctx;
use crate::network::call::{CallAnswer, CallOutcome};
use crate::sim::{SimDuration, SimTime};

/// A command that goes on for longer never ends.
const LONGEST: SimDuration = SimDuration::secs(30 * 24 * 3_600);
/// How often a command may wait, and how many bytes it may print.
const WAITS_MAX: u32 = 200;
const TEXT_LIMIT: usize = 16 * 1024;
/// Even a process that has nothing to do takes a moment.
const SHORTEST: SimDuration = SimDuration::millis(50);
/// The longest command, with its arguments, in bytes.
const COMMAND_LIMIT: usize = 16 * 1024;
/// What is said where the interpreter does not know something that a real container would: such a
/// command may as well go on.
const UNSURE: [&str; 3] = ["not found\n", "No such file or directory", "Kubarium"];

/// How a command goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Course {
    /// When it ends.
    pub end: SimTime,
    /// Its exit code.
    pub code: i32,
    /// The lines that it prints, and when.
    pub lines: Vec<(SimTime, String)>,
}

/// Whether the command may read what no container here has: an input, files of volumes, variables from
/// ConfigMaps, Secrets and resources.
fn reads_more(place: &Place, argv: &[String]) -> bool {
    let spec = &place.spec;
    let variables = spec.env.iter().flatten();
    let mut sources = variables.filter_map(|variable| variable.value_from.as_ref());
    let mut paths = spec.volume_mounts.iter().flatten();
    spec.stdin == Some(true)
        || spec.tty == Some(true)
        || spec.env_from.as_ref().is_some_and(|from| !from.is_empty())
        || sources.any(|source| source.field_ref.is_none())
        || paths.any(|mount| argv.iter().any(|word| word.contains(&mount.mount_path)))
}

/// How `argv` goes in `place`; `None` where it does not end, or nobody knows how.
pub fn course(argv: Vec<String>, mut place: Place) -> Option<Course> {
    let start = place.now;
    let argv: Vec<String> = argv.iter().map(|word| env::expand(word, &place)).collect();
    let length: usize = argv.iter().map(String::len).sum();
    if length > COMMAND_LIMIT || reads_more(&place, &argv) {
        return None;
    }
    let mut process = Process::start(1, argv, (false, false), &place).ok()?;
    if !process.is_understood() {
        return None;
    }
    let (mut lines, mut length, mut asked) = (Vec::new(), 0, false);
    for _ in 0..WAITS_MAX {
        let printed = process.advance(&place, &mut |_| {
            asked = true;
            CallAnswer {
                outcome: CallOutcome::NotSent {
                    reason: String::new(),
                },
                took: SimDuration::ZERO,
            }
        });
        length += printed.out.len() + printed.err.len();
        for line in printed.out.lines().chain(printed.err.lines()) {
            lines.push((place.now, line.to_owned()));
        }
        let mut unsure = UNSURE.iter().filter(|said| printed.err.contains(**said));
        if asked || length > TEXT_LIMIT || unsure.next().is_some() {
            return None;
        }
        if let Some(code) = process.code() {
            let end = place.now.max(start + SHORTEST);
            return Some(Course { end, code, lines });
        }
        place.now = process.until().filter(|at| *at < start + LONGEST)?;
    }
    None
}

impl Kubelet {
    /// Plans what the command of a container that has just started is going to do.
    pub(super) fn follow_command(
        &mut self,
        name: &NamespacedName,
        index: usize,
        ctx: &mut Ctx<'_>,
    ) -> Option<()> {
        let container = self.workers.get(name)?.containers.get(index)?;
        let (label, start) = (container.name.clone(), container.starts);
        let place = self.place(name, &label, ctx.now)?;
        let mut argv = place
            .spec
            .command
            .clone()
            .filter(|words| !words.is_empty())?;
        argv.extend(place.spec.args.clone().unwrap_or_default());
        let course = course(argv, place)?;
        let exit = Timer::Exit(name.clone(), index, start, course.code);
        self.timers.push(course.end, exit);
        let container = self.workers.get_mut(name)?.containers.get_mut(index)?;
        let mut last = ctx.now;
        for (at, line) in &course.lines {
            if *at > last {
                last = *at;
                self.timers.push(*at, Timer::Log(name.clone(), index));
            }
            container.will_say(*at, line.clone());
        }
        container.say(ctx.now);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::exec::tests::place;
    use super::*;

    fn went(image: &str, argv: &[&str]) -> Option<(u64, i32, Vec<String>)> {
        let place = place(image);
        let start = place.now;
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        let course = course(argv, place)?;
        let lines = course.lines.into_iter();
        let lines = lines.map(|(at, line)| format!("{} {line}", at.since(start).as_secs()));
        Some((
            course.end.since(start).as_millis(),
            course.code,
            lines.collect(),
        ))
    }

    #[test]
    fn a_command_ends_when_and_how_it_would() {
        let none: &[&str] = &[];
        for (argv, want) in [
            (&["sh", "-c", "sleep 3"][..], Some((3_000, 0, none))),
            (&["sleep", "5"], Some((5_000, 0, none))),
            (&["true"], Some((50, 0, none))),
            (&["sh", "-c", "exit 3"], Some((50, 3, none))),
            (
                &[
                    "sh",
                    "-c",
                    "echo one; sleep 2 && echo two; sleep 1; exit 42",
                ],
                Some((3_000, 42, &["0 one", "2 two"])),
            ),
            (&["sleep", "infinity"], None),
            (&["sh"], Some((50, 0, none))),
            (&["sh", "-c", "while true; do sleep 1; done"], None),
            (&["sh", "-c", "python train.py || sleep 3"], None),
            (&["python", "train.py"], None),
            (&["wget", "-O-", "http://web"], None),
            (&["sh", "-e", "-c", "exit 3"], None),
            (&["sh", "/scripts/start.sh"], None),
            (&["sh", "-c", "sh -c 'exit 3'"], None),
            (&["sh", "-c", "cat /config/x && sleep 3600"], None),
            (&["date", "+%F"], None),
            (
                &["echo", "$(HOSTNAME) $(NOBODY) $$(HOSTNAME)"],
                Some((50, 0, &["0 web-1 $(NOBODY) $(HOSTNAME)"])),
            ),
        ] {
            let want = want.map(|(millis, code, lines)| {
                let lines = lines.iter().map(|line| (*line).to_owned()).collect();
                (millis, code, lines)
            });
            assert_eq!(went("busybox", argv), want, "{argv:?}");
        }
    }
}
