//! Amounts that are a number or a part of all.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/intstr/intstr.go (GetScaledValueFromIntOrPercent),
//! v1.36. What is no percentage has been refused by validation and counts as none.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// How many of `total` a value stands for.
pub fn int_or_percent(value: Option<&IntOrString>, total: i32, round_up: bool) -> i32 {
    match value {
        Some(IntOrString::Int(n)) => *n,
        Some(IntOrString::String(text)) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            let scaled = percent * i64::from(total);
            let rounded = if round_up {
                (scaled + 99) / 100
            } else {
                scaled / 100
            };
            i32::try_from(rounded).unwrap_or(i32::MAX)
        }
        None => 0,
    }
}
