//! YAML as `kubectl -o yaml` prints it: keys sorted, lists not indented below their key, texts
//! quoted only where they must be, lines folded after 80 columns.
//!
//! Upstream: go.yaml.in/yaml/v2 encode.go, sorter.go and emitterc.go, as Kubernetes v1.36 uses them.
//! The crate that reads YAML is not used here: it quotes and folds by other rules.

use crate::api::manifest::{go_float, is_plain_text};
use crate::sim::order::sort_by;
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// The column after which a line is folded at the next space.
const WIDTH: usize = 80;
/// The longest key that stands on the line of its value, in bytes.
const SIMPLE_KEY_LIMIT: usize = 128;
const INDENT: usize = 2;

/// `value` as YAML, with a line break at its end.
pub fn to_yaml(value: &Value) -> String {
    let mut writer = Writer {
        out: String::new(),
        column: 0,
        after_space: true,
        at_indent: true,
    };
    writer.node(value, None, false);
    writer.indent(0);
    writer.out
}

struct Writer {
    out: String,
    column: usize,
    /// Whether the last sign was a space, or something that needs none after it.
    after_space: bool,
    /// Whether nothing but indentation and list dashes stand on this line.
    at_indent: bool,
}

impl Writer {
    fn put(&mut self, sign: char) {
        self.out.push(sign);
        self.column = if sign == '\n' { 0 } else { self.column + 1 };
    }

    fn line_break(&mut self) {
        self.put('\n');
        self.at_indent = true;
    }

    /// Goes to column `indent` of this line, or of the next one.
    fn indent(&mut self, indent: usize) {
        let passed = self.column > indent || (self.column == indent && !self.after_space);
        if !self.at_indent || passed {
            self.line_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.after_space = true;
        self.at_indent = true;
    }

    fn indicator(&mut self, text: &str, spaced: bool, keeps_indent: bool) {
        if spaced && !self.after_space {
            self.put(' ');
        }
        text.chars().for_each(|sign| self.put(sign));
        self.after_space = false;
        self.at_indent = self.at_indent && keeps_indent;
    }

    /// Writes `value` inside a collection indented by `indent` (nothing at the top); `of_key` says
    /// that it is a map's value.
    fn node(&mut self, value: &Value, indent: Option<usize>, of_key: bool) {
        let deeper = indent.map_or(0, |indent| indent + INDENT);
        match value {
            Value::Array(items) if items.is_empty() => self.indicator("[]", true, false),
            Value::Object(fields) if fields.is_empty() => self.indicator("{}", true, false),
            Value::Array(items) => {
                let beside = of_key && !self.at_indent;
                let column = if beside { indent.unwrap_or(0) } else { deeper };
                for item in items {
                    self.indent(column);
                    self.indicator("-", true, true);
                    self.node(item, Some(column), false);
                }
            }
            Value::Object(fields) => {
                let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
                sort_by(&mut sorted, |(a, _), (b, _)| natural(a, b));
                for (key, value) in sorted {
                    self.indent(deeper);
                    self.key(key, deeper);
                    self.node(value, Some(deeper), true);
                }
            }
            Value::String(text) => self.text(text, indent.map_or(INDENT, |i| i + INDENT), false),
            Value::Number(number) => self.plain(&number_text(number), None),
            other => self.plain(&other.to_string(), None),
        }
    }

    fn key(&mut self, key: &str, indent: usize) {
        let simple = key.len() <= SIMPLE_KEY_LIMIT && !key.contains(is_break);
        if simple {
            self.text(key, indent + INDENT, true);
            self.indicator(":", false, false);
            return;
        }
        self.indicator("?", true, true);
        self.text(key, indent + INDENT, false);
        self.indent(indent);
        self.indicator(":", true, true);
    }

    fn text(&mut self, text: &str, indent: usize, is_key: bool) {
        let shape = Shape::of(text);
        let fold = if is_key { None } else { Some(indent) };
        if text.contains('\n') && shape.literal && !is_key {
            self.literal(text, indent);
        } else if text.contains('\n') || !is_plain_text(text) {
            self.double_quoted(text, fold);
        } else if shape.plain {
            self.plain(text, fold);
        } else if shape.single_quoted {
            self.single_quoted(text, fold);
        } else {
            self.double_quoted(text, fold);
        }
    }

    /// Whether the line is folded at this space.
    fn folds(&self, fold: Option<usize>, after_space: bool) -> Option<usize> {
        fold.filter(|_| !after_space && self.column > WIDTH)
    }

    fn plain(&mut self, text: &str, fold: Option<usize>) {
        if !self.after_space {
            self.put(' ');
        }
        let mut spaces = false;
        let mut signs = text.chars().peekable();
        while let Some(sign) = signs.next() {
            match self.folds(fold, spaces) {
                Some(indent) if sign == ' ' && signs.peek() != Some(&' ') => self.indent(indent),
                _ => self.put(sign),
            }
            spaces = sign == ' ';
            self.at_indent = false;
        }
        self.after_space = false;
        self.at_indent = false;
    }

    fn single_quoted(&mut self, text: &str, fold: Option<usize>) {
        self.indicator("'", true, false);
        let (mut spaces, mut breaks) = (false, false);
        let mut signs = text.chars().enumerate().peekable();
        while let Some((place, sign)) = signs.next() {
            if is_break(sign) {
                self.put(sign);
                (self.column, self.at_indent, breaks) = (0, true, true);
                continue;
            }
            if std::mem::take(&mut breaks) {
                self.indent(fold.unwrap_or(INDENT));
            }
            let inside = place > 0 && signs.peek().is_some_and(|(_, next)| *next != ' ');
            match self.folds(fold, spaces) {
                Some(indent) if sign == ' ' && inside => self.indent(indent),
                _ => {
                    if sign == '\'' {
                        self.put('\'');
                    }
                    self.put(sign);
                }
            }
            spaces = sign == ' ';
            self.at_indent = false;
        }
        self.indicator("'", false, false);
    }

    fn double_quoted(&mut self, text: &str, fold: Option<usize>) {
        self.indicator("\"", true, false);
        let mut spaces = false;
        let mut signs = text.chars().enumerate().peekable();
        while let Some((place, sign)) = signs.next() {
            if sign == ' ' {
                let next = signs.peek().map(|(_, next)| *next);
                match self.folds(fold, spaces) {
                    Some(indent) if place > 0 && next.is_some() => {
                        self.indent(indent);
                        if next == Some(' ') {
                            self.put('\\');
                        }
                    }
                    _ => self.put(sign),
                }
                spaces = true;
                continue;
            }
            spaces = false;
            match is_printable(sign) && !is_break(sign) && sign != '"' && sign != '\\' {
                true => self.put(sign),
                false => escape(sign).chars().for_each(|sign| self.put(sign)),
            }
        }
        self.indicator("\"", false, false);
    }

    fn literal(&mut self, text: &str, indent: usize) {
        let hint = if text.starts_with(' ') || text.starts_with(is_break) {
            "2"
        } else {
            ""
        };
        let body = text.trim_end_matches(is_break);
        let breaks = text[body.len()..].chars().count();
        let chomp = match breaks {
            0 => "-",
            1 if !body.is_empty() => "",
            _ => "+",
        };
        self.indicator(&format!("|{hint}{chomp}"), true, false);
        self.line_break();
        self.after_space = true;
        let mut at_start = true;
        for sign in text.chars() {
            if is_break(sign) {
                if sign == '\n' {
                    self.line_break();
                } else {
                    self.put(sign);
                    self.column = 0;
                    self.at_indent = true;
                }
                at_start = true;
                continue;
            }
            if at_start {
                self.indent(indent);
            }
            self.put(sign);
            self.at_indent = false;
            at_start = false;
        }
    }
}

/// The ways in which a text may be written.
struct Shape {
    plain: bool,
    single_quoted: bool,
    literal: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let signs: Vec<char> = text.chars().collect();
        let at = |place: usize| signs.get(place).copied();
        let blank = |place: usize| at(place).is_none_or(|s| s == ' ' || s == '\t' || is_break(s));
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut space_break, mut break_space) = (false, false, false);
        for (place, sign) in signs.iter().copied().enumerate() {
            indicators |= match sign {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"'
                | '%' | '@' | '`'
                    if place == 0 =>
                {
                    true
                }
                '?' | '-' if place == 0 => blank(place + 1),
                ':' => blank(place + 1),
                '#' => blank(place - 1),
                _ => false,
            };
            special |= !is_printable(sign);
            let before = place.checked_sub(1).and_then(at);
            space_break |= is_break(sign) && before == Some(' ');
            break_space |= sign == ' ' && before.is_some_and(is_break);
        }
        let edge = |place: Option<&char>| place.is_some_and(|s| *s == ' ' || is_break(*s));
        let edges = edge(signs.first()) || edge(signs.last());
        let breaks = text.contains(is_break);
        Self {
            plain: !indicators && !edges && !special && !breaks,
            single_quoted: !special && !space_break && !break_space,
            literal: !special && !space_break && signs.last() != Some(&' '),
        }
    }
}

fn is_break(sign: char) -> bool {
    matches!(sign, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(sign: char) -> bool {
    matches!(sign, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && sign != '\u{feff}'
}

fn escape(sign: char) -> String {
    let letter = match sign {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => sign,
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(sign);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{letter}")
}

fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() => go_float(&format!("{value:e}")),
        _ => number.to_string(),
    }
}

/// Go-yaml's order of keys: as people sort, `a2` before `a10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut digits = false;
    for place in 0..a.len().min(b.len()) {
        let (left, right) = (a[place], b[place]);
        if left == right {
            digits = left.is_numeric();
            continue;
        }
        match (left.is_alphabetic(), right.is_alphabetic()) {
            (true, true) => return left.cmp(&right),
            (true, false) if digits => return Ordering::Less,
            (true, false) => return Ordering::Greater,
            (false, true) if digits => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        let zero = left == '0' || right == '0';
        let before = a[..place].iter().rev().take_while(|sign| sign.is_numeric());
        let led = zero && before.into_iter().any(|sign| *sign != '0');
        let (left_end, left_value) = number_at(&a, place, led);
        let (right_end, right_value) = number_at(&b, place, led);
        let order = left_value.cmp(&right_value).then(left_end.cmp(&right_end));
        return order.then(left.cmp(&right));
    }
    a.len().cmp(&b.len())
}

/// Where the digits from `start` end, and their value, with a one before them if `led`.
fn number_at(signs: &[char], start: usize, led: bool) -> (usize, i64) {
    let (mut end, mut value) = (start, i64::from(led));
    while let Some(digit) = signs.get(end).and_then(|sign| sign.to_digit(10)) {
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        end += 1;
    }
    (end, value)
}
