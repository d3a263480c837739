//! One container: from its image to its end, and round again.

use super::backoff::Backoff;
use super::image::{self, OnSigterm, Program};
use crate::network::http::{HttpRequest, HttpResponse};
use crate::sim::{SimDuration, SimTime, order};
use k8s_openapi::api::core::v1::Container as Spec;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How many log lines a container keeps.
pub const LOG_LINES: u32 = 1_000;
/// The first wait before an image is pulled again; it doubles up to the last.
const BACKOFF_MIN: SimDuration = SimDuration::secs(10);
const BACKOFF_MAX: SimDuration = SimDuration::secs(300);

/// A line of a container's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was written.
    pub at: SimTime,
    /// The text, without the line's end.
    pub text: String,
}

/// Where a container is in its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Its image is not there yet.
    Waiting,
    /// Its image is being pulled since then.
    Pulling(SimTime),
    /// Its image cannot be had.
    PullFailed {
        /// The runtime's words.
        message: String,
        /// Whether the kubelet has looked at it since and found that it has to wait.
        backing_off: bool,
        /// Until when it is not tried again.
        #[serde(default)]
        until: SimTime,
    },
    /// Its process runs since then and listens from the second moment on.
    Running(SimTime, SimTime),
    /// Its process has ended.
    Exited(Exited),
}

/// Why a process ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Of itself.
    #[default]
    Own,
    /// Its liveness probe failed: the kubelet ends it.
    Unhealthy,
    /// Its image was changed: the kubelet ends it and starts the new one, whatever the policy.
    Changed,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exited {
    /// When it started.
    pub started: SimTime,
    /// When it ended.
    pub finished: SimTime,
    /// Its exit code.
    pub code: i32,
    /// `Completed`, `Error` or `OOMKilled`.
    pub reason: String,
}

/// How probes of one sort have gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeState {
    /// Failures in a row.
    pub failures: u32,
    /// Successes in a row.
    pub successes: u32,
    /// What the threshold has made of them.
    pub passed: bool,
}

/// A container of a Pod on this node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Container {
    /// The name in the spec.
    pub name: String,
    /// The image in the spec.
    pub image: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// How it ended the time before.
    pub last: Option<Exited>,
    /// How often it was started again.
    pub restarts: i32,
    /// Counts the starts of its process, and is part of its id.
    pub starts: u32,
    /// Its process ended and is to be started again.
    pub again: bool,
    /// It waits for that longer than it would otherwise: `CrashLoopBackOff`.
    pub held: bool,
    /// Why its process ends, or is going to.
    pub ending: Ending,
    /// How long it waits after an end.
    pub backoff: Backoff,
    /// Requests since its process started.
    pub requests: u32,
    /// Somebody made its readiness fail.
    pub readiness_broken: bool,
    /// How its readiness probe has gone.
    pub readiness: ProbeState,
    /// How its liveness probe has gone.
    pub liveness: ProbeState,
    /// Failed pulls in a row.
    pub pull_failures: u32,
    log: VecDeque<LogLine>,
    /// What its process is going to print.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    coming: Vec<LogLine>,
}

impl Container {
    /// A container that has not started.
    pub fn new(spec: &Spec) -> Self {
        Self {
            name: spec.name.clone(),
            image: spec.image.clone().unwrap_or_default(),
            phase: Phase::Waiting,
            last: None,
            restarts: 0,
            starts: 0,
            again: false,
            held: false,
            ending: Ending::Own,
            backoff: Backoff::default(),
            requests: 0,
            readiness_broken: false,
            readiness: ProbeState::default(),
            liveness: ProbeState::default(),
            pull_failures: 0,
            log: VecDeque::new(),
            coming: Vec::new(),
        }
    }

    /// What it runs.
    pub fn program(&self) -> Option<&'static Program> {
        image::find(&self.image).ok()
    }

    /// Whether its process runs.
    pub const fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running(..))
    }

    /// Starts its process, which listens from `listens` on.
    pub fn start(&mut self, now: SimTime, listens: SimTime) {
        self.clear();
        if self.starts > 0 {
            self.restarts += 1;
            let ended = self.last.as_ref().map_or(now, |exited| exited.finished);
            self.backoff.next(ended, now);
        }
        (self.again, self.held, self.ending) = (false, false, Ending::Own);
        self.phase = Phase::Running(now, listens);
        self.starts += 1;
        self.requests = 0;
        self.readiness = ProbeState::default();
        self.liveness = ProbeState::default();
        let lines = self
            .program()
            .map(|program| program.log.clone())
            .unwrap_or_default();
        for line in lines {
            self.note(now, line.replace("{date}", &image::date(now)));
        }
    }

    /// Its program ends by itself at `at`, and may say so.
    pub fn plan_words(&mut self, at: SimTime) {
        let exit = self.program().and_then(|program| program.exit.as_ref());
        if let Some(exit) = exit.filter(|exit| !exit.log.is_empty()) {
            self.will_say(at, exit.log.replace("{date}", &image::date(at)));
        }
    }

    /// Its process prints `text` at `at`.
    pub fn will_say(&mut self, at: SimTime, text: String) {
        self.coming.push(LogLine { at, text });
    }

    /// What its process is going to print.
    pub fn coming(&self) -> &[LogLine] {
        &self.coming
    }

    /// When it is going to print something, each moment once.
    pub fn coming_at(&self) -> Vec<SimTime> {
        let mut moments: Vec<SimTime> = self.coming.iter().map(|line| line.at).collect();
        order::sort(&mut moments);
        moments.dedup();
        moments
    }

    /// What its process has printed by now goes to its log.
    pub fn say(&mut self, now: SimTime) {
        let coming = std::mem::take(&mut self.coming);
        for line in coming {
            match line.at <= now {
                true => self.note(line.at, line.text),
                false => self.coming.push(line),
            }
        }
    }

    /// Its process has ended.
    pub fn exit(&mut self, now: SimTime, code: i32, reason: Option<&str>) {
        self.say(now);
        self.coming.clear();
        let started = match self.phase {
            Phase::Running(started, _) => started,
            _ => now,
        };
        let reason = reason
            .unwrap_or(if code == 0 { "Completed" } else { "Error" })
            .to_owned();
        self.phase = Phase::Exited(Exited {
            started,
            finished: now,
            code,
            reason,
        });
    }

    /// When its process started, when it ended, and whether it runs; of its life before, where
    /// that is asked for. While it waits to be started again, its last life is its present one.
    pub fn life(&self, previous: bool) -> Option<(SimTime, Option<SimTime>, bool)> {
        let ended = |life: &Exited| (life.started, Some(life.finished), false);
        match (&self.phase, previous) {
            (Phase::Running(started, _), false) => Some((*started, None, true)),
            (Phase::Exited(exited), false) => Some(ended(exited)),
            _ => self.last.as_ref().map(ended),
        }
    }

    /// Makes room for its next process.
    pub fn clear(&mut self) {
        if let Phase::Exited(exited) = &self.phase {
            self.last = Some(exited.clone());
            self.phase = Phase::Waiting;
        }
    }

    /// When a process that just ended may be started again. One that the kubelet ended itself is
    /// started at once, unless the process before it ended a short while ago.
    pub fn may_start(&self, now: SimTime) -> SimTime {
        let since = match self.ending {
            Ending::Own => Some(now),
            Ending::Unhealthy | Ending::Changed => self.last.as_ref().map(|exited| exited.finished),
        };
        let held = since.and_then(|since| self.backoff.until(since));
        held.map_or(now, |until| until.max(now))
    }

    /// How long it waits before its image is pulled again.
    pub fn pull_backoff(&self) -> SimDuration {
        let doubled = BACKOFF_MIN.saturating_mul(1 << self.pull_failures.saturating_sub(1).min(6));
        doubled.min(BACKOFF_MAX)
    }

    /// Whether telling it to end does nothing.
    pub fn ignores_sigterm(&self) -> bool {
        self.program()
            .is_some_and(|program| program.sigterm == OnSigterm::Ignore)
    }

    /// Whether its process takes connections on `port`.
    pub fn listens(&self, spec: &Spec, port: u16, now: SimTime) -> bool {
        let Phase::Running(_, from) = self.phase else {
            return false;
        };
        let Some(program) = self.program() else {
            return false;
        };
        let declared = spec
            .ports
            .iter()
            .flatten()
            .any(|p| p.container_port == i32::from(port));
        from <= now
            && program
                .ports
                .as_ref()
                .map_or(declared, |ports| ports.contains(&port))
    }

    /// Answers a request.
    pub fn answer(&mut self, hostname: &str, request: &HttpRequest, now: SimTime) -> HttpResponse {
        self.requests = self.requests.saturating_add(1);
        let Some(program) = self.program() else {
            return HttpResponse::default();
        };
        let tag = image::split(&self.image).1.to_owned();
        let fill = |text: &str| {
            text.replace("{hostname}", hostname)
                .replace("{tag}", &tag)
                .replace("{client}", &request.client_ip)
                .replace("{path}", &request.path)
        };
        let path = request.path.split('?').next().unwrap_or_default();
        let applies = |answer: &&image::Answer| {
            answer.path.as_deref().is_none_or(|p| p == path) && self.requests >= answer.from
        };
        let answer = program.answers.iter().rev().find(applies);
        let response = match answer {
            Some(answer) => HttpResponse {
                status: answer.status,
                body: fill(&answer.body),
            },
            None => HttpResponse {
                status: 404,
                body: "404 page not found\n".to_owned(),
            },
        };
        if let Some(line) = &program.request_log {
            self.note(now, fill(line));
        }
        response
    }

    /// The last `tail` lines of its log, oldest first.
    pub fn log(&self, tail: u32) -> impl Iterator<Item = &LogLine> {
        self.log
            .iter()
            .skip(self.log.len().saturating_sub(tail as usize))
    }

    /// Puts lines that were kept elsewhere in the place of its log.
    pub fn set_log(&mut self, lines: impl IntoIterator<Item = LogLine>) {
        self.log.clear();
        lines
            .into_iter()
            .for_each(|line| self.note(line.at, line.text));
    }

    fn note(&mut self, at: SimTime, text: String) {
        self.log.push_back(LogLine { at, text });
        if self.log.len() > LOG_LINES as usize {
            self.log.pop_front();
        }
    }
}
