//! The API server as its HTTP clients see it: a method, a path and a body in, an answer out.
//!
//! Everything goes by the table of kinds. Nothing here knows of sockets: `server/` carries the
//! bytes, watches and logs to real clients.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/handlers, v1.36. Left out: protobuf and CBOR
//! bodies (clients are told to use JSON), and what `pretty` asks for.

mod access;
mod body;
mod component;
mod connect;
mod delete;
mod encode;
mod health;
mod log;
mod patch;
mod query;
mod read;
mod review;
mod scale;
mod subresource;
mod token;
mod write;

pub use connect::{ConnectRequest, ConnectWhat, ProxyRequest};
pub use encode::{Form, bookmark, form_of, list_json, object_json, status_json, watch_json};
pub use log::{LogRequest, container_of};
pub use query::{ListOptions, Query};
pub use review::ROWS as REVIEWS;

use super::page::Page;
use super::path::ResourcePath;
use super::version::Version;
use super::watch::WatchRequest;
use super::{ApiHandle, ApiServer, discovery, inert};
use crate::api::{Kind, Object, Reason, Status};
use crate::apiserver::access::{Access, User};
use crate::sim::SimTime;
use serde_json::Value;
use std::sync::Arc;

/// An API server that can be read and written: by itself, or with the cluster around it.
pub trait Door: ApiHandle {
    /// The server, to read.
    fn server(&self) -> &ApiServer;
}

impl Door for ApiServer {
    fn server(&self) -> &ApiServer {
        self
    }
}

/// A request as it comes over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, without its `?`.
    pub query: String,
    /// The `Content-Type` header.
    pub content_type: String,
    /// The `Accept` header.
    pub accept: String,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The body.
    pub body: String,
    /// The `Impersonate-` headers: their names in small letters, and their values.
    pub impersonate: Vec<(String, String)>,
    /// The token of the `Authorization` header; empty where there is none.
    pub bearer: String,
}

impl HttpRequest {
    /// Whether it may change something.
    pub fn is_write(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status code.
    pub code: u16,
    /// The texts of `Warning` headers.
    pub warnings: Vec<String>,
    /// The body, or what becomes one.
    pub content: Content,
    /// The version in which objects are shown, where that is not the stored one.
    pub version: Option<&'static Version>,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// One object.
    Object(Object),
    /// A page of a list.
    List(Kind, Page),
    /// Any JSON.
    Json(Value),
    /// Plain text.
    Text(String),
    /// A stream of changes.
    Watch(WatchRequest),
    /// A container's log.
    Log(LogRequest),
    /// A connection with a Pod.
    Connect(ConnectRequest),
    /// A request to a Pod or behind a Service.
    Proxy(ProxyRequest),
}

impl Answer {
    fn new(code: u16, content: Content) -> Self {
        Self {
            code,
            warnings: Vec::new(),
            content,
            version: None,
        }
    }

    fn object(object: Object) -> Self {
        Self::new(200, Content::Object(object))
    }

    fn json(code: u16, value: Value) -> Self {
        Self::new(code, Content::Json(value))
    }

    /// Warns of what does not happen to the new object that it is.
    fn warned_of_new(mut self) -> Self {
        if let Content::Object(object) = &self.content {
            let warning = inert::warning_of(object);
            self.warnings.extend(warning.map(str::to_owned));
        }
        self
    }

    fn warned(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }
}

/// What every part of an answer needs to know of the request.
struct Asked<'a> {
    request: &'a HttpRequest,
    query: Query,
    path: ResourcePath,
    /// Whom it is for, where that is not the cluster's owner.
    user: Option<Arc<User>>,
    now: SimTime,
}

/// Answers a request.
///
/// # Errors
/// The `Status` that a client of the real API server would get.
pub fn answer<D: Door>(
    door: &mut D,
    request: &HttpRequest,
    now: SimTime,
) -> Result<Answer, Status> {
    let query = Query::parse(&request.query)?;
    let roles = Access::new(door.server().etcd());
    let client = token::client(door.server(), request, now)?;
    let owner = User::admin();
    let requestor = client.as_deref().unwrap_or(&owner);
    let user = access::impersonated(request, requestor, roles)?.or_else(|| client.clone());
    if let Some(user) = &user {
        roles.check(user, &access::attributes(request, &query))?;
    }
    let asker = user.as_deref().unwrap_or(&owner);
    if let Some(answer) = review::answer(door, request, &query, asker, now) {
        return answer;
    }
    if let Some(answer) = component::answer(door, request, &query) {
        return answer;
    }
    if let Some(path) = ResourcePath::parse(&request.path, door.kinds()) {
        let asked = Asked {
            request,
            query,
            path,
            user,
            now,
        };
        let mut answer = answer_resource(door, &asked)?;
        answer.version = asked.path.version;
        return Ok(answer);
    }
    if let Some(answer) = health::answer(door.server(), &request.path, &query) {
        return Ok(answer);
    }
    if let Some(found) = discovery::answer(&request.path, &request.accept, door.kinds()) {
        return match request.is_write() {
            false => Ok(Answer::json(200, found)),
            true => Err(not_allowed()),
        };
    }
    Ok(Answer::new(
        404,
        Content::Text("404 page not found\n".to_owned()),
    ))
}

fn answer_resource<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    let path = &asked.path;
    if !path.subresource.is_empty() {
        return subresource::answer(door, asked);
    }
    match (asked.request.method.as_str(), path.name.is_empty()) {
        ("GET", true) => read::list(door.server(), asked),
        ("GET", false) if path.watch || asked.query.is_set("watch") => {
            read::list(door.server(), asked)
        }
        ("GET", false) => read::get(door, asked),
        ("POST", true) => write::create(door, asked),
        ("PUT", false) => write::update(door, asked),
        ("PATCH", false) => patch::answer(door, asked),
        ("DELETE", false) => delete::one(door, asked),
        ("DELETE", true) => delete::collection(door, asked),
        _ => Err(not_allowed()),
    }
}

fn not_allowed() -> Status {
    Status::plain(
        Reason::MethodNotAllowed,
        "the server does not allow this method on the requested resource",
    )
}

#[cfg(test)]
mod tests;
