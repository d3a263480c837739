//! The Web Worker that holds the cluster.

fn main() {
    #[cfg(target_arch = "wasm32")]
    kubarium::engine::run();
}
