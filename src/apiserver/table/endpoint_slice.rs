//! EndpointSlices as rows: every address, ready or not.

use super::{Cell, Column, format};
use crate::api::endpoints::EndpointSlice;
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::discovery::v1::EndpointPort;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("AddressType"),
    Column::text("Ports"),
    Column::text("Endpoints"),
    Column::text("Age"),
];

pub(super) fn cells(slice: &EndpointSlice, now: SimTime) -> Vec<Cell> {
    let ports: Vec<String> = slice.ports.iter().flatten().map(port).collect();
    let endpoints = slice.endpoints.iter().flatten();
    let addresses: Vec<String> = endpoints.flat_map(|e| e.addresses.clone()).collect();
    let age = format::age(slice.metadata.creation_timestamp.as_ref(), now);
    vec![
        Cell::text(slice.name()),
        Cell::text(slice.address_type.clone()),
        Cell::Text(format::three_and_more(&ports, "<unset>")),
        Cell::Text(format::three_and_more(&addresses, "<unset>")),
        Cell::Text(age),
    ]
}

fn port(port: &EndpointPort) -> String {
    match (port.port, &port.name) {
        (Some(number), _) => number.to_string(),
        (None, Some(name)) => name.clone(),
        (None, None) => "*".to_owned(),
    }
}
