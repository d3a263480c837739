//! ComponentStatus: whether the parts of the control plane answer, as the API server finds them.
//!
//! Upstream: pkg/registry/core/componentstatus/{rest,validator}.go, v1.36. Read only and never stored;
//! deprecated since v1.19, and still what older books look at first.

use crate::api::{KindRow, Scope};

/// What is said with every answer.
pub const WARNING: &str = "v1 ComponentStatus is deprecated in v1.19+";

/// How it is served.
pub const ROW: KindRow = KindRow {
    group: "",
    version: "v1",
    kind: "ComponentStatus",
    plural: "componentstatuses",
    singular: "componentstatus",
    short_names: &["cs"],
    categories: &[],
    scope: Scope::Cluster,
    subresources: &[],
};

/// One part, as its health check found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// `scheduler`, `controller-manager`, `etcd-0`
    pub name: &'static str,
    /// Whether it answers.
    pub healthy: bool,
    /// What it says, or what the check ran into.
    pub message: String,
    /// What kept the check from being made.
    pub error: &'static str,
}

/// All of them, by name; `runs` says which run.
pub fn components(scheduler: bool, controllers: bool, etcd: bool) -> [Component; 3] {
    let served = |name: &'static str, port: u16, healthy: bool| Component {
        name,
        healthy,
        message: match healthy {
            true => "ok".to_owned(),
            false => format!(
                "Get \"https://127.0.0.1:{port}/healthz\": dial tcp 127.0.0.1:{port}: connect: connection refused"
            ),
        },
        error: "",
    };
    let store = match etcd {
        true => served("etcd-0", 2_379, true),
        false => Component {
            name: "etcd-0",
            healthy: false,
            message: String::new(),
            error: "context deadline exceeded",
        },
    };
    [
        served("controller-manager", 10_257, controllers),
        store,
        served("scheduler", 10_259, scheduler),
    ]
}

impl Component {
    /// The cells of its row: name, status, message, error.
    pub fn cells(&self) -> [&str; 4] {
        let status = if self.healthy { "Healthy" } else { "Unhealthy" };
        [self.name, status, &self.message, self.error]
    }
}
