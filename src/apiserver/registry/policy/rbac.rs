//! Role, ClusterRole and their bindings.
//!
//! Upstream: pkg/apis/rbac/v1/defaults.go, pkg/apis/rbac/validation/validation.go, v1.36. Who may
//! write them is decided in `apiserver/access`.

use super::super::Strategy;
use super::super::rules::name::{NameRule, dns_subdomain, path_segment};
use super::super::rules::{Errors, meta, one_of, refuse, required, shown, text};
use crate::api::field::{FieldError, Path};
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

const GROUP: &str = "rbac.authorization.k8s.io";

fn rules(rules: &[PolicyRule], metadata: &ObjectMeta, namespaced: bool, errors: &mut Errors) {
    meta::object_meta(metadata, namespaced, NameRule::PathSegment, errors);
    let list = Path::new("rules");
    for (index, given) in rules.iter().enumerate() {
        rule(given, namespaced, &list.index(index), errors);
    }
}

fn rule(rule: &PolicyRule, namespaced: bool, at: &Path<'_>, errors: &mut Errors) {
    let has = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    if rule.verbs.is_empty() {
        let detail = "verbs must contain at least one value";
        errors.push(FieldError::required(&at.child("verbs"), detail));
    }
    if has(&rule.non_resource_urls) {
        let at = at.child("nonResourceURLs");
        let mut refuse = |detail: &str| {
            let value = shown(&rule.non_resource_urls);
            errors.push(FieldError::invalid_value(&at, value, detail));
        };
        if namespaced {
            refuse("namespaced rules cannot apply to non-resource URLs");
        }
        if has(&rule.api_groups) || has(&rule.resources) || has(&rule.resource_names) {
            refuse("rules cannot apply to both regular resources and non-resource URLs");
        }
        return;
    }
    for (field, what, list) in [
        ("apiGroups", "api group", &rule.api_groups),
        ("resources", "resource", &rule.resources),
    ] {
        if !has(list) {
            let detail = format!("resource rules must supply at least one {what}");
            errors.push(FieldError::required(&at.child(field), detail));
        }
    }
}

fn default_binding(role: &mut RoleRef, subjects: Option<&mut Vec<Subject>>) {
    if text(role.api_group.as_ref()).is_empty() {
        role.api_group = Some(GROUP.to_owned());
    }
    for subject in subjects.into_iter().flatten() {
        let named = matches!(subject.kind.as_str(), "User" | "Group");
        if named && text(subject.api_group.as_ref()).is_empty() {
            subject.api_group = Some(GROUP.to_owned());
        }
    }
}

fn binding(
    role: &RoleRef,
    subjects: Option<&Vec<Subject>>,
    kinds: &[&str],
    namespaced: bool,
    errors: &mut Errors,
) {
    let at = Path::new("roleRef");
    one_of(
        text(role.api_group.as_ref()),
        &[GROUP],
        &at.child("apiGroup"),
        errors,
    );
    one_of(&role.kind, kinds, &at.child("kind"), errors);
    match role.name.as_str() {
        "" => errors.push(FieldError::required(&at.child("name"), "")),
        name => refuse(path_segment(name), name, &at.child("name"), errors),
    }
    let list = Path::new("subjects");
    for (index, given) in subjects.into_iter().flatten().enumerate() {
        subject(given, namespaced, &list.index(index), errors);
    }
}

fn subject(subject: &Subject, namespaced: bool, at: &Path<'_>, errors: &mut Errors) {
    let (group, of_group) = (text(subject.api_group.as_ref()), at.child("apiGroup"));
    required(&subject.name, &at.child("name"), errors);
    match subject.kind.as_str() {
        "ServiceAccount" => {
            if !subject.name.is_empty() {
                let wrong = dns_subdomain(&subject.name);
                refuse(wrong, &subject.name, &at.child("name"), errors);
            }
            if !group.is_empty() {
                one_of(group, &[""], &of_group, errors);
            }
            if !namespaced {
                required(
                    text(subject.namespace.as_ref()),
                    &at.child("namespace"),
                    errors,
                );
            }
        }
        "User" | "Group" => one_of(group, &[GROUP], &of_group, errors),
        other => {
            let kinds = ["ServiceAccount", "User", "Group"];
            one_of(other, &kinds, &at.child("kind"), errors);
        }
    }
}

fn same_role(new: &RoleRef, old: &RoleRef, errors: &mut Errors) {
    if new != old {
        let value = format!(
            "{{\"APIGroup\":{:?},\"Kind\":{:?},\"Name\":{:?}}}",
            text(new.api_group.as_ref()),
            new.kind,
            new.name
        );
        let at = Path::new("roleRef");
        errors.push(FieldError::invalid_value(
            &at,
            value,
            "cannot change roleRef",
        ));
    }
}

impl Strategy for Role {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        let given = self.rules.as_deref().unwrap_or_default();
        rules(given, &self.metadata, true, &mut errors);
        errors
    }
}

impl Strategy for ClusterRole {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        let given = self.rules.as_deref().unwrap_or_default();
        rules(given, &self.metadata, false, &mut errors);
        if let Some(aggregation) = &self.aggregation_rule {
            let selectors = aggregation
                .cluster_role_selectors
                .as_deref()
                .unwrap_or_default();
            let at = Path::new("aggregationRule");
            let list = at.child("clusterRoleSelectors");
            if selectors.is_empty() {
                let detail =
                    "at least one clusterRoleSelector required if aggregationRule is non-nil";
                errors.push(FieldError::required(&list, detail));
            }
            for (index, selector) in selectors.iter().enumerate() {
                meta::label_selector(selector, &list.index(index), &mut errors);
            }
        }
        errors
    }
}

impl Strategy for RoleBinding {
    fn default(&mut self) {
        default_binding(&mut self.role_ref, self.subjects.as_mut());
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::PathSegment, &mut errors);
        let kinds = ["Role", "ClusterRole"];
        binding(
            &self.role_ref,
            self.subjects.as_ref(),
            &kinds,
            true,
            &mut errors,
        );
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = self.validate();
        same_role(&self.role_ref, &old.role_ref, &mut errors);
        errors
    }
}

impl Strategy for ClusterRoleBinding {
    fn default(&mut self) {
        default_binding(&mut self.role_ref, self.subjects.as_mut());
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, false, NameRule::PathSegment, &mut errors);
        let kinds = ["ClusterRole"];
        binding(
            &self.role_ref,
            self.subjects.as_ref(),
            &kinds,
            false,
            &mut errors,
        );
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = self.validate();
        same_role(&self.role_ref, &old.role_ref, &mut errors);
        errors
    }
}
