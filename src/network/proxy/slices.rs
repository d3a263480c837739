//! EndpointSlices as a node reads them: every endpoint's address and state, in order, read once for
//! each version of a slice.
//!
//! Upstream: pkg/proxy/endpointslicecache.go, v1.36.

use super::rules::Backend;
use crate::api::endpoints::EndpointSlice;
use k8s_openapi::api::discovery::v1::EndpointConditions;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// An endpoint that says nothing is ready.
const NO_CONDITIONS: EndpointConditions = EndpointConditions {
    ready: None,
    serving: None,
    terminating: None,
};

/// A slice and its endpoints, which have no port yet, by address.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// The slice.
    pub object: Arc<EndpointSlice>,
    endpoints: Vec<Backend>,
}

impl Slice {
    /// What the node called `node` reads in a slice. Of two endpoints with one address the later is
    /// believed; those without an IPv4 address are passed over.
    pub fn read(object: &Arc<EndpointSlice>, node: &str) -> Self {
        let all: &[_] = match object.address_type.as_str() {
            "IPv4" => object.endpoints.as_deref().unwrap_or_default(),
            _ => &[],
        };
        let mut endpoints = Vec::with_capacity(all.len());
        for endpoint in all {
            let Some(ip) = endpoint.addresses.first().and_then(|ip| ipv4(ip)) else {
                continue;
            };
            let conditions = endpoint.conditions.as_ref().unwrap_or(&NO_CONDITIONS);
            let ready = conditions.ready != Some(false);
            endpoints.push(Backend {
                ip,
                port: 0,
                local: endpoint.node_name.as_deref() == Some(node),
                ready,
                serving: conditions.serving.unwrap_or(ready),
                terminating: conditions.terminating == Some(true),
            });
        }
        Self {
            object: Arc::clone(object),
            endpoints: by_address(endpoints),
        }
    }
}

/// Sorts by address. Of two that say different things about one, the later is believed.
fn by_address(found: Vec<Backend>) -> Vec<Backend> {
    if found.is_sorted_by(|a, b| a.ip.to_bits() < b.ip.to_bits()) {
        return found;
    }
    // Numbers that hold their places are sorted many times faster than what they stand for.
    let keys = found.iter().zip(0_u64..);
    let key = |(one, place): (&Backend, u64)| u64::from(one.ip.to_bits()) << 32 | place;
    let mut keys: Vec<u64> = keys.map(key).collect();
    keys.sort_unstable();
    let last = keys
        .chunk_by(|a, b| a >> 32 == b >> 32)
        .filter_map(<[_]>::last);
    let places = last.filter_map(|key| usize::try_from(key & 0xffff_ffff).ok());
    places.map(|place| found[place]).collect()
}

/// Every endpoint of the lists, each list at its port, by address and port. Of two that say different
/// things about one, the later list is believed.
pub fn merge(lists: &[(&Slice, u16)]) -> Vec<Backend> {
    let mut all: Vec<Backend> = Vec::new();
    for (slice, port) in lists {
        let port = *port;
        if all.is_empty() {
            all = slice.endpoints.clone();
            all.iter_mut().for_each(|endpoint| endpoint.port = port);
            continue;
        }
        let mut merged = Vec::with_capacity(all.len() + slice.endpoints.len());
        let mut before = all.iter().copied().peekable();
        for endpoint in &slice.endpoints {
            let endpoint = Backend { port, ..*endpoint };
            let key = order_of(&endpoint);
            while let Some(known) = before.next_if(|known| order_of(known) <= key) {
                if order_of(&known) != key {
                    merged.push(known);
                }
            }
            merged.push(endpoint);
        }
        merged.extend(before);
        all = merged;
    }
    all
}

/// Address and port as one number, which is compared at once.
fn order_of(endpoint: &Backend) -> u64 {
    u64::from(endpoint.ip.to_bits()) << 16 | u64::from(endpoint.port)
}

/// The address that `text` is, as the standard library reads it and ten times as fast: every node
/// reads every endpoint's again and again.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let (mut octets, mut at) = ([0_u8; 4], 0);
    let (mut value, mut digits) = (0_u32, 0);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if digits < 3 && !(digits > 0 && value == 0) => {
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && at < 3 => {
                octets[at] = u8::try_from(value).ok()?;
                (at, value, digits) = (at + 1, 0, 0);
            }
            _ => return None,
        }
    }
    octets[3] = u8::try_from(value).ok()?;
    (at == 3 && digits > 0).then(|| Ipv4Addr::from(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_standard_library_reads_them() {
        for text in [
            "10.244.1.17",
            "0.0.0.0",
            "255.255.255.255",
            "256.0.0.1",
            "1.2.3",
            "1.2.3.4.5",
            "1..2.3",
            "",
            ".",
            "1.2.3.",
            "01.2.3.4",
            "1.2.3.04",
            "00.0.0.0",
            "1.2.3.4 ",
            "::1",
            "1.2.3.1000",
            "+1.2.3.4",
            "1.2.3.a",
            "10.0.0.0",
        ] {
            assert_eq!(ipv4(text), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn the_later_of_two_is_believed_however_many_there_are() {
        let backend = |number: u32, ready| Backend {
            ip: Ipv4Addr::from(number),
            port: 80,
            local: false,
            ready,
            serving: ready,
            terminating: false,
        };
        for count in [5, 70_000] {
            let mut found: Vec<Backend> = (0..count).rev().map(|n| backend(n, false)).collect();
            found.push(backend(3, true));
            let sorted = by_address(found);
            assert_eq!(sorted.len(), count as usize);
            assert!(sorted.iter().map(|b| b.ip.to_bits()).eq(0..count));
            assert!(sorted.iter().all(|b| b.ready == (b.ip.to_bits() == 3)));
        }
    }
}
