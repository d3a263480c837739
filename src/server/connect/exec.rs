//! A command in a container, or the output of the container itself, whatever carries it to the client.

use super::terminal::{self, Terminal};
use crate::api::{NamespacedName, Reason, Status};
use crate::apiserver::rest::{self, ConnectRequest, LogRequest};
use crate::apiserver::{ExecCall, ExecEnd, ExecProgress};
use crate::kubelet::LogLine;
use crate::server::Shared;
use crate::sim::SimTime;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// How often a process that goes on by itself is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How often one is looked at that waits for input: its container may end.
const IDLE_INTERVAL: Duration = Duration::from_millis(500);

/// What the client sends.
pub enum Input {
    /// Bytes for standard input.
    Bytes(Vec<u8>),
    /// There are no more of them.
    Closed,
}

/// What the client gets.
pub enum Output {
    /// Standard output.
    Out(String),
    /// Standard error.
    Err(String),
    /// How it ended: a `Status`. Nothing comes after it.
    End(Value),
}

/// What was begun before the connection was upgraded.
pub struct Begun {
    pub shared: Shared,
    pub pod: NamespacedName,
    pub stdout: bool,
    pub stderr: bool,
    tty: bool,
    what: What,
}

enum What {
    Exec(ExecProgress),
    Attach(Following),
    Nothing,
}

/// A container whose output is shown.
struct Following {
    log: LogRequest,
    /// Which start of it.
    starts: u32,
    /// The last moment of what was read, and how many lines of that moment.
    read: (SimTime, usize),
}

/// Lets a process go when nobody listens any more.
struct Guard {
    shared: Shared,
    pod: NamespacedName,
    id: u32,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (machine, pod, id) = (self.shared.machine.clone(), self.pod.clone(), self.id);
        tokio::spawn(async move {
            // It may have ended by itself, or the server.
            let _ = machine.exec(&pod, ExecCall::End { id }).await;
        });
    }
}

impl Begun {
    /// Starts a command.
    ///
    /// # Errors
    /// What the API server or the kubelet says against it.
    pub async fn exec(
        shared: Shared,
        asked: &ConnectRequest,
        start: ExecCall,
    ) -> Result<Self, Status> {
        let progress = shared.machine.exec(&asked.pod, start).await?;
        Ok(Self {
            what: What::Exec(progress),
            ..Self::nothing(shared, asked)
        })
    }

    /// Notes how much a container has printed already.
    pub async fn attach(
        shared: Shared,
        asked: &ConnectRequest,
        container: &str,
        starts: u32,
    ) -> Self {
        let log = LogRequest {
            pod: asked.pod.clone(),
            node: asked.node.clone(),
            container: container.to_owned(),
            follow: true,
            previous: false,
            timestamps: false,
            tail_lines: None,
            since: None,
            limit_bytes: None,
        };
        let lines = shared.machine.log(&log).await;
        let read = mark(&lines.map(|(lines, _)| lines).unwrap_or_default());
        Self {
            what: What::Attach(Following { log, starts, read }),
            ..Self::nothing(shared, asked)
        }
    }

    /// For a connection on which nothing is begun.
    pub fn nothing(shared: Shared, asked: &ConnectRequest) -> Self {
        Self {
            shared,
            pod: asked.pod.clone(),
            stdout: asked.stdout,
            stderr: asked.stderr,
            tty: asked.tty,
            what: What::Nothing,
        }
    }

    /// Goes on to the end of the command, of the client or of the server.
    pub async fn run(self, inputs: mpsc::Receiver<Input>, outputs: mpsc::Sender<Output>) {
        let shared = self.shared.clone();
        let run = async {
            match self.what {
                What::Exec(progress) => {
                    let guard = Guard {
                        shared: self.shared,
                        pod: self.pod,
                        id: progress.id,
                    };
                    execute(&guard, progress, self.tty, inputs, &outputs).await;
                }
                What::Attach(following) => {
                    follow(&self.shared, following, self.tty, &outputs).await;
                }
                What::Nothing => {}
            }
        };
        tokio::select! {
            () = run => {}
            () = shared.stopped() => {}
        }
    }
}

/// The last moment of what was read, and how many lines of that moment.
fn mark(lines: &[LogLine]) -> (SimTime, usize) {
    let Some(last) = lines.last() else {
        return (SimTime::default(), 0);
    };
    (
        last.at,
        lines.iter().filter(|line| line.at == last.at).count(),
    )
}

async fn follow(
    shared: &Shared,
    mut following: Following,
    tty: bool,
    outputs: &mpsc::Sender<Output>,
) {
    let Following { log, starts, .. } = &following;
    let (pod, container) = (log.pod.clone(), log.container.clone());
    let (starts, mut runs) = (*starts, true);
    while runs && !outputs.is_closed() {
        let now = shared.machine.reach(&pod, Some(&container)).await;
        runs = now.is_ok_and(|now| now == starts);
        let Some((lines, _)) = shared.machine.log(&following.log).await else {
            break;
        };
        let (at, mut known) = following.read;
        let is_new = |line: &&LogLine| {
            let same = line.at == at && known > 0;
            known -= usize::from(same);
            line.at >= at && !same
        };
        let fresh = lines.iter().filter(is_new);
        let text: String = fresh.map(|line| format!("{}\n", line.text)).collect();
        following.read = mark(&lines);
        let text = if tty { terminal::shown(&text) } else { text };
        if !text.is_empty() && outputs.send(Output::Out(text)).await.is_err() {
            return;
        }
        if runs {
            sleep(LOOK_INTERVAL * 2).await;
        }
    }
    // The client may be gone.
    let _ = outputs.send(Output::End(success())).await;
}

async fn execute(
    guard: &Guard,
    mut progress: ExecProgress,
    tty: bool,
    mut inputs: mpsc::Receiver<Input>,
    outputs: &mpsc::Sender<Output>,
) {
    let (mut terminal, mut cut) = (Terminal::default(), Vec::new());
    let mut open = true;
    loop {
        if !show(&progress, tty, outputs).await {
            return;
        }
        if let Some(end) = &progress.end {
            // The client may be gone.
            let _ = outputs.send(Output::End(status(end))).await;
            return;
        }
        let busy = progress.until.is_some();
        let interval = if busy { LOOK_INTERVAL } else { IDLE_INTERVAL };
        let (mut input, mut closed) = (String::new(), false);
        // A process that is busy reads nothing: what comes waits, but for what is typed.
        tokio::select! {
            received = inputs.recv(), if open && (tty || !busy) => match received {
                Some(Input::Bytes(bytes)) => input = decoded(&mut cut, &bytes),
                Some(Input::Closed) => closed = true,
                None => open = false,
            },
            () = sleep(interval) => {}
        }
        if outputs.is_closed() {
            return;
        }
        if tty {
            let typed = terminal.take(&input);
            if !typed.echo.is_empty() && outputs.send(Output::Out(typed.echo)).await.is_err() {
                return;
            }
            input = typed.input;
            closed |= typed.closed;
        }
        let id = guard.id;
        let call = ExecCall::Continue { id, input, closed };
        match guard.shared.machine.exec(&guard.pod, call).await {
            Ok(next) => progress = next,
            Err(status) => {
                let end = Output::End(rest::status_json(&status));
                let _ = outputs.send(end).await;
                return;
            }
        }
    }
}

/// The text of bytes that may end within a letter, whose part is kept for the next ones.
fn decoded(cut: &mut Vec<u8>, bytes: &[u8]) -> String {
    cut.extend_from_slice(bytes);
    let whole = match std::str::from_utf8(cut) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => cut.len(),
    };
    let rest = cut.split_off(whole);
    let text = String::from_utf8_lossy(cut).into_owned();
    *cut = rest;
    text
}

/// Sends what was printed; answers whether the client is still there.
async fn show(progress: &ExecProgress, tty: bool, outputs: &mpsc::Sender<Output>) -> bool {
    let parts = match tty {
        // A terminal has one output.
        true => {
            let all = format!("{}{}", progress.stdout, progress.stderr);
            [
                Output::Out(terminal::shown(&all)),
                Output::Err(String::new()),
            ]
        }
        false => [
            Output::Out(progress.stdout.clone()),
            Output::Err(progress.stderr.clone()),
        ],
    };
    for part in parts {
        if matches!(&part, Output::Out(text) | Output::Err(text) if !text.is_empty())
            && outputs.send(part).await.is_err()
        {
            return false;
        }
    }
    true
}

fn success() -> Value {
    json!({"metadata": {}, "status": "Success"})
}

/// How a process ended, as clients read it.
fn status(end: &ExecEnd) -> Value {
    match end {
        ExecEnd::Code(0) => success(),
        ExecEnd::Code(code) => json!({
            "metadata": {},
            "status": "Failure",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        ExecEnd::Failed(message) => {
            rest::status_json(&Status::plain(Reason::InternalError, message.clone()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_come_in_two_parts_are_whole() {
        let mut cut = Vec::new();
        let bytes = "aü€".as_bytes();
        let text: String = bytes
            .iter()
            .map(|byte| decoded(&mut cut, &[*byte]))
            .collect();
        assert_eq!(text, "aü€");
        assert_eq!(decoded(&mut cut, &[0xff, b'x']), "\u{fffd}x");
    }
}
