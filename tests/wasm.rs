//! What needs a browser: the same run gives the same digest in wasm32 as natively.
#![cfg(target_arch = "wasm32")]

use kubarium::cluster::{Cluster, ClusterConfig};
use kubarium::sim::SimDuration;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn the_digest_is_the_native_one() {
    let mut cluster = Cluster::new(ClusterConfig::default());
    cluster.run_until(cluster.now() + SimDuration::secs(120));
    assert_eq!(
        cluster.digest().to_string(),
        include_str!("digest.txt").trim()
    );
}
