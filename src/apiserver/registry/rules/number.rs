//! Numbers: not negative, in a range, ports, and amounts that may be percentages.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go and
//! pkg/apis/apps/validation/validation.go, v1.36.

use super::{Errors, name, refuse};
use crate::api::field::{FieldError, Path};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The sentence for a number below zero.
pub const NEGATIVE: &str = "must be greater than or equal to 0";
/// The sentence for a port out of range.
pub const PORT: &str = "must be between 1 and 65535, inclusive";
const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/// Refuses a number below zero.
pub fn non_negative(number: Option<impl Into<i64>>, at: &Path<'_>, errors: &mut Errors) {
    if let Some(number) = number.map(Into::into).filter(|n| *n < 0) {
        errors.push(FieldError::invalid_value(at, number, NEGATIVE));
    }
}

/// Refuses a number outside `low..=high`.
pub fn in_range(number: i64, low: i64, high: i64, at: &Path<'_>, errors: &mut Errors) {
    if !(low..=high).contains(&number) {
        let detail = format!("must be between {low} and {high}, inclusive");
        errors.push(FieldError::invalid_value(at, number, detail));
    }
}

/// Refuses what is no port's number.
pub fn port(number: i32, at: &Path<'_>, errors: &mut Errors) {
    if !(1..=65_535).contains(&number) {
        errors.push(FieldError::invalid_value(at, number, PORT));
    }
}

/// Refuses what is neither a port's number nor its name.
pub fn port_or_name(given: &IntOrString, at: &Path<'_>, errors: &mut Errors) {
    match given {
        IntOrString::Int(number) => port(*number, at, errors),
        IntOrString::String(text) => refuse(name::port_name(text), text, at, errors),
    }
}

/// The number before the `%`, if `text` is a percentage.
fn percentage(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('%')?;
    let right = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    right.then(|| digits.parse().unwrap_or(i64::MAX))
}

/// An amount as JSON shows it: `1` or `"25%"`.
pub fn shown(value: &IntOrString) -> String {
    match value {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => format!("{text:?}"),
    }
}

/// Refuses what is neither a number from zero up nor a percentage.
pub fn int_or_percent(value: &IntOrString, at: &Path<'_>, errors: &mut Errors) {
    match value {
        IntOrString::Int(number) => non_negative(Some(*number), at, errors),
        IntOrString::String(text) if percentage(text).is_none() => {
            errors.push(FieldError::invalid(at, text, PERCENT));
        }
        IntOrString::String(_) => {}
    }
}

/// Refuses a percentage above 100.
pub fn at_most_all(value: &IntOrString, at: &Path<'_>, errors: &mut Errors) {
    if let IntOrString::String(text) = value
        && percentage(text).is_some_and(|percent| percent > 100)
    {
        errors.push(FieldError::invalid(
            at,
            text,
            "must not be greater than 100%",
        ));
    }
}

/// Whether the amount is none at all; so is a text that is no percentage.
pub fn is_none(value: &IntOrString) -> bool {
    match value {
        IntOrString::Int(number) => *number == 0,
        IntOrString::String(text) => match percentage(text) {
            Some(percent) => percent == 0,
            None => text.parse::<i64>().unwrap_or(0) == 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_may_be_numbers_or_percentages() {
        let at = Path::new("x");
        for (value, want) in [
            (IntOrString::Int(1), None),
            (
                IntOrString::Int(-1),
                Some("x: Invalid value: -1: must be greater than or equal to 0"),
            ),
            (IntOrString::String("25%".into()), None),
            (
                IntOrString::String("101%".into()),
                Some("x: Invalid value: \"101%\": must not be greater than 100%"),
            ),
        ] {
            let mut errors = Vec::new();
            int_or_percent(&value, &at, &mut errors);
            at_most_all(&value, &at, &mut errors);
            assert_eq!(errors.first().map(ToString::to_string).as_deref(), want);
        }
        let mut errors = Vec::new();
        int_or_percent(&IntOrString::String("abc".into()), &at, &mut errors);
        assert!(
            errors[0]
                .to_string()
                .starts_with("x: Invalid value: \"abc\": a valid percent string")
        );
        assert!(is_none(&IntOrString::String("0%".into())) && !is_none(&IntOrString::Int(2)));
    }

    #[test]
    fn ports_have_numbers_or_names() {
        let at = Path::new("port");
        let wrong = |port: IntOrString| {
            let mut errors = Vec::new();
            port_or_name(&port, &at, &mut errors);
            errors.len()
        };
        assert_eq!(wrong(IntOrString::Int(80)), 0);
        assert_eq!(wrong(IntOrString::Int(0)), 1);
        assert_eq!(wrong(IntOrString::String("http".into())), 0);
        assert_eq!(wrong(IntOrString::String("bad port!".into())), 1);
    }
}
