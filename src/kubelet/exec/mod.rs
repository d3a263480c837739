//! Commands inside a container: what `kubectl exec` runs there.
//!
//! No program runs in a simulated container. A small interpreter answers for those that people use to
//! look around, from what the cluster knows: processes, environment, the files that a kubelet writes,
//! names and requests through the simulated network. Which commands an image has stands in
//! `static/images.yaml`. A process is plain data and goes on when it is told to: nothing blocks.
//!
//! Upstream: pkg/kubelet/kuberuntime/kuberuntime_container.go (GetExec), containerd's and runc's words
//! for what cannot be started, busybox's and Debian's commands. Left out: writing files, pipelines and
//! what else stands in `words`, environments from ConfigMaps and Secrets.

mod commands;
pub(super) mod env;
mod files;
mod network;
mod words;

use super::Kubelet;
use super::image::Program;
use crate::api::NamespacedName;
use crate::network::call::{CallAnswer, CallWhat};
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::core::v1::{Container as Spec, Pod, Service};
use serde::Serialize;
use std::sync::Arc;
use words::Joint;

/// The longest text that a process keeps of its input or prints at a time.
const TEXT_LIMIT: usize = 64 * 1024;
/// How many commands one call carries out.
const COMMANDS_MAX: u32 = 1_000;
/// What a terminal sends for Ctrl-C.
const INTERRUPT: char = '\u{3}';
/// How long something takes that never ends.
const FOREVER: SimDuration = SimDuration::secs(100 * 365 * 24 * 3_600);

/// What a process sees around it.
pub struct Place {
    pub(super) pod: Arc<Pod>,
    pub(super) spec: Spec,
    pub(super) program: &'static Program,
    pub(super) ip: String,
    pub(super) node: String,
    pub(super) started: SimTime,
    /// Counts the starts of the container's own process: with another number it is another container.
    pub starts: u32,
    /// The present.
    pub now: SimTime,
    /// The Services that there are, for their variables.
    pub services: Vec<Arc<Service>>,
}

/// Carries a call of a process through the network.
pub type Network<'a> = &'a mut dyn FnMut(CallWhat) -> CallAnswer;

/// What a process is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
enum Doing {
    /// It carries out its command or script, and ends with it.
    #[default]
    Script,
    /// It is a shell and reads commands.
    Shell,
    /// It has ended.
    Ended,
}

/// A process that was started in a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Process {
    /// Its number in the container.
    pid: u32,
    /// The command that it is, as it was started.
    argv: Vec<String>,
    doing: Doing,
    /// What it does when its script has come to its end.
    after: Doing,
    /// Whether its command prints what it reads, up to the input's end.
    copies: bool,
    /// What it is called as a shell; empty where it is none.
    shell: String,
    /// What the shell has still to carry out.
    script: String,
    /// Whether the next command is left out, for an `&&` or `||` before it.
    skips: bool,
    variables: Vec<(String, String)>,
    dir: String,
    input: String,
    closed: bool,
    tty: bool,
    prompted: bool,
    code: i32,
    /// It waits until then, and prints this afterwards.
    until: Option<SimTime>,
    held: (String, String),
}

/// What a process has printed.
#[derive(Default)]
pub struct Printed {
    /// To standard output.
    pub out: String,
    /// To standard error.
    pub err: String,
}

impl Process {
    /// Starts `argv` in a container.
    ///
    /// # Errors
    /// The container runtime's words, where there is no such program.
    pub fn start(
        pid: u32,
        argv: Vec<String>,
        (stdin, tty): (bool, bool),
        place: &Place,
    ) -> Result<Self, String> {
        let path = argv.first().map_or("", String::as_str);
        let name = match path.rsplit_once('/') {
            Some((folder, name)) if files::is_path(folder) => name,
            Some(_) => "",
            None => path,
        };
        if !commands::has(place.program, name) {
            let why = match path.contains('/') {
                true => format!("stat {path}: no such file or directory"),
                false => "executable file not found in $PATH".to_owned(),
            };
            return Err(format!(
                "OCI runtime exec failed: exec failed: unable to start container process: exec: {path:?}: {why}: unknown"
            ));
        }
        let mut process = Self {
            pid,
            dir: place.spec.working_dir.clone().unwrap_or("/".to_owned()),
            closed: !stdin,
            tty,
            ..Self::default()
        };
        if matches!(name, "sh" | "bash") {
            process.shell = name.to_owned();
            process.doing = Doing::Shell;
        }
        process.argv = argv;
        Ok(process)
    }

    /// Gives it what it can read. What is more than it keeps is dropped. At a terminal Ctrl-C ends
    /// what is going on, and the end of the input first of all the command that reads it.
    pub fn feed(&mut self, input: &str, closed: bool) {
        let mut input = input;
        if self.tty
            && let Some((_, rest)) = input.rsplit_once(INTERRUPT)
        {
            self.interrupt();
            input = rest;
        }
        let room = TEXT_LIMIT.saturating_sub(self.input.len());
        let mut end = room.min(input.len());
        while !input.is_char_boundary(end) {
            end -= 1;
        }
        self.input.push_str(&input[..end]);
        match closed && self.tty && self.copies {
            true => self.copies = false,
            false => self.closed |= closed,
        }
    }

    fn interrupt(&mut self) {
        const INTERRUPTED: i32 = 130;
        self.until = None;
        self.held = Default::default();
        self.script.clear();
        self.input.clear();
        (self.copies, self.prompted, self.code) = (false, false, INTERRUPTED);
        if self.shell.is_empty() {
            self.doing = Doing::Ended;
        }
    }

    /// Its exit code, once it has ended.
    pub fn code(&self) -> Option<i32> {
        (self.doing == Doing::Ended && !self.copies && self.until.is_none()).then_some(self.code)
    }

    /// Whether the script that it is given, if it is, is one that the shells here understand.
    pub fn is_understood(&self) -> bool {
        let script = self.argv.get(2).filter(|_| !self.shell.is_empty());
        script.is_none_or(|script| words::check(script).is_ok())
    }

    /// When it goes on by itself.
    pub const fn until(&self) -> Option<SimTime> {
        self.until
    }

    /// Lets it go on until it waits or ends.
    pub fn advance(&mut self, place: &Place, network: Network<'_>) -> Printed {
        let mut printed = Printed::default();
        for _ in 0..COMMANDS_MAX {
            if let Some(until) = self.until {
                if place.now < until {
                    return printed;
                }
                self.until = None;
                printed.out.push_str(&std::mem::take(&mut self.held.0));
                printed.err.push_str(&std::mem::take(&mut self.held.1));
            }
            if printed.out.len() + printed.err.len() > TEXT_LIMIT {
                break;
            }
            let goes_on = match self.doing {
                _ if self.copies => self.copy(&mut printed),
                Doing::Ended => false,
                Doing::Script => self.script(place, network, &mut printed),
                Doing::Shell => self.read(place, &mut printed),
            };
            if !goes_on {
                return printed;
            }
        }
        // It has done much at once: it goes on a moment later.
        self.until = Some(place.now + SimDuration::millis(1));
        printed
    }

    fn copy(&mut self, printed: &mut Printed) -> bool {
        printed.out.push_str(&std::mem::take(&mut self.input));
        self.copies = !self.closed;
        self.closed
    }

    /// Carries out the next command of a script, or the one command that it is.
    fn script(&mut self, place: &Place, network: Network<'_>, printed: &mut Printed) -> bool {
        if self.shell.is_empty() {
            self.doing = Doing::Ended;
            let words = self.argv.clone();
            self.carry_out(&words, place, network, printed);
            return true;
        }
        if self.script.is_empty() {
            // A shell that reads commands goes back to that.
            self.doing = self.after;
            return true;
        }
        let (code, variables) = (self.code, &self.variables);
        let value = |name: &str| match name {
            "?" => code.to_string(),
            name => env::value(name, variables, place),
        };
        let simple = match words::first(&self.script, &value) {
            Ok(simple) => simple,
            Err(why) => {
                self.refuse(&why, printed);
                return true;
            }
        };
        self.script.drain(..simple.length);
        if !simple.words.is_empty() && !self.skips {
            self.carry_out(&simple.words, place, network, printed);
        }
        self.skips = match simple.joint {
            Joint::Then => false,
            Joint::And => self.code != 0,
            Joint::Or => self.code == 0,
        };
        true
    }

    fn refuse(&mut self, why: &str, printed: &mut Printed) {
        printed.err.push_str(&format!("{}: {why}\n", self.shell));
        self.code = 2;
        self.script.clear();
    }

    /// Takes a script, of which nothing is carried out where a part of it is not understood.
    fn take(&mut self, script: String, after: Doing, printed: &mut Printed) {
        self.after = after;
        self.doing = Doing::Script;
        match words::check(&script) {
            Ok(()) => self.script = script,
            Err(why) => self.refuse(&why, printed),
        }
    }

    /// A shell looks for its next line.
    fn read(&mut self, place: &Place, printed: &mut Printed) -> bool {
        if self.argv.len() > 1 {
            let rest = self.argv.split_off(1);
            match rest.as_slice() {
                [flag, script, ..] if flag.starts_with('-') && flag.ends_with('c') => {
                    self.take(script.clone(), Doing::Ended, printed);
                }
                [flag] if matches!(flag.as_str(), "-i" | "-l" | "-il" | "-li") => {}
                [other, ..] => {
                    let why = format!("Kubarium's shells take no {other}");
                    self.refuse(&why, printed);
                    self.doing = Doing::Ended;
                }
                [] => {}
            }
            return true;
        }
        if let Some(end) = self.input.find('\n') {
            let line: String = self.input.drain(..=end).collect();
            self.prompted = false;
            self.take(line, Doing::Shell, printed);
            return true;
        }
        if self.closed {
            let line = std::mem::take(&mut self.input);
            match line.is_empty() {
                true => self.doing = Doing::Ended,
                false => self.take(line, Doing::Shell, printed),
            }
            return true;
        }
        if self.tty && !self.prompted {
            self.prompted = true;
            printed
                .out
                .push_str(&commands::prompt(&self.shell, &self.dir, place));
        }
        false
    }
}

impl Kubelet {
    /// What a process in a container of this node sees; `None` while that container does not run.
    pub fn place(&self, pod: &NamespacedName, container: &str, now: SimTime) -> Option<Place> {
        let worker = self.workers.get(pod)?;
        let found = worker.containers.iter().find(|c| c.name == container)?;
        let (started, _, runs) = found.life(false)?;
        Some(Place {
            pod: worker.pod.clone(),
            spec: worker.spec(container).filter(|_| runs)?.clone(),
            program: found.program()?,
            ip: worker.ip.clone()?,
            node: self.config.name.clone(),
            started,
            starts: found.starts,
            now,
            services: Vec::new(),
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
