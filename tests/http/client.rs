//! A small HTTP client that hides nothing.

use crate::server::Server;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer.
pub struct Answer {
    pub code: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The texts of the warnings.
    pub fn warnings(&self) -> Vec<&str> {
        let warnings = self.headers.iter().filter(|(name, _)| name == "warning");
        warnings.map(|(_, text)| text.as_str()).collect()
    }
}

/// A request that is about to be sent.
pub struct Ask<'a> {
    server: &'a Server,
    method: &'a str,
    path: String,
    headers: Vec<(&'a str, String)>,
    body: String,
}

impl Server {
    /// A request.
    pub fn ask<'a>(&'a self, method: &'a str, path: impl Into<String>) -> Ask<'a> {
        Ask {
            server: self,
            method,
            path: path.into(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send()
    }

    /// Creates an object; it must succeed.
    pub fn create(&self, path: &str, object: &Value) -> Value {
        let answer = self.ask("POST", path).json(object).send();
        assert_eq!(answer.code, 201, "{}", answer.text);
        answer.json()
    }
}

impl<'a> Ask<'a> {
    pub fn header(mut self, name: &'a str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.typed("application/json", &body.to_string())
    }

    pub fn typed(mut self, media: &str, body: &str) -> Self {
        self.headers.push(("Content-Type", media.to_owned()));
        self.body = body.to_owned();
        self
    }

    /// Sends it; what is left to read is the answer's head and body.
    pub fn open(&self) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.server.address).expect("connected");
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).expect("a timeout");
        let headers: String = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let text = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{}",
            self.method,
            self.path,
            self.server.address,
            self.body.len(),
            self.body
        );
        // A server may answer a body that is too large before it has read all of it.
        let _ = stream.write_all(text.as_bytes());
        BufReader::new(stream)
    }

    /// Sends it and reads the answer to its end.
    pub fn send(&self) -> Answer {
        let mut stream = self.open();
        let (code, headers) = head(&mut stream);
        let text = match is_chunked(&headers) {
            true => std::iter::from_fn(|| chunk(&mut stream)).collect(),
            false => {
                let mut text = String::new();
                stream.read_to_string(&mut text).expect("a body");
                text
            }
        };
        Answer {
            code,
            headers,
            text,
        }
    }
}

fn is_chunked(headers: &[(String, String)]) -> bool {
    headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked")
}

/// The status and the headers.
pub fn head(stream: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    stream.read_line(&mut line).expect("a status line");
    let code = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("a header");
        match line.trim().split_once(':') {
            Some((name, value)) => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => break,
        }
    }
    (
        code.unwrap_or_else(|| panic!("no status: {line:?}")),
        headers,
    )
}

/// The next chunk of a body; `None` at its end.
pub fn chunk(stream: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let size = usize::from_str_radix(line.trim(), 16).ok()?;
    let mut bytes = vec![0; size + 2];
    stream.read_exact(&mut bytes).ok()?;
    bytes.truncate(size);
    (size > 0).then(|| String::from_utf8(bytes).expect("text"))
}

/// A watch that is open.
pub struct Watch {
    stream: BufReader<TcpStream>,
    rest: String,
}

impl Watch {
    /// Opens a watch; it must be accepted.
    pub fn open(server: &Server, path: &str) -> Self {
        let mut stream = server.ask("GET", path).open();
        let (code, headers) = head(&mut stream);
        assert_eq!(code, 200);
        assert!(is_chunked(&headers), "{headers:?}");
        Self {
            stream,
            rest: String::new(),
        }
    }

    /// The next line; `None` where the stream has ended.
    pub fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((line, rest)) = self.rest.split_once('\n') {
                let value = serde_json::from_str(line).expect("a line of JSON");
                self.rest = rest.to_owned();
                return Some(value);
            }
            self.rest.push_str(&chunk(&mut self.stream)?);
        }
    }

    /// The next line as `TYPE name`.
    pub fn next_name(&mut self) -> String {
        let line = self.next().expect("a line");
        let text = |pointer: &str| {
            let found = line.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        format!("{} {}", text("/type"), text("/object/metadata/name"))
    }
}
