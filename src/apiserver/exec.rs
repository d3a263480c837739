//! A command inside a container, as the API server passes it on to the Pod's kubelet.
//!
//! Upstream: pkg/registry/core/pod/strategy.go (ExecLocation), pkg/kubelet/server/server.go, v1.36.
//! Bytes are text here; a client's terminal and its connection are its own matter.

use crate::sim::SimTime;

/// What is asked of a container's kubelet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecCall {
    /// Start a process.
    Start {
        /// The container; empty: the Pod's only one.
        container: String,
        /// The program and its arguments.
        command: Vec<String>,
        /// Whether it gets input.
        stdin: bool,
        /// Whether it has a terminal.
        tty: bool,
    },
    /// Let it go on.
    Continue {
        /// The process.
        id: u32,
        /// What it can read from now on.
        input: String,
        /// Whether nothing comes after that.
        closed: bool,
    },
    /// Forget it: nobody listens any more.
    End {
        /// The process.
        id: u32,
    },
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecEnd {
    /// With this exit code.
    Code(i32),
    /// It could not be started: the container runtime's words.
    Failed(String),
}

/// How far a process is, and what it has printed since the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecProgress {
    /// Its number.
    pub id: u32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// How it ended, if it did.
    pub end: Option<ExecEnd>,
    /// When it goes on by itself; without a moment it waits for input.
    pub until: Option<SimTime>,
}
