//! From what a person chose of a new cluster to what decides it.

use crate::cluster::{ClusterConfig, NodeSize};
use crate::protocol::NewCluster;

/// What decides the cluster that `new` asks for.
///
/// # Errors
/// Which number is out of bounds, for a person.
pub fn config_of(new: &NewCluster) -> Result<ClusterConfig, String> {
    new.validate()?;
    let worker_size = NodeSize {
        cpu_milli: new.cpu_milli,
        memory_mib: new.memory_mib,
        pods: u16::try_from(new.pods).map_err(|_| "a worker takes fewer Pods".to_owned())?,
    };
    let config = ClusterConfig {
        seed: new.seed,
        workers: new.workers,
        worker_size,
        ..ClusterConfig::default()
    };
    Ok(config.bounded())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_the_cluster_have_the_same_bounds() {
        assert_eq!(
            config_of(&NewCluster::default()),
            Ok(ClusterConfig::default())
        );
        for end in [|(low, _): (u32, u32)| low, |(_, high): (u32, u32)| high] {
            let workers = NewCluster::WORKERS;
            let new = NewCluster {
                workers: end((u32::from(workers.0), u32::from(workers.1))) as u8,
                cpu_milli: end(NewCluster::CPU_MILLI),
                memory_mib: end(NewCluster::MEMORY_MIB),
                pods: end(NewCluster::PODS),
                seed: u64::MAX,
            };
            let config = config_of(&new).expect("inside the bounds");
            assert_eq!(config.workers, new.workers);
            assert_eq!(u32::from(config.worker_size.pods), new.pods);
            assert_eq!(config.worker_size.cpu_milli, new.cpu_milli);
            assert_eq!(config.worker_size.memory_mib, new.memory_mib);
        }
        let too_many = NewCluster {
            workers: 51,
            ..NewCluster::default()
        };
        assert!(config_of(&too_many).is_err());
    }
}
