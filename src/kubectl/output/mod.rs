//! What kubectl prints, and in which form.

pub mod columns;
pub mod form;
pub mod jsonpath;
pub mod table;
pub mod tabs;

use serde::Serialize;

/// Where a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What a command has printed, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Output {
    parts: Vec<(Stream, String)>,
    /// Warnings of the server that were printed: each is printed once.
    warned: Vec<String>,
}

impl Output {
    /// Prints `text` on standard output.
    pub fn out(&mut self, text: impl Into<String>) {
        self.put(Stream::Out, text.into());
    }

    /// Prints `text` on standard error.
    pub fn err(&mut self, text: impl Into<String>) {
        self.put(Stream::Err, text.into());
    }

    /// Prints a line on standard output.
    pub fn line(&mut self, text: &str) {
        self.out(format!("{text}\n"));
    }

    /// Prints a warning that the server sends along with an answer, unless it stands there already.
    pub fn warn(&mut self, text: &str) {
        if !self.warned.iter().any(|known| known == text) {
            self.warned.push(text.to_owned());
            self.err(format!("Warning: {text}\n"));
        }
    }

    fn put(&mut self, stream: Stream, text: String) {
        if !text.is_empty() {
            self.parts.push((stream, text));
        }
    }

    /// Both streams as a terminal shows them.
    pub fn text(&self) -> String {
        self.parts.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// One stream alone.
    pub fn of(&self, stream: Stream) -> String {
        let parts = self.parts.iter().filter(|(of, _)| *of == stream);
        parts.map(|(_, text)| text.as_str()).collect()
    }

    /// Whether anything was printed on standard output.
    pub fn has_out(&self) -> bool {
        self.parts.iter().any(|(of, _)| *of == Stream::Out)
    }
}
