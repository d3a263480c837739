//! Differences that v1.36 itself, or what is not built yet, explains.

const WORDING: &str = "v1.36 words decoding errors anew";
const GO_VALUE: &str = "v1.36 shows the value as JSON, not as a Go struct";
const SORTED: &str = "v1.36 sorts the supported values";

/// Recording and reason.
const KNOWN: &[(&str, &str)] = &[
    (
        "namespaces/shield-ns",
        "the namespace had been made for the documents inside it",
    ),
    ("psa/psa-pod", "the service account had no token yet"),
    ("refusals/173", "v1.36 words what is too long anew"),
    (
        "refusals/029",
        "v1.36: `must not be empty` without the field's name",
    ),
    ("refusals/045", SORTED),
    ("refusals/051", "ServiceAccounts are not served yet"),
    ("refusals/052", "PriorityClasses are not served yet"),
    ("refusals/054", "v1.36 says which limit"),
    ("refusals/056", WORDING),
    (
        "refusals/061",
        "v1.34 and later take any printable name but one with `=`",
    ),
    ("refusals/064", "v1.36 also names `fileKeyRef`"),
    ("refusals/092", GO_VALUE),
    (
        "refusals/094",
        "v1.28 and later forbid it for init containers that are no sidecars",
    ),
    ("refusals/100", WORDING),
    ("refusals/106", GO_VALUE),
    ("refusals/107", GO_VALUE),
    ("refusals/110", WORDING),
    ("refusals/113", GO_VALUE),
    ("refusals/115", GO_VALUE),
    ("refusals/121", GO_VALUE),
    ("refusals/125", WORDING),
];

/// Why this recording is decided otherwise.
pub fn reason(name: &str) -> Option<&'static str> {
    let found = KNOWN.iter().find(|(known, _)| name.contains(known));
    found.map(|(_, reason)| *reason)
}
