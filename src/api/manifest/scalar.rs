//! What a plain scalar of YAML 1.1 means.
//!
//! Upstream: go.yaml.in/yaml/v2 resolve.go.

use serde_json::{Number, Value};

/// The value of an unquoted scalar.
pub fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return None;
    }
    let digits = text.replace('_', "");
    let (negative, magnitude) = match digits.as_bytes().first()? {
        b'-' => (true, &digits[1..]),
        b'+' => (false, &digits[1..]),
        _ => (false, digits.as_str()),
    };
    let integer = if let Some(hex) = magnitude.strip_prefix("0x") {
        i64::from_str_radix(hex, 16).ok()
    } else if let Some(binary) = magnitude.strip_prefix("0b") {
        i64::from_str_radix(binary, 2).ok()
    } else if let Some(octal) = magnitude.strip_prefix("0o") {
        i64::from_str_radix(octal, 8).ok()
    } else if magnitude.len() > 1 && magnitude.starts_with('0') && all_digits(magnitude) {
        i64::from_str_radix(magnitude, 8).ok()
    } else if all_digits(magnitude) {
        magnitude.parse().ok()
    } else {
        None
    };
    if let Some(integer) = integer {
        return Some(Number::from(if negative { -integer } else { integer }));
    }
    let decimal = |c: char| c.is_ascii_digit() || ".eE+-".contains(c);
    let has_digit = digits.contains(|c: char| c.is_ascii_digit());
    if !has_digit || !digits.chars().all(decimal) {
        return None;
    }
    digits.parse::<f64>().ok().and_then(Number::from_f64)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
