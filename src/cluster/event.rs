//! Everything that can happen in a cluster by itself.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of the cluster that is woken by its watch and its timers. The order is the order in which
/// parts due at the same moment are woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ComponentId {
    /// kube-controller-manager
    ControllerManager,
    /// kube-scheduler
    Scheduler,
    /// CoreDNS
    Dns,
    /// The kubelet of the node with this index.
    Kubelet(u8),
    /// The kube-proxy of the node with this index.
    Proxy(u8),
    /// The API server's controllers of CustomResourceDefinitions.
    Definitions,
}

/// What can happen. Timers are values of this type, never closures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A part looks at what changed and does what is due.
    Wake(ComponentId),
    /// The store's history is compacted.
    Compact,
    /// The load with this id sends its next request.
    Load(u32),
}

/// A part of the control plane that a person can stop and start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The store.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// The controller manager.
    KubeControllerManager,
    /// The scheduler.
    KubeScheduler,
}

impl Part {
    /// Every part.
    pub const ALL: [Part; 4] = [
        Part::Etcd,
        Part::KubeApiserver,
        Part::KubeControllerManager,
        Part::KubeScheduler,
    ];

    /// The name of its static Pod, without the node.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Etcd => "etcd",
            Part::KubeApiserver => "kube-apiserver",
            Part::KubeControllerManager => "kube-controller-manager",
            Part::KubeScheduler => "kube-scheduler",
        }
    }

    /// The part called `name`.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
