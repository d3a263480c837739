//! What a person does to the cluster, and what is answered.

use serde::{Deserialize, Serialize};

/// A namespace and a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The namespace.
    #[serde(rename = "ns")]
    pub namespace: String,
    /// The name.
    #[serde(rename = "n")]
    pub name: String,
}

/// What a person does to the cluster. Every one goes on the tape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UserCommand {
    /// `kubectl apply -f`
    Apply {
        /// The manifest.
        text: String,
    },
    /// `kubectl scale`
    Scale {
        /// The Deployment.
        at: Place,
        /// How many.
        replicas: i32,
    },
    /// `kubectl set image`
    SetImage {
        /// The Deployment.
        at: Place,
        /// The container, or `*`.
        container: String,
        /// The image.
        image: String,
    },
    /// `kubectl rollout pause` or `resume`
    SetPaused {
        /// The Deployment.
        at: Place,
        /// Pause, not resume.
        paused: bool,
    },
    /// `kubectl rollout undo`
    Undo {
        /// The Deployment.
        at: Place,
        /// To this revision; 0: to the one before.
        revision: i64,
    },
    /// `kubectl rollout restart`
    Restart {
        /// The Deployment.
        at: Place,
    },
    /// `kubectl delete`
    Delete {
        /// The kind, as manifests write it.
        kind: String,
        /// The object.
        at: Place,
    },
    /// A container's process ends.
    Crash {
        /// The Pod.
        at: Place,
        /// The exit code.
        code: i32,
    },
    /// A Pod's readiness fails, or is healed.
    SetReadiness {
        /// The Pod.
        at: Place,
        /// Fails, not healed.
        broken: bool,
    },
    /// A node is switched off or on.
    SetNode {
        /// The node.
        name: String,
        /// On, not off.
        on: bool,
    },
    /// `kubectl cordon` or `uncordon`
    SetCordoned {
        /// The node.
        name: String,
        /// Cordoned: no new Pods come to it.
        cordoned: bool,
    },
    /// `kubectl drain`
    Drain {
        /// The node.
        name: String,
    },
    /// A part of the control plane is stopped or started.
    SetPart {
        /// The part, such as `kube-scheduler`.
        name: String,
        /// Started, not stopped.
        on: bool,
    },
    /// A request is sent to a Service.
    Request {
        /// The Service.
        to: Place,
        /// The node it enters at; empty where it comes from a Pod.
        node: String,
        /// The Pod it comes from, where `node` is empty.
        from: Place,
        /// The path.
        path: String,
    },
    /// A request is sent to any name or address.
    Fetch {
        /// The Pod it comes from; without a name it comes from outside the cluster.
        from: Place,
        /// As for curl: `http://web.shop:8080/path`, `10.244.1.7:8080`.
        url: String,
    },
    /// A Service gets requests again and again.
    SetLoad {
        /// The Service.
        to: Place,
        /// The node they enter at; empty where they come from a Pod.
        node: String,
        /// The Pod they come from, where `node` is empty.
        from: Place,
        /// How many each second, at most 100; 0 ends the load.
        per_second: u32,
        /// The path.
        path: String,
    },
}

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportError {
    /// What is wrong.
    pub message: String,
    /// The line in the text, from 1; 0 for none.
    pub line: u32,
}

/// What became of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What was done.
    pub lines: Vec<String>,
    /// What was not.
    pub errors: Vec<ReportError>,
    /// The manifest in versions that are served, where it was refused for its old ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<Served>,
}

/// A manifest in versions that are served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The versions that came into it: `apps/v1`.
    pub versions: String,
    /// The manifest.
    pub text: String,
}
