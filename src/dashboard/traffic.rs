//! The last request hop by hop, and the steady loads.

use crate::api::NamespacedName;
use crate::cluster::{Cluster, Load, LoadPacket, RequestOrigin};
use crate::network::packet::{self, Choice, Hop};
use crate::protocol::{
    ChoiceView, FailureView, HopView, LoadCountView, LoadView, PacketView, Place, RequestView, Spot,
};
use crate::session::LastRequest;
use crate::sim::SortedMap;

fn place(name: &NamespacedName) -> Place {
    Place {
        namespace: name.namespace.clone(),
        name: name.name.clone(),
    }
}

fn maybe_place(name: Option<&NamespacedName>) -> Place {
    name.map(place).unwrap_or_default()
}

fn node_spot(name: &str) -> Spot {
    Spot {
        kind: "node".to_owned(),
        at: Place {
            namespace: String::new(),
            name: name.to_owned(),
        },
    }
}

fn spot(spot: &packet::Spot) -> Spot {
    let named = |kind: &str, name: &NamespacedName| Spot {
        kind: kind.to_owned(),
        at: place(name),
    };
    match spot {
        packet::Spot::None => Spot::default(),
        packet::Spot::Outside => Spot {
            kind: "outside".to_owned(),
            at: Place::default(),
        },
        packet::Spot::Node(name) => node_spot(name),
        packet::Spot::Pod(name) => named("pod", name),
        packet::Spot::Service(name) => named("service", name),
    }
}

/// The last request.
pub fn request(last: &LastRequest) -> RequestView {
    let response = last.trace.response();
    RequestView {
        id: last.id,
        to: last.to.clone(),
        url: last.url.clone(),
        hops: last.trace.hops.iter().map(hop).collect(),
        answered: response.is_some(),
        status: response.map_or(0, |response| response.status),
        body: response.map_or(String::new(), |response| response.body.clone()),
    }
}

fn hop(hop: &Hop) -> HopView {
    HopView {
        stage: hop.stage.name().to_owned(),
        spot: spot(&hop.spot),
        text: hop.text.clone(),
        latency: u32::try_from(hop.latency.as_micros()).unwrap_or(u32::MAX),
        choices: hop.choices.iter().map(choice).collect(),
    }
}

fn choice(choice: &Choice) -> ChoiceView {
    ChoiceView {
        pod: maybe_place(choice.pod.as_ref()),
        node: choice.node.clone(),
        address: choice.address.clone(),
        chance: choice.chance,
        chosen: choice.chosen,
        ready: choice.ready,
        reason: choice.reason.to_owned(),
    }
}

/// The steady loads, the oldest first.
pub fn loads(cluster: &Cluster) -> Vec<LoadView> {
    let loads = cluster.loads().values();
    loads.map(view).collect()
}

/// Where a load comes from, and the node at which its requests enter the cluster's network.
fn origin(cluster: &Cluster, load: &Load) -> (Spot, String) {
    match &load.from {
        RequestOrigin::Outside { node } => (node_spot(node), node.clone()),
        RequestOrigin::Pod(pod) => {
            let mut kubelets = cluster.kubelets().iter();
            let home = kubelets.find(|kubelet| kubelet.pod(pod).is_some());
            let home = home.map(|kubelet| kubelet.config().name.clone());
            (Spot::pod(&place(pod)), home.unwrap_or_default())
        }
    }
}

/// The requests sent since each load's number in `seen`, which is brought up to date. Of a load
/// that `seen` does not know, only what is to come is told.
pub fn packets(cluster: &Cluster, seen: &mut SortedMap<u32, u64>) -> Vec<PacketView> {
    let mut packets = Vec::new();
    seen.retain(|id, _| cluster.loads().contains_key(id));
    for (id, load) in cluster.loads() {
        let from = origin(cluster, load);
        let last = seen.insert(*id, load.sent).unwrap_or(load.sent);
        let fresh = load.packets.iter().filter(|packet| packet.id > last);
        packets.extend(fresh.map(|packet| packet_view(packet, &from)));
    }
    packets
}

fn packet_view(packet: &LoadPacket, (from, node): &(Spot, String)) -> PacketView {
    PacketView {
        from: from.clone(),
        node: node.clone(),
        pod: maybe_place(packet.pod.as_ref()),
        to_node: packet.node.clone().unwrap_or_default(),
        ok: packet.ok,
    }
}

fn view(load: &Load) -> LoadView {
    let failures = load.failures.iter().map(|(reason, count)| FailureView {
        reason: reason.clone(),
        count: *count,
    });
    let endpoints = load.endpoints.iter().map(|(pod, count)| LoadCountView {
        pod: place(pod),
        node: count.node.clone(),
        answered: count.answered,
        failed: count.failed,
    });
    LoadView {
        to: place(&load.to),
        from: match &load.from {
            RequestOrigin::Outside { node } => node_spot(node),
            RequestOrigin::Pod(pod) => Spot::pod(&place(pod)),
        },
        path: load.path.clone(),
        per_second: load.per_second,
        sent: load.sent,
        answered: load.answered,
        failures: failures.collect(),
        endpoints: endpoints.collect(),
    }
}
