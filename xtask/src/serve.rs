//! Serves the built page on the loopback address.

use crate::build;
use crate::run::{Outcome, root};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

/// The page's Content-Security-Policy, sent as a header too.
pub const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
     style-src 'self' 'unsafe-inline'; worker-src 'self'; img-src 'self' data:; \
     connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// How long a browser may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest head of a request, in bytes.
const HEAD_LIMIT: u64 = 16 * 1_024;

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
    let listener = listen(port)?;
    println!("Serving Kubarium at {}", address(&listener)?);
    answer(&listener);
    Ok(())
}

/// Listens on the loopback address; port 0 takes a free one.
pub fn listen(port: u16) -> Outcome<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
        .map_err(|error| format!("port {port} cannot be listened on: {error}"))
}

/// The address of the page.
pub fn address(listener: &TcpListener) -> Outcome<String> {
    let address = listener.local_addr();
    let address = address.map_err(|error| format!("the address is not known: {error}"))?;
    Ok(format!("http://{address}/"))
}

/// Answers requests for as long as the program lives, each connection by itself: a browser opens
/// some that it never uses, and no other may wait for them.
pub fn answer(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || {
            // A browser that went away is not our failure.
            let _ = respond(&stream);
        });
    }
}

fn respond(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = BufReader::new(stream.take(HEAD_LIMIT));
    let mut first = String::new();
    head.read_line(&mut first)?;
    let mut line = String::from("-");
    while !line.trim_end().is_empty() {
        line.clear();
        head.read_line(&mut line)?;
    }
    let mut words = first.split_ascii_whitespace();
    let url = words.next().filter(|word| *word == "GET").and(words.next());
    let path = url.and_then(file_of);
    let found = path.and_then(|path| Some((std::fs::read(&path).ok()?, media_type(&path))));
    let (status, (bytes, media)) = match found {
        Some(found) => ("200 OK", found),
        None => ("404 Not Found", (b"not found\n".to_vec(), "text/plain")),
    };
    let length = bytes.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\
         Content-Security-Policy: {POLICY}\r\nCache-Control: no-cache\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&bytes)?;
    stream.flush()
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
    fn connections_that_say_nothing_keep_nobody_waiting() {
        let listener = listen(0).expect("a free port");
        let address = listener.local_addr().expect("it listens");
        std::thread::spawn(move || answer(&listener));
        let silent: Vec<_> = (0..40).map(|_| TcpStream::connect(address)).collect();
        let mut stream = TcpStream::connect(address).expect("one more");
        stream
            .write_all(b"GET /nothing-here HTTP/1.1\r\nHost: x\r\n\r\n")
            .expect("said");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("answered");
        assert!(text.starts_with("HTTP/1.1 404"), "{text}");
        assert!(silent.iter().all(Result::is_ok));
    }

    #[test]
    fn no_url_leaves_the_built_page() {
        assert!(file_of("/../Cargo.toml").is_none());
        assert!(file_of("/a/../../x").is_none());
        assert!(file_of("/?x").is_some_and(|path| path.ends_with("dist/index.html")));
    }
}
