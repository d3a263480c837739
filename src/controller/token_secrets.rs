//! Fills Secrets of type `kubernetes.io/service-account-token`, and deletes them with their account.
//!
//! Upstream: pkg/controller/serviceaccount/tokens_controller.go, v1.36. Left out: taking the name of a
//! deleted Secret off its account.

use super::manager::{Controller, one_queue};
use super::root_ca::{KEY as CA_KEY, ROOT_CA};
use super::{Change, Informers};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, ObjectKey, Reason, Status};
use crate::apiserver::DeleteOptions;
use crate::apiserver::tokens::{SECRET_TYPE, secret_token};
use crate::client::{Ctx, WorkQueue};
use crate::sim::SimTime;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde::Serialize;

const ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
const NAMESPACE_KEY: &str = "namespace";
const TOKEN_KEY: &str = "token";

/// The controller of token Secrets.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TokenSecretsController {
    /// Secrets.
    queue: WorkQueue<ObjectKey>,
}

/// The Secret in `object`, if it is one for a token.
fn token_secret(object: &Object) -> Option<&Secret> {
    let secret: &Secret = object.get::<Secret>()?;
    (secret.type_.as_deref() == Some(SECRET_TYPE)).then_some(secret)
}

fn account_of(secret: &Secret) -> ObjectKey {
    let name = secret.annotation(ACCOUNT_NAME).unwrap_or_default();
    ObjectKey::new(Kind::ServiceAccount, secret.namespace(), name)
}

/// Whether `secret` is for the account with this uid; one that names none is for whoever has the name.
fn is_for(secret: &Secret, uid: &str) -> bool {
    matches!(secret.annotation(ACCOUNT_UID), None | Some(""))
        || secret.annotation(ACCOUNT_UID) == Some(uid)
}

/// `secret` with what it lacks; nothing where it is whole. `token` makes the token of its account,
/// whose uid is `uid`.
fn plan_secret(secret: &Secret, uid: &str, token: impl FnOnce() -> String) -> Option<Secret> {
    let held = |key: &str| {
        let value = secret.data.as_ref().and_then(|data| data.get(key));
        value.map_or(&[][..], |value| value.0.as_slice())
    };
    let mut lacking = Vec::new();
    if held(CA_KEY) != ROOT_CA.as_bytes() {
        lacking.push((CA_KEY, ROOT_CA.to_owned()));
    }
    if held(NAMESPACE_KEY).is_empty() {
        lacking.push((NAMESPACE_KEY, secret.namespace().to_owned()));
    }
    if held(TOKEN_KEY).is_empty() {
        lacking.push((TOKEN_KEY, token()));
    }
    if lacking.is_empty() {
        return None;
    }
    let mut filled = secret.clone();
    let data = filled.data.get_or_insert_default();
    for (key, value) in lacking {
        data.insert(key.to_owned(), ByteString(value.into_bytes()));
    }
    let annotations = filled.metadata.annotations.get_or_insert_default();
    annotations.insert(ACCOUNT_UID.to_owned(), uid.to_owned());
    Some(filled)
}

impl Controller for TokenSecretsController {
    fn name(&self) -> &'static str {
        "serviceaccount-token-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        let Change::Other(change) = change else {
            return;
        };
        let revision = Some(change.revision);
        match (change.kind, &change.new, &change.old) {
            (Kind::Secret, Some(new), _) if token_secret(new).is_some() => {
                self.queue.add(new.key(), revision);
            }
            (Kind::ServiceAccount, None, Some(gone)) => {
                let secrets = informers.others.of_kind(Kind::Secret);
                let of = |object: &&Object| {
                    token_secret(object).is_some_and(|secret| account_of(secret) == gone.key())
                };
                for secret in secrets.filter(of) {
                    self.queue.add(secret.key(), revision);
                }
            }
            _ => {}
        }
    }

    one_queue!(
        |_, key, ctx, informers| match reconcile(key, ctx, informers) {
            Err(status) if status.reason == Reason::Conflict => Ok(()),
            done => Status::ignore_not_found(done),
        }
    );
}

fn reconcile(key: &ObjectKey, ctx: &mut Ctx<'_>, informers: &Informers) -> Result<(), Status> {
    let Some(secret) = informers.others.get(key).and_then(token_secret) else {
        return Ok(());
    };
    let account = account_of(secret);
    // As it is stored: the Secret may have been made right after it.
    let found = match ctx.get_object(&account) {
        Err(status) if status.reason == Reason::NotFound => None,
        found => Some(found?),
    };
    let Some(found) = found.filter(|found| is_for(secret, found.uid())) else {
        let options = DeleteOptions {
            uid: secret.metadata.uid.clone(),
            ..DeleteOptions::default()
        };
        return ctx.delete(key.clone(), options);
    };
    let uid = found.uid();
    let token = || secret_token(ctx.api, &account, uid, secret.name());
    match plan_secret(secret, uid, token) {
        Some(filled) => ctx.update_object(Object::new(filled)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret(data: serde_json::Value) -> Secret {
        let json = json!({
            "metadata": {"name": "a", "namespace": "shop", "annotations": {ACCOUNT_NAME: "robot"}},
            "type": SECRET_TYPE, "data": data,
        });
        let object = Object::from_json(Kind::Secret, json).expect("it decodes");
        token_secret(&object).expect("it is for a token").clone()
    }

    #[test]
    fn what_is_lacking_is_filled_in_and_the_rest_stays() {
        let token = || "t".to_owned();
        let filled = plan_secret(&secret(json!({"extra": "eA=="})), "7", token);
        let filled = filled.expect("it is empty");
        let data = filled.data.as_ref().expect("data");
        let keys: Vec<&str> = data.keys().map(String::as_str).collect();
        assert_eq!(keys, [CA_KEY, "extra", NAMESPACE_KEY, TOKEN_KEY]);
        assert_eq!(data[NAMESPACE_KEY].0, b"shop");
        assert_eq!(filled.annotation(ACCOUNT_UID), Some("7"));
        assert_eq!(plan_secret(&filled, "7", token), None);
        let mine = plan_secret(&secret(json!({"token": "bWluZQ=="})), "7", token);
        let data = mine.and_then(|mine| mine.data).expect("it lacks the rest");
        assert_eq!(data[TOKEN_KEY].0, b"mine", "a token that is there stays");
    }

    #[test]
    fn a_secret_of_another_account_of_that_name_is_not_for_it() {
        let mut secret = secret(json!({}));
        assert!(is_for(&secret, "7"));
        let annotations = secret.metadata.annotations.get_or_insert_default();
        annotations.insert(ACCOUNT_UID.to_owned(), "6".to_owned());
        assert!(!is_for(&secret, "7") && is_for(&secret, "6"));
    }
}
