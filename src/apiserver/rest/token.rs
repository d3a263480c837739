//! ServiceAccounts' tokens: given out, and known again as a request's credentials.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/{endpoints/filters/authentication.go,
//! authentication/request/bearertoken/bearertoken.go}, v1.36. Who brings no token is the cluster's
//! owner, where upstream knows him by his certificate and takes everybody else for anonymous.

use super::{Answer, Asked, Door, HttpRequest, body, review};
use crate::api::{KindRow, NamespacedName, Reason, Scope, Status};
use crate::apiserver::ApiServer;
use crate::apiserver::access::User;
use crate::sim::SimTime;
use std::sync::Arc;

const ROW: KindRow = review::row(
    "authentication.k8s.io",
    "TokenRequest",
    "tokenrequests",
    "tokenrequest",
    Scope::Namespaced,
);

/// Whose token `request` brings; nobody's where it brings none.
///
/// # Errors
/// `Unauthorized`.
pub fn client(
    server: &ApiServer,
    request: &HttpRequest,
    now: SimTime,
) -> Result<Option<Arc<User>>, Status> {
    if request.bearer.is_empty() {
        return Ok(None);
    }
    match server.authenticate(&request.bearer, &[], now) {
        Ok(found) => Ok(Some(Arc::new(found.user))),
        Err(_) => Err(Status::plain(Reason::Unauthorized, "Unauthorized")),
    }
}

/// Answers a request for a token.
pub fn answer<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    let (request, warnings) = body::decode_unstored(asked.request, &asked.query, &ROW)?;
    let path = &asked.path;
    let account = NamespacedName::new(path.namespace.as_str(), path.name.as_str());
    let given = door.request_token(&account, request, asked.now)?;
    Ok(Answer::json(201, given).warned(warnings))
}
