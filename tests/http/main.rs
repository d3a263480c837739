//! The server as real clients meet it: over sockets, and with the real kubectl where there is one.
#![cfg(not(target_arch = "wasm32"))]
// They wait for a real process, in real time.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod access;
mod client;
mod custom;
mod exec;
mod javascript;
mod kubectl;
mod load;
mod nodes;
mod semantics;
mod server;
mod state;
mod watches;
