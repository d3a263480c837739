//! The part of HTTP that simulated programs speak.

use serde::{Deserialize, Serialize};

/// A request as a container receives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The address the container sees as the client's.
    pub client_ip: String,
}

impl HttpRequest {
    /// `GET path` from `client_ip`.
    pub fn get(path: &str, client_ip: &str) -> Self {
        let (method, path) = ("GET".to_owned(), path.to_owned());
        Self {
            method,
            path,
            client_ip: client_ip.to_owned(),
        }
    }
}

/// A container's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The text.
    pub body: String,
}
