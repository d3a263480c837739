//! In a browser: the page. Natively: the command line.

#[cfg(not(target_arch = "wasm32"))]
mod allocator;

/// A cluster makes and drops small texts by the million, which this allocator does in less than three
/// quarters of the instructions of the system's.
#[cfg(not(target_arch = "wasm32"))]
#[global_allocator]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

#[cfg(target_arch = "wasm32")]
fn main() {
    kubarium::web::run();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    use clap::Parser;

    /// A whole Kubernetes cluster under glass. For the page: cargo xtask serve.
    #[derive(Parser)]
    #[command(name = "kubarium", version)]
    enum Command {
        /// Serve a simulated cluster over the Kubernetes API
        Serve(kubarium::server::ServeOptions),
        /// Say a manifest in the API versions that are served
        Convert(kubarium::server::ConvertOptions),
    }
    match Command::parse() {
        Command::Serve(options) => kubarium::server::serve(&options),
        Command::Convert(options) => kubarium::server::convert(&options),
    }
}
