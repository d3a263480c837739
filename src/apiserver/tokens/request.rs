//! A token is asked for.
//!
//! Upstream: pkg/registry/core/serviceaccount/storage/token.go,
//! pkg/apis/authentication/{v1/defaults,validation/validation}.go, v1.36.

use super::{ISSUER, jwt, reference, text};
use crate::api::field::{FieldError, Path};
use crate::api::meta::{self, MetaExt};
use crate::api::{Details, Kind, NamespacedName, Object, ObjectKey, Reason, Status};
use crate::apiserver::ApiServer;
use crate::apiserver::access::account_name;
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value, json};

const GROUP: &str = "authentication.k8s.io";
const KIND: &str = "TokenRequest";
const DEFAULT_SECONDS: i64 = 3_600;
const LEAST_SECONDS: i64 = 600;
const MOST_SECONDS: i64 = 1 << 32;
/// What the `ServiceAccount` plugin asks for: such a token lasts longer than it says, since old clients
/// do not read it again.
pub const POD_SECONDS: i64 = 3_607;
const EXTENDED_SECONDS: i64 = 365 * 24 * 3_600;
const MISMATCH: &str =
    "does not match the UID in record. The object might have been deleted and then recreated";

fn conflict(group: &str, kind: &str, name: &str, why: &str) -> Status {
    let qualified = match group {
        "" => kind.to_owned(),
        group => format!("{kind}.{group}"),
    };
    let message = format!("Operation cannot be fulfilled on {qualified} {name:?}: {why}");
    let mut status = Status::plain(Reason::Conflict, message);
    status.details = Some(Details {
        name: name.to_owned(),
        group: group.to_owned(),
        kind: kind.to_owned(),
        causes: Vec::new(),
    });
    status
}

impl ApiServer {
    /// Gives `account` the token that `request`, a `TokenRequest` of which every field fits its type,
    /// asks for.
    ///
    /// # Errors
    /// The account or what the token is to be bound to is not there, or the request is invalid.
    pub fn request_token(
        &mut self,
        account: &NamespacedName,
        mut request: Value,
        now: SimTime,
    ) -> Result<Value, Status> {
        self.check_health()?;
        for (field, value) in [("name", &account.name), ("namespace", &account.namespace)] {
            let found = text(&request, &format!("/metadata/{field}"));
            if !found.is_empty() && found != value {
                let metadata = Path::new("metadata");
                let detail = match field {
                    "name" => "must match the service account name if specified",
                    _ => "must match the service account namespace if specified",
                };
                let error = FieldError::invalid(&metadata.child(field), found, detail);
                return Err(Status::invalid_as(GROUP, KIND, &account.name, &[error]));
            }
        }
        let stored = self.get(&account.of(Kind::ServiceAccount))?;
        let (found, uid) = (text(&request, "/metadata/uid"), stored.uid());
        if !found.is_empty() && found != uid {
            let why = format!(
                "the UID in the token request ({found}) does not match the UID of the service account ({uid})"
            );
            return Err(conflict(GROUP, KIND, &account.name, &why));
        }
        let spec = complete(&mut request);
        let seconds = spec["expirationSeconds"].as_i64().unwrap_or_default();
        check_seconds(seconds)?;
        let mut bound = json!({
            "namespace": account.namespace, "serviceaccount": reference(&stored),
        });
        let spec = &request["spec"];
        if let Some(to) = spec.get("boundObjectRef") {
            self.bind_token(account, to, &mut bound)?;
        }
        let own = spec["audiences"] == json!([ISSUER]);
        let extended = own && seconds == POD_SECONDS && bound.get("pod").is_some();
        let at = now.as_secs();
        let lasts = if extended { EXTENDED_SECONDS } else { seconds };
        if extended {
            bound["warnafter"] = json!(at.saturating_add_signed(seconds));
        }
        let claims = json!({
            "iss": ISSUER,
            "sub": account_name(&account.namespace, &account.name),
            "aud": spec["audiences"],
            "iat": at, "nbf": at, "exp": at.saturating_add_signed(lasts),
            "jti": self.rng.uuid(),
            "kubernetes.io": bound,
        });
        let until = now + SimDuration::secs(seconds.unsigned_abs());
        request["status"] = json!({
            "token": jwt::sign(&claims, self.token_key()),
            "expirationTimestamp": meta::rfc3339(until),
        });
        request["metadata"] = json!({
            "name": account.name, "namespace": account.namespace, "uid": stored.uid(),
            "creationTimestamp": meta::rfc3339(now),
        });
        request["apiVersion"] = json!(format!("{GROUP}/v1"));
        request["kind"] = json!(KIND);
        Ok(request)
    }

    /// Notes in `bound` the object that a token for `account` is bound to.
    fn bind_token(
        &self,
        account: &NamespacedName,
        to: &Value,
        bound: &mut Value,
    ) -> Result<(), Status> {
        let (version, kind, name) = (
            text(to, "/apiVersion"),
            text(to, "/kind"),
            text(to, "/name"),
        );
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let (word, of) = match (group, kind) {
            ("", "Pod") => ("pod", Kind::Pod),
            ("", "Secret") => ("secret", Kind::Secret),
            ("", "Node") => ("node", Kind::Node),
            _ => {
                let why =
                    format!("cannot bind token to object of type {group}/{version}, Kind={kind}");
                return Err(Status::bad_request(why));
            }
        };
        let object = self.get(&ObjectKey::scoped(of, &account.namespace, name))?;
        if let Object::Pod(pod) = &object {
            self.tell_node(account, pod, bound)?;
        }
        let found = text(to, "/uid");
        if !found.is_empty() && found != object.uid() {
            let why = format!("the UID in the bound object reference ({found}) {MISMATCH}");
            return Err(conflict(group, kind, name, &why));
        }
        bound[word] = reference(&object);
        Ok(())
    }

    /// Notes in `bound` the node of `pod`, which has to run as `account`.
    fn tell_node(
        &self,
        account: &NamespacedName,
        pod: &Pod,
        bound: &mut Value,
    ) -> Result<(), Status> {
        let spec = pod.spec.as_ref();
        let runs_as = spec.and_then(|spec| spec.service_account_name.as_deref());
        if runs_as != Some(account.name.as_str()) {
            let name = &account.name;
            return Err(Status::bad_request(format!(
                "cannot bind token for serviceaccount {name:?} to pod running with different serviceaccount name."
            )));
        }
        let node = spec.and_then(|spec| spec.node_name.as_deref());
        if let Some(node) = node.filter(|node| !node.is_empty()) {
            bound["node"] = match self.etcd.get(&ObjectKey::scoped(Kind::Node, "", node)) {
                Some(found) => reference(found),
                None => json!({"name": node}),
            };
        }
        Ok(())
    }
}

/// Sets what a request does not say; answers its `spec`.
fn complete(request: &mut Value) -> &Value {
    if !request["spec"].is_object() {
        request["spec"] = Value::Object(Map::new());
    }
    let spec = &mut request["spec"];
    if spec["expirationSeconds"].is_null() {
        spec["expirationSeconds"] = json!(DEFAULT_SECONDS);
    }
    if spec["audiences"].as_array().is_none_or(Vec::is_empty) {
        spec["audiences"] = json!([ISSUER]);
    }
    if let Some(spec) = spec.as_object_mut() {
        spec.retain(|_, value| !value.is_null());
    }
    spec
}

fn check_seconds(seconds: i64) -> Result<(), Status> {
    let detail = if seconds < LEAST_SECONDS {
        "may not specify a duration less than 10 minutes"
    } else if seconds > MOST_SECONDS {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return Ok(());
    };
    let spec = Path::new("spec");
    let error = FieldError::invalid_value(&spec.child("expirationSeconds"), seconds, detail);
    Err(Status::invalid_as(GROUP, KIND, "", &[error]))
}
