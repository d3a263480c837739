//! SPDY/3.1 as far as Kubernetes' clients speak it: streams with headers over one connection.
//!
//! Upstream: github.com/moby/spdystream and its `spdy` package, as client-go v1.36 uses them; the
//! protocol's draft 3.1. There is no kept crate for it. Left out: flow control (upstream has none),
//! settings, streams that the server opens.

mod frame;
mod headers;
mod session;

pub use session::{Outgoing, Stream, serve};
