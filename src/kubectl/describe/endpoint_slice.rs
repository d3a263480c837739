//! An EndpointSlice in words.

use super::writer::Writer;
use crate::api::endpoints::EndpointSlice;
use crate::api::meta::MetaExt;

pub fn write(w: &mut Writer, slice: &EndpointSlice) {
    let or_unset = |text: Option<&String>| match text {
        Some(text) if !text.is_empty() => text.clone(),
        _ => "<unset>".to_owned(),
    };
    w.field(0, "Name", slice.name());
    w.field(0, "Namespace", slice.namespace());
    w.labels("Labels", slice.metadata.labels.as_ref());
    w.annotations("Annotations", slice.metadata.annotations.as_ref());
    w.field(0, "AddressType", &slice.address_type);
    match slice.ports.as_deref().unwrap_or_default() {
        [] => w.line(0, "Ports: <unset>"),
        ports => {
            w.line(0, "Ports:");
            w.line(1, "Name\tPort\tProtocol");
            w.line(1, "----\t----\t--------");
            for port in ports {
                let number = port
                    .port
                    .map_or("<unset>".to_owned(), |port| port.to_string());
                let protocol = port.protocol.as_deref().unwrap_or_default();
                w.line(
                    1,
                    &format!("{}\t{number}\t{protocol}", or_unset(port.name.as_ref())),
                );
            }
        }
    }
    match slice.endpoints.as_deref().unwrap_or_default() {
        [] => w.line(0, "Endpoints: <none>"),
        endpoints => {
            w.line(0, "Endpoints:");
            for endpoint in endpoints {
                w.field(1, "- Addresses", endpoint.addresses.join(", "));
                w.line(2, "Conditions:");
                let ready = endpoint.conditions.as_ref().and_then(|c| c.ready);
                let ready = ready.map_or("<unset>".to_owned(), |ready| ready.to_string());
                w.field(3, "Ready", ready);
                w.field(2, "Hostname", or_unset(endpoint.hostname.as_ref()));
                if let Some(target) = &endpoint.target_ref {
                    let (kind, name) = (target.kind.as_deref(), target.name.as_deref());
                    let text = format!("{}/{}", kind.unwrap_or_default(), name.unwrap_or_default());
                    w.field(2, "TargetRef", text);
                }
                w.field(2, "NodeName", or_unset(endpoint.node_name.as_ref()));
                w.field(2, "Zone", or_unset(endpoint.zone.as_ref()));
            }
        }
    }
}
