//! Serves the built page on the loopback address.

use crate::build;
use crate::run::{Outcome, root};
use std::path::PathBuf;
use tiny_http::{Header, Request, Response, Server};

/// The page's Content-Security-Policy, sent as a header too.
pub const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
     style-src 'self' 'unsafe-inline'; worker-src 'self'; img-src 'self' data:; \
     connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// How many requests are answered at once.
const ANSWERING: u32 = 16;

/// `cargo xtask serve [--port N] [--dev]`
pub fn serve(options: &[&str]) -> Outcome {
    let (mut port, mut release, mut words) = (8080_u16, true, options.iter());
    while let Some(word) = words.next() {
        match *word {
            "--dev" => release = false,
            "--port" => {
                let value = words.next().ok_or("--port needs a number")?;
                port = value
                    .parse()
                    .map_err(|_| format!("--port {value}: not a port"))?;
            }
            other => return Err(format!("serve does not know {other}")),
        }
    }
    build::page(release)?;
    let server = listen(port)?;
    println!("Serving Kubarium at http://{}/", server.server_addr());
    answer(&server);
    Ok(())
}

/// Listens on the loopback address; port 0 takes a free one.
pub fn listen(port: u16) -> Outcome<Server> {
    Server::http(("127.0.0.1", port))
        .map_err(|error| format!("port {port} cannot be listened on: {error}"))
}

/// Answers requests for as long as the server lives.
pub fn answer(server: &Server) {
    // A browser asks for several files at once, and reads some of them late.
    std::thread::scope(|scope| {
        for _ in 0..ANSWERING {
            scope.spawn(|| {
                for request in server.incoming_requests() {
                    // A browser that went away is not our failure.
                    let _ = respond(request);
                }
            });
        }
    });
}

fn respond(request: Request) -> std::io::Result<()> {
    let Some(path) = file_of(request.url()) else {
        return request.respond(Response::from_string("not found\n").with_status_code(404));
    };
    match std::fs::read(&path) {
        Ok(bytes) => {
            let mut response = Response::from_data(bytes);
            let fields = [
                ("Content-Type", media_type(&path)),
                ("Content-Security-Policy", POLICY),
                ("Cache-Control", "no-cache"),
                ("X-Content-Type-Options", "nosniff"),
            ];
            for (name, value) in fields {
                if let Ok(header) = Header::from_bytes(name, value) {
                    response.add_header(header);
                }
            }
            request.respond(response)
        }
        Err(_) => request.respond(Response::from_string("not found\n").with_status_code(404)),
    }
}

/// The file below `dist/` that `url` names; never one outside.
fn file_of(url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?.trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    if path
        .split('/')
        .any(|part| part == ".." || part.contains('\\'))
    {
        return None;
    }
    Some(root().join("dist").join(path))
}

fn media_type(path: &std::path::Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("yaml" | "yml" | "txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_leaves_the_built_page() {
        assert!(file_of("/../Cargo.toml").is_none());
        assert!(file_of("/a/../../x").is_none());
        assert!(file_of("/?x").is_some_and(|path| path.ends_with("dist/index.html")));
    }
}
