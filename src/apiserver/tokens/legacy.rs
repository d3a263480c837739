//! Tokens that stand in Secrets and do not expire.
//!
//! Upstream: pkg/serviceaccount/legacy.go, v1.36.

use super::{jwt, text};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, ObjectKey};
use crate::apiserver::ApiServer;
use crate::apiserver::access::account_name;
use crate::etcd::Etcd;
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

/// The type of such Secrets.
pub const SECRET_TYPE: &str = "kubernetes.io/service-account-token";
/// Who gives these tokens out.
pub const ISSUER: &str = "kubernetes/serviceaccount";

impl ApiServer {
    /// What signs tokens.
    pub(super) fn token_key(&self) -> &str {
        &self.config().service_account_key
    }
}

/// The token of the account with this `uid`, for the Secret that is called `secret`. Upstream's
/// controller manager has the key too, from a file.
pub fn secret_token(server: &ApiServer, account: &ObjectKey, uid: &str, secret: &str) -> String {
    let (namespace, name) = (&account.namespace, &account.name);
    let claims = json!({
        "iss": ISSUER,
        "sub": account_name(namespace, name),
        "kubernetes.io/serviceaccount/namespace": namespace,
        "kubernetes.io/serviceaccount/secret.name": secret,
        "kubernetes.io/serviceaccount/service-account.name": name,
        "kubernetes.io/serviceaccount/service-account.uid": uid,
    });
    jwt::sign(&claims, server.token_key())
}

/// Whether these are the claims of such a token.
pub fn is_legacy(claims: &Value) -> bool {
    text(claims, "/iss") == ISSUER
}

/// What such a token is bound to, in the form of the newer ones.
pub fn bound(claims: &Value) -> Value {
    let of = |name: &str| {
        let claim = format!("kubernetes.io/serviceaccount/{name}");
        claims
            .get(&claim)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    json!({
        "namespace": of("namespace"),
        "serviceaccount": {"name": of("service-account.name"), "uid": of("service-account.uid")},
        "secret": {"name": of("secret.name")},
    })
}

/// Whether the Secret is still there and holds this very token.
///
/// # Errors
/// It is not, or holds another one.
pub fn check_copy(bound: &Value, token: &str, etcd: &Etcd) -> Result<(), String> {
    let name = text(bound, "/secret/name");
    let key = ObjectKey::new(Kind::Secret, text(bound, "/namespace"), name);
    let secret = etcd.get(&key).and_then(Object::get::<Secret>);
    let Some(secret) = secret.filter(|secret| !secret.is_terminating()) else {
        return Err("Token has been invalidated".to_owned());
    };
    let copy = secret.data.as_ref().and_then(|data| data.get("token"));
    match copy.is_some_and(|copy| copy.0 == token.as_bytes()) {
        true => Ok(()),
        false => Err("Token does not match server's copy".to_owned()),
    }
}
