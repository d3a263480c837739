//! Node ports on this machine's loopback address: what comes in travels through the simulated data
//! plane, and the simulated container's answer goes out.

use super::{Shared, machine::Handle, simulated};
use crate::api::Kind;
use crate::cluster::Cluster;
use crate::network::call::CallOutcome;
use crate::network::ipam;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use k8s_openapi::api::core::v1::Service;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How often the Services are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// The most ports that are opened.
const PORTS_MAX: usize = 256;

/// The node ports of the cluster's Services, in order.
pub fn in_use(cluster: &Cluster) -> Vec<u16> {
    let services = cluster.api().etcd().list(Kind::Service, None);
    let mut ports: Vec<u16> = services
        .filter_map(|object| object.get::<Service>()?.spec.as_ref())
        .flat_map(|spec| spec.ports.iter().flatten())
        .filter_map(|port| u16::try_from(port.node_port?).ok())
        .filter(|port| *port != 0)
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Opens and closes ports as Services come and go, until the server stops.
pub async fn publish(shared: Shared) {
    let handle = shared.machine.clone();
    let mut open: BTreeMap<u16, JoinHandle<()>> = BTreeMap::new();
    loop {
        let Some(wanted) = handle.node_ports().await else {
            break;
        };
        open.retain(|port, task| {
            let keep = wanted.contains(port);
            if !keep {
                task.abort();
            }
            keep
        });
        for port in wanted.into_iter().take(PORTS_MAX) {
            if open.contains_key(&port) {
                continue;
            }
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let task = match TcpListener::bind(address).await {
                Ok(listener) => tokio::spawn(serve(listener, port, handle.clone())),
                Err(error) => {
                    eprintln!("warning: node port {port} is not published: {error}");
                    // Said once: the place stays taken until the Service goes.
                    tokio::spawn(std::future::pending())
                }
            };
            open.insert(port, task);
        }
        tokio::select! {
            () = sleep(LOOK_INTERVAL) => {}
            () = shared.stopped() => break,
        }
    }
    open.values().for_each(JoinHandle::abort);
}

async fn serve(listener: TcpListener, port: u16, handle: Handle) {
    let app = Router::new().fallback(visit).with_state((handle, port));
    if let Err(error) = axum::serve(super::listen::Patient::new(listener), app).await {
        eprintln!("warning: node port {port} failed: {error}");
    }
}

async fn visit(
    State((handle, port)): State<(Handle, u16)>,
    request: Request<Body>,
) -> Response<Body> {
    // The first worker's address: any node's will do.
    let node = ipam::node_ip(1);
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let url = format!("http://{node}:{port}{path}");
    let (code, text) = match handle.visit(url).await {
        Ok(trace) => match trace.outcome {
            CallOutcome::Answered(response) => (response.status, response.body),
            _ => {
                let last = trace.hops.last().map(|hop| hop.text.clone());
                (502, last.unwrap_or_else(|| "no answer".to_owned()))
            }
        },
        Err(message) => (400, message),
    };
    simulated::response(code, text)
}
