//! Amounts of CPU and memory: `100m`, `128Mi`, `1.5`, `1e3`.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go, v1.36. Amounts are kept
//! in thousandths; upstream keeps billionths and allows `n` and `u`, which are rounded up here.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// The message for a text that is no quantity.
pub const FORMAT_ERROR: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Binary,
    Decimal,
    Exponent,
}

struct Amount {
    milli: i128,
    format: Format,
}

fn suffix_scale(suffix: &str) -> Option<(i128, i128, Format)> {
    let binary = |power: u32| Some((1_000 << (10 * power), 1, Format::Binary));
    let decimal = |power: u32| Some((1_000 * 10_i128.pow(power), 1, Format::Decimal));
    match suffix {
        "" => decimal(0),
        "n" => Some((1, 1_000_000, Format::Decimal)),
        "u" => Some((1, 1_000, Format::Decimal)),
        "m" => Some((1, 1, Format::Decimal)),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            if !(-18..=18).contains(&exponent) {
                return None;
            }
            Some(match u32::try_from(exponent + 3) {
                Ok(power) => (10_i128.pow(power), 1, Format::Exponent),
                Err(_) => (
                    1,
                    10_i128.pow((-exponent - 3).unsigned_abs()),
                    Format::Exponent,
                ),
            })
        }
    }
}

fn parse(text: &str) -> Option<Amount> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let end = digits
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(digits.len());
    let (number, suffix) = digits.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    if whole.len() > 22 || fraction.len() > 12 {
        return None;
    }
    let (multiply, divide, format) = suffix_scale(suffix)?;
    let base: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let numerator = base.checked_mul(multiply)?;
    let denominator = 10_i128.pow(u32::try_from(fraction.len()).ok()?) * divide;
    let milli = (numerator + denominator - 1) / denominator;
    Some(Amount {
        milli: sign * milli.min(i128::from(i64::MAX) * 1_000),
        format,
    })
}

/// Whether `text` is a quantity.
pub fn is_valid(text: &str) -> bool {
    parse(text).is_some()
}

/// The amount in thousandths, rounded up; 0 for a text that is no quantity.
pub fn milli_value(quantity: &Quantity) -> i64 {
    parse(&quantity.0).map_or(0, |a| i64::try_from(a.milli).unwrap_or(i64::MAX))
}

/// Which of two amounts is larger; a text that is no quantity counts as 0.
pub fn compare(a: &Quantity, b: &Quantity) -> std::cmp::Ordering {
    let milli = |quantity: &Quantity| parse(&quantity.0).map_or(0, |amount| amount.milli);
    milli(a).cmp(&milli(b))
}

/// The sum of two amounts, in the form of the first.
pub fn add(a: &Quantity, b: &Quantity) -> Quantity {
    combine(a, b, 1)
}

/// The first amount less the second, in the form of the first.
pub fn subtract(a: &Quantity, b: &Quantity) -> Quantity {
    combine(a, b, -1)
}

fn combine(a: &Quantity, b: &Quantity, sign: i128) -> Quantity {
    let (first, second) = (parse(&a.0), parse(&b.0));
    let format = match (&first, &second) {
        (Some(first), _) if first.milli != 0 => first.format,
        (_, Some(second)) => second.format,
        (Some(first), None) => first.format,
        (None, None) => Format::Decimal,
    };
    let milli = |amount: Option<Amount>| amount.map_or(0, |amount| amount.milli);
    let sum = milli(first).saturating_add(sign * milli(second));
    Quantity(written(&Amount { milli: sum, format }))
}

/// The amount in whole units, rounded up; 0 for a text that is no quantity.
pub fn value(quantity: &Quantity) -> i64 {
    parse(&quantity.0).map_or(0, |a| {
        let units = if a.milli > 0 {
            (a.milli + 999) / 1_000
        } else {
            a.milli / 1_000
        };
        i64::try_from(units).unwrap_or(i64::MAX)
    })
}

/// The form in which the API server stores a quantity: no fraction, the largest suffix that loses
/// nothing (`0.1` → `100m`, `1024Ki` → `1Mi`, `1000m` → `1`); `None` when `text` is none.
pub fn canonical(text: &str) -> Option<String> {
    parse(text).map(|amount| written(&amount))
}

fn written(amount: &Amount) -> String {
    let milli = amount.milli;
    if milli == 0 {
        return "0".to_owned();
    }
    if amount.format == Format::Binary && milli % 1_000 == 0 && milli.abs() >= 1_024_000 {
        let (mut units, mut power) = (milli / 1_000, 0);
        while units % 1_024 == 0 && power < 6 {
            units /= 1_024;
            power += 1;
        }
        return format!("{units}{}", ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power]);
    }
    let (mut units, mut power) = (milli, 0);
    while units % 1_000 == 0 && power < 7 {
        units /= 1_000;
        power += 1;
    }
    match amount.format {
        Format::Exponent if power > 1 => format!("{units}e{}", 3 * (power - 1)),
        _ => format!("{units}{}", ["m", "", "k", "M", "G", "T", "P", "E"][power]),
    }
}

/// The canonical quantity of `milli` thousandths, with decimal suffixes.
pub fn from_milli(milli: i64) -> Quantity {
    Quantity(canonical(&format!("{milli}m")).unwrap_or_default())
}

/// The canonical quantity of `bytes`, with binary suffixes where they lose nothing.
pub fn from_bytes(bytes: i64) -> Quantity {
    let text = match bytes % 1_024 {
        0 => format!("{}Ki", bytes / 1_024),
        _ => bytes.to_string(),
    };
    Quantity(canonical(&text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_stored_in_canonical_form() {
        for (text, want) in [
            ("0.1", Some("100m")),
            ("1000m", Some("1")),
            ("128Mi", Some("128Mi")),
            ("1024Mi", Some("1Gi")),
            ("0.5Gi", Some("512Mi")),
            ("1500", Some("1500")),
            ("2000", Some("2k")),
            ("1e3", Some("1e3")),
            ("0", Some("0")),
            ("-5", Some("-5")),
            ("abc", None),
            ("1.2.3", None),
            ("", None),
            ("100Mb", None),
        ] {
            assert_eq!(canonical(text).as_deref(), want, "{text}");
        }
        assert_eq!(milli_value(&Quantity("0.1".into())), 100);
        assert_eq!(value(&Quantity("1Ki".into())), 1024);
        assert_eq!(from_bytes(3 << 30).0, "3Gi");
        assert_eq!(from_milli(1500).0, "1500m");
        let q = |text: &str| Quantity(text.to_owned());
        assert_eq!(add(&q("1Gi"), &q("512Mi")).0, "1536Mi");
        assert_eq!(add(&q("0"), &q("1Gi")).0, "1Gi");
        assert_eq!(subtract(&q("1"), &q("300m")).0, "700m");
        assert!(compare(&q("1Ki"), &q("1k")).is_gt());
    }
}
