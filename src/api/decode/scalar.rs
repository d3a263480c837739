//! Values with a form of their own: quantities, whole numbers, times, bytes.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/{time,micro_time}.go and
//! staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go, v1.36, and Go's `time.Parse` and
//! `encoding/base64`, whose errors reach the user.

use crate::api::quantity;
use serde_json::Value;

/// A quantity in the form in which it is stored.
pub fn quantity(value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    match quantity::canonical(&text) {
        Some(text) => Ok(Value::String(text)),
        None => Err(quantity_error(&text).to_owned()),
    }
}

fn quantity_error(text: &str) -> &'static str {
    let digits = text.trim_start_matches(['+', '-']);
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, suffix) = digits.split_at(end.unwrap_or(digits.len()));
    let letters = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let rest = letters.strip_prefix(['+', '-']).unwrap_or(letters);
    let shaped = text.len() - digits.len() <= 1
        && !number.is_empty()
        && number.matches('.').count() <= 1
        && number != "."
        && rest.bytes().all(|b| b.is_ascii_digit());
    match shaped && !suffix.is_empty() {
        true => "unable to parse quantity's suffix",
        false => quantity::FORMAT_ERROR,
    }
}

/// A whole number within `bounds`.
///
/// # Errors
/// What Go's decoder calls the value.
pub fn integer(value: &Value, bounds: (i64, i64)) -> Result<Value, String> {
    let Value::Number(number) = value else {
        return Err(super::go_type(value).to_owned());
    };
    match number.as_i64() {
        Some(whole) if (bounds.0..=bounds.1).contains(&whole) => Ok(Value::from(whole)),
        _ => Err(format!("number {number}")),
    }
}

/// What is left of a text that `time.Parse` reads, and the error's makings.
struct Clock<'a> {
    whole: &'a str,
    layout: &'static str,
    rest: &'a str,
}

impl<'a> Clock<'a> {
    fn cannot(&self, element: &str) -> String {
        let Self {
            whole,
            layout,
            rest,
        } = self;
        format!("parsing time {whole:?} as {layout:?}: cannot parse {rest:?} as {element:?}")
    }

    fn range(&self, what: &str) -> String {
        format!("parsing time {:?}: {what} out of range", self.whole)
    }

    fn literal(&mut self, text: &str) -> Result<(), String> {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(self.cannot(text)),
        }
    }

    /// `least` to `most` digits.
    fn digits(&mut self, least: usize, most: usize, element: &str) -> Result<i64, String> {
        let end = self.rest.bytes().take(most);
        let count = end.take_while(u8::is_ascii_digit).count();
        if count < least {
            return Err(self.cannot(element));
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(digits.parse().unwrap_or_default())
    }

    fn within(&self, value: i64, least: i64, most: i64, what: &str) -> Result<i64, String> {
        match (least..=most).contains(&value) {
            true => Ok(value),
            false => Err(self.range(what)),
        }
    }

    /// Microseconds of a fraction; Go takes one of any length after the seconds.
    fn fraction(&mut self, micro: bool) -> Result<i64, String> {
        let digits = self.rest.strip_prefix(['.', ',']).unwrap_or_default();
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        if micro && (count < 6 || !self.rest.starts_with('.')) {
            return Err(self.cannot(".000000"));
        }
        if count == 0 {
            return Ok(0);
        }
        let taken = if micro { 6 } else { count };
        self.rest = &digits[taken..];
        let padded = format!("{:0<6}", &digits[..taken]);
        Ok(padded[..6].parse().unwrap_or_default())
    }

    /// Minutes east of Greenwich.
    fn zone(&mut self) -> Result<i64, String> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Ok(0);
        }
        let at = *self;
        let sign = match self.rest.as_bytes().first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(self.cannot("Z07:00")),
        };
        self.rest = &self.rest[1..];
        let parts = (|| {
            let hours = self.digits(2, 2, "")?;
            self.literal(":")?;
            Ok::<_, String>((hours, self.digits(2, 2, "")?))
        })();
        let (hours, minutes) = parts.map_err(|_| at.cannot("Z07:00"))?;
        self.within(hours, 0, 24, "time zone offset hour")?;
        self.within(minutes, 0, 60, "time zone offset minute")?;
        Ok(sign * (hours * 60 + minutes))
    }
}

impl Clone for Clock<'_> {
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for Clock<'_> {}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Moves a time of day by less than two days, and the date with it.
fn shift(date: [i64; 3], minutes: i64) -> ([i64; 3], i64) {
    let [mut year, mut month, mut day] = date;
    day += minutes.div_euclid(1_440);
    if day < 1 {
        (year, month) = if month == 1 {
            (year - 1, 12)
        } else {
            (year, month - 1)
        };
        day += days_in(year, month);
    } else if day > days_in(year, month) {
        day -= days_in(year, month);
        (year, month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
    }
    ([year, month, day], minutes.rem_euclid(1_440))
}

/// A time in UTC as it is stored: to the second, or with six decimals.
pub fn time(text: &str, micro: bool) -> Result<Value, String> {
    let layout = match micro {
        true => "2006-01-02T15:04:05.000000Z07:00",
        false => "2006-01-02T15:04:05Z07:00",
    };
    let mut clock = Clock {
        whole: text,
        layout,
        rest: text,
    };
    let year = clock.digits(4, 4, "2006")?;
    clock.literal("-")?;
    let month = clock.digits(2, 2, "01")?;
    clock.within(month, 1, 12, "month")?;
    clock.literal("-")?;
    let day = clock.digits(2, 2, "02")?;
    clock.literal("T")?;
    let hour = clock.digits(1, 2, "15")?;
    clock.within(hour, 0, 23, "hour")?;
    clock.literal(":")?;
    let minute = clock.digits(2, 2, "04")?;
    clock.within(minute, 0, 59, "minute")?;
    clock.literal(":")?;
    let second = clock.digits(2, 2, "05")?;
    clock.within(second, 0, 59, "second")?;
    let micros = clock.fraction(micro)?;
    let zone = clock.zone()?;
    if !clock.rest.is_empty() {
        return Err(format!(
            "parsing time {text:?}: extra text: {:?}",
            clock.rest
        ));
    }
    clock.within(day, 1, days_in(year, month), "day")?;
    let ([year, month, day], minutes) = shift([year, month, day], hour * 60 + minute - zone);
    if !(0..=9_999).contains(&year) {
        return Err("Time.MarshalJSON: year outside of range [0,9999]".to_owned());
    }
    let (hour, minute) = (minutes / 60, minutes % 60);
    let fraction = if micro {
        format!(".{micros:06}")
    } else {
        String::new()
    };
    Ok(Value::String(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"
    )))
}

/// Base64 without line breaks.
pub fn bytes(text: &str) -> Result<Value, String> {
    use base64::Engine;
    let engine = &base64::engine::general_purpose::STANDARD;
    let joined: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    if let Some(at) = corrupt_at(text) {
        return Err(format!("illegal base64 data at input byte {at}"));
    }
    // Go ignores bits that stand after the last byte; the form stored has none.
    let trimmed = joined.trim_end_matches('=');
    let lax = base64::engine::GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
    let lax = base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, lax);
    match lax.decode(trimmed) {
        Ok(bytes) => Ok(Value::String(engine.encode(bytes))),
        Err(_) => Err(format!("illegal base64 data at input byte {}", text.len())),
    }
}

/// Where Go's decoder stops: groups of four, padding only at the end.
fn corrupt_at(text: &str) -> Option<usize> {
    let mut signs = text
        .bytes()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    loop {
        for place in 0..4 {
            match signs.next() {
                None if place == 0 => return None,
                None => return Some(text.len() - place),
                Some((_, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/')) => {}
                Some((at, b'=')) if place < 2 => return Some(at),
                Some((_, b'=')) => {
                    if place == 2 {
                        match signs.next() {
                            Some((_, b'=')) => {}
                            Some((at, _)) => return Some(at - 1),
                            None => return Some(text.len()),
                        }
                    }
                    return signs.next().map(|(at, _)| at);
                }
                Some((at, _)) => return Some(at),
            }
        }
    }
}
