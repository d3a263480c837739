//! ServiceAccounts' tokens: asked for, given out, and known again.
//!
//! Upstream: pkg/registry/core/serviceaccount/storage/token.go and pkg/serviceaccount, v1.36. A token
//! is a JWT with upstream's claims, signed with HMAC-SHA256 by a key that the cluster's seed decides
//! (a real server signs with RSA): the same commands give the same tokens. Nothing is kept of a token:
//! it is good as long as its account, and what it is bound to, are there. Left out: the documents by
//! which others could check tokens (`/.well-known/openid-configuration`, `/openid/v1/jwks`), tokens for
//! webhooks, and notes of who still uses old ones.

mod authenticate;
mod jwt;
mod legacy;
mod request;

pub use authenticate::Identity;
pub use legacy::{SECRET_TYPE, secret_token};
pub use request::POD_SECONDS;

use crate::api::Object;
use serde_json::{Value, json};

/// Who gives tokens out, and whom they are for where nobody else is named.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// An object as claims name it.
fn reference(object: &Object) -> Value {
    let metadata = object.meta();
    json!({"name": metadata.name, "uid": metadata.uid})
}

/// The text at `pointer`; empty where there is none.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests;
