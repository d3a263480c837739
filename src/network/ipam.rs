//! Which address belongs to what: the ranges of nodes, Pods and Services.
//!
//! Upstream: pkg/controller/nodeipam, v1.36, which takes each node's range out of the Pods' range;
//! here a node's index is the third number of its Pods' addresses.

use std::net::Ipv4Addr;

/// An address range: its first address, and how many bits of it are fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range(Ipv4Addr, u32);

/// The addresses of Pods (`--cluster-cidr`).
pub const PODS: Range = Range(Ipv4Addr::new(10, 244, 0, 0), 16);
/// The virtual addresses of Services (`--service-cluster-ip-range`).
pub const SERVICES: Range = Range(Ipv4Addr::new(10, 96, 0, 0), 12);
/// The addresses of the nodes and of whoever is their neighbour.
pub const NODES: Range = Range(Ipv4Addr::new(192, 168, 64, 0), 24);
/// The sender's address of requests from outside the cluster.
pub const OUTSIDE_CLIENT: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

impl Range {
    /// Whether `ip` is in it.
    pub fn contains(self, ip: Ipv4Addr) -> bool {
        (u32::from(self.0) ^ u32::from(ip)) >> (32 - self.1) == 0
    }
}

/// The address of the node with `index`.
pub fn node_ip(index: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 64, 10_u8.saturating_add(index))
}

/// The first address of the range of 256 that the Pods of the node with `index` have.
pub const fn node_pods(index: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 244, index, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_they_should() {
        assert!(SERVICES.contains(Ipv4Addr::new(10, 111, 255, 254)));
        assert!(!SERVICES.contains(Ipv4Addr::new(10, 112, 0, 1)));
        assert!(PODS.contains(node_pods(50)) && !PODS.contains(node_ip(50)));
        assert!(NODES.contains(node_ip(50)) && !NODES.contains(OUTSIDE_CLIENT));
    }
}
