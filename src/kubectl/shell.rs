//! A kubectl command line: read, carried out, and resumed where it waits.
//!
//! Nothing blocks and nothing is called back: a command that waits says so, and is resumed whenever
//! somebody thinks that it may go on.

use super::commands::{self, Pending, Verb};
use super::failure::Failure;
use super::flags::{self, Words};
use super::impersonate::{self, Impersonated};
use super::output::Output;
use crate::apiserver::ApiHandle;
use crate::apiserver::access::User;
use crate::sim::SimTime;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest command line that is read.
const LINE_LIMIT: usize = 64 * 1024;

/// What a command line can read besides the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Texts by their path.
    pub named: BTreeMap<String, String>,
    /// What comes in on standard input.
    pub stdin: Option<String>,
}

/// How far a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Progress {
    /// It has ended with this exit code.
    Done(u8),
    /// It waits for the cluster to change, until this moment at the latest.
    Wait(Option<SimTime>),
}

/// What a command works with.
pub struct Shell<'a> {
    /// The cluster.
    pub api: &'a mut dyn ApiHandle,
    /// The present.
    pub now: SimTime,
    /// The files it can read.
    pub files: &'a Files,
    /// What it prints.
    pub out: &'a mut Output,
    /// Its words.
    pub words: &'a Words,
    /// The namespace it works in.
    pub namespace: &'a str,
    /// Whom it is done for.
    pub user: &'a User,
    /// The words of its verb: `rollout status`.
    pub verb: &'static str,
}

impl Shell<'_> {
    /// `kubectl rollout status`
    pub fn command(&self) -> String {
        format!("kubectl {}", self.verb)
    }

    /// A wrong use of the command.
    pub fn usage(&self, message: &str) -> Failure {
        Failure::usage(&self.command(), message)
    }
}

/// A command on its way. Plain data: it can be kept, compared and copied.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    output: Output,
    pending: Option<Pending>,
    code: u8,
    /// Whom it is done for, where that is somebody else.
    user: Option<Arc<User>>,
}

impl Run {
    /// Begins what `line` says: `kubectl get pods -o wide`.
    pub fn start(line: &str, files: &Files, api: &mut dyn ApiHandle, now: SimTime) -> Self {
        let mut run = Self {
            output: Output::default(),
            pending: None,
            code: 0,
            user: None,
        };
        let started = run.begin(line, files, api, now);
        run.settle(started);
        run
    }

    fn begin(
        &mut self,
        line: &str,
        files: &Files,
        api: &mut dyn ApiHandle,
        now: SimTime,
    ) -> Result<Option<Pending>, Failure> {
        let words = split(line)?;
        let (verb, rest) = find_verb(&words)?;
        let known = [&[flags::GLOBAL], verb.flags].concat();
        let sorted = Words::sort(&rest, &known);
        let sorted = sorted.map_err(|failure| match failure {
            Failure::Client(message) => Failure::Client(format!(
                "{message}\nSee 'kubectl {} --help' for usage.",
                verb.name
            )),
            other => other,
        })?;
        if sorted.switch("help") {
            self.output.out(verb.help());
            return Ok(None);
        }
        let namespace = sorted.text("namespace").unwrap_or("default").to_owned();
        self.user = impersonate::user_of(&sorted)?;
        let owner = User::admin();
        let mut served;
        let api = match &self.user {
            Some(user) => {
                let user = user.clone();
                served = Impersonated { api, user };
                &mut served as &mut dyn ApiHandle
            }
            None => api,
        };
        let mut shell = Shell {
            api,
            user: self.user.as_deref().unwrap_or(&owner),
            now,
            files,
            out: &mut self.output,
            words: &sorted,
            namespace: &namespace,
            verb: verb.name,
        };
        (verb.run)(&mut shell)
    }

    /// Goes on with a command that waits; nothing happens to one that has ended.
    pub fn resume(&mut self, api: &mut dyn ApiHandle, now: SimTime) {
        if let Some(mut pending) = self.pending.take() {
            let resumed = match self.user.clone() {
                Some(user) => {
                    let mut served = Impersonated { api, user };
                    pending.resume(&mut served, now, &mut self.output)
                }
                None => pending.resume(api, now, &mut self.output),
            };
            let resumed = resumed.map(|waits| waits.then_some(pending));
            self.settle(resumed);
        }
    }

    fn settle(&mut self, result: Result<Option<Pending>, Failure>) {
        match result {
            Ok(pending) => self.pending = pending,
            Err(failure) => {
                self.pending = None;
                self.output.err(failure.text());
                self.code = match failure {
                    Failure::Exit(code) => u8::try_from(code).unwrap_or(u8::MAX),
                    _ => 1,
                };
            }
        }
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        match &self.pending {
            Some(pending) => Progress::Wait(pending.until()),
            None => Progress::Done(self.code),
        }
    }

    /// What it has printed up to now.
    pub const fn output(&self) -> &Output {
        &self.output
    }
}

/// The words of a line, quoted as in a shell.
fn split(line: &str) -> Result<Vec<String>, Failure> {
    if line.len() > LINE_LIMIT {
        let message = format!("the command line is longer than {LINE_LIMIT} bytes");
        return Err(Failure::client(message));
    }
    let words = shlex::split(line);
    words.ok_or_else(|| Failure::client("the command line ends inside a quotation"))
}

/// The verb of a command line, and all its other words.
fn find_verb(words: &[String]) -> Result<(&'static Verb, Vec<String>), Failure> {
    let words = match words.split_first() {
        Some((program, rest)) if program == "kubectl" => rest,
        Some((program, _)) => {
            return Err(Failure::client(format!("{program}: not a kubectl command")));
        }
        None => return Err(Failure::client("an empty command line")),
    };
    let mut names: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < words.len() && names.len() < 2 {
        let word = &words[at];
        let takes = ["-n", "--namespace", "--as", "--as-group", "--as-uid"];
        if takes.contains(&word.as_str()) {
            at += 1;
        } else if !word.starts_with('-') {
            names.push(at);
        } else if !names.is_empty() {
            break;
        }
        at += 1;
    }
    let word = |index: usize| names.get(index).map(|at| words[*at].as_str());
    let Some(first) = word(0) else {
        return Err(Failure::client(format!(
            "no command given\n\n{}",
            commands::overview().trim_end()
        )));
    };
    let verb = commands::find(first, word(1)).ok_or_else(|| commands::unknown(first, word(1)))?;
    let used = &names[..verb.name.split(' ').count().min(names.len())];
    let rest = words.iter().enumerate();
    let rest = rest.filter(|(at, _)| !used.contains(at));
    Ok((verb, rest.map(|(_, word)| word.clone()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::ApiServer;
    use crate::sim::SimRng;

    fn server() -> ApiServer {
        ApiServer::new(Default::default(), SimRng::new(1))
    }

    /// What a line prints, and how far it is then.
    fn run(line: &str, files: &Files, server: &mut ApiServer) -> (String, Progress) {
        let run = Run::start(line, files, server, SimTime::from_secs(100));
        (run.output().text(), run.progress())
    }

    #[test]
    fn flags_may_stand_before_the_verb() {
        let mut server = server();
        let files = Files::default();
        let (text, progress) = run("kubectl -n x get pods", &files, &mut server);
        assert_eq!(text, "No resources found in x namespace.\n");
        assert_eq!(progress, Progress::Done(0));
        let (text, _) = run("kubectl --namespace=y get -h", &files, &mut server);
        assert!(
            text.starts_with("Show one object or many.\n\nUsage:\n  kubectl get "),
            "{text}"
        );
    }

    #[test]
    fn a_command_that_waits_is_resumed() {
        let mut server = server();
        let files = Files {
            stdin: Some(
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, finalizers: [x.io/hold]}}"
                    .to_owned(),
            ),
            ..Files::default()
        };
        run("kubectl create namespace default", &files, &mut server);
        let (text, _) = run("kubectl create -f -", &files, &mut server);
        assert_eq!(text, "configmap/a created\n");
        let now = SimTime::from_secs(100);
        let line = "kubectl delete configmap a --timeout=30s";
        let mut waiting = Run::start(line, &files, &mut server, now);
        let until = SimTime::from_secs(130);
        assert_eq!(waiting.progress(), Progress::Wait(Some(until)));
        let mut late = waiting.clone();
        late.resume(&mut server, until);
        assert_eq!(late.progress(), Progress::Done(1));
        let text = "error: timed out waiting for the condition on configmaps/a\n";
        assert!(late.output().text().ends_with(text));
        let line =
            "kubectl patch configmap a --type=merge -p '{\"metadata\":{\"finalizers\":null}}'";
        run(line, &files, &mut server);
        waiting.resume(&mut server, now);
        assert_eq!(waiting.progress(), Progress::Done(0));
    }

    /// Whatever is typed is answered, and nothing panics.
    #[test]
    fn nonsense_is_refused() {
        let mut server = server();
        let words = [
            "kubectl",
            "get",
            "pods",
            "-o",
            "jsonpath={.a[",
            "-n",
            "ü",
            "--",
            "-",
            "--=",
            "-=x",
            "'",
            "\"",
            "delete",
            "all",
            "pod/",
            "/x",
            "a/b/c",
            "--sort-by={",
            "-l",
            "a in (",
            "apply",
            "-f",
            "label",
            "x-",
            "=y",
            "taint",
            "nodes",
            ":",
            "create",
            "service",
            "rollout",
            "undo",
            "--to-revision=9",
            "logs",
            "--tail=-5",
            "expose",
            "--port=x",
            "-oyaml",
            "--dry-run",
            "set",
            "image",
            "\u{0}",
        ];
        let mut rng = SimRng::new(7);
        for _ in 0..3_000 {
            let count = rng.between(1, 6);
            let picked = (0..count).map(|_| words[rng.below(words.len() as u64) as usize]);
            let line = format!("kubectl {}", picked.collect::<Vec<_>>().join(" "));
            let (text, progress) = run(&line, &Files::default(), &mut server);
            let silent = text.is_empty();
            assert!(
                !silent || progress != Progress::Done(1),
                "{line}: failed without a word"
            );
        }
        let long = format!("kubectl get {}", "x".repeat(LINE_LIMIT));
        assert_eq!(
            run(&long, &Files::default(), &mut server).1,
            Progress::Done(1)
        );
        assert_eq!(run("", &Files::default(), &mut server).1, Progress::Done(1));
        assert_eq!(
            run("helm list", &Files::default(), &mut server).1,
            Progress::Done(1)
        );
    }
}
