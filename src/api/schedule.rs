//! When a CronJob runs: the five fields of cron, and words such as `@daily`.
//!
//! Upstream: github.com/robfig/cron/v3 (parser.go, ParseStandard), as v1.36 uses it.

struct Field {
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &[
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field {
        low: 0,
        high: 59,
        names: &[],
    },
    Field {
        low: 0,
        high: 23,
        names: &[],
    },
    Field {
        low: 1,
        high: 31,
        names: &[],
    },
    Field {
        low: 1,
        high: 12,
        names: MONTHS,
    },
    Field {
        low: 0,
        high: 6,
        names: DAYS,
    },
];

/// Reads a schedule.
///
/// # Errors
/// What is wrong with it, in upstream's words.
pub fn parse(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("empty spec string".to_owned());
    }
    let mut rest = text;
    if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
        let (_, after) = text.split_once(' ').unwrap_or((text, ""));
        rest = after.trim();
    }
    if rest.starts_with('@') {
        return descriptor(rest);
    }
    let parts: Vec<&str> = rest.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(format!(
            "expected exactly 5 fields, found {}: [{}]",
            parts.len(),
            parts.join(" ")
        ));
    }
    for (part, field) in parts.iter().zip(&FIELDS) {
        for range in part.split(',').filter(|range| !range.is_empty()) {
            check_range(range, field)?;
        }
    }
    Ok(())
}

fn descriptor(text: &str) -> Result<(), String> {
    match text {
        "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight" | "@hourly" => {
            Ok(())
        }
        _ => match text.strip_prefix("@every ") {
            Some(duration) if is_duration(duration) => Ok(()),
            Some(duration) => Err(format!(
                "failed to parse duration {text}: time: invalid duration {duration:?}"
            )),
            None => Err(format!("unrecognized descriptor: {text}")),
        },
    }
}

/// `1h30m`, as Go writes a duration.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
        let digits = number.bytes().filter(u8::is_ascii_digit).count();
        let right = (1..=12).contains(&digits) && number.len() - digits <= 1;
        let units = ["ns", "us", "ms", "s", "m", "h"];
        let unit = units.iter().find(|unit| after.starts_with(**unit));
        match unit {
            Some(unit) if right => rest = &after[unit.len()..],
            _ => return false,
        }
    }
    !text.is_empty()
}

fn number(text: &str) -> Result<u32, String> {
    let parsed: i64 = text.parse().map_err(|_| {
        format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax")
    })?;
    if parsed < 0 {
        return Err(format!("negative number ({parsed}) not allowed: {text}"));
    }
    Ok(u32::try_from(parsed).unwrap_or(u32::MAX))
}

fn number_or_name(text: &str, field: &Field) -> Result<u32, String> {
    let lower = text.to_lowercase();
    match field.names.iter().position(|name| *name == lower) {
        Some(index) => Ok(field.low + u32::try_from(index).unwrap_or(0)),
        None => number(text),
    }
}

/// `*`, `5`, `1-5`, each with `/step`.
fn check_range(text: &str, field: &Field) -> Result<(), String> {
    let mut slashes = text.split('/');
    let (range, step, more) = (
        slashes.next().unwrap_or_default(),
        slashes.next(),
        slashes.next(),
    );
    let mut hyphens = range.split('-');
    let (from, to, beyond) = (
        hyphens.next().unwrap_or_default(),
        hyphens.next(),
        hyphens.next(),
    );
    let (start, mut end);
    if matches!(from, "*" | "?") {
        (start, end) = (field.low, field.high);
    } else {
        start = number_or_name(from, field)?;
        end = match (to, beyond) {
            (None, _) => start,
            (Some(to), None) => number_or_name(to, field)?,
            (Some(_), Some(_)) => return Err(format!("too many hyphens: {text}")),
        };
    }
    let mut by = 1;
    if let Some(step) = step {
        if more.is_some() {
            return Err(format!("too many slashes: {text}"));
        }
        by = number(step)?;
        if to.is_none() && start == end {
            end = field.high;
        }
    }
    if start < field.low {
        let low = field.low;
        return Err(format!(
            "beginning of range ({start}) below minimum ({low}): {text}"
        ));
    }
    if end > field.high {
        let high = field.high;
        return Err(format!(
            "end of range ({end}) above maximum ({high}): {text}"
        ));
    }
    if start > end {
        return Err(format!(
            "beginning of range ({start}) beyond end of range ({end}): {text}"
        ));
    }
    if by == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_as_upstream_reads_them() {
        for (text, want) in [
            ("0,15,30,45 * * * *", None),
            ("*/5 0-6 * jan mon-fri", None),
            ("@daily", None),
            ("@every 1h30m", None),
            (
                "* * * *",
                Some("expected exactly 5 fields, found 4: [* * * *]"),
            ),
            (
                "60 * * * *",
                Some("end of range (60) above maximum (59): 60"),
            ),
            (
                "a * * * *",
                Some("failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"),
            ),
            (
                "5-1 * * * *",
                Some("beginning of range (5) beyond end of range (1): 5-1"),
            ),
            (
                "*/0 * * * *",
                Some("step of range should be a positive number: */0"),
            ),
            ("1-2-3 * * * *", Some("too many hyphens: 1-2-3")),
            (
                "* * 0 * *",
                Some("beginning of range (0) below minimum (1): 0"),
            ),
            ("@nope", Some("unrecognized descriptor: @nope")),
        ] {
            assert_eq!(parse(text).err().as_deref(), want, "{text}");
        }
    }
}
