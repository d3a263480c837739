//! In a browser: the page. Natively: for now, only a hint.

fn main() {
    #[cfg(target_arch = "wasm32")]
    kubarium::web::run();
    #[cfg(not(target_arch = "wasm32"))]
    println!("Kubarium runs in a browser: cargo xtask serve");
}
