//! When a CronJob runs: the five fields of cron, and words such as `@daily`.
//!
//! Upstream: github.com/robfig/cron/v3 (parser.go, ParseStandard; spec.go, constantdelay.go), as v1.36
//! uses it. There are no time zones here but UTC: one that stands in the text is passed over.

use crate::sim::{SimDuration, SimTime};

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

/// In a field's set: it was `*`, which leaves the choice of the day to the other field.
const STAR: u64 = 1 << 63;
const DAY: u64 = 24 * 3_600;
/// How many years ahead a moment is looked for.
const YEARS: u64 = 5;

/// When something is to happen again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At the minutes, hours, days of the month, months and days of the week of these sets.
    At([u64; 5]),
    /// After so long, each time.
    Every(SimDuration),
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// What is wrong with it, in upstream's words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty spec string".to_owned());
        }
        let mut rest = text;
        if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
            let (_, after) = text.split_once(' ').unwrap_or((text, ""));
            rest = after.trim();
        }
        if rest.starts_with('@') {
            return Self::descriptor(rest);
        }
        let parts: Vec<&str> = rest.split_whitespace().collect();
        if parts.len() != FIELDS.len() {
            return Err(format!(
                "expected exactly 5 fields, found {}: [{}]",
                parts.len(),
                parts.join(" ")
            ));
        }
        let mut sets = [0; 5];
        for ((part, field), set) in parts.iter().zip(&FIELDS).zip(&mut sets) {
            for range in part.split(',').filter(|range| !range.is_empty()) {
                *set |= range_set(range, field)?;
            }
        }
        Ok(Self::At(sets))
    }

    fn descriptor(text: &str) -> Result<Self, String> {
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => {
                let Some(length) = text.strip_prefix("@every ") else {
                    return Err(format!("unrecognized descriptor: {text}"));
                };
                let micros = duration(length).ok_or_else(|| {
                    format!("failed to parse duration {text}: time: invalid duration {length:?}")
                })?;
                let whole = SimDuration::micros(micros).as_secs().max(1);
                return Ok(Self::Every(SimDuration::secs(whole)));
            }
        };
        Self::parse(fields)
    }

    /// The first moment after `after`; `None` where the next five years have none.
    pub fn next(&self, after: SimTime) -> Option<SimTime> {
        let [minutes, hours, days, months, weekdays] = match self {
            Self::Every(length) => return Some(SimTime::from_secs(after.as_secs()) + *length),
            Self::At(sets) => *sets,
        };
        let has = |set: u64, value: u64| set & (1 << value) != 0;
        let first = (after.as_secs() / 60 + 1) * 60;
        let last_year = date(first / DAY)[0] + YEARS;
        let mut day = first / DAY;
        loop {
            let [year, month, of_month] = date(day);
            if year > last_year {
                return None;
            }
            let of_week = has(weekdays, (day + 4) % 7);
            let of_month = has(days, of_month);
            let fits = match (days | weekdays) & STAR {
                0 => of_month || of_week,
                _ => of_month && of_week,
            };
            if fits && has(months, month) {
                let from = first.saturating_sub(day * DAY) / 60;
                let fitting = |minute: &u64| has(hours, minute / 60) && has(minutes, minute % 60);
                if let Some(minute) = (from..DAY / 60).find(fitting) {
                    return Some(SimTime::from_secs(day * DAY + minute * 60));
                }
            }
            day += 1;
        }
    }
}

/// Year, month and day of the month of the day that is so many after the first of January 1970, in the
/// Gregorian calendar: counted from a first of March, so that leap days come last.
const fn date(day: u64) -> [u64; 3] {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, more) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    [era * 400 + year + more, month, of_month]
}

/// `1h30m`, as Go writes a duration, in microseconds.
fn duration(text: &str) -> Option<u64> {
    let units = [
        ("ns", 0),
        ("us", 1),
        ("ms", 1_000),
        ("s", 1_000_000),
        ("m", 60_000_000),
        ("h", 3_600_000_000_u64),
    ];
    let (mut rest, mut total) = (text, 0_u64);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = whole.len() + part.len();
        let (unit, micros) = units.iter().find(|(unit, _)| after.starts_with(unit))?;
        if !(1..=12).contains(&digits) || part.contains('.') {
            return None;
        }
        let value: u64 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        total = total.saturating_add(value.saturating_mul(*micros));
        let mut scale = *micros;
        for digit in part.bytes() {
            scale /= 10;
            total = total.saturating_add(scale * u64::from(digit - b'0'));
        }
        rest = &after[unit.len()..];
    }
    (!text.is_empty()).then_some(total)
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

/// `*`, `5`, `1-5`, each with `/step`, as a set.
fn range_set(text: &str, field: &Field) -> Result<u64, String> {
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
    let (start, mut end, mut set);
    set = 0;
    if matches!(from, "*" | "?") {
        (start, end, set) = (field.low, field.high, STAR);
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
        if by > 1 {
            set = 0;
        }
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
    for value in (start..=end).step_by(by as usize) {
        set |= 1 << value;
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::meta;

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
            assert_eq!(Schedule::parse(text).err().as_deref(), want, "{text}");
        }
    }

    fn next(text: &str, after: &str) -> String {
        let schedule = Schedule::parse(text).expect("a schedule");
        let after = meta::parse_rfc3339(after).expect("a moment");
        let next = schedule.next(after).map(meta::rfc3339);
        next.unwrap_or("never".to_owned())
    }

    #[test]
    fn the_next_moment_is_the_first_that_fits() {
        for (text, after, want) in [
            // As upstream's tests have it.
            (
                "0/15 * * * *",
                "2012-07-09T14:45:00Z",
                "2012-07-09T15:00:00Z",
            ),
            (
                "0/15 * * * *",
                "2012-07-09T14:59:59Z",
                "2012-07-09T15:00:00Z",
            ),
            (
                "20-35/15 * * * *",
                "2012-07-09T15:45:00Z",
                "2012-07-09T16:20:00Z",
            ),
            (
                "*/15 * * * *",
                "2012-12-31T23:59:45Z",
                "2013-01-01T00:00:00Z",
            ),
            (
                "0 0 9 apr-oct ?",
                "2012-07-09T23:35:00Z",
                "2012-08-09T00:00:00Z",
            ),
            (
                "0 0 */5 apr,aug,oct mon",
                "2012-07-09T23:35:00Z",
                "2012-08-01T00:00:00Z",
            ),
            (
                "0 0 */5 oct mon",
                "2012-07-09T23:35:00Z",
                "2012-10-01T00:00:00Z",
            ),
            (
                "0 0 * feb mon",
                "2012-07-09T23:35:00Z",
                "2013-02-04T00:00:00Z",
            ),
            (
                "0 0 * feb mon/2",
                "2012-07-09T23:35:00Z",
                "2013-02-01T00:00:00Z",
            ),
            (
                "0 0 29 feb ?",
                "2012-07-09T23:35:00Z",
                "2016-02-29T00:00:00Z",
            ),
            ("0 0 30 feb ?", "2012-07-09T23:35:00Z", "never"),
            ("0 0 31 apr ?", "2012-07-09T23:35:00Z", "never"),
            // A day of the month or of the week where both are said, else the one that is.
            (
                "0 0 13 * fri",
                "2026-03-01T00:00:00Z",
                "2026-03-06T00:00:00Z",
            ),
            ("0 0 13 * *", "2026-03-01T00:00:00Z", "2026-03-13T00:00:00Z"),
            ("@monthly", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("@weekly", "2026-01-01T12:00:00Z", "2026-01-04T00:00:00Z"),
            ("@hourly", "2026-01-01T12:00:01Z", "2026-01-01T13:00:00Z"),
            (
                "@every 1h30m",
                "2026-01-01T12:00:01Z",
                "2026-01-01T13:30:01Z",
            ),
            (
                "@every 10ms",
                "2026-01-01T12:00:01Z",
                "2026-01-01T12:00:02Z",
            ),
            (
                "@every 1.5h",
                "2026-01-01T12:00:00Z",
                "2026-01-01T13:30:00Z",
            ),
        ] {
            assert_eq!(next(text, after), want, "{text} after {after}");
        }
    }
}
