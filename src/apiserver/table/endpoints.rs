//! Endpoints as rows.

use super::{Cell, Column, format};
use crate::api::endpoints::Endpoints;
use crate::api::meta::MetaExt;
use crate::sim::SimTime;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Endpoints"),
    Column::text("Age"),
];

pub(super) fn cells(endpoints: &Endpoints, now: SimTime) -> Vec<Cell> {
    let age = format::age(endpoints.metadata.creation_timestamp.as_ref(), now);
    vec![
        Cell::text(endpoints.name()),
        Cell::Text(addresses(endpoints)),
        Cell::Text(age),
    ]
}

/// The ready addresses, each with each port; nothing at all where there are only unready ones.
fn addresses(endpoints: &Endpoints) -> String {
    let subsets = endpoints.subsets.as_deref().unwrap_or_default();
    if subsets.is_empty() {
        return "<none>".to_owned();
    }
    let mut list = Vec::new();
    for subset in subsets {
        let ips: Vec<&str> = subset
            .addresses
            .iter()
            .flatten()
            .map(|address| address.ip.as_str())
            .collect();
        match subset.ports.as_deref().unwrap_or_default() {
            [] => list.extend(ips.into_iter().map(str::to_owned)),
            ports => {
                for port in ports {
                    list.extend(ips.iter().map(|ip| format!("{ip}:{}", port.port)));
                }
            }
        }
    }
    format::three_and_more(&list, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn ready_addresses_with_every_port() {
        let of = |subsets| {
            let json = json!({"metadata": {"name": "x"}, "subsets": subsets});
            addresses(&codec::from_value(json).expect("it decodes"))
        };
        let two = json!([{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]);
        let ports = json!([{"port": 80}, {"port": 443}]);
        let full = of(json!([{"addresses": two, "ports": ports}]));
        assert_eq!(full, "10.0.0.1:80,10.0.0.2:80,10.0.0.1:443 + 1 more...");
        assert_eq!(of(json!([{"addresses": two}])), "10.0.0.1,10.0.0.2");
        assert_eq!(of(json!([{"notReadyAddresses": two, "ports": ports}])), "");
        assert_eq!(of(json!([])), "<none>");
    }
}
