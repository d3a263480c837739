//! The cluster that a script talks to, and what each command does to it.

use crate::script::Step;
use kubarium::api::NamespacedName;
use kubarium::cluster::{Cluster, ClusterConfig, Part};
use kubarium::kubectl::{Files, Progress, Run};
use kubarium::network::call::CallOutcome;
use kubarium::network::packet::PacketTrace;
use kubarium::sim::SimDuration;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How long a command may wait.
const LONGEST_WAIT: SimDuration = SimDuration::secs(2 * 3_600);
/// How old the cluster is when a script begins.
const START: SimDuration = SimDuration::secs(60);

/// A cluster and the folders that `-f` looks into.
pub struct World {
    pub cluster: Cluster,
    folders: Vec<PathBuf>,
}

impl World {
    /// A fresh cluster for a script in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self::of(folder, ClusterConfig::default())
    }

    /// A fresh cluster that no cloud is around, as the recorded ones.
    pub fn without_cloud(folder: &Path) -> Self {
        let config = ClusterConfig {
            load_balancers: 0,
            ..ClusterConfig::default()
        };
        Self::of(folder, config)
    }

    fn of(folder: &Path, config: ClusterConfig) -> Self {
        let mut cluster = Cluster::new(ClusterConfig {
            sample: false,
            ..config
        });
        let until = cluster.now() + START;
        cluster.run_until(until);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = [
            folder.to_owned(),
            root.join("tests/scripts"),
            root.join("static/examples"),
        ];
        Self {
            cluster,
            folders: folders.into(),
        }
    }

    /// Carries out a step and answers what it shows.
    pub fn run(&mut self, step: &Step) -> String {
        let command = self.expand(&step.command);
        let command = command.as_str();
        let shown = match command.split_once(' ') {
            Some(("advance", time)) => self.advance(time),
            Some(("fault", fault)) => self.fault(fault),
            Some(("curl", args)) => self.curl(args),
            Some(("timeout", rest)) => {
                let (time, line) = rest.split_once(' ').expect("timeout TIME COMMAND");
                let seconds = seconds(time).expect("a length of time");
                self.kubectl(line, step.stdin.clone(), Some(SimDuration::secs(seconds)))
            }
            _ => self.kubectl(command, step.stdin.clone(), None),
        };
        match shown.trim_end_matches('\n') {
            "" => String::new(),
            shown => format!("{shown}\n"),
        }
    }

    /// Puts what `$(kubectl …)` and `$(kubectl … | head -1)` print in their place.
    pub fn expand(&mut self, command: &str) -> String {
        let Some((before, rest)) = command.split_once("$(") else {
            return command.to_owned();
        };
        let (inner, after) = rest.split_once(')').expect("$( is closed");
        let (line, first) = match inner.split_once('|') {
            Some((line, "head -1" | " head -1")) => (line.trim_end(), true),
            Some(_) => panic!("only head -1 can be piped to: {command}"),
            None => (inner, false),
        };
        let shown = self.kubectl(line, None, None);
        let shown = match first {
            true => shown.lines().next().unwrap_or_default(),
            false => shown.trim_end(),
        };
        let expanded = format!("{before}{shown}{after}");
        self.expand(&expanded)
    }

    fn advance(&mut self, time: &str) -> String {
        match seconds(time) {
            Some(seconds) => {
                let until = self.cluster.now() + SimDuration::secs(seconds);
                self.cluster.run_until(until);
                String::new()
            }
            None => format!("no length of time: {time}"),
        }
    }

    fn fault(&mut self, fault: &str) -> String {
        let words: Vec<&str> = fault.split_whitespace().collect();
        let pod =
            |name: &str| NamespacedName::new("default", name.strip_prefix("pod/").unwrap_or(name));
        let cluster = &mut self.cluster;
        let done = match words.as_slice() {
            ["stop", "node", name] => cluster.stop_node(name),
            ["start", "node", name] => cluster.start_node(name),
            [verb @ ("stop" | "start"), "part", name] => match Part::of_name(name) {
                Some(part) if *verb == "stop" => {
                    cluster.stop_part(part);
                    true
                }
                Some(part) => {
                    cluster.start_part(part);
                    true
                }
                None => false,
            },
            ["crash", "pod", name] => cluster.crash_container(&pod(name), "", 1),
            ["readiness", "pod", name] => cluster.set_readiness(&pod(name), "", true),
            ["heal", "pod", name] => cluster.set_readiness(&pod(name), "", false),
            _ => false,
        };
        match done {
            true => String::new(),
            false => format!("no such fault: {fault}"),
        }
    }

    /// `curl [--from POD] [--times N] URL`. Several answers are counted, as `sort | uniq -c` does.
    fn curl(&mut self, args: &str) -> String {
        let (mut from, mut times, mut url) = (None, 1, "");
        let mut words = args.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "--from" => from = words.next().map(|pod| NamespacedName::new("default", pod)),
                "--times" => times = words.next().and_then(|n| n.parse().ok()).expect("a number"),
                word => url = word,
            }
        }
        let mut answers: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..times {
            let answer = match self.cluster.fetch(from.as_ref(), url) {
                Ok(trace) => told(&trace),
                Err(message) => format!("curl: (3) {message}\n"),
            };
            *answers.entry(answer).or_default() += 1;
        }
        match times {
            1 => answers.into_keys().collect(),
            _ => answers
                .iter()
                .map(|(answer, count)| format!("{count:7} {}\n", answer.trim_end()))
                .collect(),
        }
    }

    /// Carries out a command line of kubectl; the cluster goes on while it waits.
    pub fn kubectl(
        &mut self,
        line: &str,
        stdin: Option<String>,
        limit: Option<SimDuration>,
    ) -> String {
        let files = self.files(line, stdin);
        let start = self.cluster.now();
        let mut run = Run::start(line, &files, &mut self.cluster, start);
        let end = start + limit.unwrap_or(LONGEST_WAIT);
        loop {
            let until = match run.progress() {
                Progress::Done(0) => return run.output().text(),
                Progress::Done(code) => {
                    return format!("{}(exit code {code})\n", run.output().text());
                }
                Progress::Wait(until) => until.unwrap_or(end).min(end),
            };
            if self.cluster.now() >= end {
                assert!(
                    limit.is_some(),
                    "still waiting after {LONGEST_WAIT}: {line}"
                );
                return run.output().text();
            }
            self.cluster.step(until);
            let now = self.cluster.now();
            run.resume(&mut self.cluster, now);
        }
    }

    /// The files that a command line names.
    fn files(&self, line: &str, stdin: Option<String>) -> Files {
        let mut files = Files {
            stdin,
            ..Files::default()
        };
        for word in line.split([' ', '=', ',']) {
            let mut paths = self.folders.iter().map(|folder| folder.join(word));
            let found = paths.find_map(|path| std::fs::read_to_string(path).ok());
            if let Some(text) = found {
                files.named.insert(word.to_owned(), text);
            }
        }
        files
    }
}

/// What curl shows of a request.
fn told(trace: &PacketTrace) -> String {
    let millis = trace.took.as_millis();
    let failed = |address: &str| {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "80"));
        format!(
            "Failed to connect to {host} port {port} after {millis} ms: Could not connect to server\n"
        )
    };
    match &trace.outcome {
        CallOutcome::Answered(response) => response.body.clone(),
        CallOutcome::Refused { address } => format!("curl: (7) {}", failed(address)),
        CallOutcome::TimedOut { address } => format!("curl: (28) {}", failed(address)),
        CallOutcome::Unreachable { address } => format!("curl: (7) {}", failed(address)),
        CallOutcome::NoSuchName { name, .. } => {
            format!("curl: (6) Could not resolve host: {name}\n")
        }
        CallOutcome::NoNameServer { .. } => "curl: (6) Could not resolve host\n".to_owned(),
        CallOutcome::Outside { host } => format!("{host} is outside of the cluster\n"),
        CallOutcome::NotSent { reason } => format!("{reason}\n"),
        CallOutcome::Resolved { .. } => String::new(),
    }
}

/// Whole seconds of `30s`, `5m`, `1h`.
fn seconds(time: &str) -> Option<u64> {
    let (number, unit) = time
        .trim()
        .split_at_checked(time.trim().len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return None,
    };
    Some(number.parse::<u64>().ok()? * unit)
}
