//! The shell's language, as far as the simulated shells speak it: simple commands joined by `;`, `&&`,
//! `||` and line ends, with quotes, comments and variables.
//!
//! Upstream: POSIX.1-2024, Shell Command Language. Left out, and refused by name: pipelines,
//! redirections, background commands, loops and conditions, functions, substitution of commands,
//! patterns.

/// How many bytes the variables of one command may stand for, and how many of them there may be.
const VALUES_LIMIT: usize = 64 * 1024;
const VALUES_MAX: u32 = 256;

/// What stands behind a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// `;`, a line's end, or nothing: the next one is carried out in any case.
    Then,
    /// `&&`
    And,
    /// `||`
    Or,
}

/// A command and where the script goes on.
#[derive(Debug, PartialEq, Eq)]
pub struct Simple {
    /// Its words.
    pub words: Vec<String>,
    /// What stands behind it.
    pub joint: Joint,
    /// How many bytes of the script it takes.
    pub length: usize,
}

const RESERVED: &[&str] = &[
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac",
    "function", "select", "time", "{", "}", "!", "[[",
];

struct Reader<'a> {
    rest: &'a str,
    words: Vec<String>,
    /// The word being read; `None` between words.
    word: Option<String>,
    variable: &'a dyn Fn(&str) -> String,
    /// How many variables there were, and how many bytes they stand for.
    spent: (u32, usize),
}

/// Reads the first command of `script`.
///
/// # Errors
/// What the shells here do not understand.
pub fn first(script: &str, variable: &dyn Fn(&str) -> String) -> Result<Simple, String> {
    let mut reader = Reader {
        rest: script,
        words: Vec::new(),
        word: None,
        variable,
        spent: (0, 0),
    };
    let joint = reader.read()?;
    let first = reader.words.first().map(String::as_str);
    if let Some(word) = first.filter(|word| RESERVED.contains(word)) {
        return Err(missing(word));
    }
    Ok(Simple {
        words: reader.words,
        joint,
        length: script.len() - reader.rest.len(),
    })
}

/// Whether the whole of `script` is understood.
///
/// # Errors
/// What is not.
pub fn check(script: &str) -> Result<(), String> {
    let mut rest = script;
    while !rest.is_empty() {
        let simple = first(rest, &|_| "x".to_owned())?;
        if simple.words.is_empty() && simple.joint != Joint::Then {
            return Err("syntax error: a command is missing before && or ||".to_owned());
        }
        rest = &rest[simple.length..];
    }
    Ok(())
}

fn missing(what: &str) -> String {
    format!("syntax error: Kubarium's shells do not know {what} yet")
}

impl Reader<'_> {
    fn read(&mut self) -> Result<Joint, String> {
        while let Some(sign) = self.rest.chars().next() {
            let (before, after) = (self.rest, &self.rest[sign.len_utf8()..]);
            self.rest = after;
            match sign {
                ' ' | '\t' | '\r' => self.end_word(),
                '\n' | ';' => {
                    self.end_word();
                    return Ok(Joint::Then);
                }
                '&' | '|' if after.starts_with(sign) => {
                    self.rest = &after[1..];
                    self.end_word();
                    return Ok(if sign == '&' { Joint::And } else { Joint::Or });
                }
                '#' if self.word.is_none() => {
                    self.rest = &before[before.find('\n').unwrap_or(before.len())..];
                }
                '\'' => {
                    let end = after.find('\'').ok_or_else(unterminated)?;
                    self.text(&after[..end]);
                    self.rest = &after[end + 1..];
                }
                '"' => self.quoted()?,
                '\\' => self.escaped(),
                '$' => {
                    let value = self.value()?;
                    self.split(&value);
                }
                '|' | '&' | '<' | '>' | '`' | '(' | ')' | '*' => {
                    return Err(missing(&sign.to_string()));
                }
                sign => self.word.get_or_insert_default().push(sign),
            }
        }
        self.end_word();
        Ok(Joint::Then)
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn text(&mut self, text: &str) {
        self.word.get_or_insert_default().push_str(text);
    }

    fn escaped(&mut self) {
        if let Some(sign) = self.rest.chars().next() {
            self.rest = &self.rest[sign.len_utf8()..];
            if sign != '\n' {
                self.word.get_or_insert_default().push(sign);
            }
        }
    }

    /// The rest of a text in double quotes.
    fn quoted(&mut self) -> Result<(), String> {
        self.text("");
        loop {
            let sign = self.rest.chars().next().ok_or_else(unterminated)?;
            self.rest = &self.rest[sign.len_utf8()..];
            match sign {
                '"' => return Ok(()),
                '\\' if self.rest.starts_with(['"', '\\', '$', '`', '\n']) => self.escaped(),
                '`' => return Err(missing("`")),
                '$' => {
                    let value = self.value()?;
                    self.text(&value);
                }
                sign => self.word.get_or_insert_default().push(sign),
            }
        }
    }

    /// The value of what stands behind a `$`.
    fn value(&mut self) -> Result<String, String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = self.rest;
        if rest.starts_with('(') {
            return Err(missing("$("));
        }
        if let Some(inner) = rest.strip_prefix('{') {
            let end = inner.find('}').ok_or_else(unterminated)?;
            let name = &inner[..end];
            if name != "?" && (name.is_empty() || !name.chars().all(is_name)) {
                return Err(missing(&format!("${{{name}}}")));
            }
            self.rest = &inner[end + 1..];
            return self.known(name);
        }
        let end = match rest.starts_with(['?', '$', '#', '@', '!']) {
            true => 1,
            false => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
        };
        let name = &rest[..end];
        self.rest = &rest[end..];
        match name {
            "" => Ok("$".to_owned()),
            "$" | "#" | "@" | "!" => Err(missing(&format!("${name}"))),
            name => self.known(name),
        }
    }

    fn known(&mut self, name: &str) -> Result<String, String> {
        let value = (self.variable)(name);
        self.spent = (self.spent.0 + 1, self.spent.1 + value.len());
        match self.spent.0 > VALUES_MAX || self.spent.1 > VALUES_LIMIT {
            true => Err("the variables of one command are too many or too long".to_owned()),
            false => Ok(value),
        }
    }

    /// Adds a value that no quotes protect: it may be several words.
    fn split(&mut self, value: &str) {
        for (index, part) in value.split(char::is_whitespace).enumerate() {
            if index > 0 {
                self.end_word();
            }
            if !part.is_empty() {
                self.text(part);
            }
        }
    }
}

fn unterminated() -> String {
    "syntax error: unterminated quoted string".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(script: &str) -> Result<(Vec<String>, Joint), String> {
        let value = |name: &str| match name {
            "A" => "one two".to_owned(),
            "?" => "7".to_owned(),
            _ => String::new(),
        };
        first(script, &value).map(|simple| (simple.words, simple.joint))
    }

    #[test]
    fn words_are_read_as_a_shell_reads_them() {
        for (script, want, joint) in [
            ("echo a  b", &["echo", "a", "b"][..], Joint::Then),
            ("echo 'a  b'\"c d\"e", &["echo", "a  bc de"], Joint::Then),
            (
                "echo $A \"$A\" ${A}x",
                &["echo", "one", "two", "one two", "one", "twox"],
                Joint::Then,
            ),
            (
                "echo \"\\$A\" \\$A $none ''",
                &["echo", "$A", "$A", ""],
                Joint::Then,
            ),
            ("echo $? # no more\nls", &["echo", "7"], Joint::Then),
            ("true && ls", &["true"], Joint::And),
            ("false||ls", &["false"], Joint::Or),
            (
                "echo http://web/?a=1#b; x",
                &["echo", "http://web/?a=1#b"],
                Joint::Then,
            ),
            ("", &[], Joint::Then),
        ] {
            let want: Vec<String> = want.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(words(script), Ok((want, joint)), "{script}");
        }
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for script in [
            "ls | wc",
            "ls > x",
            "sleep 5 &",
            "while true; do ls; done",
            "echo $(ls)",
            "echo `ls`",
            "echo *",
            "(ls)",
            "&& ls",
            "echo 'a",
            "echo \"a",
            "echo ${A:-b}",
            "! ls",
        ] {
            assert!(check(script).is_err(), "{script}");
        }
        assert!(check(&"$A".repeat(1_000)).is_err(), "too many");
        let long = |_: &str| "x".repeat(VALUES_LIMIT);
        assert!(first("echo $A$A", &long).is_err(), "too long");
        assert_eq!(check("ls; ls && ls\n\n# end\n;"), Ok(()));
    }

    /// Whatever comes is read to its end or refused, and nothing panics.
    #[test]
    fn nonsense_ends() {
        let mut rng = crate::sim::SimRng::new(3);
        let signs = [
            "a", " ", "'", "\"", "\\", "$", "{", "}", "ü", ";", "&", "|", "\n", "#", "?",
        ];
        for _ in 0..5_000 {
            let count = rng.below(12);
            let text: String = (0..count)
                .map(|_| signs[rng.below(signs.len() as u64) as usize])
                .collect();
            let mut rest = text.as_str();
            while let Ok(simple) = first(rest, &|_| " a b ".to_owned()) {
                if rest.is_empty() {
                    break;
                }
                assert!(simple.length > 0, "{text:?}");
                rest = &rest[simple.length..];
            }
        }
    }
}
