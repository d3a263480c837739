//! What `kubarium serve` can be told.

use crate::cluster::{ClusterConfig, MAX_WORKERS};
use crate::controller::POOL_SIZE;
use std::path::PathBuf;

/// Serves a simulated cluster over the Kubernetes API, on this machine only.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeOptions {
    /// The port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 8001)]
    pub port: u16,
    /// Write a kubeconfig for this cluster here
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// How many worker nodes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_WORKERS)))]
    pub nodes: u8,
    /// How many simulated seconds pass in a real one
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// What all chance starts from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many load balancers the cloud around the cluster has (0: Services of that type stay pending)
    #[arg(long, value_name = "N", default_value_t = POOL_SIZE, value_parser = clap::value_parser!(u8).range(..=i64::from(POOL_SIZE)))]
    pub load_balancers: u8,
    /// Restore the cluster from this file, and save it there
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Let requests to 127.0.0.1:<nodePort> travel through the cluster
    #[arg(long)]
    pub publish_node_ports: bool,
    /// Begin with the sample application
    #[arg(long)]
    pub sample: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("it is a number from 0.1 to 1000".to_owned()),
    }
}

impl ServeOptions {
    /// A new cluster that begins at `start_secs`.
    pub fn cluster(&self, start_secs: u64) -> ClusterConfig {
        ClusterConfig {
            seed: self.seed,
            start_secs,
            workers: self.nodes,
            load_balancers: self.load_balancers,
            sample: self.sample,
            ..ClusterConfig::default()
        }
    }
}
