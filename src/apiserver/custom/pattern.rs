//! Regular expressions of schemas: whether a text holds a match, in time linear in its length.
//!
//! Upstream: Go's regexp (RE2 syntax), which v1.36 uses. Every state that the expression may be in is
//! followed at once, sign by sign, so that no expression takes exponential time. Left out: classes of
//! Unicode (`\p{…}`), flags, word boundaries; an expression with one of them is stored and nothing is
//! checked by it. A crate was refused: the smallest would take five times this room on the page.

use std::iter::Peekable;
use std::str::Chars;

/// How long the program of an expression gets.
const PROGRAM_MAX: usize = 4_000;
/// How often a part may be repeated, as in Go.
const REPEAT_MAX: usize = 1_000;
/// How deeply groups nest.
const DEPTH_MAX: usize = 50;
/// How many states are looked at for one text.
const WORK_MAX: usize = 20_000_000;

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It is none, in Go's words.
    Invalid(String),
    /// It uses what is left out here.
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Start,
    End,
    /// The signs from … to …, or all others.
    Signs(Vec<(char, char)>, bool),
    All(Vec<Node>),
    Any(Vec<Node>),
    /// At least, at most.
    Repeat(Box<Node>, usize, Option<usize>),
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Signs(Vec<(char, char)>, bool),
    Start,
    End,
    Jump(usize),
    Split(usize, usize),
    Done,
}

/// An expression, ready to be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    program: Vec<Step>,
}

struct Reader<'a> {
    text: &'a str,
    rest: Peekable<Chars<'a>>,
    depth: usize,
}

const DIGITS: &[(char, char)] = &[('0', '9')];
const WORDS: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
const SPACES: &[(char, char)] = &[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')];

impl Reader<'_> {
    fn invalid<T>(&self, what: &str, part: &str) -> Result<T, PatternError> {
        Err(PatternError::Invalid(format!(
            "error parsing regexp: {what}: `{part}`"
        )))
    }

    fn any(&mut self) -> Result<Node, PatternError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.invalid("expression nests too deeply", self.text);
        }
        let mut ways = Vec::new();
        loop {
            ways.push(self.all()?);
            if self.rest.next_if_eq(&'|').is_none() {
                break;
            }
        }
        self.depth -= 1;
        Ok(match ways.len() {
            1 => ways.remove(0),
            _ => Node::Any(ways),
        })
    }

    fn all(&mut self) -> Result<Node, PatternError> {
        let mut parts = Vec::new();
        while let Some(sign) = self.rest.peek() {
            if matches!(sign, '|' | ')') {
                break;
            }
            let part = self.one()?;
            parts.push(self.repeated(part)?);
        }
        Ok(Node::All(parts))
    }

    fn one(&mut self) -> Result<Node, PatternError> {
        let sign = self.rest.next().unwrap_or_default();
        Ok(match sign {
            '^' => Node::Start,
            '$' => Node::End,
            '.' => Node::Signs(vec![('\n', '\n')], true),
            '[' => self.class()?,
            '(' => {
                if self.rest.next_if_eq(&'?').is_some() {
                    match self.rest.next() {
                        Some(':') => {}
                        Some(sign @ ('=' | '!')) => {
                            let what = "invalid or unsupported Perl syntax";
                            return self.invalid(what, &format!("(?{sign}"));
                        }
                        _ => return Err(PatternError::Unknown),
                    }
                }
                let inside = self.any()?;
                if self.rest.next() != Some(')') {
                    return self.invalid("missing closing )", self.text);
                }
                inside
            }
            '\\' => self.escape()?,
            '*' | '+' | '?' => {
                let part = sign.to_string();
                return self.invalid("missing argument to repetition operator", &part);
            }
            sign => Node::Signs(vec![(sign, sign)], false),
        })
    }

    fn escape(&mut self) -> Result<Node, PatternError> {
        let signs = |signs: &[(char, char)], others| Node::Signs(signs.to_vec(), others);
        let Some(sign) = self.rest.next() else {
            return self.invalid("trailing backslash at end of expression", "");
        };
        Ok(match sign {
            'd' => signs(DIGITS, false),
            'D' => signs(DIGITS, true),
            'w' => signs(WORDS, false),
            'W' => signs(WORDS, true),
            's' => signs(SPACES, false),
            'S' => signs(SPACES, true),
            'A' => Node::Start,
            'z' => Node::End,
            'n' => signs(&[('\n', '\n')], false),
            't' => signs(&[('\t', '\t')], false),
            'r' => signs(&[('\r', '\r')], false),
            'f' => signs(&[('\u{c}', '\u{c}')], false),
            'v' => signs(&[('\u{b}', '\u{b}')], false),
            'a' => signs(&[('\u{7}', '\u{7}')], false),
            'b' | 'B' | 'p' | 'P' | 'Q' | 'x' | 'C' => return Err(PatternError::Unknown),
            sign if sign.is_ascii_alphanumeric() => {
                let part = format!("\\{sign}");
                return self.invalid("invalid escape sequence", &part);
            }
            sign => signs(&[(sign, sign)], false),
        })
    }

    /// What stands between brackets.
    fn class(&mut self) -> Result<Node, PatternError> {
        let others = self.rest.next_if_eq(&'^').is_some();
        let mut ranges: Vec<(char, char)> = Vec::new();
        let mut first = true;
        loop {
            let sign = match self.rest.next() {
                None => return self.invalid("missing closing ]", self.text),
                Some(']') if !first => return Ok(Node::Signs(ranges, others)),
                Some('[') if self.rest.peek() == Some(&':') => return Err(PatternError::Unknown),
                Some('\\') => match self.escape()? {
                    Node::Signs(mut signs, false)
                        if signs.len() == 1 && signs[0].0 == signs[0].1 =>
                    {
                        signs.remove(0).0
                    }
                    Node::Signs(signs, false) => {
                        ranges.extend(signs);
                        first = false;
                        continue;
                    }
                    _ => return Err(PatternError::Unknown),
                },
                Some(sign) => sign,
            };
            first = false;
            let mut ahead = self.rest.clone();
            let ranged = ahead.next() == Some('-') && ahead.next().is_some_and(|next| next != ']');
            if !ranged {
                ranges.push((sign, sign));
                continue;
            }
            self.rest.next();
            let last = match self.rest.next() {
                Some('\\') => match self.escape()? {
                    Node::Signs(signs, false) if signs.len() == 1 => signs[0].1,
                    _ => return Err(PatternError::Unknown),
                },
                Some(last) => last,
                None => return self.invalid("missing closing ]", self.text),
            };
            if last < sign {
                let part = format!("{sign}-{last}");
                return self.invalid("invalid character class range", &part);
            }
            ranges.push((sign, last));
        }
    }

    fn repeated(&mut self, mut part: Node) -> Result<Node, PatternError> {
        let mut before = false;
        loop {
            let (least, most) = match self.rest.peek() {
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('?') => (0, Some(1)),
                Some('{') => match self.counts()? {
                    Some(counts) => counts,
                    None => return Ok(part),
                },
                _ => return Ok(part),
            };
            if before {
                return self.invalid("invalid nested repetition operator", self.text);
            }
            // The operator's sign, or the bracket up to which the counts were read.
            self.rest.next();
            self.rest.next_if_eq(&'?');
            before = true;
            part = Node::Repeat(Box::new(part), least, most);
            if !part.is_repeatable(REPEAT_MAX) {
                let part = format!("{{{}}}", most.unwrap_or(least));
                return self.invalid("invalid repeat count", &part);
            }
        }
    }

    /// The numbers of `{2,5}`, read up to the closing bracket; `None` where it is plain text.
    fn counts(&mut self) -> Result<Option<(usize, Option<usize>)>, PatternError> {
        let mut ahead = self.rest.clone();
        ahead.next();
        let inside: String = ahead.by_ref().take_while(|sign| *sign != '}').collect();
        let (least, most) = match inside.split_once(',') {
            Some((least, "")) => (least.parse().ok(), Some(None)),
            Some((least, most)) => (least.parse().ok(), most.parse().ok().map(Some)),
            None => (inside.parse().ok(), inside.parse().ok().map(Some)),
        };
        let (Some(least), Some(most)) = (least, most) else {
            return match inside.starts_with(|sign: char| sign.is_ascii_digit()) {
                true => Err(PatternError::Unknown),
                false => Ok(None),
            };
        };
        let too_many = least > REPEAT_MAX || most.is_some_and(|most| most > REPEAT_MAX);
        if too_many || most.is_some_and(|most| most < least) {
            return self.invalid("invalid repeat count", &format!("{{{inside}}}"));
        }
        for _ in 0..=inside.chars().count() {
            self.rest.next();
        }
        Ok(Some((least, most)))
    }
}

impl Node {
    /// Whether nothing in it is repeated more than `times`, counts within counts multiplied.
    fn is_repeatable(&self, times: usize) -> bool {
        match self {
            Node::Repeat(part, least, most) => match most.unwrap_or(*least) {
                0 => most.is_some() || part.is_repeatable(times),
                count => count <= times && part.is_repeatable(times / count),
            },
            Node::All(parts) | Node::Any(parts) => parts.iter().all(|p| p.is_repeatable(times)),
            Node::Start | Node::End | Node::Signs(..) => true,
        }
    }
}

impl Pattern {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, PatternError> {
        let mut reader = Reader {
            text,
            rest: text.chars().peekable(),
            depth: 0,
        };
        let node = reader.any()?;
        if reader.rest.next().is_some() {
            return reader.invalid("unexpected )", text);
        }
        let mut program = Vec::new();
        if !write(&node, &mut program) {
            return reader.invalid("expression too large", text);
        }
        program.push(Step::Done);
        Ok(Self { program })
    }

    /// Whether `text` holds a match. One that would take too long holds none.
    pub fn is_match(&self, text: &str) -> bool {
        if self.program.len().saturating_mul(text.len()) > WORK_MAX {
            return false;
        }
        let mut now = States::new(self.program.len());
        let mut next = States::new(self.program.len());
        let mut signs = text.chars();
        let mut at_start = true;
        loop {
            let sign = signs.next();
            if self.follow(0, &mut now, at_start, sign.is_none()) {
                return true;
            }
            let Some(sign) = sign else {
                return false;
            };
            let at_end = signs.as_str().is_empty();
            for at in now.list.drain(..) {
                if let Some(Step::Signs(ranges, others)) = self.program.get(at)
                    && ranges.iter().any(|(a, b)| (*a..=*b).contains(&sign)) != *others
                    && self.follow(at + 1, &mut next, false, at_end)
                {
                    return true;
                }
            }
            now.known.fill(false);
            std::mem::swap(&mut now, &mut next);
            at_start = false;
        }
    }

    /// Adds every state that needs no sign from `from` on; answers whether the match is done.
    fn follow(&self, from: usize, states: &mut States, at_start: bool, at_end: bool) -> bool {
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut states.known[at], true) {
                continue;
            }
            match &self.program[at] {
                Step::Done => return true,
                Step::Jump(to) => open.push(*to),
                Step::Split(a, b) => open.extend([*a, *b]),
                Step::Start if at_start => open.push(at + 1),
                Step::End if at_end => open.push(at + 1),
                Step::Start | Step::End => {}
                Step::Signs(..) => states.list.push(at),
            }
        }
        false
    }
}

/// The states that the expression may be in.
struct States {
    list: Vec<usize>,
    known: Vec<bool>,
}

impl States {
    fn new(length: usize) -> Self {
        Self {
            list: Vec::new(),
            known: vec![false; length],
        }
    }
}

/// Writes the program of `node`; answers whether it fits.
fn write(node: &Node, program: &mut Vec<Step>) -> bool {
    if program.len() >= PROGRAM_MAX {
        return false;
    }
    match node {
        Node::Start => program.push(Step::Start),
        Node::End => program.push(Step::End),
        Node::Signs(ranges, others) => program.push(Step::Signs(ranges.clone(), *others)),
        Node::All(parts) => return parts.iter().all(|part| write(part, program)),
        Node::Any(ways) => {
            let mut ends = Vec::new();
            for (index, way) in ways.iter().enumerate() {
                let split = program.len();
                if index + 1 < ways.len() {
                    program.push(Step::Jump(0));
                }
                if !write(way, program) {
                    return false;
                }
                if index + 1 < ways.len() {
                    ends.push(program.len());
                    program.push(Step::Jump(0));
                    program[split] = Step::Split(split + 1, program.len());
                }
            }
            for end in ends {
                program[end] = Step::Jump(program.len());
            }
        }
        Node::Repeat(part, least, most) => {
            for _ in 0..*least {
                if !write(part, program) {
                    return false;
                }
            }
            return match most {
                None => optional(part, program, true),
                Some(most) => (*least..*most).all(|_| optional(part, program, false)),
            };
        }
    }
    true
}

/// `part` or nothing; or, where it goes on for ever, as often as there is one.
fn optional(part: &Node, program: &mut Vec<Step>, for_ever: bool) -> bool {
    let split = program.len();
    program.push(Step::Jump(0));
    let fits = write(part, program);
    if for_ever {
        program.push(Step::Jump(split));
    }
    program[split] = Step::Split(split + 1, program.len());
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_match_as_in_go() {
        for (pattern, yes, no) in [
            ("^a$", &["a"][..], &["ab", "", "ba"][..]),
            ("a", &["bab"], &["b", ""]),
            ("", &["", "x"], &[]),
            ("^(a|bc)+$", &["abca", "bc"], &["b", "ac", ""]),
            (r"^\d{2,3}$", &["12", "123"], &["1", "1234", "a1"]),
            (
                r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$",
                &["* * * * */5", "1 2 3 4 5"],
                &["* * *"],
            ),
            ("^[^a-c]$", &["d", "é"], &["a", "b", "dd"]),
            ("^[]a-]+$", &["]-a"], &["b"]),
            (r"^[\w.-]+@x\.y$", &["a.b-c@x.y"], &["@x.y", "a@xzy"]),
            ("^(?:a*)*b$", &["aaab", "b"], &["a"]),
            ("^.$", &["x"], &["\n", "xy"]),
            ("^a{0}b{2,}$", &["bb", "bbbb"], &["b", "abb"]),
            ("x{a", &["x{a"], &["x"]),
            ("^a??b+?$", &["abb", "b"], &["a"]),
        ] {
            let read = Pattern::read(pattern).expect(pattern);
            for text in yes {
                assert!(read.is_match(text), "{pattern} {text:?}");
            }
            for text in no {
                assert!(!read.is_match(text), "{pattern} {text:?}");
            }
        }
    }

    #[test]
    fn what_is_none_and_what_is_not_known_differ() {
        for text in [
            "(", "a)", "(?=a)", "^(?!a)b", "[a", "*a", "a**", "a{3,2}", "a{2000}", "[b-a]", "\\",
            r"\y",
        ] {
            let read = Pattern::read(text);
            assert!(
                matches!(read, Err(PatternError::Invalid(_))),
                "{text} {read:?}"
            );
        }
        for text in [r"\bx", r"\pL", "(?i)x", "[[:alpha:]]"] {
            assert_eq!(Pattern::read(text), Err(PatternError::Unknown), "{text}");
        }
        let deep = format!("{}a{}", "(".repeat(1_000), ")".repeat(1_000));
        assert!(Pattern::read(&deep).is_err());
        for large in [
            "(a{1000}){1000}",
            "((()*{1000}){1000}){1000}",
            "(a{30}b){40}",
        ] {
            assert!(Pattern::read(large).is_err(), "{large}");
        }
        assert!(Pattern::read("(a{30}b){30}").is_ok());
    }

    #[test]
    fn no_expression_takes_for_ever() {
        let pattern = Pattern::read("^(a|a|aa)*(a*)*$").expect("one");
        let text = format!("{}b", "a".repeat(10_000));
        assert!(!pattern.is_match(&text));
    }
}
