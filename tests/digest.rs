//! Determinism: the same run gives the same digest natively and in wasm32.
//!
//! `UPDATE_EXPECT=1 cargo test --test digest` writes the number anew after a change of behaviour.

use kubarium::cluster::{Cluster, ClusterConfig};
use kubarium::sim::SimDuration;

#[test]
fn the_digest_is_the_one_noted() {
    let mut cluster = Cluster::new(ClusterConfig::default());
    cluster.run_until(cluster.now() + SimDuration::secs(120));
    let digest = cluster.digest().to_string();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/digest.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &digest).expect("written");
    }
    assert_eq!(digest, include_str!("digest.txt").trim());
}
