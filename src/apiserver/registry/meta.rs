//! Rules for names, labels, annotations and owner references.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go and
//! pkg/util/validation/validation.go, v1.36.

use crate::api::field::{FieldError, Path};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use std::collections::BTreeMap;

const LABEL_TEXT: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_TEXT: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035_TEXT: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_TEXT: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_TEXT: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const ANNOTATIONS_LIMIT: u64 = 256 * 1024;

/// What a kind's names must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// One DNS label (Namespace).
    Label,
    /// A DNS subdomain (most kinds).
    Subdomain,
    /// A DNS label that starts with a letter (Service).
    Label1035,
}

fn is_label_char(c: u8) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-'
}

fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |c: Option<&u8>| c.is_some_and(|c| *c != b'-');
    bytes.iter().all(|c| is_label_char(*c)) && ends(bytes.first()) && ends(bytes.last())
}

/// What is wrong with `text` as a DNS-1123 label.
pub fn dns_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push("must be no more than 63 characters".to_owned());
    }
    if !is_dns_label(text) {
        wrong.push(LABEL_TEXT.to_owned());
    }
    wrong
}

/// What is wrong with `text` as a DNS-1035 label.
pub fn dns_1035_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push("must be no more than 63 characters".to_owned());
    }
    if !is_dns_label(text) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        wrong.push(LABEL_1035_TEXT.to_owned());
    }
    wrong
}

/// What is wrong with `text` as a DNS-1123 subdomain.
pub fn dns_subdomain(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 253 {
        wrong.push("must be no more than 253 characters".to_owned());
    }
    if !text.split('.').all(is_dns_label) {
        wrong.push(SUBDOMAIN_TEXT.to_owned());
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
                wrong.extend(
                    dns_subdomain(prefix)
                        .into_iter()
                        .map(|w| format!("prefix part {w}")),
                );
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
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push("must be no more than 63 characters".to_owned());
    }
    if !text.is_empty() && !is_name_part(text) {
        wrong.push(VALUE_TEXT.to_owned());
    }
    wrong
}

/// What is wrong with `labels` at `path`.
pub fn labels(labels: Option<&BTreeMap<String, String>>, path: &Path) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (key, value) in labels.into_iter().flatten() {
        errors.extend(
            qualified_name(key)
                .iter()
                .map(|w| FieldError::invalid(path, key, w)),
        );
        errors.extend(
            label_value(value)
                .iter()
                .map(|w| FieldError::invalid(path, value, w)),
        );
    }
    errors
}

/// What is wrong with the metadata of an object of a namespaced or a cluster-scoped kind.
pub fn object_meta(metadata: &ObjectMeta, namespaced: bool, rule: NameRule) -> Vec<FieldError> {
    let path = Path::new("metadata");
    let mut errors = Vec::new();
    let name = metadata.name.as_deref().unwrap_or_default();
    let check = match rule {
        NameRule::Label => dns_label,
        NameRule::Subdomain => dns_subdomain,
        NameRule::Label1035 => dns_1035_label,
    };
    if name.is_empty() {
        let detail = "name or generateName is required";
        errors.push(FieldError::required(&path.child("name"), detail));
    } else {
        let wrong = check(name);
        errors.extend(
            wrong
                .iter()
                .map(|w| FieldError::invalid(&path.child("name"), name, w)),
        );
    }
    if namespaced && let Some(namespace) = &metadata.namespace {
        let wrong = dns_label(namespace);
        let path = path.child("namespace");
        errors.extend(
            wrong
                .iter()
                .map(|w| FieldError::invalid(&path, namespace, w)),
        );
    }
    if metadata.labels.is_some() {
        errors.extend(labels(metadata.labels.as_ref(), &path.child("labels")));
    }
    errors.extend(annotations(
        metadata.annotations.as_ref(),
        &path.child("annotations"),
    ));
    errors.extend(owners(metadata, &path.child("ownerReferences")));
    let at = path.child("finalizers");
    for (index, name) in metadata.finalizers.iter().flatten().enumerate() {
        errors.extend(finalizer(name, &at.index(index)));
    }
    errors
}

fn owners(metadata: &ObjectMeta, path: &Path) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for owner in metadata.owner_references.iter().flatten() {
        for (field, value, detail) in [
            (
                "apiVersion",
                &owner.api_version,
                "version must not be empty",
            ),
            ("kind", &owner.kind, "must not be empty"),
            ("name", &owner.name, "must not be empty"),
            ("uid", &owner.uid, "must not be empty"),
        ] {
            if value.is_empty() {
                errors.push(FieldError::invalid(&path.child(field), value, detail));
            }
        }
    }
    let controllers = metadata.owner_references.iter().flatten();
    let mut controllers = controllers.filter(|owner| owner.controller == Some(true));
    if let (Some(first), Some(second)) = (controllers.next(), controllers.next()) {
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {}/{} and {}/{}",
            first.kind, first.name, second.kind, second.name
        );
        errors.push(FieldError::invalid(path, "", detail));
    }
    errors
}

fn finalizer(name: &str, path: &Path) -> Vec<FieldError> {
    const STANDARD: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];
    let wrong = qualified_name(name);
    if !wrong.is_empty() {
        return wrong
            .iter()
            .map(|wrong| FieldError::invalid(path, name, wrong))
            .collect();
    }
    match name.contains('/') || STANDARD.contains(&name) {
        true => Vec::new(),
        false => {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            vec![FieldError::invalid(path, name, detail)]
        }
    }
}

fn annotations(annotations: Option<&BTreeMap<String, String>>, path: &Path) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut size = 0;
    for (key, value) in annotations.into_iter().flatten() {
        let wrong = qualified_name(&key.to_lowercase());
        errors.extend(wrong.iter().map(|w| FieldError::invalid(path, key, w)));
        size += (key.len() + value.len()) as u64;
    }
    if size > ANNOTATIONS_LIMIT {
        errors.push(FieldError::too_long(path, ANNOTATIONS_LIMIT));
    }
    errors
}

/// What is wrong with a change of metadata.
pub fn object_meta_update(new: &ObjectMeta, old: &ObjectMeta) -> Vec<FieldError> {
    let path = Path::new("metadata");
    let mut errors = Vec::new();
    if new.name != old.name {
        let name = new.name.as_deref().unwrap_or_default();
        errors.push(FieldError::invalid(
            &path.child("name"),
            name,
            "field is immutable",
        ));
    }
    if old.deletion_timestamp.is_some() {
        let known = |f: &String| old.finalizers.iter().flatten().any(|o| o == f);
        let added: Vec<_> = new
            .finalizers
            .iter()
            .flatten()
            .filter(|f| !known(f))
            .collect();
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers {added:?}"
            );
            errors.push(FieldError::forbidden(&path.child("finalizers"), detail));
        }
    }
    errors
}

/// What is wrong with a label selector at `path`.
pub fn label_selector(selector: &LabelSelector, path: &Path) -> Vec<FieldError> {
    let mut errors = labels(selector.match_labels.as_ref(), &path.child("matchLabels"));
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let path = path.child("matchExpressions").index(index);
        let empty = expression.values.as_ref().is_none_or(Vec::is_empty);
        match expression.operator.as_str() {
            "In" | "NotIn" if empty => errors.push(FieldError::required(
                &path.child("values"),
                "must be specified when `operator` is 'In' or 'NotIn'",
            )),
            "In" | "NotIn" => {}
            "Exists" | "DoesNotExist" if !empty => errors.push(FieldError::forbidden(
                &path.child("values"),
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )),
            "Exists" | "DoesNotExist" => {}
            other => errors.push(FieldError::invalid(
                &path.child("operator"),
                other,
                "not a valid selector operator",
            )),
        }
        let wrong = qualified_name(&expression.key);
        let key = path.child("key");
        errors.extend(
            wrong
                .iter()
                .map(|w| FieldError::invalid(&key, &expression.key, w)),
        );
    }
    errors
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
    }
}
