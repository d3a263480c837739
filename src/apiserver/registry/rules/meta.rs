//! Rules for metadata: names, labels, annotations, owners, finalizers; and for label selectors.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go and
//! pkg/apis/meta/v1/validation/validation.go, v1.36.

use super::name::{self, NameRule};
use super::{Errors, immutable, number, refuse, shown, text};
use crate::api::field::{FieldError, Path};
use crate::sim::order;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use std::collections::BTreeMap;

const ANNOTATIONS_LIMIT: u64 = 256 * 1024;
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];
const METADATA: Path<'static> = Path::new("metadata");

type Texts = BTreeMap<String, String>;

/// Adds what is wrong with `labels` at `at`.
pub fn labels(labels: Option<&Texts>, at: &Path<'_>, errors: &mut Errors) {
    for (key, value) in labels.into_iter().flatten() {
        refuse(name::qualified_name(key), key, at, errors);
        refuse(name::label_value(value), value, at, errors);
    }
}

/// Adds what is wrong with `annotations` at `at`.
pub fn annotations(annotations: Option<&Texts>, at: &Path<'_>, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in annotations.into_iter().flatten() {
        refuse(name::qualified_name(&key.to_lowercase()), key, at, errors);
        size += (key.len() + value.len()) as u64;
    }
    if size > ANNOTATIONS_LIMIT {
        errors.push(FieldError::too_long(at, ANNOTATIONS_LIMIT));
    }
}

/// Adds what is wrong with the metadata of a new object.
pub fn object_meta(metadata: &ObjectMeta, namespaced: bool, rule: NameRule, errors: &mut Errors) {
    let at = METADATA.child("generateName");
    let prefix = text(metadata.generate_name.as_ref());
    if !prefix.is_empty() {
        refuse(rule.check_prefix(prefix), prefix, &at, errors);
    }
    let at = METADATA.child("name");
    match text(metadata.name.as_ref()) {
        "" => errors.push(FieldError::required(
            &at,
            "name or generateName is required",
        )),
        name => refuse(rule.check(name), name, &at, errors),
    }
    let at = METADATA.child("namespace");
    match (namespaced, text(metadata.namespace.as_ref())) {
        (true, "") => errors.push(FieldError::required(&at, "")),
        (true, namespace) => refuse(name::dns_label(namespace), namespace, &at, errors),
        (false, "") => {}
        (false, _) => errors.push(FieldError::forbidden(&at, "not allowed on this type")),
    }
    number::non_negative(metadata.generation, &METADATA.child("generation"), errors);
    described(metadata, errors);
    standard_finalizers(metadata, errors);
}

/// What a new and a changed object are checked for alike.
fn described(metadata: &ObjectMeta, errors: &mut Errors) {
    labels(metadata.labels.as_ref(), &METADATA.child("labels"), errors);
    let at = METADATA.child("annotations");
    annotations(metadata.annotations.as_ref(), &at, errors);
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    owner_references(owners, &METADATA.child("ownerReferences"), errors);
    let at = METADATA.child("finalizers");
    let finalizers = metadata.finalizers.as_deref().unwrap_or_default();
    for finalizer in finalizers {
        refuse(name::qualified_name(finalizer), finalizer, &at, errors);
    }
    let has = |wanted: &str| finalizers.iter().any(|f| f == wanted);
    if has("orphan") && has("foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(FieldError::invalid_value(&at, shown(finalizers), detail));
    }
}

fn standard_finalizers(metadata: &ObjectMeta, errors: &mut Errors) {
    let at = METADATA.child("finalizers");
    for (index, name) in metadata.finalizers.iter().flatten().enumerate() {
        finalizer(name, &at.index(index), errors);
    }
}

/// Refuses a finalizer that is neither Kubernetes' own nor qualified by a domain.
pub fn finalizer(name: &str, at: &Path<'_>, errors: &mut Errors) {
    if !name.contains('/') && !STANDARD_FINALIZERS.contains(&name) {
        let detail = "name is neither a standard finalizer name nor is it fully qualified";
        errors.push(FieldError::invalid(at, name, detail));
    }
}

fn owner_references(owners: &[OwnerReference], at: &Path<'_>, errors: &mut Errors) {
    let mut first: Option<String> = None;
    for owner in owners {
        let version = owner.api_version.rsplit('/').next().unwrap_or_default();
        if version.is_empty() {
            let detail = "version must not be empty";
            let at = at.child("apiVersion");
            errors.push(FieldError::invalid(&at, &owner.api_version, detail));
        }
        for (field, value) in [
            ("kind", &owner.kind),
            ("name", &owner.name),
            ("uid", &owner.uid),
        ] {
            if value.is_empty() {
                let at = at.child(field);
                errors.push(FieldError::invalid(&at, value, "must not be empty"));
            }
        }
        if owner.api_version == "v1" && owner.kind == "Event" {
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(FieldError::invalid_value(at, shown(owner), detail));
        }
        if owner.controller == Some(true) {
            let this = format!("{}/{}", owner.kind, owner.name);
            match &first {
                Some(first) => {
                    let detail = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                    );
                    errors.push(FieldError::invalid_value(at, shown(owners), detail));
                }
                None => first = Some(this),
            }
        }
    }
}

/// Adds what is wrong with a change of metadata.
pub fn object_meta_update(new: &ObjectMeta, old: &ObjectMeta, errors: &mut Errors) {
    if old.deletion_timestamp.is_some() {
        let known = |f: &String| old.finalizers.iter().flatten().any(|o| o == f);
        let given = new.finalizers.iter().flatten();
        let mut added: Vec<String> = given
            .filter(|f| !known(f))
            .map(|f| format!("{f:?}"))
            .collect();
        order::sort(&mut added);
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            let at = METADATA.child("finalizers");
            errors.push(FieldError::forbidden(&at, detail));
        }
    }
    for (field, new, old) in [
        ("name", &new.name, &old.name),
        ("namespace", &new.namespace, &old.namespace),
        ("uid", &new.uid, &old.uid),
    ] {
        let (new, old) = (text(new.as_ref()), text(old.as_ref()));
        immutable(new, old, &METADATA.child(field), errors);
    }
    // What is stored has been found good.
    let as_stored = new.labels == old.labels
        && new.annotations == old.annotations
        && new.owner_references == old.owner_references
        && new.finalizers == old.finalizers;
    if !as_stored {
        described(new, errors);
        standard_finalizers(new, errors);
    }
}

/// Adds what is wrong with a label selector at `at`.
pub fn label_selector(selector: &LabelSelector, at: &Path<'_>, errors: &mut Errors) {
    let match_labels = selector.match_labels.as_ref();
    labels(match_labels, &at.child("matchLabels"), errors);
    let expressions = at.child("matchExpressions");
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let at = expressions.index(index);
        let values = expression.values.as_deref().unwrap_or_default();
        let of_values = at.child("values");
        match expression.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(&of_values, detail));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(&of_values, detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let detail = "not a valid selector operator";
                errors.push(FieldError::invalid(&at.child("operator"), other, detail));
            }
        }
        let key = &expression.key;
        refuse(name::qualified_name(key), key, &at.child("key"), errors);
        for (index, value) in values.iter().enumerate() {
            refuse(
                name::label_value(value),
                value,
                &of_values.index(index),
                errors,
            );
        }
    }
}

/// Whether a selector has no requirement.
pub fn selects_all(selector: &LabelSelector) -> bool {
    let labels = selector.match_labels.as_ref();
    let expressions = selector.match_expressions.as_ref();
    labels.is_none_or(BTreeMap::is_empty) && expressions.is_none_or(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(metadata: &ObjectMeta) -> Vec<String> {
        let mut errors = Vec::new();
        object_meta(metadata, true, NameRule::Subdomain, &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn metadata_is_checked_field_by_field() {
        let fine = ObjectMeta {
            name: Some("web".into()),
            namespace: Some("default".into()),
            ..ObjectMeta::default()
        };
        assert!(wrong(&fine).is_empty());
        let nameless = ObjectMeta {
            name: None,
            ..fine.clone()
        };
        assert_eq!(
            wrong(&nameless),
            ["metadata.name: Required value: name or generateName is required"]
        );
        let owned = ObjectMeta {
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".into(),
                kind: "Pod".into(),
                name: "x".into(),
                ..OwnerReference::default()
            }]),
            finalizers: Some(vec!["nope".into()]),
            ..fine
        };
        assert_eq!(
            wrong(&owned),
            [
                "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty",
                "metadata.finalizers[0]: Invalid value: \"nope\": name is neither a standard finalizer name nor is it fully qualified",
            ]
        );
    }

    #[test]
    fn no_finalizer_is_added_to_what_goes() {
        let old = ObjectMeta {
            name: Some("web".into()),
            deletion_timestamp: Some(crate::api::meta::time(crate::sim::SimTime::from_secs(1))),
            ..ObjectMeta::default()
        };
        let new = ObjectMeta {
            finalizers: Some(vec!["a.b/c".into()]),
            ..old.clone()
        };
        let mut errors = Vec::new();
        object_meta_update(&new, &old, &mut errors);
        assert_eq!(errors[0].field, "metadata.finalizers");
        assert!(errors[0].detail.ends_with("[]string{\"a.b/c\"}"));
    }
}
