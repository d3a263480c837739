//! What texts must look like: names, label keys and values, ports, variables, paths.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go and
//! pkg/api/validation/path/name.go, v1.36. Each function lists what is wrong, nothing if all is well.

use super::field::{FieldError, Path};

const LABEL_TEXT: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_TEXT: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const UNDERSCORE_TEXT: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
const WILDCARD_TEXT: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035_TEXT: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_TEXT: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_TEXT: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY_TEXT: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const VARIABLE_TEXT: &str = "a valid environment variable name must consist only of printable ASCII characters other than '='";
const HEADER_TEXT: &str = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
const HTTP_PATH_TEXT: &str =
    "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";

/// What a kind's names must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// One DNS label (Namespace, StatefulSet).
    Label,
    /// A DNS subdomain (most kinds).
    Subdomain,
    /// A DNS label that starts with a letter (Service, before v1.34).
    Label1035,
    /// Whatever can stand in a URL's path (roles).
    PathSegment,
}

impl NameRule {
    /// What is wrong with `name`.
    pub fn check(self, name: &str) -> Vec<String> {
        match self {
            NameRule::Label => dns_label(name),
            NameRule::Subdomain => dns_subdomain(name),
            NameRule::Label1035 => dns_1035_label(name),
            NameRule::PathSegment => path_segment(name),
        }
    }

    /// What is wrong with `prefix`, to which random characters are appended.
    pub fn check_prefix(self, prefix: &str) -> Vec<String> {
        match prefix.strip_suffix('-') {
            Some(rest) if self != NameRule::PathSegment && !rest.is_empty() => {
                self.check(&format!("{rest}a"))
            }
            _ => self.check(prefix),
        }
    }
}

fn longer_than(text: &str, max: usize) -> Option<String> {
    (text.len() > max).then(|| format!("must be no more than {max} characters"))
}

fn is_label_char(c: u8) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-'
}

fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |c: Option<&u8>| c.is_some_and(|c| *c != b'-');
    bytes.iter().all(|c| is_label_char(*c)) && ends(bytes.first()) && ends(bytes.last())
}

fn is_dns_subdomain(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

/// What is wrong with `text` as a DNS-1123 label.
pub fn dns_label(text: &str) -> Vec<String> {
    let mut wrong: Vec<String> = longer_than(text, 63).into_iter().collect();
    if !is_dns_label(text) {
        wrong.push(match is_dns_subdomain(text) {
            true => "must not contain dots".to_owned(),
            false => LABEL_TEXT.to_owned(),
        });
    }
    wrong
}

/// What is wrong with `text` as a DNS-1035 label.
pub fn dns_1035_label(text: &str) -> Vec<String> {
    let mut wrong: Vec<String> = longer_than(text, 63).into_iter().collect();
    if !is_dns_label(text) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        wrong.push(LABEL_1035_TEXT.to_owned());
    }
    wrong
}

/// What is wrong with `text` as a DNS-1123 subdomain.
pub fn dns_subdomain(text: &str) -> Vec<String> {
    let mut wrong: Vec<String> = longer_than(text, 253).into_iter().collect();
    if !is_dns_subdomain(text) {
        wrong.push(SUBDOMAIN_TEXT.to_owned());
    }
    wrong
}

/// As [`dns_subdomain`], with underscores.
pub fn dns_subdomain_with_underscore(text: &str) -> Vec<String> {
    let part = |text: &str| {
        let text = text.strip_prefix('_').unwrap_or(text);
        let inside = |c: &u8| is_label_char(*c) || *c == b'_';
        let end = |c: Option<&u8>| c.is_some_and(|c| is_label_char(*c) && *c != b'-');
        let bytes = text.as_bytes();
        bytes.iter().all(inside) && end(bytes.first()) && end(bytes.last())
    };
    let mut wrong: Vec<String> = longer_than(text, 253).into_iter().collect();
    if !text.split('.').all(part) {
        wrong.push(UNDERSCORE_TEXT.to_owned());
    }
    wrong
}

/// What is wrong with `text` as a host name, which may begin with `*.`.
pub fn host(text: &str) -> Vec<String> {
    if !text.contains('*') {
        return dns_subdomain(text);
    }
    let mut wrong: Vec<String> = longer_than(text, 253).into_iter().collect();
    if !text.strip_prefix("*.").is_some_and(is_dns_subdomain) {
        wrong.push(WILDCARD_TEXT.to_owned());
    }
    wrong
}

fn is_name_part(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    let inside = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    bytes.iter().all(inside) && ends(bytes.first()) && ends(bytes.last())
}

/// What is wrong with `text` as a qualified name: `[prefix/]name`.
pub fn qualified_name(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                let sentences = dns_subdomain(prefix).into_iter();
                wrong.extend(sentences.map(|w| format!("prefix part {w}")));
            }
            name
        }
        _ => {
            let example = QUALIFIED_TEXT.trim_start_matches("name part must");
            return vec![format!(
                "a qualified name must{example} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push("name part must be no more than 63 characters".to_owned());
    }
    if !is_name_part(name) {
        wrong.push(QUALIFIED_TEXT.to_owned());
    }
    wrong
}

/// What is wrong with `text` as a label's value.
pub fn label_value(text: &str) -> Vec<String> {
    let mut wrong: Vec<String> = longer_than(text, 63).into_iter().collect();
    if !text.is_empty() && !is_name_part(text) {
        wrong.push(VALUE_TEXT.to_owned());
    }
    wrong
}

/// What is wrong with `text` as a part of a URL's path.
pub fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    let mut wrong = Vec::new();
    for illegal in ["/", "%"] {
        if text.contains(illegal) {
            wrong.push(format!("may not contain '{illegal}'"));
        }
    }
    wrong
}

/// What is wrong with `text` as a key of a ConfigMap or Secret.
pub fn config_key(text: &str) -> Vec<String> {
    let mut wrong: Vec<String> = longer_than(text, 253).into_iter().collect();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if text.is_empty() || !text.bytes().all(allowed) {
        wrong.push(CONFIG_KEY_TEXT.to_owned());
    }
    wrong.extend(parent_prefix(text));
    wrong
}

fn parent_prefix(text: &str) -> Option<String> {
    match text {
        "." => Some("must not be '.'".to_owned()),
        ".." => Some("must not be '..'".to_owned()),
        _ if text.starts_with("..") => Some("must not start with '..'".to_owned()),
        _ => None,
    }
}

/// What is wrong with `text` as the name of an environment variable.
pub fn variable(text: &str) -> Option<&'static str> {
    let printable = |b: u8| (b' '..=b'~').contains(&b) && b != b'=';
    (!text.bytes().all(printable)).then_some(VARIABLE_TEXT)
}

/// What is wrong with `text` as an HTTP header's name.
pub fn header(text: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (text.is_empty() || !text.bytes().all(allowed)).then_some(HEADER_TEXT)
}

/// What is wrong with `text` as a port's name.
pub fn port_name(text: &str) -> Vec<String> {
    let mut wrong: Vec<String> = longer_than(text, 15).into_iter().collect();
    let mut unless = |right: bool, sentence: &str| {
        if !right {
            wrong.push(sentence.to_owned());
        }
    };
    let allowed = |b: u8| is_label_char(b);
    unless(
        !text.is_empty() && text.bytes().all(allowed),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    unless(
        text.bytes().any(|b| b.is_ascii_lowercase()),
        "must contain at least one letter (a-z)",
    );
    unless(!text.contains("--"), "must not contain consecutive hyphens");
    unless(
        !text.starts_with('-') && !text.ends_with('-'),
        "must not begin or end with a hyphen",
    );
    wrong
}

/// Refuses a text that is no path with a domain before it, as `acme.io/foo` is.
pub fn domain_prefixed_path(text: &str, at: &Path<'_>, errors: &mut Vec<FieldError>) {
    if text.is_empty() {
        errors.push(FieldError::required(at, ""));
        return;
    }
    let Some((host, path)) = text
        .split_once('/')
        .filter(|(host, path)| !host.is_empty() && !path.is_empty())
    else {
        let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.push(FieldError::invalid(at, text, detail));
        return;
    };
    for sentence in dns_subdomain(host) {
        errors.push(FieldError::invalid(at, host, sentence));
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b);
    if !path.bytes().all(allowed) {
        errors.push(FieldError::invalid(at, path, HTTP_PATH_TEXT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_as_upstream_checks_them() {
        for (text, label, subdomain, qualified) in [
            ("web", true, true, true),
            ("web-1", true, true, true),
            ("Web", false, false, true),
            ("a.b", false, true, true),
            ("-a", false, false, false),
            ("a_b", false, false, true),
            ("example.com/x", false, false, true),
            ("", false, false, false),
        ] {
            assert_eq!(dns_label(text).is_empty(), label, "label {text}");
            assert_eq!(
                dns_subdomain(text).is_empty(),
                subdomain,
                "subdomain {text}"
            );
            assert_eq!(
                qualified_name(text).is_empty(),
                qualified,
                "qualified {text}"
            );
        }
        assert!(label_value("").is_empty());
        assert!(!label_value("a b").is_empty());
        assert!(!dns_1035_label("1a").is_empty());
        assert_eq!(dns_label("a.b"), ["must not contain dots"]);
        assert!(NameRule::Subdomain.check_prefix("web-").is_empty());
        assert!(!NameRule::Subdomain.check_prefix("-").is_empty());
    }

    #[test]
    fn hosts_keys_variables_and_ports_are_checked() {
        assert!(host("*.example.com").is_empty() && host("example.com").is_empty());
        assert!(!host("*example.com").is_empty() && !host("bad_host").is_empty());
        assert!(config_key("a.b-c_D").is_empty());
        assert_eq!(config_key("..x"), ["must not start with '..'"]);
        assert!(variable("1 A").is_none() && variable("A=B").is_some());
        assert_eq!(port_name("80"), ["must contain at least one letter (a-z)"]);
        assert_eq!(port_name("http-alternative").len(), 1);
        assert_eq!(
            path_segment("a/b%"),
            ["may not contain '/'", "may not contain '%'"]
        );
        assert!(dns_subdomain_with_underscore("_sip._tcp.x").is_empty());
        let mut errors = Vec::new();
        domain_prefixed_path("nginx.org/ingress", &Path::new("c"), &mut errors);
        assert!(errors.is_empty());
        domain_prefixed_path("nginx", &Path::new("c"), &mut errors);
        assert_eq!(errors.len(), 1);
    }
}
