//! The server as real clients meet it: over sockets, and with the real kubectl where there is one.
#![cfg(not(target_arch = "wasm32"))]

mod client;
mod kubectl;
mod load;
mod semantics;
mod server;
mod state;
mod watches;
