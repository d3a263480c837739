//! The answers of simulated containers, on their way to real clients.

use axum::body::Body;
use axum::http::{Response, StatusCode};

/// A container's answer as a real one.
pub fn response(status: u16, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response
}
