//! Whose a token is.
//!
//! Upstream: pkg/serviceaccount/{jwt,claims,legacy}.go and
//! staging/src/k8s.io/apiserver/pkg/authentication/serviceaccount/util.go, v1.36.

use super::{ISSUER, jwt, legacy, text};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, ObjectKey, Status};
use crate::apiserver::ApiServer;
use crate::apiserver::access::{User, account_name};
use crate::sim::{SimDuration, SimTime};
use serde_json::Value;

/// How far clocks may be apart.
const LEEWAY: SimDuration = SimDuration::secs(60);
const EXTRA: &str = "authentication.kubernetes.io/";
const INVALIDATED: &str = "service account token has been invalidated";

/// Who was recognised, and for whom the token was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The ServiceAccount as a user.
    pub user: User,
    /// Those of the audiences asked about that the token is for.
    pub audiences: Vec<String>,
}

impl ApiServer {
    /// Whose `token` is, if it is for one of `audiences`; the API server itself where none is named.
    ///
    /// # Errors
    /// Why it is nobody's, in the words of upstream's log.
    pub fn authenticate(
        &self,
        token: &str,
        audiences: &[String],
        now: SimTime,
    ) -> Result<Identity, String> {
        // Two authenticators are asked, of which one knows only the server's own clients.
        let refuse = |why: String| match why.as_str() {
            "" => "invalid bearer token".to_owned(),
            why => format!("[invalid bearer token, {why}]"),
        };
        let issuers = [ISSUER, legacy::ISSUER];
        let claims = jwt::read(token, &issuers, self.token_key()).map_err(refuse)?;
        let claims = claims.ok_or_else(|| refuse(String::new()))?;
        let own = [ISSUER.to_owned()];
        let wanted = if audiences.is_empty() {
            &own
        } else {
            audiences
        };
        self.believe(&claims, token, wanted, now).map_err(refuse)
    }

    fn believe(
        &self,
        claims: &Value,
        token: &str,
        wanted: &[String],
        now: SimTime,
    ) -> Result<Identity, String> {
        let given: Vec<String> = match claims.get("aud").and_then(Value::as_array) {
            Some(list) => list
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            None => vec![ISSUER.to_owned()],
        };
        let audiences: Vec<String> = given
            .iter()
            .filter(|one| wanted.contains(one))
            .cloned()
            .collect();
        if audiences.is_empty() {
            let quoted = |all: &[String]| {
                all.iter()
                    .map(|one| format!("{one:?}"))
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            return Err(format!(
                "token audiences [{}] is invalid for the target audiences [{}]",
                quoted(&given),
                quoted(wanted)
            ));
        }
        let bound = match legacy::is_legacy(claims) {
            true => {
                let bound = legacy::bound(claims);
                legacy::check_copy(&bound, token, self.etcd())?;
                bound
            }
            false => {
                in_time(claims, now)?;
                claims["kubernetes.io"].clone()
            }
        };
        self.check_bound(&bound, now)?;
        Ok(Identity {
            user: user(&bound, text(claims, "/jti")),
            audiences,
        })
    }

    /// Whether the account, and what the token is bound to, are still there.
    fn check_bound(&self, bound: &Value, now: SimTime) -> Result<(), String> {
        let namespace = text(bound, "/namespace");
        let find =
            |kind: Kind, name: &str| self.etcd().get(&ObjectKey::scoped(kind, namespace, name));
        let name = text(bound, "/serviceaccount/name");
        let Some(account) = find(Kind::ServiceAccount, name) else {
            let key = ObjectKey::scoped(Kind::ServiceAccount, namespace, name);
            return Err(Status::not_found(&key).message);
        };
        let claimed = text(bound, "/serviceaccount/uid");
        if account.uid() != claimed {
            let uid = account.uid();
            return Err(format!(
                "service account UID ({uid}) does not match claim ({claimed})"
            ));
        }
        if is_gone(account, now) {
            return Err(format!(
                "service account {namespace}/{name} has been deleted"
            ));
        }
        // Which node a Pod runs on is only told.
        let node = bound.get("pod").is_none();
        for (word, kind) in [
            ("secret", Kind::Secret),
            ("pod", Kind::Pod),
            ("node", Kind::Node),
        ] {
            let Some(to) = bound.get(word).filter(|_| word != "node" || node) else {
                continue;
            };
            let Some(object) = find(kind, text(to, "/name")) else {
                return Err(INVALIDATED.to_owned());
            };
            let (uid, claimed) = (object.uid(), text(to, "/uid"));
            // Old tokens tell their Secret by its name alone.
            if uid != claimed && to.get("uid").is_some() {
                return Err(format!(
                    "{word} UID ({uid}) does not match service account {word} ref claim ({claimed})"
                ));
            }
            if is_gone(object, now) {
                return Err(INVALIDATED.to_owned());
            }
        }
        Ok(())
    }
}

/// Whether an object's time ran out before anybody's clock could differ about it.
fn is_gone(object: &Object, now: SimTime) -> bool {
    let at = object.meta().deletion_timestamp.as_ref();
    at.is_some_and(|at| crate::api::meta::to_sim(at) + LEEWAY < now)
}

fn in_time(claims: &Value, now: SimTime) -> Result<(), String> {
    let at = |name: &str| claims.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (now, leeway) = (now.as_secs(), LEEWAY.as_secs());
    let why = if at("nbf") > now + leeway {
        "is not valid yet"
    } else if at("exp") + leeway < now {
        "has expired"
    } else if at("iat") > now + leeway {
        "is issued in the future"
    } else {
        return Ok(());
    };
    Err(format!("service account token {why}"))
}

/// The account that `bound` names, and what is known besides.
fn user(bound: &Value, id: &str) -> User {
    let (namespace, name) = (
        text(bound, "/namespace"),
        text(bound, "/serviceaccount/name"),
    );
    let mut user = User::impersonated(&account_name(namespace, name), Vec::new());
    text(bound, "/serviceaccount/uid").clone_into(&mut user.uid);
    let mut note = |name: &str, value: String| {
        user.extra.insert(format!("{EXTRA}{name}"), vec![value]);
    };
    if !id.is_empty() {
        note("credential-id", format!("JTI={id}"));
    }
    for word in ["pod", "node"] {
        for field in ["name", "uid"] {
            let value = text(bound, &format!("/{word}/{field}"));
            if !value.is_empty() {
                note(&format!("{word}-{field}"), value.to_owned());
            }
        }
    }
    user
}
