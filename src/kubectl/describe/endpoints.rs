//! Endpoints in words.

use super::writer::Writer;
use crate::api::endpoints::Endpoints;
use crate::api::meta::MetaExt;
use k8s_openapi::api::core::v1::EndpointAddress;
use std::sync::Arc;

pub fn write(w: &mut Writer, endpoints: &Endpoints) {
    w.field(0, "Name", endpoints.name());
    w.field(0, "Namespace", endpoints.namespace());
    w.labels("Labels", endpoints.metadata.labels.as_ref());
    w.annotations("Annotations", endpoints.metadata.annotations.as_ref());
    w.line(0, "Subsets:");
    for subset in endpoints.subsets.iter().flatten() {
        w.field(1, "Addresses", ips(subset.addresses.as_deref()));
        w.field(
            1,
            "NotReadyAddresses",
            ips(subset.not_ready_addresses.as_deref()),
        );
        if let Some(ports) = subset.ports.as_ref().filter(|ports| !ports.is_empty()) {
            w.line(1, "Ports:");
            w.line(2, "Name\tPort\tProtocol");
            w.line(2, "----\t----\t--------");
            for port in ports {
                let name = port.name.as_deref().filter(|name| !name.is_empty());
                let protocol = port.protocol.as_deref().unwrap_or_default();
                w.line(
                    2,
                    &format!("{}\t{}\t{protocol}", name.unwrap_or("<unset>"), port.port),
                );
            }
        }
        w.line(0, "");
    }
}

fn ips(addresses: Option<&[Arc<EndpointAddress>]>) -> String {
    let ips = addresses.unwrap_or_default().iter().map(|a| a.ip.as_str());
    match ips.collect::<Vec<_>>().join(",") {
        text if text.is_empty() => "<none>".to_owned(),
        text => text,
    }
}
