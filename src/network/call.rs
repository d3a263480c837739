//! What a process inside a container asks of the network, and what becomes of it: plain data that
//! the kubelet hands out and gets back. Left out: bytes and connections. A call is answered as a
//! whole, and says how long it took.

use super::http::HttpResponse;
use crate::api::NamespacedName;
use crate::sim::SimDuration;
use serde::{Deserialize, Serialize};

/// The sort of DNS record asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RecordType {
    /// An IPv4 address.
    #[default]
    A,
    /// An IPv6 address. The cluster has none, so names that exist have no such record.
    Aaaa,
    /// Another name.
    Cname,
    /// Host and port.
    Srv,
    /// The name of an address.
    Ptr,
}

/// What a process asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallWhat {
    /// An HTTP request.
    Http {
        /// `GET`, `POST`, …
        method: String,
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
        /// The path, with its query.
        path: String,
        /// The text sent along.
        body: String,
    },
    /// A question to the name server of the Pod's `resolv.conf`.
    Resolve {
        /// The name.
        name: String,
        /// The sort of record.
        record: RecordType,
        /// Whether the search list is tried, as `getaddrinfo` and `nslookup` do and `dig` does not.
        search: bool,
    },
}

/// A request that a process inside a container makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The kubelet's number for it; comes back with the answer.
    pub id: u64,
    /// The Pod it comes from.
    pub pod: NamespacedName,
    /// The container it comes from.
    pub container: String,
    /// What is asked for.
    pub what: CallWhat,
}

/// A record of a DNS answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// Whose record it is, without the last dot.
    pub name: String,
    /// Its sort.
    pub record: RecordType,
    /// An address, a name, or `priority weight port target`.
    pub value: String,
    /// Seconds it may be kept.
    pub ttl: u32,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallOutcome {
    /// It could not even be sent: its Pod or node does not run.
    NotSent {
        /// Why.
        reason: String,
    },
    /// A server answered.
    Answered(HttpResponse),
    /// The name server answered; without records the name exists and has none of that sort.
    Resolved {
        /// The name server's address.
        server: String,
        /// The name that was found, after the search list.
        name: String,
        /// The records.
        records: Vec<DnsRecord>,
    },
    /// No such name (NXDOMAIN): `Could not resolve host`.
    NoSuchName {
        /// The name server's address.
        server: String,
        /// The last name asked for.
        name: String,
    },
    /// No name server answered: `Temporary failure in name resolution`.
    NoNameServer {
        /// The name server's address.
        server: String,
        /// What went wrong there.
        reason: String,
    },
    /// `Connection refused`: nothing listens there, or the Service has no endpoint.
    Refused {
        /// The address and port asked.
        address: String,
    },
    /// `Connection timed out`: the packets are lost.
    TimedOut {
        /// The address and port asked.
        address: String,
    },
    /// `No route to host`: no Pod has the address.
    Unreachable {
        /// The address asked.
        address: String,
    },
    /// It leads out of the cluster, where nothing is simulated.
    Outside {
        /// The name or address.
        host: String,
    },
}

/// An outcome and how long the process waited for it. A process that gives up earlier
/// (`curl -m`, `wget -T`) waits no longer than that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallAnswer {
    /// What became of it.
    pub outcome: CallOutcome,
    /// How long it took.
    pub took: SimDuration,
}
