//! StorageClass.
//!
//! Upstream: pkg/apis/storage/v1/defaults.go, pkg/apis/storage/validation/validation.go,
//! pkg/registry/storage/storageclass/strategy.go, v1.36.

use super::super::Strategy;
use super::super::rules::name::{NameRule, qualified_name};
use super::super::rules::{Errors, immutable, meta, one_of, refuse, required, text};
use crate::api::field::{FieldError, Path};
use crate::sim::{SortedMap, SortedSet};
use k8s_openapi::api::core::v1::TopologySelectorTerm;
use k8s_openapi::api::storage::v1::StorageClass;
use std::collections::BTreeMap;

const PARAMETERS_MAX: usize = 512;
const PARAMETERS_SIZE_MAX: u64 = 256 * 1024;

impl Strategy for StorageClass {
    fn default(&mut self) {
        self.reclaim_policy
            .get_or_insert_with(|| "Delete".to_owned());
        self.volume_binding_mode
            .get_or_insert_with(|| "Immediate".to_owned());
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, false, NameRule::Subdomain, &mut errors);
        let at = Path::new("provisioner");
        required(&self.provisioner, &at, &mut errors);
        if !self.provisioner.is_empty() {
            let lower = self.provisioner.to_lowercase();
            refuse(qualified_name(&lower), &lower, &at, &mut errors);
        }
        parameters(
            self.parameters.as_ref(),
            &Path::new("parameters"),
            &mut errors,
        );
        let policy = text(self.reclaim_policy.as_ref());
        if !policy.is_empty() {
            let at = Path::new("reclaimPolicy");
            one_of(policy, &["Delete", "Retain"], &at, &mut errors);
        }
        let at = Path::new("volumeBindingMode");
        match &self.volume_binding_mode {
            None => errors.push(FieldError::required(&at, "")),
            Some(mode) => one_of(
                mode,
                &["Immediate", "WaitForFirstConsumer"],
                &at,
                &mut errors,
            ),
        }
        let terms = self.allowed_topologies.as_deref().unwrap_or_default();
        topologies(terms, &Path::new("allowedTopologies"), &mut errors);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        for (field, changed) in [
            ("parameters", self.parameters != old.parameters),
            ("provisioner", self.provisioner != old.provisioner),
            ("reclaimPolicy", self.reclaim_policy != old.reclaim_policy),
        ] {
            if changed {
                let detail = format!("updates to {field} are forbidden.");
                errors.push(FieldError::forbidden(&Path::new(field), detail));
            }
        }
        let (new, old) = (&self.volume_binding_mode, &old.volume_binding_mode);
        immutable(new, old, &Path::new("volumeBindingMode"), &mut errors);
        errors
    }
}

fn parameters(parameters: Option<&BTreeMap<String, String>>, at: &Path<'_>, errors: &mut Errors) {
    let Some(parameters) = parameters else { return };
    if parameters.len() > PARAMETERS_MAX {
        errors.push(FieldError::too_long(at, PARAMETERS_MAX as u64));
        return;
    }
    let mut size = 0;
    for (key, value) in parameters {
        if key.is_empty() {
            errors.push(FieldError::invalid(at, key, "field can not be empty."));
        }
        size += (key.len() + value.len()) as u64;
    }
    if size > PARAMETERS_SIZE_MAX {
        errors.push(FieldError::too_long(at, PARAMETERS_SIZE_MAX));
    }
}

fn topologies(terms: &[TopologySelectorTerm], list: &Path<'_>, errors: &mut Errors) {
    let mut seen: Vec<SortedMap<&str, SortedSet<&str>>> = Vec::new();
    for (index, term) in terms.iter().enumerate() {
        let at = list.index(index);
        let list = at.child("matchLabelExpressions");
        let mut raw = SortedMap::new();
        for (index, requirement) in term.match_label_expressions.iter().flatten().enumerate() {
            let at = list.index(index);
            let of_values = at.child("values");
            if requirement.values.is_empty() {
                errors.push(FieldError::required(&of_values, ""));
            }
            let mut values = SortedSet::new();
            for (index, value) in requirement.values.iter().enumerate() {
                if !values.insert(value.as_str()) {
                    errors.push(FieldError::duplicate(&of_values.index(index), value));
                }
            }
            let key = requirement.key.as_str();
            refuse(qualified_name(key), key, &at.child("key"), errors);
            if raw.insert(key, values).is_some() {
                errors.push(FieldError::duplicate(&at.child("key"), key));
            }
        }
        if seen.contains(&raw) {
            errors.push(FieldError::duplicate(&list, ""));
        }
        seen.push(raw);
    }
}
