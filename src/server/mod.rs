//! The same cluster behind real HTTP, for the real kubectl and client libraries.
//!
//! One thread owns the cluster and lets it run by the wall clock; connections ask it through a
//! bounded queue. Nothing here decides anything about Kubernetes: that is `apiserver/`.
//!
//! Left out: TLS and authentication (only the loopback address is served), answers in protobuf.

mod answer;
mod clock;
mod connect;
mod convert;
mod gnostic;
mod kubeconfig;
mod listen;
mod logs;
mod machine;
mod node_ports;
mod openapi;
mod options;
mod protobuf;
mod simulated;
mod spdy;
mod state;
mod watch;

pub use convert::{ConvertOptions, convert};
pub use options::ServeOptions;

use axum::Router;
use machine::Machine;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::sync::watch as signal;

/// What every connection needs.
#[derive(Clone)]
struct Shared {
    machine: machine::Handle,
    /// Turns true when the server stops.
    stopping: signal::Receiver<bool>,
}

impl Shared {
    /// Waits until the server stops.
    async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // A sender that is gone means the same.
        drop(stopping.wait_for(|stopping| *stopping).await);
    }
}

/// Serves until SIGTERM or SIGINT comes.
pub fn serve(options: &ServeOptions) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(run(options)),
        Err(error) => Err(format!("cannot start the runtime: {error}")),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &ServeOptions) -> Result<(), String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let address = listener
        .local_addr()
        .map_err(|error| format!("cannot tell the port: {error}"))?;
    let (stop, stopping) = signal::channel(false);
    let machine = Machine::start(options)?;
    let shared = Shared {
        machine: machine.handle(),
        stopping,
    };
    if let Some(path) = &options.kubeconfig {
        kubeconfig::write(path, &address)?;
    }
    let ports = options
        .publish_node_ports
        .then(|| tokio::spawn(node_ports::publish(shared.clone())));
    let app = Router::new().fallback(answer::answer).with_state(shared);
    let url = format!("http://{address}");
    announce(&url);
    let served = axum::serve(listen::Patient::new(listener), app)
        .with_graceful_shutdown(stopped(stop))
        .await;
    if let Some(ports) = ports {
        // It ends by itself, as the streams do; nothing of it is needed any more.
        ports.abort();
    }
    machine.stop()?;
    served.map_err(|error| format!("serving failed: {error}"))
}

/// Tells, on standard output and at once, that the API can be used.
fn announce(url: &str) {
    use std::io::Write;
    println!("Serving Kubernetes API at {url}");
    // Whoever waits for the line may have closed the pipe: that is no reason to end.
    let _ = std::io::stdout().flush();
}

/// Waits for a signal to end, then tells every stream.
async fn stopped(stop: signal::Sender<bool>) {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = async |kind: SignalKind| match signal(kind) {
        Ok(mut stream) => {
            stream.recv().await;
        }
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::interrupt()) => {}
    }
    stop.send_replace(true);
}
