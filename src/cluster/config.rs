//! What decides a cluster, besides the commands given to it: its seed, start and nodes.

use crate::apiserver::ApiServerConfig;
use crate::controller::POOL_SIZE;
use crate::sim::{SimRng, SimTime};
use serde::{Deserialize, Serialize};

/// The most worker nodes a cluster may have.
pub const MAX_WORKERS: u8 = 50;

/// The most Pods a node may take: its range has 253 addresses for them.
pub const MAX_PODS: u16 = 250;

/// How large a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSize {
    /// Thousandths of a CPU.
    pub cpu_milli: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// How many Pods the kubelet accepts.
    pub pods: u16,
}

impl Default for NodeSize {
    fn default() -> Self {
        Self {
            cpu_milli: 4_000,
            memory_mib: 8_192,
            pods: 110,
        }
    }
}

/// Seed, start and nodes: with the commands, they decide every byte of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterConfig {
    /// What all randomness starts from.
    pub seed: u64,
    /// The simulated world's time when the cluster is created, in seconds since the Unix epoch.
    pub start_secs: u64,
    /// How many worker nodes there are.
    pub workers: u8,
    /// How large a worker is.
    pub worker_size: NodeSize,
    /// How long after a change its watchers are told, in milliseconds.
    pub watch_latency_ms: u32,
    /// How many load balancers the cloud around it has for its Services; 0: there is no cloud.
    pub load_balancers: u8,
    /// Whether the sample application is there from the start.
    pub sample: bool,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            start_secs: 1_767_225_600,
            workers: 3,
            worker_size: NodeSize::default(),
            watch_latency_ms: 4,
            load_balancers: POOL_SIZE,
            sample: true,
        }
    }
}

impl ClusterConfig {
    /// The same with every number inside its bounds: a config may come from a link.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.workers = self.workers.clamp(1, MAX_WORKERS);
        self.watch_latency_ms = self.watch_latency_ms.clamp(1, 10_000);
        self.start_secs = self.start_secs.clamp(946_684_800, 4_102_444_800);
        self.worker_size.cpu_milli = self.worker_size.cpu_milli.clamp(100, 1_024_000);
        self.worker_size.memory_mib = self.worker_size.memory_mib.clamp(128, 16_777_216);
        self.load_balancers = self.load_balancers.min(POOL_SIZE);
        self.worker_size.pods = self.worker_size.pods.clamp(1, MAX_PODS);
        self
    }

    /// The moment the cluster is created.
    pub const fn start(&self) -> SimTime {
        SimTime::from_secs(self.start_secs)
    }

    /// What the API server is told.
    pub fn api_server(&self) -> ApiServerConfig {
        let mut rng = SimRng::new(self.seed).fork("service-account-key");
        ApiServerConfig {
            service_account_key: rng.uuid() + &rng.uuid(),
            ..ApiServerConfig::default()
        }
    }
}
