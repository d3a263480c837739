//! A terminal's line discipline: what is typed is shown, edited, and handed on line by line.
//!
//! Upstream: Linux' drivers/tty/n_tty.c. Left out: settings, signals but Ctrl-C, cursor keys.

/// The longest line.
const LINE_LIMIT: usize = 4_096;

const INTERRUPT: char = '\u{3}';
const END: char = '\u{4}';
const KILL_LINE: char = '\u{15}';
const ESCAPE: char = '\u{1b}';

/// What became of what was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// What the terminal shows.
    pub echo: String,
    /// What can be read.
    pub input: String,
    /// Whether the input has ended.
    pub closed: bool,
}

/// Where the sequence of a cursor key is.
#[derive(Default, PartialEq)]
enum Key {
    #[default]
    None,
    Escaped,
    Sequence,
}

/// A terminal.
#[derive(Default)]
pub struct Terminal {
    line: String,
    key: Key,
}

impl Terminal {
    /// Takes what was typed.
    pub fn take(&mut self, text: &str) -> Typed {
        let mut typed = Typed::default();
        for sign in text.chars() {
            match (&self.key, sign) {
                (Key::Escaped, '[' | 'O') => self.key = Key::Sequence,
                (Key::Sequence, '0'..='9' | ';') => {}
                (Key::Escaped | Key::Sequence, _) => self.key = Key::None,
                (Key::None, sign) => self.sign(sign, &mut typed),
            }
        }
        typed
    }

    fn sign(&mut self, sign: char, typed: &mut Typed) {
        match sign {
            '\r' | '\n' => {
                typed.echo.push_str("\r\n");
                typed.input.push_str(&std::mem::take(&mut self.line));
                typed.input.push('\n');
            }
            '\u{7f}' | '\u{8}' => {
                if self.line.pop().is_some() {
                    typed.echo.push_str("\u{8} \u{8}");
                }
            }
            INTERRUPT => {
                self.line.clear();
                typed.echo.push_str("^C\r\n");
                typed.input.push(INTERRUPT);
            }
            END if self.line.is_empty() => typed.closed = true,
            END => typed.input.push_str(&std::mem::take(&mut self.line)),
            KILL_LINE => {
                typed
                    .echo
                    .push_str(&"\u{8} \u{8}".repeat(self.line.chars().count()));
                self.line.clear();
            }
            ESCAPE => self.key = Key::Escaped,
            sign if sign.is_control() && sign != '\t' => {}
            sign if self.line.len() < LINE_LIMIT => {
                self.line.push(sign);
                typed.echo.push(sign);
            }
            _ => typed.echo.push('\u{7}'),
        }
    }
}

/// Text as a terminal shows it.
pub fn shown(text: &str) -> String {
    text.replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_edited_before_they_are_read() {
        let mut terminal = Terminal::default();
        let typed = terminal.take("lx\u{7f}s\u{1b}[A /\r");
        assert_eq!(
            (typed.echo.as_str(), typed.input.as_str()),
            ("lx\u{8} \u{8}s /\r\n", "ls /\n")
        );
        let typed = terminal.take("half");
        assert_eq!((typed.input.as_str(), typed.closed), ("", false));
        assert_eq!(terminal.take("\u{3}").input, "\u{3}");
        assert!(terminal.take("\u{4}").closed, "the half line is gone");
        let long = terminal.take(&"x".repeat(2 * LINE_LIMIT));
        assert!(long.echo.ends_with('\u{7}'));
        assert_eq!(terminal.take("\n").input.len(), LINE_LIMIT + 1);
    }
}
