//! What an unquoted scalar of YAML 1.1 means, and which texts need quotes to stay texts.
//!
//! Upstream: go.yaml.in/yaml/v2 resolve.go and encode.go, as Kubernetes v1.36 uses it.

use serde_json::{Number, Value};

/// What an unquoted scalar stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// Nothing, `~` or `null`.
    Null,
    /// true, yes, on, y, false, no, off, n.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond the signed ones.
    Big(u64),
    /// A number with a fraction or an exponent, or one too big for the others.
    Float(f64),
    /// A date or time; it stays a text.
    Timestamp,
    /// Anything else.
    Text,
}

impl Meaning {
    /// YAML's name of the type.
    pub const fn tag(&self) -> &'static str {
        match self {
            Meaning::Null => "!!null",
            Meaning::Bool(_) => "!!bool",
            Meaning::Int(_) | Meaning::Big(_) => "!!int",
            Meaning::Float(_) => "!!float",
            Meaning::Timestamp => "!!timestamp",
            Meaning::Text => "!!str",
        }
    }

    /// The JSON value, for the scalar `text`.
    ///
    /// # Errors
    /// Infinity and not-a-number have none.
    pub fn to_json(&self, text: &str) -> Result<Value, String> {
        Ok(match self {
            Meaning::Null => Value::Null,
            Meaning::Bool(value) => Value::Bool(*value),
            Meaning::Int(value) => Value::from(*value),
            Meaning::Big(value) => Value::from(*value),
            Meaning::Float(value) => return float(*value),
            Meaning::Timestamp | Meaning::Text => Value::String(text.to_owned()),
        })
    }
}

/// A float as JSON; one without a fraction becomes a whole number, as in Go's JSON.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range was checked before"
)]
fn float(value: f64) -> Result<Value, String> {
    if value.is_nan() {
        return Err("json: unsupported value: NaN".to_owned());
    }
    let sign = if value < 0.0 { '-' } else { '+' };
    if value.is_infinite() {
        return Err(format!("json: unsupported value: {sign}Inf"));
    }
    if value.fract() == 0.0 && value.abs() < 9.0e18 {
        return Ok(Value::from(value as i64));
    }
    Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
}

/// What the unquoted scalar `text` means.
pub fn resolve(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Meaning::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Meaning::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Meaning::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Meaning::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Meaning::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Meaning::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' => decimal(text).map_or(Meaning::Text, Meaning::Float),
        b'+' | b'-' | b'0'..=b'9' if is_timestamp(text) => Meaning::Timestamp,
        b'+' | b'-' | b'0'..=b'9' => number(&text.replace('_', "")),
        _ => Meaning::Text,
    }
}

fn number(plain: &str) -> Meaning {
    let (negative, digits) = match plain.as_bytes().first() {
        Some(b'-') => (true, &plain[1..]),
        Some(b'+') => (false, &plain[1..]),
        _ => (false, plain),
    };
    let prefix = digits.get(..2).unwrap_or_default().to_ascii_lowercase();
    let (radix, digits) = match prefix.as_str() {
        "0x" => (16, &digits[2..]),
        "0o" => (8, &digits[2..]),
        "0b" => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    let is_whole = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    if is_whole && let Ok(magnitude) = i128::from_str_radix(digits, radix) {
        let value = if negative { -magnitude } else { magnitude };
        if let Ok(value) = i64::try_from(value) {
            return Meaning::Int(value);
        }
        if let (Ok(value), true) = (u64::try_from(value), plain == plain.trim_start_matches('+')) {
            return Meaning::Big(value);
        }
    }
    decimal(plain).map_or(Meaning::Text, Meaning::Float)
}

/// `-1.5e3`, `.5`, `1.`; nothing for a number beyond all floats.
fn decimal(plain: &str) -> Option<f64> {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let shaped = unsigned
        .chars()
        .all(|c| c.is_ascii_digit() || ".eE+-".contains(c));
    let starts = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !shaped || !starts {
        return None;
    }
    plain.parse().ok().filter(|value: &f64| value.is_finite())
}

/// `2006-1-2`, `2006-1-2 15:4:5.999`, `2006-1-2T15:4:5.999+07:00`.
pub fn is_timestamp(text: &str) -> bool {
    let (date, clock) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some((text.as_bytes()[at], &text[at + 1..]))),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = parts.next().filter(|year| year.len() == 4).and_then(whole);
    let month = parts.next().and_then(short);
    let day = parts.next().and_then(short);
    let (Some(year), Some(month), Some(day), None) = (year, month, day, parts.next()) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=12).contains(&month) || !(1..=days).contains(&day) {
        return false;
    }
    match clock {
        None => true,
        Some((b' ', clock)) => is_clock(clock),
        Some((_, clock)) => match clock.find(['Z', '+', '-']) {
            Some(at) => is_clock(&clock[..at]) && is_zone(&clock[at..]),
            None => false,
        },
    }
}

fn whole(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn short(text: &str) -> Option<u32> {
    whole(text).filter(|_| text.len() <= 2)
}

fn is_clock(text: &str) -> bool {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let parts: Vec<Option<u32>> = clock.split(':').map(short).collect();
    let right = match parts.as_slice() {
        [Some(hour), Some(minute), Some(second)] => *hour < 24 && *minute < 60 && *second < 60,
        _ => false,
    };
    right && fraction.is_none_or(|digits| whole(&digits.replace(|c| c != '0', "1")).is_some())
}

fn is_zone(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| text.get(range).and_then(whole).is_some();
    text == "Z" || (text.len() == 6 && digits(1..3) && &text[3..4] == ":" && digits(4..6))
}

/// Whether `text` keeps its meaning without quotes.
pub fn is_plain_text(text: &str) -> bool {
    resolve(text) == Meaning::Text && !is_base_60(text)
}

/// `190:20:30.15`: a number to older readers of YAML.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let starts = first.starts_with(|c: char| c.is_ascii_digit());
    if !starts || !first.chars().all(|c| c.is_ascii_digit() || c == '_') {
        return false;
    }
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else {
        return false;
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    let sexagesimal = |part: &str| short(part).is_some_and(|n| n < 60);
    middle.iter().all(|part| sexagesimal(part))
        && sexagesimal(last)
        && fraction.chars().all(|c| c.is_ascii_digit() || c == '_')
}

/// A float as Go's `%g` prints it, from its shortest digits in exponent form (`1.5e3`).
pub fn go_float(shortest: &str) -> String {
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    if !(-4..6).contains(&exponent) {
        let direction = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{mantissa}e{direction}{:02}", exponent.abs());
    }
    let digits = mantissa.replace('.', "");
    let point = exponent + 1;
    let text = match usize::try_from(point) {
        Ok(point) if point >= digits.len() => format!("{digits:0<point$}"),
        Ok(point) if point > 0 => format!("{}.{}", &digits[..point], &digits[point..]),
        _ => {
            let zeros = usize::try_from(-point).unwrap_or(0);
            format!("0.{}{digits}", "0".repeat(zeros))
        }
    };
    format!("{sign}{text}")
}
