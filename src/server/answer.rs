//! From an HTTP request to its answer.

use super::machine::Told;
use super::{Shared, connect, gnostic, logs, openapi, protobuf, simulated, watch};
use crate::api::{Reason, Status};
use crate::apiserver::rest::{self, Content, Form, HttpRequest, Query};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use futures_util::StreamExt;
use serde_json::Value;

/// The largest body that is read, in bytes.
const BODY_LIMIT: usize = crate::api::codec::BODY_LIMIT;
/// How much of a body that is too large is read before its sender is cut off.
const PATIENT_LIMIT: usize = 4 * BODY_LIMIT;
/// The longest warning, in bytes; upstream's limit for all of them is 4,096.
const WARNING_LIMIT: usize = 512;
const WARNINGS_MAX: usize = 16;

/// Answers any request.
pub async fn answer(State(shared): State<Shared>, request: Request<Body>) -> Response<Body> {
    let head = request.method() == axum::http::Method::HEAD;
    let (parts, body) = request.into_parts();
    let answered = match received(&parts, body).await {
        Ok(request) => respond(shared, request, parts).await,
        Err(status) => Err(status),
    };
    let mut response = answered.unwrap_or_else(|status| refusal(&status));
    if head {
        *response.body_mut() = Body::empty();
    }
    response
}

fn header(headers: &HeaderMap, name: HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    texts.join(",")
}

/// The headers that say whom a request is for. How many there may be is bounded by the HTTP reader.
fn impersonation(headers: &HeaderMap) -> Vec<(String, String)> {
    let given = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("impersonate-"));
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    given.filter_map(pair).collect()
}

/// The token of a bearer; empty where there is none.
fn bearer(authorization: &str) -> String {
    let mut words = authorization.trim().split(' ');
    let scheme = words.next().unwrap_or_default();
    let token = words
        .next()
        .filter(|_| scheme.eq_ignore_ascii_case("bearer"));
    token.unwrap_or_default().to_owned()
}

/// Reads a body. One that is too large is read on for a while, so that its sender gets to see the
/// answer instead of a broken connection.
async fn read(body: Body) -> Result<Vec<u8>, Status> {
    let (mut stream, mut kept, mut total) = (body.into_data_stream(), Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Status::bad_request(error.to_string()))?;
        total += chunk.len();
        if total <= BODY_LIMIT {
            kept.extend_from_slice(&chunk);
        } else if total > PATIENT_LIMIT {
            break;
        }
    }
    match total > BODY_LIMIT {
        false => Ok(kept),
        true => {
            let message = format!("Request entity too large: limit is {BODY_LIMIT}");
            Err(Status::plain(Reason::RequestEntityTooLarge, message))
        }
    }
}

/// Whether a request was sent to an address, not to a name: a page of another site that has its own
/// name lead to this machine gets no answer.
pub fn is_own_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    host.is_empty() || name == "localhost" || bare.parse::<std::net::IpAddr>().is_ok()
}

async fn received(parts: &Parts, body: Body) -> Result<HttpRequest, Status> {
    let Parts {
        method,
        uri,
        headers,
        ..
    } = parts;
    if !is_own_host(&header(headers, HOST)) {
        let message = "the Host header names another host: use an IP address or localhost";
        return Err(Status::plain(Reason::Forbidden, message));
    }
    let mut body = read(body).await?;
    let mut content_type = header(headers, CONTENT_TYPE);
    if content_type.starts_with(protobuf::MEDIA) {
        let object = protobuf::to_json(&body).map_err(Status::bad_request)?;
        content_type = "application/json".to_owned();
        body = object.to_string().into_bytes();
    }
    let body = match String::from_utf8(body) {
        Ok(text) => text,
        // The media type is what will be refused.
        Err(_) if !content_type.contains("json") && !content_type.contains("yaml") => String::new(),
        Err(_) => return Err(Status::bad_request("the body is not UTF-8")),
    };
    let impersonate = impersonation(headers);
    let method = match method.as_str() {
        "HEAD" => "GET",
        other => other,
    };
    Ok(HttpRequest {
        method: method.to_owned(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        content_type,
        accept: header(headers, ACCEPT),
        user_agent: header(headers, USER_AGENT),
        impersonate,
        bearer: bearer(&header(headers, AUTHORIZATION)),
        body,
    })
}

async fn respond(
    shared: Shared,
    request: HttpRequest,
    parts: Parts,
) -> Result<Response<Body>, Status> {
    if request.path.starts_with("/openapi/") && !request.is_write() {
        if !request.impersonate.is_empty() || !request.bearer.is_empty() {
            // The documents are not the cluster's, but who may read them is its matter.
            shared.machine.http(request.clone()).await?;
        }
        let customs = shared.machine.described().await;
        return openapi_document(&request, &customs);
    }
    let query = Query::parse(&request.query)?;
    let accept = request.accept.clone();
    let Told { answer, now, feed } = shared.machine.http(request).await?;
    let version = answer.version;
    let form = || {
        let form = rest::form_of(&accept, query.get("includeObject"))?;
        Ok::<Form, Status>(form.within(version))
    };
    let code = answer.code;
    let mut response = match answer.content {
        Content::Object(object) => json(code, &rest::object_json(&object, form()?, now)),
        Content::List(kind, page) => json(code, &rest::list_json(kind, &page, form()?, now)),
        Content::Json(value) => json(code, &value),
        Content::Text(text) => plain(code, Body::from(text)),
        Content::Log(log) => logs::stream(shared, log).await?,
        Content::Proxy(asked) => {
            let answered = shared.machine.proxy(asked).await?;
            simulated::response(answered.status, answered.body)
        }
        Content::Connect(asked) => return connect::answer(shared, asked, parts).await,
        Content::Watch(watch) => match feed {
            Some(feed) => {
                let form = form().unwrap_or(Form::Object);
                stream(watch::stream(shared, watch, feed, form, now))
            }
            None => {
                return Err(Status::plain(
                    Reason::InternalError,
                    "the watch has no feed",
                ));
            }
        },
    };
    for warning in answer.warnings.iter().take(WARNINGS_MAX) {
        let short: String = warning.chars().take(WARNING_LIMIT).collect();
        let text = short.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            response.headers_mut().append("warning", value);
        }
    }
    Ok(response)
}

fn openapi_document(
    request: &HttpRequest,
    customs: &[openapi::Described],
) -> Result<Response<Body>, Status> {
    let wants_json =
        |media: &str| media.is_empty() || media.contains("json") || media.contains("*/*");
    if request.path == "/openapi/v2" && request.accept.contains("proto-openapi.spec.v2") {
        let document = openapi::document(&request.path, customs).unwrap_or_default();
        let body = Body::from(gnostic::encode(&document));
        return Ok(with_type(200, gnostic::MEDIA, body));
    }
    if !wants_json(request.accept.trim()) {
        let message = "only the following media types are accepted: application/json";
        return Err(Status::plain(Reason::NotAcceptable, message));
    }
    Ok(match openapi::document(&request.path, customs) {
        Some(document) => json(200, &document),
        None => plain(404, Body::from("404 page not found\n")),
    })
}

fn with_type(code: u16, media: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let media = HeaderValue::from_static(media);
    response.headers_mut().insert(CONTENT_TYPE, media);
    let never = HeaderValue::from_static("no-cache, private");
    response.headers_mut().insert("cache-control", never);
    response
}

fn json(code: u16, value: &Value) -> Response<Body> {
    let mut text = value.to_string();
    text.push('\n');
    let media = match value["kind"].as_str() {
        // A client knows by this that it got what it asked for.
        Some("APIGroupDiscoveryList") if value["apiVersion"] == "apidiscovery.k8s.io/v2" => {
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        }
        Some("APIGroupDiscoveryList") => {
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
        }
        _ => "application/json",
    };
    with_type(code, media, Body::from(text))
}

/// A body that comes as it is made.
pub fn stream(body: Body) -> Response<Body> {
    with_type(200, "application/json", body)
}

/// A text.
pub fn plain(code: u16, body: Body) -> Response<Body> {
    with_type(code, "text/plain; charset=utf-8", body)
}

fn refusal(status: &Status) -> Response<Body> {
    json(status.reason.code(), &rest::status_json(status))
}

#[cfg(test)]
mod tests {
    use super::is_own_host;

    #[test]
    fn only_addresses_and_localhost_are_answered() {
        for (host, ours) in [
            ("127.0.0.1:8080", true),
            ("localhost:1", true),
            ("[::1]:6443", true),
            ("", true),
            ("example.com", false),
            ("127.0.0.1.example.com:80", false),
            ("localhost.example.com", false),
        ] {
            assert_eq!(is_own_host(host), ours, "{host}");
        }
    }
}
